#include "shared/statements.h"

#define CLOCK "(extract(epoch from clock_timestamp()) * 1000)::bigint"
#define LIVE(holder, mine)                                                                         \
    "EXISTS (SELECT 1 FROM spool_run r WHERE r.id = " holder " AND r.id <> " mine                  \
    " AND r.until > " CLOCK ")"
/* Tools have no lease. A drain whose lease is over changes nothing. */
#define MINE(mine)                                                                                 \
    "(" mine " = '' OR EXISTS (SELECT 1 FROM spool_run m WHERE m.id = " mine                       \
    " AND m.until > " CLOCK "))"
/* Not in the hands of another run. */
#define FREE(mine) MINE(mine) " AND NOT " LIVE("spool_file.holder", mine)
/* Another run holds such a file: what a run held whose lease is over was released before. */
#define HELD(which, mine)                                                                          \
    " AND NOT EXISTS (SELECT 1 FROM spool_file o WHERE o.holder IS NOT NULL AND o.holder <> " mine \
    " AND " which ")"
#define META            "name, mtime, marks, octet_length(data), arrival, queued"
#define DURABLE(commit) "set_config('synchronous_commit', " commit ", true) IS NOT NULL"
#define COLUMNS         "dir, name, data, mtime, marks, arrival, queued, reader"
#define TAKE(more)                                                                                 \
    "UPDATE spool_file SET holder = $2 WHERE (dir, name) IN"                                       \
    " (SELECT dir, name FROM spool_file f WHERE dir = $1 AND holder IS NULL"                       \
    " AND (mtime <= $3 OR mtime > $4) AND " MINE("$2") more                                        \
        " ORDER BY arrival, name LIMIT $5 FOR UPDATE SKIP LOCKED) RETURNING " META

const char *const shared_sql[SQL_STATEMENTS] = {
    [SQL_LOOK] = "SELECT 1 FROM spool_file WHERE dir = $1 AND name = $2",
    [SQL_READ] = "SELECT data, mtime, marks FROM spool_file"
                 " WHERE dir = $1 AND name = $2",
    [SQL_WALK] = "SELECT " META " FROM spool_file WHERE dir = $1 AND name > $2"
                 " ORDER BY name LIMIT $3",
    [SQL_WALK_START] = "SELECT " META " FROM spool_file WHERE dir = $1 AND name > $2"
                       " AND name >= $4 AND name < $4 || '~' ORDER BY name LIMIT $3",
    [SQL_PUT] =
        "INSERT INTO spool_file(" COLUMNS ")"
        " SELECT $1,$2,$4,$5,$6,$7,$8,$9 WHERE " MINE("$3") " ON CONFLICT (dir, name) DO NOTHING",
    [SQL_PUT_OVER] =
        "INSERT INTO spool_file(" COLUMNS ")"
        " SELECT $1,$2,$4,$5,$6,$7,$8,$9 WHERE " MINE(
            "$3") " ON CONFLICT (dir, name) DO UPDATE"
                  " SET data = excluded.data, mtime = excluded.mtime, marks = excluded.marks,"
                  " arrival = excluded.arrival, queued = excluded.queued WHERE " FREE("$3"),
    [SQL_MOVE] = "UPDATE spool_file SET dir = $4, name = $5,"
                 " holder = CASE WHEN dir = $4 THEN holder END,"
                 " marks = CASE WHEN dir = 'out' AND $4 = 'sent' THEN 0 ELSE marks END,"
                 " mtime = CASE WHEN dir = 'out' AND $4 = 'sent' THEN $6 ELSE mtime END"
                 " WHERE dir = $1 AND name = $2 AND " FREE("$3"),
    [SQL_REMOVE] = "DELETE FROM spool_file WHERE dir = $1 AND name = $2 AND " FREE("$3"),
    [SQL_FORGET_EVENT] = "DELETE FROM spool_event WHERE key = $1",
    /* what is no event: its key has a blank */
    [SQL_FORGET_KEYS] = "DELETE FROM spool_event WHERE position(' ' IN key) > 0 AND at < $1",
    [SQL_SET_TIME] = "UPDATE spool_file SET mtime = $4"
                     " WHERE dir = $1 AND name = $2 AND " FREE("$3"),
    [SQL_MARK] = "UPDATE spool_file SET marks = $4"
                 " WHERE dir = $1 AND name = $2 AND " FREE("$3") " AND " DURABLE("$5"),
    [SQL_TURN] = "SELECT 1 FROM spool_turn WHERE dir = $1 FOR UPDATE",
    [SQL_TAKE_EVENTS] = TAKE(HELD("o.dir IN ('new', 'replay')", "$2")),
    [SQL_TAKE_MAILS] = TAKE(HELD("o.dir = 'out' AND o.reader = f.reader", "$2")),
    [SQL_SYNC] = "UPDATE spool_run SET until = " CLOCK " + $2"
                 " WHERE id = $1 AND until > " CLOCK " AND " DURABLE("$3"),
    [SQL_STAMP_GET] = "SELECT at, marks FROM spool_stamp WHERE name = $1",
    [SQL_STAMP_SET] = "INSERT INTO spool_stamp(name, at, marks) VALUES($1,$2,$3)"
                      " ON CONFLICT (name) DO UPDATE SET at = excluded.at, marks = excluded.marks",
    [SQL_RUN_BEGIN] = "INSERT INTO spool_run(id, node, until) VALUES($1,$2," CLOCK " + $3)",
    [SQL_RUN_END] = "DELETE FROM spool_run WHERE id = $1",
    [SQL_RUNS_FORGET] = "DELETE FROM spool_run WHERE until < " CLOCK " - $1 OR node = $2",
    [SQL_RELEASE] = "UPDATE spool_file SET holder = NULL WHERE holder = $1",
    [SQL_RELEASE_OVER] =
        "UPDATE spool_file SET holder = NULL WHERE dir IN ($2, $3) AND holder IS NOT NULL AND"
        " (holder = $1 OR NOT EXISTS (SELECT 1 FROM spool_run r WHERE r.id = spool_file.holder"
        " AND r.until > " CLOCK "))",
    [SQL_FORWARD] = "WITH event AS (INSERT INTO spool_event(key, node, at) VALUES($3,$10,$5)"
                    "  ON CONFLICT (key) DO NOTHING RETURNING key)"
                    " INSERT INTO spool_file(" COLUMNS ")"
                    " SELECT $1,$2,$4,$5,$6,$7,$8,$9 FROM event"
                    " ON CONFLICT (dir, name) DO NOTHING",
};
