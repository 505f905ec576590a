#include "ledger/schema_postgres.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ledger/tables.h"

/*
 * Step n brings tables of version n to n + 1. Only what CockroachDB and YugabyteDB accept, too: no
 * functions, no generated columns (YugabyteDB before its PostgreSQL 15 has none), and IF NOT EXISTS
 * in each, since not every server takes them back when a later one fails. The order of columns is
 * that of SQLite's tables: statements insert by it.
 *
 * `writer` has one row, which every transaction of events writes first: see store_postgres.c.
 */
static const char *const upgrades[] = {
    "CREATE TABLE IF NOT EXISTS writer(one BIGINT PRIMARY KEY, turn BIGINT NOT NULL);"
    "INSERT INTO writer VALUES(1, 0) ON CONFLICT DO NOTHING;"
    "CREATE TABLE IF NOT EXISTS booking("
    " uid TEXT NOT NULL, provider TEXT NOT NULL, meeting TEXT NOT NULL, state TEXT NOT NULL,"
    " stamp BIGINT, start BIGINT, finish BIGINT,"
    " organizer TEXT, title TEXT, who TEXT, previous_uid TEXT, replaced_by TEXT,"
    " calendar_uid TEXT NOT NULL, sequence BIGINT NOT NULL, busy BIGINT,"
    " ical_uid TEXT, group_uid TEXT, series TEXT, hosts TEXT, born BIGINT, changed BIGINT,"
    " calendar_written BIGINT NOT NULL DEFAULT 0, PRIMARY KEY(uid, provider));"
    "CREATE INDEX IF NOT EXISTS booking_start ON booking(start) WHERE " LIVE ";"
    "CREATE INDEX IF NOT EXISTS booking_long ON booking((busy - start)) WHERE " LIVE " AND " LONG
    ";"
    "CREATE INDEX IF NOT EXISTS booking_entry ON booking(calendar_uid);"
    "CREATE INDEX IF NOT EXISTS booking_group ON booking(group_uid) WHERE group_uid IS NOT NULL;"
    "CREATE INDEX IF NOT EXISTS booking_series ON booking(series) WHERE series IS NOT NULL;"
    "CREATE TABLE IF NOT EXISTS person("
    " uid TEXT NOT NULL, provider TEXT NOT NULL, person TEXT NOT NULL,"
    " present BIGINT NOT NULL, stamp BIGINT NOT NULL, PRIMARY KEY(uid, provider, person));"
    "CREATE TABLE IF NOT EXISTS notice("
    " uid TEXT NOT NULL, provider TEXT NOT NULL, person TEXT NOT NULL, name TEXT NOT NULL,"
    " stamp BIGINT NOT NULL, fact TEXT NOT NULL, id TEXT NOT NULL,"
    " PRIMARY KEY(uid, provider, person, name, stamp, fact));"
    "CREATE TABLE IF NOT EXISTS decision("
    " id TEXT NOT NULL PRIMARY KEY, arrived BIGINT NOT NULL, result TEXT NOT NULL,"
    " reason TEXT NOT NULL, meaning TEXT, late BIGINT NOT NULL,"
    " previous_start BIGINT, previous_finish BIGINT,"
    " calendar TEXT NOT NULL, calendar_uid TEXT, sequence BIGINT NOT NULL,"
    " \"overlaps\" BIGINT NOT NULL, taken BIGINT NOT NULL DEFAULT 0,"
    " calendar_written BIGINT NOT NULL DEFAULT 0, unconfirmed BIGINT NOT NULL DEFAULT 0,"
    " grouped BIGINT NOT NULL DEFAULT 0, entries BIGINT NOT NULL DEFAULT 0, known TEXT);"
    "CREATE TABLE IF NOT EXISTS overlap("
    " id TEXT NOT NULL, place BIGINT NOT NULL, provider TEXT NOT NULL, uid TEXT NOT NULL,"
    " title TEXT, who TEXT, start BIGINT, finish BIGINT, PRIMARY KEY(id, place));"
    "CREATE TABLE IF NOT EXISTS agenda("
    " id TEXT NOT NULL PRIMARY KEY, day TEXT NOT NULL, result TEXT NOT NULL, made BIGINT NOT NULL);"
    "CREATE TABLE IF NOT EXISTS place("
    " uid TEXT NOT NULL, provider TEXT NOT NULL, place TEXT, word TEXT, link TEXT,"
    " stamp BIGINT NOT NULL, PRIMARY KEY(uid, provider));"
    "CREATE TABLE IF NOT EXISTS entry("
    " id TEXT NOT NULL, role TEXT NOT NULL, calendar_uid TEXT NOT NULL, uid TEXT NOT NULL,"
    " calendar TEXT NOT NULL, place BIGINT NOT NULL, sequence BIGINT NOT NULL, start BIGINT,"
    " finish BIGINT, taken BIGINT NOT NULL, owner BIGINT NOT NULL, customer BIGINT NOT NULL,"
    " PRIMARY KEY(id, role, place));"
    "CREATE TABLE IF NOT EXISTS shared("
    " uid TEXT NOT NULL, provider TEXT NOT NULL, sequence BIGINT NOT NULL,"
    " PRIMARY KEY(uid, provider));"
    "CREATE TABLE IF NOT EXISTS detail("
    " uid TEXT NOT NULL, provider TEXT NOT NULL, person TEXT NOT NULL, stamp BIGINT NOT NULL,"
    " text TEXT NOT NULL, PRIMARY KEY(uid, provider, person));"
    "CREATE TABLE IF NOT EXISTS host("
    " address TEXT NOT NULL PRIMARY KEY, zone TEXT NOT NULL, stamp BIGINT NOT NULL);"
    "CREATE TABLE IF NOT EXISTS token("
    " fingerprint TEXT NOT NULL PRIMARY KEY, provider TEXT NOT NULL, account TEXT,"
    " first BIGINT NOT NULL, last BIGINT NOT NULL, uses BIGINT NOT NULL,"
    " due BIGINT, refused BIGINT, scopes BIGINT NOT NULL DEFAULT 0);"
    "CREATE TABLE IF NOT EXISTS answer("
    " id TEXT NOT NULL PRIMARY KEY, provider TEXT NOT NULL, stored BIGINT NOT NULL,"
    " used BIGINT NOT NULL, body TEXT NOT NULL);"
    "CREATE INDEX IF NOT EXISTS answer_used ON answer(used);",
    /* the spool: see shared/shared.h */
    "CREATE TABLE IF NOT EXISTS spool_file("
    " dir TEXT NOT NULL, name TEXT NOT NULL, data BYTEA NOT NULL, mtime BIGINT NOT NULL,"
    " marks BIGINT NOT NULL, arrival BIGINT NOT NULL, queued BIGINT, reader TEXT NOT NULL,"
    " holder TEXT, PRIMARY KEY(dir, name));"
    "CREATE INDEX IF NOT EXISTS spool_file_free ON spool_file(dir, arrival, name)"
    " WHERE holder IS NULL;"
    "CREATE INDEX IF NOT EXISTS spool_file_reader ON spool_file(dir, reader)"
    " WHERE holder IS NOT NULL;"
    "CREATE INDEX IF NOT EXISTS spool_file_holder ON spool_file(holder) WHERE holder IS NOT NULL;"
    "CREATE TABLE IF NOT EXISTS spool_event("
    " key TEXT NOT NULL PRIMARY KEY, node TEXT NOT NULL, at BIGINT NOT NULL);"
    "CREATE TABLE IF NOT EXISTS spool_run("
    " id TEXT NOT NULL PRIMARY KEY, node TEXT NOT NULL, until BIGINT NOT NULL);"
    "CREATE TABLE IF NOT EXISTS spool_turn(dir TEXT NOT NULL PRIMARY KEY);"
    "INSERT INTO spool_turn VALUES('new'), ('out') ON CONFLICT DO NOTHING;"
    "CREATE TABLE IF NOT EXISTS spool_stamp("
    " name TEXT NOT NULL PRIMARY KEY, at BIGINT NOT NULL, marks BIGINT NOT NULL);",
};

enum { VERSION = sizeof upgrades / sizeof *upgrades };

#define MIGRATE "bookspool ledger migrate, as the role that owns them"

void schema_judge(int version, struct buf *why)
{
    if (version == 0)
        buf_puts(why, "has no tables of bookspool yet; " MIGRATE ", makes them");
    else if (version < VERSION)
        buf_printf(why,
            "has tables of version %d, of an older bookspool; this one has version %d: " MIGRATE
            ", brings them up to date",
            version, VERSION);
    else if (version > VERSION)
        buf_printf(why,
            "has tables of version %d, of a newer bookspool; this one knows up to %d: install the "
            "newer one here, too",
            version, VERSION);
}

bool schema_version(struct postgres *p, int *version)
{
    struct buf value = {0};
    *version = 0;
    bool ok = postgres_ask(p, "SELECT version FROM version WHERE one = 1", &value);
    if (ok)
        *version = (int)strtol(buf_text(&value), NULL, 10);
    buf_free(&value);
    return ok || postgres_fault(p) == POSTGRES_FINE || postgres_fault(p) == POSTGRES_ABSENT;
}

void schema_advise(const struct postgres *p, struct buf *why)
{
    static const char *const advice[] = {
        [POSTGRES_LOST] = "; the next run connects again",
        [POSTGRES_AGAIN] = "; the next run tries again",
        [POSTGRES_BUSY] = "; another program has the ledger for too long: the next run tries again",
        [POSTGRES_READ_ONLY] =
            "; that server takes no writes: name the primary in BOOKSPOOL_LEDGER, "
            "or all servers (HOST1,HOST2), of which the one that does is taken",
        [POSTGRES_REFUSED] = "; examples/postgresql says which role needs which rights",
        [POSTGRES_ABSENT] = "; " MIGRATE ", makes the tables",
        [POSTGRES_OTHER] = NULL,
    };
    enum postgres_fault fault = postgres_fault(p);
    if ((size_t)fault < sizeof advice / sizeof *advice && advice[fault])
        buf_puts(why, advice[fault]);
}

/* ---- making them ---- */

/*
 * Texts compare by their bytes, as in SQLite, whatever the order of the database is. CockroachDB
 * does so where nothing else is said, and has no collation of that name.
 */
static void put_step(const struct postgres *p, const char *step, struct buf *sql)
{
    static const char type[] = " TEXT";
    bool cockroach = *postgres_parameter(p, "crdb_version") != '\0';
    for (const char *at = step, *next; *at; at = next) {
        next = strstr(at, type);
        next = next ? next + sizeof type - 1 : at + strlen(at);
        buf_add(sql, at, (size_t)(next - at));
        if (!cockroach && *next)
            buf_puts(sql, " COLLATE \"C\"");
    }
}

static bool run_step(struct postgres *p, int version)
{
    struct buf sql = {0};
    char set[80];
    snprintf(set, sizeof set, "UPDATE version SET version = %d WHERE one = 1", version + 1);
    put_step(p, upgrades[version], &sql);
    bool ok = !sql.failed && postgres_exec(p, buf_text(&sql)) && postgres_exec(p, set);
    buf_free(&sql);
    return ok;
}

/* The row of `version` is locked: of two that migrate at once, the second finds it done. */
static bool run_steps(struct postgres *p, int *before, struct buf *why)
{
    struct buf value = {0};
    bool made =
        postgres_ask(p, "SELECT 1 FROM pg_namespace WHERE nspname = '" SCHEMA_NAME "'", &value);
    buf_clear(&value);
    /* to make it takes a right on the database, even where it is there already */
    bool ok = (made || postgres_exec(p, "CREATE SCHEMA IF NOT EXISTS " SCHEMA_NAME)) &&
              postgres_exec(p, "CREATE TABLE IF NOT EXISTS version("
                               "one BIGINT PRIMARY KEY, version BIGINT NOT NULL);"
                               "INSERT INTO version VALUES(1, 0) ON CONFLICT DO NOTHING") &&
              postgres_exec(p, "BEGIN") &&
              postgres_ask(p, "SELECT version FROM version WHERE one = 1 FOR UPDATE", &value);
    *before = (int)strtol(buf_text(&value), NULL, 10);
    buf_free(&value);
    if (ok && *before > VERSION) {
        schema_judge(*before, why);
        return false;
    }
    for (int version = *before; ok && version < VERSION; version++)
        ok = run_step(p, version);
    return ok && postgres_commit(p);
}

bool schema_migrate(struct postgres *p, int *before, struct buf *why)
{
    bool ok = postgres_ready(p) && run_steps(p, before, why);
    if (!ok && why->len == 0) {
        buf_puts(why, postgres_message(p));
        if (postgres_fault(p) == POSTGRES_REFUSED)
            buf_puts(why, "; the tables are made by the role that owns them: see "
                          "examples/postgresql");
        else
            schema_advise(p, why);
    }
    if (!ok)
        postgres_rollback(p);
    return ok;
}
