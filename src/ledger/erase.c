#include "ledger/erase.h"

#include <string.h>

#include "ledger/store.h"

static void mentions(sqlite3_context *context, int count, sqlite3_value **values)
{
    (void)count;
    const char *text = (const char *)sqlite3_value_text(values[0]);
    sqlite3_result_int(context, text && mention_in(sqlite3_user_data(context), text, strlen(text)));
}

/* Runs a statement whose ?1 is `now`; the number of rows that it changed is added. */
static bool run_sql(struct ledger *ledger, const char *text, int64_t now, int64_t *rows)
{
    sqlite3_stmt *s;
    if (sqlite3_prepare_v2(ledger->db, text, -1, &s, NULL) != SQLITE_OK)
        return store_fail(ledger, "prepare a statement");
    if (sqlite3_bind_parameter_count(s))
        sqlite3_bind_int64(s, 1, now);
    bool ok = sqlite3_step(s) == SQLITE_DONE || store_fail(ledger, "erase");
    if (ok)
        *rows += sqlite3_changes(ledger->db);
    sqlite3_finalize(s);
    return ok;
}

static bool ask_number(struct ledger *ledger, const char *text, int64_t now, int64_t *number)
{
    sqlite3_stmt *s;
    if (sqlite3_prepare_v2(ledger->db, text, -1, &s, NULL) != SQLITE_OK)
        return store_fail(ledger, "prepare a statement");
    if (sqlite3_bind_parameter_count(s))
        sqlite3_bind_int64(s, 1, now);
    bool ok = sqlite3_step(s) == SQLITE_ROW || store_fail(ledger, "read");
    if (ok)
        *number = sqlite3_column_int64(s, 0);
    sqlite3_finalize(s);
    return ok;
}

static bool insert(struct ledger *ledger, const char *text, const char *one, const char *other)
{
    sqlite3_stmt *s;
    if (sqlite3_prepare_v2(ledger->db, text, -1, &s, NULL) != SQLITE_OK)
        return store_fail(ledger, "prepare a statement");
    store_bind_text(s, 1, one);
    if (other)
        store_bind_text(s, 2, other);
    bool ok = sqlite3_step(s) == SQLITE_DONE || store_fail(ledger, "write");
    sqlite3_finalize(s);
    return ok;
}

bool ledger_erase_begin(struct ledger *ledger, struct mention *mention)
{
    static const char tables[] =
        "CREATE TEMP TABLE IF NOT EXISTS erased("
        " uid TEXT NOT NULL, provider TEXT NOT NULL, PRIMARY KEY(uid, provider)) WITHOUT ROWID;"
        "CREATE TEMP TABLE IF NOT EXISTS erased_event(id TEXT NOT NULL PRIMARY KEY) WITHOUT ROWID;"
        "DELETE FROM erased; DELETE FROM erased_event";
    if (sqlite3_create_function(
            ledger->db, "mentions", 1, SQLITE_UTF8, mention, mentions, NULL, NULL) != SQLITE_OK)
        return store_fail(ledger, "set up");
    return ledger_begin(ledger) && store_exec(ledger, tables, "set up");
}

bool ledger_erase_event(struct ledger *ledger, const char *id)
{
    return insert(ledger, "INSERT OR IGNORE INTO erased_event VALUES(?1)", id, NULL);
}

bool ledger_erase_booking(struct ledger *ledger, const char *provider, const char *uid)
{
    return insert(
        ledger, "INSERT OR IGNORE INTO erased(provider, uid) VALUES(?1, ?2)", provider, uid);
}

bool ledger_erase_hosted(struct ledger *ledger, int64_t *count)
{
    return ask_number(ledger,
        "SELECT count(*) FROM booking WHERE mentions(organizer) OR mentions(hosts)", 0, count);
}

/* ---- the tables ---- */

#define ERASED "(uid, provider) IN (SELECT uid, provider FROM erased)"
#define NAMED  "(title IS NOT NULL OR who IS NOT NULL)"
/* It will take place, or may. */
#define AHEAD "(state IN ('pending', 'accepted') AND coalesce(busy, 0) > ?1)"
/* Somebody else has a seat in the booking of that row. */
#define SHARED(row)                                                                                \
    "EXISTS(SELECT 1 FROM person p WHERE p.uid = " row ".uid AND p.provider = " row ".provider"    \
    " AND p.present AND NOT mentions(p.person) AND p.person NOT GLOB '" FORGOTTEN "*')"

static const char *const find_bookings =
    "INSERT OR IGNORE INTO erased SELECT uid, provider FROM person WHERE mentions(person)"
    " UNION SELECT uid, provider FROM notice WHERE mentions(person)"
    " UNION SELECT uid, provider FROM detail WHERE mentions(person)"
    " UNION SELECT uid, provider FROM booking WHERE mentions(who)";

/* In this order: what later statements ask for is there. */
static const char *const steps[] = {
    "UPDATE overlap SET title = NULL, who = NULL WHERE " ERASED " AND " NAMED,
    "DELETE FROM place WHERE " ERASED " AND NOT " SHARED("place"),
    "DELETE FROM detail WHERE mentions(person) OR mentions(text) OR (person = '' AND " ERASED ")",
    "UPDATE booking SET title = NULL, who = NULL WHERE " ERASED " AND " NAMED,
    "UPDATE OR REPLACE notice SET person = '' WHERE mentions(person)",
    "UPDATE person SET person = '" FORGOTTEN "' || hex(randomblob(8)) WHERE mentions(person)",
    "DELETE FROM host WHERE mentions(address)",
    ("UPDATE decision SET known = NULL WHERE known IS NOT NULL"
     " AND (mentions(known) OR id IN (SELECT id FROM erased_event))"),
};

static bool report_others(
    struct ledger *ledger, bool (*other)(void *context, const char *id), void *context)
{
    static const char ask[] = "SELECT DISTINCT id FROM overlap WHERE " ERASED;
    sqlite3_stmt *s;
    bool ok = true;
    int code;
    if (sqlite3_prepare_v2(ledger->db, ask, -1, &s, NULL) != SQLITE_OK)
        return store_fail(ledger, "prepare a statement");
    while ((code = sqlite3_step(s)) == SQLITE_ROW && ok)
        ok = other(context, (const char *)sqlite3_column_text(s, 0)) || store_fail_memory(ledger);
    if (ok && code != SQLITE_DONE)
        ok = store_fail(ledger, "read");
    sqlite3_finalize(s);
    return ok;
}

bool ledger_erase(struct ledger *ledger, int64_t now, bool (*other)(void *context, const char *id),
    void *context, struct erased *erased)
{
    *erased = (struct erased){0};
    int64_t ignored = 0;
    bool ok =
        run_sql(ledger, find_bookings, now, &ignored) &&
        ask_number(ledger, "SELECT count(*) FROM booking WHERE " ERASED, now, &erased->bookings) &&
        ask_number(ledger, "SELECT count(*) FROM booking WHERE " ERASED " AND " AHEAD, now,
            &erased->upcoming) &&
        report_others(ledger, other, context);
    for (size_t i = 0; ok && i < sizeof steps / sizeof *steps; i++)
        ok = run_sql(ledger, steps[i], now, &erased->rows);
    /* what the providers' APIs answered may name anybody, and is asked for again when needed */
    return ok && run_sql(ledger, "DELETE FROM answer", now, &ignored);
}

bool ledger_erase_end(struct ledger *ledger)
{
    return store_exec(ledger, "VACUUM; PRAGMA wal_checkpoint(TRUNCATE)", "rewrite the ledger");
}
