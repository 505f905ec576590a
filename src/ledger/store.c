#include "ledger/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "ledger/copy.h"
#include "ledger/erase.h"

#if SQLITE_VERSION_NUMBER < 3037000
#error "SQLite 3.37 or later is needed: STRICT tables"
#endif

enum { BUSY_MS = 5000, ASIDE_BUSY_MS = 250 };

/* A booking without an end takes up half an hour. */
#define BUSY_UNTIL "coalesce(finish, start + 1800000)"
#define LIVE       "state IN ('pending', 'accepted')"
#define BRIEF      "7200000" /* two hours: nearly no booking is longer */
#define BOOKING                                                                                    \
    "uid, state, stamp, start, finish, organizer, title, who, previous_uid, replaced_by,"          \
    " calendar_uid, sequence, ical_uid, group_uid, series, born, changed, calendar_written, hosts"
#define LONG "busy - start > " BRIEF

/*
 * Step n brings a ledger of version n to n + 1. `busy` is when the time of a booking ends. A search
 * for overlaps looks back as far as the longest booking reaches, and no less than BRIEF: the index
 * of the longer ones is short. Version 1 looked back a day.
 */
static const char *const upgrades[] = {
    "CREATE TABLE booking("
    " uid TEXT NOT NULL, provider TEXT NOT NULL, meeting TEXT NOT NULL, state TEXT NOT NULL,"
    " stamp INTEGER, start INTEGER, finish INTEGER,"
    " organizer TEXT, title TEXT, who TEXT, previous_uid TEXT, replaced_by TEXT,"
    " calendar_uid TEXT NOT NULL, sequence INTEGER NOT NULL,"
    " busy INTEGER AS (" BUSY_UNTIL "),"
    " PRIMARY KEY(uid, provider)) STRICT, WITHOUT ROWID;"
    "CREATE INDEX booking_start ON booking(start) WHERE " LIVE ";"
    "CREATE INDEX booking_long ON booking(busy - start) WHERE " LIVE " AND busy - start > 86400000;"
    "CREATE TABLE person("
    " uid TEXT NOT NULL, provider TEXT NOT NULL, person TEXT NOT NULL,"
    " present INTEGER NOT NULL, stamp INTEGER NOT NULL,"
    " PRIMARY KEY(uid, provider, person)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE notice("
    " uid TEXT NOT NULL, provider TEXT NOT NULL, person TEXT NOT NULL, name TEXT NOT NULL,"
    " stamp INTEGER NOT NULL, fact TEXT NOT NULL, key TEXT NOT NULL,"
    " PRIMARY KEY(uid, provider, person, name, stamp, fact)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE decision("
    " key TEXT NOT NULL PRIMARY KEY, arrived INTEGER NOT NULL, verdict TEXT NOT NULL,"
    " reason TEXT NOT NULL, meaning TEXT, late INTEGER NOT NULL,"
    " previous_start INTEGER, previous_finish INTEGER,"
    " calendar TEXT NOT NULL, calendar_uid TEXT, sequence INTEGER NOT NULL,"
    " overlaps INTEGER NOT NULL) STRICT, WITHOUT ROWID;"
    "CREATE TABLE overlap("
    " key TEXT NOT NULL, place INTEGER NOT NULL, provider TEXT NOT NULL, uid TEXT NOT NULL,"
    " title TEXT, who TEXT, start INTEGER, finish INTEGER,"
    " PRIMARY KEY(key, place)) STRICT, WITHOUT ROWID;",
    "DROP INDEX booking_long;"
    "CREATE INDEX booking_long ON booking(busy - start) WHERE " LIVE " AND " LONG ";",
    "ALTER TABLE notice RENAME COLUMN key TO id;"
    "ALTER TABLE overlap RENAME COLUMN key TO id;"
    "ALTER TABLE decision RENAME COLUMN key TO id;"
    "ALTER TABLE decision RENAME COLUMN verdict TO result;"
    "UPDATE booking SET state = 'named' WHERE state = 'heard-of';"
    "UPDATE decision SET result ="
    " CASE result WHEN 'speaks' THEN 'notify' WHEN 'silent' THEN 'suppress' ELSE result END;",
    "CREATE TABLE agenda("
    " id TEXT NOT NULL PRIMARY KEY, day TEXT NOT NULL, result TEXT NOT NULL, made INTEGER NOT NULL)"
    " STRICT, WITHOUT ROWID;"
    "CREATE TABLE place("
    " uid TEXT NOT NULL, provider TEXT NOT NULL, place TEXT, word TEXT, link TEXT,"
    " stamp INTEGER NOT NULL, PRIMARY KEY(uid, provider)) STRICT, WITHOUT ROWID;",
    "ALTER TABLE booking ADD COLUMN ical_uid TEXT;"
    "ALTER TABLE booking ADD COLUMN group_uid TEXT;"
    "ALTER TABLE booking ADD COLUMN series TEXT;"
    "ALTER TABLE booking ADD COLUMN hosts TEXT;"
    "ALTER TABLE booking ADD COLUMN born INTEGER;"
    "ALTER TABLE booking ADD COLUMN changed INTEGER;"
    "ALTER TABLE booking ADD COLUMN calendar_written INTEGER NOT NULL DEFAULT 0;"
    "CREATE INDEX booking_entry ON booking(calendar_uid);"
    "CREATE INDEX booking_group ON booking(group_uid) WHERE group_uid IS NOT NULL;"
    "CREATE INDEX booking_series ON booking(series) WHERE series IS NOT NULL;"
    "ALTER TABLE decision ADD COLUMN taken INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE decision ADD COLUMN calendar_written INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE decision ADD COLUMN unconfirmed INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE decision ADD COLUMN grouped INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE decision ADD COLUMN entries INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE decision ADD COLUMN known TEXT;"
    "CREATE TABLE entry("
    " id TEXT NOT NULL, role TEXT NOT NULL, calendar_uid TEXT NOT NULL, uid TEXT NOT NULL,"
    " calendar TEXT NOT NULL, place INTEGER NOT NULL, sequence INTEGER NOT NULL, start INTEGER, "
    "finish INTEGER,"
    " taken INTEGER NOT NULL, owner INTEGER NOT NULL, customer INTEGER NOT NULL,"
    " PRIMARY KEY(id, role, place)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE shared("
    " uid TEXT NOT NULL, provider TEXT NOT NULL, sequence INTEGER NOT NULL,"
    " PRIMARY KEY(uid, provider)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE detail("
    " uid TEXT NOT NULL, provider TEXT NOT NULL, person TEXT NOT NULL, stamp INTEGER NOT NULL,"
    " text TEXT NOT NULL, PRIMARY KEY(uid, provider, person)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE host("
    " address TEXT NOT NULL PRIMARY KEY, zone TEXT NOT NULL, stamp INTEGER NOT NULL)"
    " STRICT, WITHOUT ROWID;",
    "CREATE TABLE token("
    " fingerprint TEXT NOT NULL PRIMARY KEY, provider TEXT NOT NULL, account TEXT,"
    " first INTEGER NOT NULL, last INTEGER NOT NULL, uses INTEGER NOT NULL,"
    " due INTEGER, refused INTEGER, scopes INTEGER NOT NULL DEFAULT 0) STRICT, WITHOUT ROWID;"
    "CREATE TABLE answer("
    " id TEXT NOT NULL PRIMARY KEY, provider TEXT NOT NULL, stored INTEGER NOT NULL,"
    " used INTEGER NOT NULL, body TEXT NOT NULL) STRICT;"
    "CREATE INDEX answer_used ON answer(used);",
};

enum { VERSION = sizeof upgrades / sizeof *upgrades };

/* What an agenda needs of a booking; the number of persons is 0 where only one was ever in it. */
#define AGENDA_ITEM                                                                                \
    "SELECT b.provider, b.uid, b.meeting, b.title, b.who, b.organizer, b.start, b.finish, "        \
    "b.state,"                                                                                     \
    " b.calendar_uid, (SELECT count(*) FROM person p"                                              \
    "  WHERE p.uid = b.uid AND p.provider = b.provider AND p.present),"                            \
    " w.place, w.word, w.link, coalesce(b.hosts, b.organizer)"
#define AGENDA_FROM " FROM booking b LEFT JOIN place w ON w.uid = b.uid AND w.provider = b.provider"
/* The events of booking b that were mailed. */
#define AGENDA_EVENTS                                                                              \
    " FROM notice n JOIN decision d ON d.id = n.id"                                                \
    " WHERE n.uid = b.uid AND n.provider = b.provider"

static const char *const sql[SQL_STATEMENTS] = {
    [SQL_BEGIN] = "BEGIN IMMEDIATE",
    [SQL_COMMIT] = "COMMIT",
    [SQL_DECISION_GET] = "SELECT result, reason, meaning, late, previous_start, previous_finish,"
                         " calendar, calendar_uid, sequence, overlaps, taken, calendar_written,"
                         " unconfirmed, grouped, entries, known FROM decision WHERE id = ?1",
    [SQL_DECISION_PUT] = "INSERT INTO decision VALUES"
                         "(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,?14,?15,?16,?17,?18)",
    [SQL_DECISION_GROW] = "UPDATE decision SET entries = entries + 1, overlaps = overlaps + ?2"
                          " WHERE id = ?1",
    [SQL_ENTRIES_GET] = "SELECT role, calendar_uid, uid, calendar, sequence, start, finish, taken,"
                        " owner, customer FROM entry WHERE id = ?1"
                        " ORDER BY role, CASE role WHEN 'occurrence' THEN start END, place",
    [SQL_ENTRY_PUT] = "INSERT INTO entry VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12)",
    [SQL_SHARED_GET] =
        "SELECT coalesce((SELECT sequence FROM shared WHERE uid = ?1 AND provider = ?2), -1),"
        " (SELECT count(*) FROM booking WHERE group_uid = ?1 AND provider = ?2 AND " LIVE
        "  AND uid <> ?3)",
    [SQL_SHARED_PUT] = "INSERT OR REPLACE INTO shared VALUES(?1,?2,?3)",
    [SQL_DETAIL_GET] = "SELECT text, person FROM detail WHERE uid = ?1 AND provider = ?2"
                       " ORDER BY person = ?3 DESC, stamp DESC, person LIMIT 1",
    [SQL_DETAIL_PUT] = "INSERT INTO detail VALUES(?1,?2,?3,?4,?5) ON CONFLICT DO UPDATE"
                       " SET text = excluded.text, stamp = max(stamp, excluded.stamp)",
    [SQL_HOST_GET] = "SELECT zone FROM host WHERE address = ?1",
    [SQL_HOST_PUT] = "INSERT INTO host VALUES(?1,?2,?3) ON CONFLICT DO UPDATE"
                     " SET zone = excluded.zone, stamp = excluded.stamp"
                     " WHERE excluded.stamp >= stamp",
    [SQL_OVERLAPS_GET] = "SELECT provider, uid, title, who, start, finish FROM overlap"
                         " WHERE id = ?1 ORDER BY place",
    [SQL_OVERLAP_PUT] = "INSERT INTO overlap VALUES(?1,?2,?3,?4,?5,?6,?7,?8)",
    [SQL_BOOKING_GET] = "SELECT " BOOKING " FROM booking WHERE uid = ?1 AND provider = ?2",
    [SQL_ENTRY_BOOKING_GET] = "SELECT " BOOKING " FROM booking WHERE calendar_uid = ?1"
                              " AND provider = ?2 AND uid <> ?3 ORDER BY stamp DESC, uid LIMIT 1",
    [SQL_SERIES_GET] = "SELECT " BOOKING " FROM booking WHERE series = ?1 AND provider = ?2"
                       " AND uid <> ?3 AND " LIVE " AND coalesce(abs(born - ?4), 0) <= ?5"
                       " ORDER BY start, uid LIMIT ?6",
    [SQL_BOOKING_PUT] =
        "INSERT OR REPLACE INTO booking(uid, provider, meeting, state, stamp, start,"
        " finish, organizer, title, who, previous_uid, replaced_by, calendar_uid,"
        " sequence, ical_uid, group_uid, series, born, changed, calendar_written, hosts)"
        " VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,?14,?15,?16,?17,?18,?19,?20,?21)",
    [SQL_PERSON_GET] =
        "SELECT present, stamp FROM person WHERE uid = ?1 AND provider = ?2 AND person = ?3",
    [SQL_PERSON_PUT] =
        "INSERT INTO person VALUES(?1,?2,?3,?4,?5) ON CONFLICT DO UPDATE"
        " SET present = excluded.present, stamp = excluded.stamp WHERE excluded.stamp >= stamp",
    [SQL_OTHERS_GET] =
        "SELECT count(*) FROM"
        " (SELECT person FROM person WHERE uid = ?1 AND provider = ?2"
        "  UNION SELECT person FROM notice WHERE uid = ?1 AND provider = ?2 AND person <> '')"
        " WHERE person <> ?3 AND person NOT GLOB '" FORGOTTEN "*' AND person NOT IN"
        " (SELECT person FROM person WHERE uid = ?1 AND provider = ?2 AND NOT present)",
    [SQL_SEATS_FIND] = "SELECT count(*), total(person GLOB '" FORGOTTEN "*') FROM person"
                       " WHERE uid = ?1 AND provider = ?2 AND present",
    [SQL_NOTICES_GET] = "SELECT stamp, fact FROM notice WHERE uid = ?1 AND provider = ?2"
                        " AND person = ?3 AND name = ?4 AND stamp BETWEEN ?5 AND ?6 ORDER BY stamp",
    [SQL_NOTICE_FIND] =
        "SELECT 1 FROM notice WHERE uid = ?1 AND provider = ?2 AND name = ?3 LIMIT 1",
    [SQL_NOTICE_PUT] = "INSERT OR IGNORE INTO notice VALUES(?1,?2,?3,?4,?5,?6,?7)",
    [SQL_OVERLAPS_FIND] =
        "SELECT provider, uid, title, who, start, finish FROM booking WHERE " LIVE
        " AND start < coalesce(?2, ?1 + 1800000) AND busy > ?1"
        " AND start > ?1 - coalesce((SELECT busy - start FROM booking WHERE " LIVE " AND " LONG
        "  ORDER BY busy - start DESC LIMIT 1), " BRIEF ")"
        " AND share_host(coalesce(hosts, organizer), ?3) AND calendar_uid <> ?4 AND meeting <> ?5"
        " ORDER BY start, uid, provider LIMIT ?6",
    [SQL_UPCOMING_FIND] = "SELECT provider, uid, title, who, start, finish FROM booking"
                          " WHERE " LIVE " AND start >= ?1 ORDER BY start, uid LIMIT ?2",
    [SQL_COUNT_FIND] = "SELECT count(*), total(" LIVE ") FROM booking WHERE provider = ?1"
                       " AND state <> 'named'"
                       " AND uid >= ?2 AND uid < ?2 || char(1114111)",
    [SQL_CONFLICTS_FIND] =
        "SELECT a.provider, a.uid, a.title, a.who, a.start, a.finish,"
        " b.provider, b.uid, b.title, b.who, b.start, b.finish, coalesce(a.organizer, b.organizer)"
        " FROM booking a CROSS JOIN booking b WHERE a." LIVE " AND b." LIVE
        " AND b.start >= a.start AND b.start < a.busy AND min(a.busy, b.busy) > ?1"
        " AND (b.start, b.uid, b.provider) > (a.start, a.uid, a.provider)"
        " AND share_host(coalesce(a.hosts, a.organizer), coalesce(b.hosts, b.organizer))"
        " AND a.calendar_uid <> b.calendar_uid"
        " AND a.meeting <> b.meeting ORDER BY a.start, a.uid, b.start, b.uid",
    [SQL_AGENDA_DAY] =
        AGENDA_ITEM AGENDA_FROM " WHERE " LIVE " AND start < ?2 AND (start >= ?1 OR busy > ?1)"
                                " ORDER BY start, b.uid, b.provider",
    [SQL_AGENDA_REQUESTS] = AGENDA_ITEM AGENDA_FROM " WHERE state = 'pending' AND busy > ?1"
                                                    " ORDER BY start, b.uid, b.provider",
    [SQL_AGENDA_CHANGES] = AGENDA_ITEM
    ", EXISTS(SELECT 1" AGENDA_EVENTS " AND d.arrived > ?2 AND d.arrived <= ?3"
    "  AND d.calendar <> 'untouched')" AGENDA_FROM
    " WHERE state IN ('accepted', 'cancelled', 'rejected')"
    " AND (start >= ?1 OR busy > ?1)"
    " AND EXISTS(SELECT 1" AGENDA_EVENTS "  AND d.arrived > ?2 AND d.arrived <= ?3 AND NOT d.late)"
    " ORDER BY start, b.uid, b.provider",
    [SQL_AGENDA_LINK] = "SELECT b.previous_uid, b.start, (SELECT min(d.arrived)" AGENDA_EVENTS ")"
                        " FROM booking b WHERE b.uid = ?1 AND b.provider = ?2",
    [SQL_AGENDA_KNOWN] = "SELECT 1 FROM agenda WHERE id = ?1",
    [SQL_AGENDA_MARK] = "INSERT OR IGNORE INTO agenda VALUES(?1,?2,?3,?4)",
    [SQL_PLACE_PUT] = "INSERT INTO place VALUES(?1,?2,?3,?4,?5,?6) ON CONFLICT DO UPDATE"
                      " SET place = excluded.place, word = excluded.word, link = excluded.link,"
                      " stamp = excluded.stamp WHERE excluded.stamp >= stamp",
    [SQL_AGENDA_FORGET] = "DELETE FROM agenda WHERE made < ?1",
    [SQL_FORGET] =
        "DELETE FROM booking WHERE coalesce(busy, ?1 - 1) < ?1 AND coalesce(stamp, 0) < ?1",
    [SQL_FORGET + 1] =
        "DELETE FROM person WHERE (uid, provider) NOT IN (SELECT uid, provider FROM booking)",
    [SQL_FORGET + 2] = "DELETE FROM notice WHERE stamp < ?1"
                       " AND (uid, provider) NOT IN (SELECT uid, provider FROM booking)",
    [SQL_FORGET + 3] = "DELETE FROM decision WHERE arrived < ?1",
    [SQL_FORGET + 4] = "DELETE FROM overlap WHERE id NOT IN (SELECT id FROM decision)",
    [SQL_FORGET + 5] = "DELETE FROM entry WHERE id NOT IN (SELECT id FROM decision)",
    [SQL_FORGET + 6] =
        "DELETE FROM detail WHERE (uid, provider) NOT IN (SELECT uid, provider FROM booking)",
    [SQL_FORGET + 7] = "DELETE FROM shared WHERE (uid, provider) NOT IN"
                       " (SELECT group_uid, provider FROM booking WHERE group_uid IS NOT NULL)",
    [SQL_FORGET + 8] =
        "DELETE FROM place WHERE (uid, provider) NOT IN (SELECT uid, provider FROM booking)",
    [SQL_FORGET + 9] = "DELETE FROM answer WHERE stored < ?1",
};

/* ---- failures ---- */

bool store_fail(struct ledger *ledger, const char *doing)
{
    if (!ledger->failed) {
        buf_clear(&ledger->failure);
        buf_printf(&ledger->failure, "%s: %s: %s", ledger->path, doing, sqlite3_errmsg(ledger->db));
        int code = sqlite3_errcode(ledger->db);
        if (code == SQLITE_CORRUPT || code == SQLITE_NOTADB)
            buf_puts(&ledger->failure, "; move it away and run bookspool rebuild");
    }
    ledger->failed = true;
    ledger_rollback(ledger);
    return false;
}

bool store_fail_memory(struct ledger *ledger)
{
    buf_clear(&ledger->failure);
    buf_puts(&ledger->failure, "out of memory, or libcrypto cannot compute");
    ledger->failed = true;
    ledger_rollback(ledger);
    return false;
}

const char *ledger_failure(const struct ledger *ledger)
{
    return buf_text(&ledger->failure);
}

/* ---- statements ---- */

sqlite3_stmt *store_prepare_texts(
    struct ledger *ledger, enum store_statement which, const char *const *texts)
{
    sqlite3_stmt **statement = &ledger->statement[which];
    if (ledger->failed)
        return NULL;
    if (!*statement && sqlite3_prepare_v3(ledger->db, sql[which], -1, SQLITE_PREPARE_PERSISTENT,
                           statement, NULL) != SQLITE_OK)
        store_fail(ledger, "prepare a statement");
    for (int place = 1; *texts; place++, texts++)
        store_bind_text(*statement, place, *texts);
    return *statement;
}

bool store_step(struct ledger *ledger, sqlite3_stmt *statement)
{
    int code = statement ? sqlite3_step(statement) : SQLITE_DONE;
    if (code == SQLITE_ROW)
        return true;
    if (code != SQLITE_DONE)
        store_fail(ledger, sqlite3_stmt_readonly(statement) ? "read" : "write");
    if (statement)
        sqlite3_reset(statement);
    return false;
}

bool store_run(struct ledger *ledger, sqlite3_stmt *statement)
{
    store_step(ledger, statement);
    return !ledger->failed;
}

void store_done(sqlite3_stmt *statement)
{
    sqlite3_reset(statement); /* of NULL: does nothing */
}

bool store_exec(struct ledger *ledger, const char *text, const char *doing)
{
    return sqlite3_exec(ledger->db, text, NULL, NULL, NULL) == SQLITE_OK ||
           store_fail(ledger, doing);
}

void store_bind_text(sqlite3_stmt *statement, int place, const char *text)
{
    if (statement)
        sqlite3_bind_text(statement, place, text, -1, SQLITE_STATIC); /* NULL binds SQL's NULL */
}

void store_bind_time(sqlite3_stmt *statement, int place, int64_t when)
{
    if (statement && when == TIME_NONE)
        sqlite3_bind_null(statement, place);
    else
        store_bind_number(statement, place, when);
}

void store_bind_number(sqlite3_stmt *statement, int place, int64_t number)
{
    if (statement)
        sqlite3_bind_int64(statement, place, number);
}

const char *store_text(sqlite3_stmt *statement, int column, struct arena *arena)
{
    const char *text = (const char *)sqlite3_column_text(statement, column);
    return text ? arena_strdup(arena, text) : NULL;
}

int64_t store_time(sqlite3_stmt *statement, int column)
{
    return sqlite3_column_type(statement, column) == SQLITE_NULL
               ? TIME_NONE
               : sqlite3_column_int64(statement, column);
}

/* ---- transactions ---- */

bool ledger_begin(struct ledger *ledger)
{
    ledger->failed = false;
    buf_clear(&ledger->failure);
    memset(ledger->lead, 0, sizeof ledger->lead);
    return store_run(ledger, store_prepare(ledger, SQL_BEGIN, NULL));
}

bool ledger_commit(struct ledger *ledger)
{
    return store_run(ledger, store_prepare(ledger, SQL_COMMIT, NULL));
}

void ledger_rollback(struct ledger *ledger)
{
    for (int i = 0; i < SQL_STATEMENTS; i++)
        if (ledger->statement[i])
            sqlite3_reset(ledger->statement[i]);
    if (!sqlite3_get_autocommit(ledger->db))
        sqlite3_exec(ledger->db, "ROLLBACK", NULL, NULL, NULL);
}

/* ---- aside from the events ---- */

sqlite3_stmt *store_aside(struct ledger *ledger, const char *text)
{
    sqlite3_stmt *statement = NULL;
    if (sqlite3_prepare_v2(ledger->db, text, -1, &statement, NULL) == SQLITE_OK &&
        (sqlite3_stmt_readonly(statement) || sqlite3_get_autocommit(ledger->db)))
        return statement;
    sqlite3_finalize(statement);
    return NULL;
}

bool store_aside_row(sqlite3_stmt *statement)
{
    return statement && sqlite3_step(statement) == SQLITE_ROW;
}

bool store_aside_run(struct ledger *ledger, sqlite3_stmt *statement)
{
    if (!statement)
        return false;
    sqlite3_busy_timeout(ledger->db, ASIDE_BUSY_MS);
    sqlite3_exec(ledger->db, "PRAGMA synchronous = NORMAL", NULL, NULL, NULL);
    bool ok = sqlite3_step(statement) == SQLITE_DONE;
    sqlite3_finalize(statement);
    sqlite3_exec(ledger->db, "PRAGMA synchronous = FULL", NULL, NULL, NULL);
    sqlite3_busy_timeout(ledger->db, BUSY_MS);
    return ok;
}

/* ---- opening ---- */

static void put_refusal(struct buf *why, const char *path, const char *what, const char *right)
{
    buf_printf(why, "%s: %s%s%s", path, what, right ? "; " : "", right ? right : "");
}

/* SQLite would leave out the group; its other files take the mode of this one. */
static bool make_file(const char *path, bool readonly, struct buf *why)
{
    if (strcmp(path, ":memory:") == 0)
        return true;
    int fd = open(path, readonly ? O_RDONLY | O_CLOEXEC : O_RDWR | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT && !readonly) {
        fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, LEDGER_MODE);
        if (fd >= 0)
            (void)!fchmod(fd, LEDGER_MODE);
    }
    if (fd >= 0)
        return close(fd) == 0;
    if (errno != ENOENT)
        put_refusal(why, path, strerror(errno), NULL);
    else if (!readonly)
        put_refusal(why, path, "its directory does not exist", "make it, or set BOOKSPOOL_LEDGER");
    return false;
}

bool store_share_host(const char *a, const char *b)
{
    bool shared = !a || !b;
    while (!shared && *a) {
        size_t len = strcspn(a, " ");
        for (const char *other = b; !shared && *other;) {
            size_t other_len = strcspn(other, " ");
            shared = other_len == len && strncasecmp(a, other, len) == 0;
            other += other_len + (other[other_len] == ' ');
        }
        a += len + (a[len] == ' ');
    }
    return shared;
}

static void share_host(sqlite3_context *context, int count, sqlite3_value **values)
{
    (void)count;
    sqlite3_result_int(context, store_share_host((const char *)sqlite3_value_text(values[0]),
                                    (const char *)sqlite3_value_text(values[1])));
}

static bool read_version(struct ledger *ledger, int *version, int *tables)
{
    static const char ask[] =
        "SELECT user_version, (SELECT count(*) FROM sqlite_schema) FROM pragma_user_version";
    sqlite3_stmt *statement;
    bool ok = sqlite3_prepare_v2(ledger->db, ask, -1, &statement, NULL) == SQLITE_OK &&
              sqlite3_step(statement) == SQLITE_ROW;
    if (ok) {
        *version = sqlite3_column_int(statement, 0);
        *tables = sqlite3_column_int(statement, 1);
    }
    sqlite3_finalize(statement);
    return ok || store_fail(ledger, "read");
}

/* Is this a ledger that this program can use, as it is or by upgrades? */
static bool check_version(const char *path, bool readonly, int version, int tables, struct buf *why)
{
    if (version > VERSION)
        buf_printf(why,
            "%s: has version %d, of a newer bookspool; this one knows up to %d: install the newer "
            "one again, or see UPGRADE AND ROLLBACK in bookspool(1)",
            path, version, VERSION);
    else if (version == 0 && tables)
        put_refusal(why, path, "is a database of something else", "set BOOKSPOOL_LEDGER");
    else if (version < VERSION && readonly)
        put_refusal(
            why, path, "is empty, or of an older version", "the next drain brings it up to date");
    return why->len == 0;
}

/* Two programs may make the tables at once: the second one finds them. */
static bool set_up_ledger(struct ledger *ledger, bool readonly, int64_t reserve, struct buf *why)
{
    static const char pragmas[] = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
                                  "PRAGMA foreign_keys = OFF; PRAGMA temp_store = MEMORY;"
                                  "PRAGMA cache_size = -8000";
    const char *path = ledger->path;
    int version = 0, tables = 0;
    sqlite3_busy_timeout(ledger->db, BUSY_MS);
    if (sqlite3_create_function(ledger->db, "share_host", 2, SQLITE_UTF8 | SQLITE_DETERMINISTIC,
            NULL, share_host, NULL, NULL) != SQLITE_OK) {
        put_refusal(why, path, sqlite3_errmsg(ledger->db), NULL);
        return false;
    }
    bool ok = (readonly || store_exec(ledger, pragmas, "set up")) &&
              read_version(ledger, &version, &tables) &&
              check_version(path, readonly, version, tables, why);
    if (ok && !readonly)
        ok = (version == 0 || version == VERSION || copy_keep(ledger, version, reserve)) &&
             ledger_begin(ledger) && read_version(ledger, &version, &tables);
    for (; ok && version < VERSION; version++) {
        char set[48];
        snprintf(set, sizeof set, "PRAGMA user_version = %d", version + 1);
        ok = store_exec(ledger, upgrades[version], "make tables") &&
             store_exec(ledger, set, "set its version");
    }
    ok = ok && (readonly || ledger_commit(ledger));
    if (!ok && why->len == 0)
        buf_puts(why, buf_text(&ledger->failure));
    return ok;
}

static const char *ledger_path(const char *value, struct buf *why)
{
    static const char scheme[] = "sqlite:";
    if (strncmp(value, scheme, sizeof scheme - 1) == 0 && value[sizeof scheme - 1])
        return value + sizeof scheme - 1;
    if (strncmp(value, "postgres://", 11) == 0 || strncmp(value, "postgresql://", 13) == 0)
        buf_puts(why, "BOOKSPOOL_LEDGER: this build has no PostgreSQL; use sqlite:PATH");
    else
        buf_printf(why, "BOOKSPOOL_LEDGER: %s is not sqlite:PATH", value);
    return NULL;
}

static struct ledger *open_ledger(
    const char *value, bool readonly, int64_t reserve, struct buf *why)
{
    const char *path = ledger_path(value, why);
    int flags = readonly ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE;
    if (!path || !make_file(path, readonly, why))
        return NULL;
    struct ledger *ledger = calloc(1, sizeof *ledger);
    if (!ledger || !(ledger->path = strdup(path)))
        buf_puts(why, "out of memory");
    else if (sqlite3_open_v2(path, &ledger->db, flags | SQLITE_OPEN_NOMUTEX, NULL) != SQLITE_OK)
        put_refusal(why, path, sqlite3_errmsg(ledger->db), NULL);
    else if (set_up_ledger(ledger, readonly, reserve, why))
        return ledger;
    ledger_close(ledger);
    return NULL;
}

struct ledger *ledger_open(const char *value, int64_t reserve, struct buf *why)
{
    return open_ledger(value, false, reserve, why);
}

struct ledger *ledger_open_readonly(const char *value, struct buf *why)
{
    return open_ledger(value, true, 0, why);
}

void ledger_drop_copies(const struct ledger *ledger, int64_t before)
{
    copy_drop(ledger, VERSION, before);
}

void ledger_close(struct ledger *ledger)
{
    if (!ledger)
        return;
    for (int i = 0; i < SQL_STATEMENTS; i++)
        sqlite3_finalize(ledger->statement[i]);
    sqlite3_close(ledger->db);
    free(ledger->path);
    buf_free(&ledger->failure);
    free(ledger);
}
