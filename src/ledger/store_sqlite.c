/* The ledger in one file of SQLite. PRAGMA user_version numbers the schema. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sqlite3.h>

#include "ledger/backend.h"
#include "ledger/copy.h"
#include "ledger/tables.h"

#if SQLITE_VERSION_NUMBER < 3037000
#error "SQLite 3.37 or later is needed: STRICT tables"
#endif

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

struct sqlite_statement {
    struct statement base;
    sqlite3_stmt *stmt;
};

static sqlite3 *db_of(const struct ledger *ledger)
{
    return ledger->link;
}

static sqlite3_stmt *stmt_of(const struct statement *statement)
{
    return ((const struct sqlite_statement *)statement)->stmt;
}

/* ---- statements ---- */

/* SQLite reads a row when it is asked for, so a stream is nothing special. */
static struct statement *prepare(struct ledger *ledger, const char *sql, enum prepare_manner manner)
{
    unsigned flags = manner == PREPARE_KEPT ? SQLITE_PREPARE_PERSISTENT : 0;
    struct sqlite_statement *s = calloc(1, sizeof *s);
    if (!s)
        return NULL;
    s->base.ledger = ledger;
    if (sqlite3_prepare_v3(db_of(ledger), sql, -1, flags, &s->stmt, NULL) == SQLITE_OK)
        return &s->base;
    free(s);
    return NULL;
}

static enum store_result step(struct statement *statement)
{
    int code = sqlite3_step(stmt_of(statement));
    return code == SQLITE_ROW ? STORE_ROW : code == SQLITE_DONE ? STORE_END : STORE_FAILED;
}

static bool reads(const struct statement *statement)
{
    return sqlite3_stmt_readonly(stmt_of(statement));
}

static void reset(struct statement *statement)
{
    sqlite3_reset(stmt_of(statement));
    sqlite3_clear_bindings(stmt_of(statement));
}

static void end(struct statement *statement)
{
    sqlite3_finalize(stmt_of(statement));
    free(statement);
}

static int64_t changed(const struct ledger *ledger)
{
    return sqlite3_changes(db_of(ledger));
}

static bool exec(struct ledger *ledger, const char *sql)
{
    return sqlite3_exec(db_of(ledger), sql, NULL, NULL, NULL) == SQLITE_OK;
}

static void bind_text(struct statement *statement, int place, const char *text)
{
    sqlite3_bind_text(stmt_of(statement), place, text, -1, SQLITE_STATIC); /* NULL: SQL's NULL */
}

static void bind_number(struct statement *statement, int place, int64_t number)
{
    sqlite3_bind_int64(stmt_of(statement), place, number);
}

static void bind_null(struct statement *statement, int place)
{
    sqlite3_bind_null(stmt_of(statement), place);
}

static const char *text(struct statement *statement, int column)
{
    return (const char *)sqlite3_column_text(stmt_of(statement), column);
}

static int64_t number(struct statement *statement, int column)
{
    return sqlite3_column_int64(stmt_of(statement), column);
}

static bool is_null(struct statement *statement, int column)
{
    return sqlite3_column_type(stmt_of(statement), column) == SQLITE_NULL;
}

static int columns(struct statement *statement)
{
    return sqlite3_column_count(stmt_of(statement));
}

static const char *column_name(struct statement *statement, int column)
{
    return sqlite3_column_name(stmt_of(statement), column);
}

/* ---- transactions ---- */

static bool begin(struct ledger *ledger)
{
    return exec(ledger, "BEGIN IMMEDIATE");
}

static bool commit(struct ledger *ledger)
{
    return exec(ledger, "COMMIT");
}

static bool begun(const struct ledger *ledger)
{
    return !sqlite3_get_autocommit(db_of(ledger));
}

static void rollback(struct ledger *ledger)
{
    for (int i = 0; i < SQL_STATEMENTS; i++)
        if (ledger->statement[i])
            reset(ledger->statement[i]);
    if (begun(ledger))
        exec(ledger, "ROLLBACK");
}

static bool aside(struct statement *statement)
{
    sqlite3 *db = db_of(statement->ledger);
    sqlite3_busy_timeout(db, ASIDE_BUSY_MS);
    sqlite3_exec(db, "PRAGMA synchronous = NORMAL", NULL, NULL, NULL);
    bool ok = sqlite3_step(stmt_of(statement)) == SQLITE_DONE;
    sqlite3_reset(stmt_of(statement));
    sqlite3_exec(db, "PRAGMA synchronous = FULL", NULL, NULL, NULL);
    sqlite3_busy_timeout(db, BUSY_MS);
    return ok;
}

static void explain(struct ledger *ledger, struct buf *why)
{
    int code = sqlite3_errcode(db_of(ledger));
    buf_puts(why, code == SQLITE_OK ? "out of memory" : sqlite3_errmsg(db_of(ledger)));
    if (code == SQLITE_CORRUPT || code == SQLITE_NOTADB)
        buf_puts(why, "; move it away and run bookspool rebuild");
}

static bool rewrite(struct ledger *ledger)
{
    return exec(ledger, "VACUUM; PRAGMA wal_checkpoint(TRUNCATE)");
}

static bool patient(struct ledger *ledger)
{
    return begun(ledger);
}

static void drop_copies(const struct ledger *ledger, int64_t before)
{
    copy_drop(ledger, VERSION, before);
}

static void close_link(struct ledger *ledger)
{
    sqlite3_close(db_of(ledger));
}

static const struct backend sqlite_backend = {
    .sql = store_sql,
    .begin = begin,
    .commit = commit,
    .rollback = rollback,
    .begun = begun,
    .prepare = prepare,
    .step = step,
    .reads = reads,
    .reset = reset,
    .end = end,
    .changed = changed,
    .exec = exec,
    .aside = aside,
    .bind_text = bind_text,
    .bind_number = bind_number,
    .bind_null = bind_null,
    .text = text,
    .number = number,
    .is_null = is_null,
    .columns = columns,
    .column_name = column_name,
    .explain = explain,
    .rewrite = rewrite,
    .patient = patient,
    .drop_copies = drop_copies,
    .close = close_link,
};

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

static bool read_version(struct ledger *ledger, int *version, int *tables)
{
    static const char ask[] =
        "SELECT user_version, (SELECT count(*) FROM sqlite_schema) FROM pragma_user_version";
    sqlite3_stmt *statement;
    bool ok = sqlite3_prepare_v2(db_of(ledger), ask, -1, &statement, NULL) == SQLITE_OK &&
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
    int version = 0, tables = 0;
    sqlite3_busy_timeout(db_of(ledger), BUSY_MS);
    bool ok = (readonly || store_exec(ledger, pragmas, "set up")) &&
              read_version(ledger, &version, &tables) &&
              check_version(ledger->path, readonly, version, tables, why);
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

struct ledger *store_sqlite_open(const char *path, bool readonly, int64_t reserve, struct buf *why)
{
    int flags = readonly ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE;
    if (!make_file(path, readonly, why))
        return NULL;
    struct ledger *ledger = calloc(1, sizeof *ledger);
    sqlite3 *db = NULL;
    if (ledger)
        ledger->backend = &sqlite_backend;
    if (!ledger || !(ledger->path = strdup(path)))
        buf_puts(why, "out of memory");
    else {
        bool opened = sqlite3_open_v2(path, &db, flags | SQLITE_OPEN_NOMUTEX, NULL) == SQLITE_OK;
        ledger->link = db;
        if (!opened)
            put_refusal(why, path, sqlite3_errmsg(db), NULL);
        else if (set_up_ledger(ledger, readonly, reserve, why))
            return ledger;
    }
    ledger_close(ledger);
    return NULL;
}
