#include "shared/shared.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include <libpq-fe.h>

#include "base/clock.h"
#include "base/hex.h"
#include "spool/backing.h"
#include "spool/queue.h"

enum { RUN_SIZE = 33, NODE_SIZE = 65, COMMIT_SIZE = 32, NUMBER = 24, WALK_PAGE = 1000 };

enum statement {
    SQL_LOOK,
    SQL_READ,
    SQL_WALK,
    SQL_WALK_START,
    SQL_PUT,
    SQL_PUT_OVER,
    SQL_MOVE,
    SQL_REMOVE,
    SQL_REMOVE_TARGET,
    SQL_FORGET_EVENT,
    SQL_SET_TIME,
    SQL_MARK,
    SQL_TURN,
    SQL_TAKE_EVENTS,
    SQL_TAKE_MAILS,
    SQL_SYNC,
    SQL_STAMP_GET,
    SQL_STAMP_SET,
    SQL_RUN_BEGIN,
    SQL_RUN_END,
    SQL_RUNS_FORGET,
    SQL_RELEASE,
    SQL_FORWARD,
    SQL_STATEMENTS
};

struct shared {
    PGconn *connection;
    char *ledger;
    char run[RUN_SIZE]; /* "": it takes nothing */
    char node[NODE_SIZE];
    char commit[COMMIT_SIZE]; /* what synchronous_commit is where a commit is to be durable */
    char state[6];            /* SQLSTATE of the last failure */
    int64_t synced;           /* monotonic: when the lease was renewed */
    bool forked;
    bool prepared[SQL_STATEMENTS];
};

#define CLOCK "(extract(epoch from clock_timestamp()) * 1000)::bigint"
#define LIVE(holder, mine)                                                                         \
    "EXISTS (SELECT 1 FROM bookspool.spool_run r WHERE r.id = " holder " AND r.id <> " mine        \
    " AND r.until > " CLOCK ")"
/* Not in the hands of another run. */
#define FREE(mine)      "NOT " LIVE("spool_file.holder", mine)
#define META            "name, mtime, marks, octet_length(data), arrival, queued"
#define DURABLE(commit) "set_config('synchronous_commit', " commit ", true) IS NOT NULL"
#define COLUMNS         "dir, name, data, mtime, marks, arrival, queued, reader"
#define TAKE(more)                                                                                 \
    "UPDATE bookspool.spool_file SET holder = $2 WHERE (dir, name) IN"                             \
    " (SELECT dir, name FROM bookspool.spool_file f WHERE dir = $1 AND (mtime <= $3 OR mtime > "   \
    "$4)"                                                                                          \
    " AND NOT " LIVE("f.holder", "$2") more                                                        \
        " ORDER BY arrival, name LIMIT $5 FOR UPDATE SKIP LOCKED) RETURNING " META

/* dir, name, run of the caller come first, in this order. */
static const char *const sql[SQL_STATEMENTS] = {
    [SQL_LOOK] = "SELECT 1 FROM bookspool.spool_file WHERE dir = $1 AND name = $2",
    [SQL_READ] = "SELECT data, mtime::text, marks::text FROM bookspool.spool_file"
                 " WHERE dir = $1 AND name = $2",
    [SQL_WALK] = "SELECT " META " FROM bookspool.spool_file WHERE dir = $1 AND name > $2"
                 " ORDER BY name LIMIT $3",
    [SQL_WALK_START] = "SELECT " META " FROM bookspool.spool_file WHERE dir = $1 AND name > $2"
                       " AND name >= $4 AND name < $4 || '~' ORDER BY name LIMIT $3",
    [SQL_PUT] = "INSERT INTO bookspool.spool_file(" COLUMNS ")"
                " VALUES($1,$2,$4,$5,$6,$7,$8,$9) ON CONFLICT (dir, name) DO NOTHING",
    [SQL_PUT_OVER] = "INSERT INTO bookspool.spool_file(" COLUMNS ")"
                     " VALUES($1,$2,$4,$5,$6,$7,$8,$9) ON CONFLICT (dir, name) DO UPDATE"
                     " SET data = excluded.data, mtime = excluded.mtime, marks = excluded.marks,"
                     " arrival = excluded.arrival, queued = excluded.queued WHERE " FREE("$3"),
    [SQL_MOVE] = "UPDATE bookspool.spool_file SET dir = $4, name = $5,"
                 " holder = CASE WHEN dir = $4 THEN holder END"
                 " WHERE dir = $1 AND name = $2 AND " FREE("$3"),
    [SQL_REMOVE] = "DELETE FROM bookspool.spool_file WHERE dir = $1 AND name = $2 AND " FREE("$3"),
    [SQL_REMOVE_TARGET] = "DELETE FROM bookspool.spool_file WHERE dir = $1 AND name = $2",
    [SQL_FORGET_EVENT] = "DELETE FROM bookspool.spool_event WHERE key = $1",
    [SQL_SET_TIME] = "UPDATE bookspool.spool_file SET mtime = $4"
                     " WHERE dir = $1 AND name = $2 AND " FREE("$3"),
    [SQL_MARK] = "UPDATE bookspool.spool_file SET marks = $4"
                 " WHERE dir = $1 AND name = $2 AND " FREE("$3") " AND " DURABLE("$5"),
    [SQL_TURN] = "SELECT 1 FROM bookspool.spool_turn WHERE dir = $1 FOR UPDATE",
    [SQL_TAKE_EVENTS] = TAKE(" AND NOT EXISTS (SELECT 1 FROM bookspool.spool_file o"
                             " WHERE o.dir IN ('new', 'replay') AND " LIVE("o.holder", "$2") ")"),
    [SQL_TAKE_MAILS] =
        TAKE(" AND NOT EXISTS (SELECT 1 FROM bookspool.spool_file o WHERE o.dir = 'out'"
             " AND o.reader = f.reader AND " LIVE("o.holder", "$2") ")"),
    [SQL_SYNC] = "UPDATE bookspool.spool_run SET until = " CLOCK " + $2"
                 " WHERE id = $1 AND " DURABLE("$3"),
    [SQL_STAMP_GET] = "SELECT at, marks FROM bookspool.spool_stamp WHERE name = $1",
    [SQL_STAMP_SET] = "INSERT INTO bookspool.spool_stamp(name, at, marks) VALUES($1,$2,$3)"
                      " ON CONFLICT (name) DO UPDATE SET at = excluded.at, marks = excluded.marks",
    [SQL_RUN_BEGIN] =
        "INSERT INTO bookspool.spool_run(id, node, until) VALUES($1,$2," CLOCK " + $3)",
    [SQL_RUN_END] = "DELETE FROM bookspool.spool_run WHERE id = $1",
    [SQL_RUNS_FORGET] = "DELETE FROM bookspool.spool_run WHERE until < " CLOCK " - $1",
    [SQL_RELEASE] = "UPDATE bookspool.spool_file SET holder = NULL WHERE holder = $1",
    [SQL_FORWARD] =
        "WITH event AS (INSERT INTO bookspool.spool_event(key, node, at) VALUES($3,$10,$5)"
        "  ON CONFLICT (key) DO NOTHING RETURNING key)"
        " INSERT INTO bookspool.spool_file(" COLUMNS ")"
        " SELECT $1,$2,$4,$5,$6,$7,$8,$9 FROM event"
        " ON CONFLICT (dir, name) DO NOTHING",
};

/* ---- statements ---- */

enum { PARAMS = 10, OID_BYTEA = 17, OID_INT8 = 20, OID_TEXT = 25 };

struct call {
    const char *value[PARAMS];
    int length[PARAMS], format[PARAMS], count;
    Oid type[PARAMS];
    char number[PARAMS][NUMBER];
};

static void add_text(struct call *call, const char *text)
{
    call->type[call->count] = OID_TEXT;
    call->value[call->count++] = text;
}

static void add_number(struct call *call, int64_t number)
{
    char *text = call->number[call->count];
    snprintf(text, NUMBER, "%" PRId64, number);
    call->type[call->count] = OID_INT8;
    call->value[call->count++] = number == TIME_NONE ? NULL : text;
}

static void add_bytes(struct call *call, const void *data, size_t len)
{
    call->type[call->count] = OID_BYTEA;
    call->format[call->count] = 1;
    call->length[call->count] = (int)len;
    call->value[call->count++] = len ? data : "";
}

static void add_file(struct call *call, enum spool_dir dir, const char *name)
{
    add_text(call, spool_dir_name(dir));
    add_text(call, name);
}

/* The step that failed, with the server's words; false, for a caller to return. */
static bool fail(struct spool *spool, const PGresult *result, const char *verb, const char *name)
{
    struct shared *shared = spool->backed;
    const char *said = result ? PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY) : NULL;
    const char *state = result ? PQresultErrorField(result, PG_DIAG_SQLSTATE) : NULL;
    bool lost = PQstatus(shared->connection) != CONNECTION_OK;
    if (!said)
        said = PQerrorMessage(shared->connection);
    int len = (int)strcspn(said, "\n");
    snprintf(shared->state, sizeof shared->state, "%s", state ? state : "");
    snprintf(spool->step, sizeof spool->step, "%s %s in PostgreSQL: %.*s", verb, name, len, said);
    errno = lost                                    ? ECONNRESET
            : state && strncmp(state, "53", 2) == 0 ? ENOSPC /* insufficient resources */
                                                    : EREMOTEIO;
    return false;
}

/* NULL: it failed. The caller frees the result. `binary`: of its columns. */
static PGresult *run(struct spool *spool, enum statement which, const struct call *call,
    bool binary, const char *verb, const char *name)
{
    struct shared *shared = spool->backed;
    char id[16];
    PGresult *result = NULL;
    snprintf(id, sizeof id, "spool%d", (int)which);
    if (!shared->prepared[which]) {
        result = PQprepare(shared->connection, id, sql[which], call->count, call->type);
        shared->prepared[which] = PQresultStatus(result) == PGRES_COMMAND_OK;
    }
    if (shared->prepared[which]) {
        PQclear(result);
        result = PQexecPrepared(
            shared->connection, id, call->count, call->value, call->length, call->format, binary);
    }
    ExecStatusType status = PQresultStatus(result);
    if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK)
        return result;
    fail(spool, result, verb, name);
    int saved = errno;
    PQclear(result);
    errno = saved;
    return NULL;
}

/* How many rows it changed; -1: it failed. */
static long change(struct spool *spool, enum statement which, const struct call *call,
    const char *verb, const char *name)
{
    PGresult *result = run(spool, which, call, false, verb, name);
    if (!result)
        return -1;
    long rows = strtol(PQcmdTuples(result), NULL, 10);
    PQclear(result);
    return rows;
}

/* A change of one file. */
static bool change_file(
    struct spool *spool, enum statement which, const struct call *call, const char *verb)
{
    long rows = change(spool, which, call, verb, call->value[1]);
    if (rows == 0) {
        snprintf(spool->step, sizeof spool->step, "%s %s/%s", verb, call->value[0], call->value[1]);
        errno = ENOENT;
    }
    return rows > 0;
}

/* SQL without parameters. */
static bool exec(struct spool *spool, const char *text)
{
    const struct shared *shared = spool->backed;
    PGresult *result = PQexec(shared->connection, text);
    ExecStatusType status = PQresultStatus(result);
    bool ok =
        (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK) || fail(spool, result, text, "");
    int saved = errno;
    PQclear(result);
    errno = saved;
    return ok;
}

static int64_t number_at(const PGresult *result, int row, int column)
{
    return PQgetisnull(result, row, column) ? TIME_NONE
                                            : strtoll(PQgetvalue(result, row, column), NULL, 10);
}

/* ---- files ---- */

static bool look(struct spool *spool, enum spool_dir dir, const char *name, bool *there)
{
    struct call call = {.count = 0};
    add_file(&call, dir, name);
    *there = false;
    PGresult *result = run(spool, SQL_LOOK, &call, false, "look for", name);
    if (!result)
        return false;
    *there = PQntuples(result) > 0;
    PQclear(result);
    if (!*there)
        errno = ENOENT;
    return true;
}

static bool read_file(
    struct spool *spool, enum spool_dir dir, const char *name, struct spool_file *file)
{
    struct call call = {.count = 0};
    add_file(&call, dir, name);
    PGresult *result = run(spool, SQL_READ, &call, true, "read", name);
    if (!result)
        return false;
    bool there = PQntuples(result) > 0;
    if (there) {
        buf_add(&file->data, PQgetvalue(result, 0, 0), (size_t)PQgetlength(result, 0, 0));
        file->mtime = number_at(result, 0, 1);
        file->mode = SPOOL_FILE_MODE | (mode_t)number_at(result, 0, 2);
        file->owner = geteuid();
    }
    PQclear(result);
    if (there && !file->data.failed)
        return true;
    errno = there ? ENOMEM : ENOENT;
    return spool_failed(spool, "open", dir, name);
}

static struct spool_item item_at(const PGresult *result, int row)
{
    int64_t arrival = number_at(result, row, 4), queued = number_at(result, row, 5);
    return (struct spool_item){.name = PQgetvalue(result, row, 0),
        .mtime = number_at(result, row, 1),
        .mode = SPOOL_FILE_MODE | (mode_t)number_at(result, row, 2),
        .size = number_at(result, row, 3),
        .owner = geteuid(),
        .arrival = arrival,
        .queued = queued == TIME_NONE ? 0 : queued};
}

static bool walk(
    struct spool *spool, enum spool_dir dir, const char *start, spool_visit *visit, void *context)
{
    char last[256] = "";
    bool ok = true;
    for (int rows = WALK_PAGE; ok && rows == WALK_PAGE;) {
        struct call call = {.count = 0};
        add_file(&call, dir, last);
        add_number(&call, WALK_PAGE);
        if (*start)
            add_text(&call, start);
        PGresult *result = run(
            spool, *start ? SQL_WALK_START : SQL_WALK, &call, false, "list", spool_dir_name(dir));
        if (!result)
            return false;
        rows = PQntuples(result);
        for (int row = 0; ok && row < rows; row++) {
            struct spool_item item = item_at(result, row);
            snprintf(last, sizeof last, "%s", item.name);
            ok = visit(context, &item);
        }
        int saved = errno;
        PQclear(result);
        errno = saved;
    }
    return ok;
}

/* With what its header says: when its event arrived, since when a mail waits. */
static void add_content(
    struct call *call, const char *name, const void *data, size_t len, int64_t mtime, mode_t marks)
{
    int64_t arrival, queued;
    const char *dash = strchr(name, '-');
    if (!record_arrival(data, len, &arrival))
        arrival = mtime * US_PER_MS;
    if (!record_queued(data, len, &queued))
        queued = TIME_NONE;
    add_bytes(call, data, len);
    add_number(call, mtime);
    add_number(call, marks & ~(mode_t)SPOOL_FILE_MODE & 07777);
    add_number(call, arrival);
    add_number(call, queued);
    add_text(call, dash ? dash + 1 : "");
}

static enum spool_put put(struct spool *spool, const struct spool_content *content,
    enum spool_dir dir, const char *name, bool over)
{
    const struct shared *shared = spool->backed;
    struct call call = {.count = 0};
    int64_t mtime = content->mtime == TIME_NONE ? clock_now() : content->mtime;
    add_file(&call, dir, name);
    add_text(&call, shared->run);
    add_content(&call, name, content->data, content->len, mtime, content->marks);
    long rows = change(spool, over ? SQL_PUT_OVER : SQL_PUT, &call, "put", name);
    if (rows == 0)
        errno = EEXIST;
    return rows < 0 ? SPOOL_PUT_FAILED : rows == 0 ? SPOOL_PUT_EXISTS : SPOOL_PUT;
}

/* Two statements, because a row may not take the key of another in the one that deletes that. */
static bool move_over(struct spool *spool, const struct call *call)
{
    struct call target = {.count = 0};
    add_text(&target, call->value[3]);
    add_text(&target, call->value[4]);
    bool ok = exec(spool, "BEGIN") &&
              change(spool, SQL_REMOVE_TARGET, &target, "replace", call->value[4]) >= 0 &&
              change_file(spool, SQL_MOVE, call, "rename") && exec(spool, "COMMIT");
    int saved = errno;
    if (!ok)
        shared_rollback(spool);
    errno = saved;
    return ok;
}

static enum spool_put move(struct spool *spool, enum spool_dir from, const char *name,
    enum spool_dir to, const char *new_name, bool over)
{
    struct shared *shared = spool->backed;
    struct call call = {.count = 0};
    add_file(&call, from, name);
    add_text(&call, shared->run);
    add_file(&call, to, new_name);
    if (change_file(spool, SQL_MOVE, &call, "rename"))
        return SPOOL_PUT;
    if (errno == ENOENT || strcmp(shared->state, "23505" /* unique_violation */) != 0)
        return SPOOL_PUT_FAILED;
    if (over)
        return move_over(spool, &call) ? SPOOL_PUT : SPOOL_PUT_FAILED;
    errno = EEXIST;
    return SPOOL_PUT_EXISTS;
}

static bool remove_file(struct spool *spool, enum spool_dir dir, const char *name)
{
    const struct shared *shared = spool->backed;
    struct call call = {.count = 0};
    add_file(&call, dir, name);
    add_text(&call, shared->run);
    if (!change_file(spool, SQL_REMOVE, &call, "remove"))
        return false;
    struct call event = {.count = 0};
    add_text(&event, name); /* its id is forgotten with the last name that recognises a retry */
    return dir != DIR_DONE || change(spool, SQL_FORGET_EVENT, &event, "forget", name) >= 0;
}

static bool set_time(struct spool *spool, enum spool_dir dir, const char *name, int64_t when)
{
    const struct shared *shared = spool->backed;
    struct call call = {.count = 0};
    add_file(&call, dir, name);
    add_text(&call, shared->run);
    add_number(&call, when);
    return change_file(spool, SQL_SET_TIME, &call, "set the time of");
}

static bool mark(struct spool *spool, enum spool_dir dir, const char *name, mode_t marks)
{
    const struct shared *shared = spool->backed;
    struct call call = {.count = 0};
    add_file(&call, dir, name);
    add_text(&call, shared->run);
    add_number(&call, marks);
    add_text(&call, shared->commit);
    return change_file(spool, SQL_MARK, &call, "mark");
}

/* ---- who holds what ---- */

static bool add_taken(struct spool_list *list, const PGresult *result)
{
    for (int row = 0; row < PQntuples(result); row++) {
        struct spool_item item = item_at(result, row);
        if (!spool_list_add(list, &item))
            return false;
    }
    return true;
}

/* Takes turns with other drains: of two that look at the same moment, each would find it free. */
static bool take(
    struct spool *spool, enum spool_dir dir, int64_t now, int64_t longest, struct spool_list *list)
{
    const struct shared *shared = spool->backed;
    struct call turn = {.count = 0}, call = {.count = 0};
    PGresult *result = NULL, *locked = NULL;
    add_text(&turn, dir == DIR_OUT ? "out" : "new");
    add_text(&call, spool_dir_name(dir));
    add_text(&call, shared->run);
    add_number(&call, now);
    add_number(&call, now + longest);
    add_number(&call, SPOOL_TAKE);
    *list = (struct spool_list){0};
    bool ok = exec(spool, "BEGIN") &&
              (locked = run(spool, SQL_TURN, &turn, false, "take", turn.value[0])) &&
              (result = run(spool, dir == DIR_OUT ? SQL_TAKE_MAILS : SQL_TAKE_EVENTS, &call, false,
                   "take", call.value[0])) &&
              exec(spool, "COMMIT");
    if (ok && !add_taken(list, result)) {
        errno = ENOMEM;
        ok = spool_failed(spool, "list", dir, "");
    }
    int saved = errno;
    PQclear(locked);
    PQclear(result);
    if (!ok) {
        spool_list_free(list);
        shared_rollback(spool);
    }
    errno = saved;
    return ok;
}

static bool sync_commits(struct spool *spool)
{
    struct shared *shared = spool->backed;
    struct call call = {.count = 0};
    add_text(&call, shared->run);
    add_number(&call, SHARED_LEASE);
    add_text(&call, shared->commit);
    shared->synced = clock_monotonic();
    long rows = change(spool, SQL_SYNC, &call, "sync", "the lease");
    if (rows == 0 && *shared->run) {
        snprintf(spool->step, sizeof spool->step, "renew the lease: it was over");
        errno = ESTALE;
    }
    return rows > 0 || (rows == 0 && !*shared->run);
}

static bool hold(struct spool *spool)
{
    const struct shared *shared = spool->backed;
    return clock_monotonic() - shared->synced < SHARED_LEASE / 4 || sync_commits(spool);
}

/* ---- the stamp of prune ---- */

static bool get_stamp(struct spool *spool, int64_t *when, mode_t *marks)
{
    struct call call = {.count = 0};
    add_text(&call, "pruned");
    PGresult *result = run(spool, SQL_STAMP_GET, &call, false, "read the stamp of", "prune");
    bool there = result && PQntuples(result) > 0;
    if (there) {
        *when = number_at(result, 0, 0);
        *marks = (mode_t)number_at(result, 0, 1);
    }
    PQclear(result);
    return there;
}

static bool set_stamp(struct spool *spool, int64_t when, mode_t marks)
{
    struct call call = {.count = 0};
    add_text(&call, "pruned");
    add_number(&call, when);
    add_number(&call, marks);
    return change(spool, SQL_STAMP_SET, &call, "stamp", "prune") > 0;
}

/* ---- the events of a node ---- */

bool shared_begin(struct spool *spool)
{
    const struct shared *shared = spool->backed;
    char set[64];
    snprintf(set, sizeof set, "SET LOCAL synchronous_commit = %s", shared->commit);
    return exec(spool, "BEGIN") && exec(spool, set);
}

bool shared_commit(struct spool *spool)
{
    return exec(spool, "COMMIT");
}

void shared_rollback(struct spool *spool)
{
    const struct shared *shared = spool->backed;
    if (PQtransactionStatus(shared->connection) != PQTRANS_IDLE)
        PQclear(PQexec(shared->connection, "ROLLBACK"));
}

bool shared_forward(struct spool *spool, const char *key, enum spool_dir dir, const char *name,
    const struct spool_file *file, bool *known)
{
    const struct shared *shared = spool->backed;
    struct call call = {.count = 0};
    add_file(&call, dir, name);
    add_text(&call, key);
    add_content(&call, name, file->data.data, file->data.len, clock_now(), 0);
    add_text(&call, shared->node);
    long rows = change(spool, SQL_FORWARD, &call, "forward", name);
    *known = rows == 0;
    return rows >= 0;
}

/* ---- opening ---- */

static void close_shared(struct spool *spool)
{
    struct shared *shared = spool->backed;
    if (PQstatus(shared->connection) == CONNECTION_OK && *shared->run && !shared->forked) {
        struct call call = {.count = 0};
        add_text(&call, shared->run);
        shared_rollback(spool);
        change(spool, SQL_RELEASE, &call, "release", "files");
        change(spool, SQL_RUN_END, &call, "end", "the lease");
    }
    PQfinish(shared->connection);
    free(shared->ledger);
    free(shared);
    spool->backing = NULL;
    spool->backed = NULL;
}

static const struct spool_backing backing = {
    .look = look,
    .read = read_file,
    .walk = walk,
    .put = put,
    .move = move,
    .remove = remove_file,
    .set_time = set_time,
    .mark = mark,
    .take = take,
    .sync = sync_commits,
    .hold = hold,
    .get_stamp = get_stamp,
    .set_stamp = set_stamp,
    .close = close_shared,
};

static void say_nothing(void *context, const char *message)
{
    (void)context;
    (void)message;
}

/* What the URI says comes last, so that it counts. */
static bool connect_to(struct shared *shared, struct buf *why)
{
    static const char *const names[] = {"application_name", "connect_timeout", "keepalives_idle",
        "tcp_user_timeout", "target_session_attrs", "dbname", NULL};
    const char *const values[] = {
        "bookspool", "10", "10", "20000", "read-write", shared->ledger, NULL};
    memset(shared->prepared, 0, sizeof shared->prepared);
    shared->connection = PQconnectdbParams(names, values, 1);
    if (PQstatus(shared->connection) != CONNECTION_OK) {
        const char *said = PQerrorMessage(shared->connection);
        buf_printf(why, "PostgreSQL: %.*s", (int)strcspn(said, "\n"), said);
        return false;
    }
    PQsetNoticeProcessor(shared->connection, say_nothing, NULL);
    PGresult *result = PQexec(shared->connection,
        "SET statement_timeout = '20s'; SET lock_timeout = '10s';"
        "SET idle_in_transaction_session_timeout = '60s'; SHOW synchronous_commit");
    bool ok = PQresultStatus(result) == PGRES_TUPLES_OK;
    if (ok)
        snprintf(shared->commit, sizeof shared->commit, "%s", PQgetvalue(result, 0, 0));
    PQclear(result);
    result = ok ? PQexec(shared->connection, "SET synchronous_commit = off") : NULL;
    ok = ok && PQresultStatus(result) == PGRES_COMMAND_OK;
    PQclear(result);
    if (!ok)
        buf_printf(why, "PostgreSQL: %s", PQerrorMessage(shared->connection));
    return ok;
}

static bool begin_run(struct spool *spool)
{
    struct shared *shared = spool->backed;
    struct call begin = {.count = 0}, old = {.count = 0};
    unsigned char random[16];
    if (getrandom(random, sizeof random, 0) != sizeof random)
        return false;
    shared->synced = clock_monotonic();
    hex_encode(random, sizeof random, shared->run);
    add_text(&begin, shared->run);
    add_text(&begin, shared->node);
    add_number(&begin, SHARED_LEASE);
    add_number(&old, MS_PER_DAY);
    return change(spool, SQL_RUNS_FORGET, &old, "forget", "old leases") >= 0 &&
           change(spool, SQL_RUN_BEGIN, &begin, "begin", "a lease") > 0;
}

bool shared_is(const char *ledger)
{
    return strncmp(ledger, "postgres://", 11) == 0 || strncmp(ledger, "postgresql://", 13) == 0;
}

bool shared_open(
    struct spool *spool, const char *ledger, const char *node, bool takes, struct buf *why)
{
    struct shared *shared = calloc(1, sizeof *shared);
    *spool = (struct spool){.root = -1, .lock = -1, .syncfs_reports = true};
    for (int i = 0; i < SPOOL_DIRS; i++)
        spool->dir[i] = -1;
    if (!shared || !(shared->ledger = strdup(ledger))) {
        free(shared);
        buf_puts(why, "out of memory");
        return false;
    }
    spool->backing = &backing;
    spool->backed = shared;
    if (node)
        snprintf(shared->node, sizeof shared->node, "%s", node);
    else if (gethostname(shared->node, sizeof shared->node - 1) < 0)
        snprintf(shared->node, sizeof shared->node, "unnamed");
    bool ok = connect_to(shared, why);
    if (ok && takes && !begin_run(spool)) {
        buf_puts(why, spool->step);
        ok = false;
    }
    if (!ok)
        spool_close(spool);
    return ok;
}

const char *shared_node(const struct spool *spool)
{
    const struct shared *shared = spool->backed;
    return shared->node;
}

/* The parent's socket is not ours to close: that would end its session. */
bool shared_fork(struct spool *spool)
{
    struct shared *shared = spool->backed;
    struct buf why = {0};
    shared->forked = true;
    bool ok = connect_to(shared, &why);
    if (!ok)
        snprintf(spool->step, sizeof spool->step, "%s", buf_text(&why));
    buf_free(&why);
    return ok;
}
