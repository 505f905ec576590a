#include "ledger/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"

enum { BUSY_MS = 5000, FILE_MODE = 0660 };

/* A booking without an end takes up half an hour. */
#define BUSY_UNTIL "coalesce(finish, start + 1800000)"
#define LIVE       "state IN ('pending', 'accepted')"
#define BRIEF      "7200000" /* two hours: nearly no booking is longer */
#define LONG       "busy - start > " BRIEF

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
    "UPDATE decision SET result ="
    " CASE result WHEN 'speaks' THEN 'notify' WHEN 'silent' THEN 'suppress' ELSE result END;",
};

enum { VERSION = sizeof upgrades / sizeof *upgrades };

static const char *const sql[SQL_STATEMENTS] = {
    [SQL_BEGIN] = "BEGIN IMMEDIATE",
    [SQL_COMMIT] = "COMMIT",
    [SQL_ROLLBACK] = "ROLLBACK",
    [SQL_DECISION_GET] = "SELECT result, reason, meaning, late, previous_start, previous_finish,"
                         " calendar, calendar_uid, sequence, overlaps FROM decision WHERE id = ?1",
    [SQL_DECISION_PUT] = "INSERT INTO decision VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12)",
    [SQL_OVERLAPS_GET] = "SELECT provider, uid, title, who, start, finish FROM overlap"
                         " WHERE id = ?1 ORDER BY place",
    [SQL_OVERLAP_PUT] = "INSERT INTO overlap VALUES(?1,?2,?3,?4,?5,?6,?7,?8)",
    [SQL_BOOKING_GET] =
        "SELECT state, stamp, start, finish, organizer, title, who, previous_uid,"
        " replaced_by, calendar_uid, sequence FROM booking WHERE uid = ?1 AND provider = ?2",
    [SQL_BOOKING_PUT] =
        "INSERT OR REPLACE INTO booking(uid, provider, meeting, state, stamp, start,"
        " finish, organizer, title, who, previous_uid, replaced_by, calendar_uid,"
        " sequence) VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,?14)",
    [SQL_PERSON_GET] =
        "SELECT present, stamp FROM person WHERE uid = ?1 AND provider = ?2 AND person = ?3",
    [SQL_PERSON_PUT] =
        "INSERT INTO person VALUES(?1,?2,?3,?4,?5) ON CONFLICT DO UPDATE"
        " SET present = excluded.present, stamp = excluded.stamp WHERE excluded.stamp >= stamp",
    [SQL_OTHERS_GET] =
        "SELECT count(*) FROM"
        " (SELECT person FROM person WHERE uid = ?1 AND provider = ?2"
        "  UNION SELECT person FROM notice WHERE uid = ?1 AND provider = ?2 AND person <> '')"
        " WHERE person <> ?3 AND person NOT IN"
        " (SELECT person FROM person WHERE uid = ?1 AND provider = ?2 AND NOT present)",
    [SQL_NOTICES_GET] = "SELECT stamp, fact FROM notice WHERE uid = ?1 AND provider = ?2"
                        " AND person = ?3 AND name = ?4 AND stamp BETWEEN ?5 AND ?6 ORDER BY stamp",
    [SQL_NOTICE_PUT] = "INSERT OR IGNORE INTO notice VALUES(?1,?2,?3,?4,?5,?6,?7)",
    [SQL_OVERLAPS_FIND] =
        "SELECT provider, uid, title, who, start, finish FROM booking WHERE " LIVE
        " AND start < coalesce(?2, ?1 + 1800000) AND busy > ?1"
        " AND start > ?1 - coalesce((SELECT busy - start FROM booking WHERE " LIVE " AND " LONG
        "  ORDER BY busy - start DESC LIMIT 1), " BRIEF ")"
        " AND coalesce(organizer = ?3, 1) AND calendar_uid <> ?4 AND meeting <> ?5"
        " ORDER BY start, uid, provider LIMIT ?6",
    [SQL_CONFLICTS_FIND] =
        "SELECT a.provider, a.uid, a.title, a.who, a.start, a.finish,"
        " b.provider, b.uid, b.title, b.who, b.start, b.finish, coalesce(a.organizer, b.organizer)"
        " FROM booking a CROSS JOIN booking b WHERE a." LIVE " AND b." LIVE
        " AND b.start >= a.start AND b.start < a.busy AND min(a.busy, b.busy) > ?1"
        " AND (b.start, b.uid, b.provider) > (a.start, a.uid, a.provider)"
        " AND coalesce(a.organizer = b.organizer, 1) AND a.calendar_uid <> b.calendar_uid"
        " AND a.meeting <> b.meeting ORDER BY a.start, a.uid, b.start, b.uid",
    [SQL_FORGET] =
        "DELETE FROM booking WHERE coalesce(busy, ?1 - 1) < ?1 AND coalesce(stamp, 0) < ?1",
    [SQL_FORGET + 1] =
        "DELETE FROM person WHERE (uid, provider) NOT IN (SELECT uid, provider FROM booking)",
    [SQL_FORGET + 2] = "DELETE FROM notice WHERE stamp < ?1"
                       " AND (uid, provider) NOT IN (SELECT uid, provider FROM booking)",
    [SQL_FORGET + 3] = "DELETE FROM decision WHERE arrived < ?1",
    [SQL_FORGET + 4] = "DELETE FROM overlap WHERE id NOT IN (SELECT id FROM decision)",
};

/* ---- failures ---- */

bool store_fail(struct store *store, const char *doing)
{
    if (!store->failed) {
        buf_clear(&store->failure);
        buf_printf(&store->failure, "%s: %s: %s", store->path, doing, sqlite3_errmsg(store->db));
        int code = sqlite3_errcode(store->db);
        if (code == SQLITE_CORRUPT || code == SQLITE_NOTADB)
            buf_puts(&store->failure, "; move it away and run bookspool rebuild");
    }
    store->failed = true;
    store_rollback(store);
    return false;
}

/* ---- statements ---- */

sqlite3_stmt *store_prepare(struct store *store, enum store_statement which)
{
    sqlite3_stmt **statement = &store->statement[which];
    if (store->failed)
        return NULL;
    if (!*statement && sqlite3_prepare_v3(store->db, sql[which], -1, SQLITE_PREPARE_PERSISTENT,
                           statement, NULL) != SQLITE_OK)
        store_fail(store, "cannot be asked");
    return *statement;
}

bool store_step(struct store *store, sqlite3_stmt *statement)
{
    int code = statement ? sqlite3_step(statement) : SQLITE_DONE;
    if (code == SQLITE_ROW)
        return true;
    if (code != SQLITE_DONE)
        store_fail(store, sqlite3_stmt_readonly(statement) ? "read" : "write");
    if (statement)
        sqlite3_reset(statement);
    return false;
}

bool store_run(struct store *store, sqlite3_stmt *statement)
{
    store_step(store, statement);
    return !store->failed;
}

void store_done(sqlite3_stmt *statement)
{
    sqlite3_reset(statement);
}

bool store_exec(struct store *store, const char *text, const char *doing)
{
    return sqlite3_exec(store->db, text, NULL, NULL, NULL) == SQLITE_OK || store_fail(store, doing);
}

void store_bind_text(sqlite3_stmt *statement, int place, const char *text)
{
    if (text)
        sqlite3_bind_text(statement, place, text, -1, SQLITE_STATIC);
    else
        sqlite3_bind_null(statement, place);
}

void store_bind_time(sqlite3_stmt *statement, int place, int64_t when)
{
    if (when != TIME_NONE)
        sqlite3_bind_int64(statement, place, when);
    else
        sqlite3_bind_null(statement, place);
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

bool store_begin(struct store *store)
{
    store->failed = false;
    buf_clear(&store->failure);
    return store_run(store, store_prepare(store, SQL_BEGIN));
}

bool store_commit(struct store *store)
{
    return store_run(store, store_prepare(store, SQL_COMMIT));
}

void store_rollback(struct store *store)
{
    for (int i = 0; i < SQL_STATEMENTS; i++)
        if (store->statement[i])
            sqlite3_reset(store->statement[i]);
    if (!sqlite3_get_autocommit(store->db))
        sqlite3_exec(store->db, "ROLLBACK", NULL, NULL, NULL);
}

/* ---- opening ---- */

static void wrong(struct buf *why, const char *path, const char *what, const char *right)
{
    buf_printf(why, "%s: %s%s%s", path, what, right ? "; " : "", right ? right : "");
}

/* SQLite would leave out the group; its other files take the mode of this one. */
static bool make_file(const char *path, bool readonly, bool *missing, struct buf *why)
{
    *missing = false;
    if (strcmp(path, ":memory:") == 0)
        return true;
    int fd = open(path, readonly ? O_RDONLY | O_CLOEXEC : O_RDWR | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT && !readonly) {
        fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, FILE_MODE);
        if (fd >= 0)
            (void)!fchmod(fd, FILE_MODE);
    }
    *missing = fd < 0 && errno == ENOENT;
    if (fd >= 0)
        return close(fd) == 0;
    if (!readonly && *missing)
        wrong(why, path, "its directory does not exist", "make it, or set BOOKSPOOL_LEDGER");
    else if (!*missing)
        wrong(why, path, strerror(errno), NULL);
    return false;
}

static bool read_version(struct store *store, int *version, int *tables)
{
    static const char ask[] =
        "SELECT user_version, (SELECT count(*) FROM sqlite_schema) FROM pragma_user_version";
    sqlite3_stmt *statement;
    bool ok = sqlite3_prepare_v2(store->db, ask, -1, &statement, NULL) == SQLITE_OK &&
              sqlite3_step(statement) == SQLITE_ROW;
    if (ok) {
        *version = sqlite3_column_int(statement, 0);
        *tables = sqlite3_column_int(statement, 1);
    }
    sqlite3_finalize(statement);
    return ok || store_fail(store, "read");
}

static bool upgrade(struct store *store, int version)
{
    char set[48];
    for (; version < VERSION; version++) {
        snprintf(set, sizeof set, "PRAGMA user_version = %d", version + 1);
        if (!store_exec(store, upgrades[version], "make tables") ||
            !store_exec(store, set, "set its version"))
            return false;
    }
    return true;
}

static bool is_known_version(
    const struct store *store, int version, int tables, bool readonly, struct buf *why)
{
    if (version > VERSION)
        wrong(why, store->path, "is of a newer version of bookspool", "use that version");
    else if (version == 0 && tables)
        wrong(why, store->path, "is a database of something else", "set BOOKSPOOL_LEDGER");
    else if (version < VERSION && readonly)
        wrong(why, store->path, "is empty, or of an older version",
            "the next drain brings it up to date");
    else
        return true;
    return false;
}

/* Two programs may make the tables at once: the one that comes second finds them. */
static bool set_up(struct store *store, bool readonly, struct buf *why)
{
    static const char pragmas[] = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
                                  "PRAGMA foreign_keys = OFF; PRAGMA temp_store = MEMORY;"
                                  "PRAGMA cache_size = -8000";
    int version = 0, tables = 0;
    sqlite3_busy_timeout(store->db, BUSY_MS);
    bool ok = (readonly || store_exec(store, pragmas, "set up")) &&
              (readonly || store_begin(store)) && read_version(store, &version, &tables) &&
              is_known_version(store, version, tables, readonly, why) &&
              (readonly || (upgrade(store, version) && store_commit(store)));
    if (!ok && buf_text(why)[0] == '\0')
        buf_puts(why, buf_text(&store->failure));
    return ok;
}

static const char *path_of(const char *value, struct buf *why)
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

bool store_open(struct store *store, const char *value, bool readonly, struct buf *why)
{
    bool missing;
    const char *path = path_of(value, why);
    int flags = readonly ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE;
    *store = (struct store){0};
    if (!path || !make_file(path, readonly, &missing, why))
        return false;
    store->path = strdup(path);
    if (!store->path)
        buf_puts(why, "out of memory");
    else if (sqlite3_open_v2(path, &store->db, flags | SQLITE_OPEN_NOMUTEX, NULL) != SQLITE_OK)
        wrong(why, path, sqlite3_errmsg(store->db), NULL);
    else if (set_up(store, readonly, why))
        return true;
    store_close(store);
    return false;
}

void store_close(struct store *store)
{
    for (int i = 0; i < SQL_STATEMENTS; i++)
        sqlite3_finalize(store->statement[i]);
    sqlite3_close(store->db);
    free(store->path);
    buf_free(&store->failure);
    *store = (struct store){0};
}
