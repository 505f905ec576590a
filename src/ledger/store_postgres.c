/*
 * The ledger in PostgreSQL, for programs on several machines.
 *
 * One writer at a time: a transaction of events begins by writing the one row of `writer`, whose
 * lock it keeps until its end. Its level is READ COMMITTED: each statement sees what was committed
 * before it began, so what the writer before has committed, while a level with one snapshot for all
 * statements would take it before the wait for the lock and decide from what is old. The row is
 * written and not only locked since a server may give a stricter level than was asked for
 * (YugabyteDB without yb_enable_read_committed_isolation, CockroachDB): there the wait ends in a
 * serialization failure instead of an old view, and the transaction is begun again.
 *
 * Readers take no lock and see what is committed.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ledger/backend.h"
#include "ledger/schema_postgres.h"
#include "ledger/server.h"

enum { ATTEMPTS = 5 };

struct link {
    struct postgres *p;
    struct buf words; /* why, where it is not the server that says so */
    bool inside;      /* a transaction of events: a connection that is lost in it stays lost */
    int64_t changed;
};

struct postgres_row {
    struct statement base;
    struct postgres_statement *s;
    bool reads, running;
};

static struct link *link_of(const struct ledger *ledger)
{
    return ledger->link;
}

static struct postgres_statement *inner(const struct statement *statement)
{
    return ((const struct postgres_row *)statement)->s;
}

/* ---- statements ---- */

/* ?1 to $1; there is no other question mark in the ledger's statements. */
static struct statement *prepare(struct ledger *ledger, const char *sql, enum prepare_manner manner)
{
    static const enum postgres_manner manners[] = {[PREPARE_KEPT] = POSTGRES_KEPT,
        [PREPARE_ONCE] = POSTGRES_ONCE,
        [PREPARE_STREAM] = POSTGRES_STREAM};
    struct postgres_row *row = calloc(1, sizeof *row);
    char *text = strdup(sql);
    for (char *at = text; at && (at = strchr(at, '?'));)
        *at = '$';
    if (row && text)
        row->s = postgres_prepare(link_of(ledger)->p, text, manners[manner]);
    free(text);
    if (!row || !row->s) {
        free(row);
        return NULL;
    }
    row->base.ledger = ledger;
    row->reads = strncmp(sql, "SELECT", 6) == 0;
    return &row->base;
}

static enum store_result run_step(struct postgres_row *row)
{
    enum postgres_step step = postgres_step(row->s);
    row->running = step == POSTGRES_ROW;
    return step == POSTGRES_ROW ? STORE_ROW : step == POSTGRES_END ? STORE_END : STORE_FAILED;
}

/* A reader finds out that its connection is gone by asking, and asks once more. */
static enum store_result step(struct statement *statement)
{
    struct postgres_row *row = (struct postgres_row *)statement;
    struct link *link = link_of(statement->ledger);
    bool first = !row->running;
    if (!link->inside && first && !postgres_ready(link->p))
        return STORE_FAILED;
    enum store_result result = run_step(row);
    if (result == STORE_FAILED && postgres_fault(link->p) == POSTGRES_LOST && !link->inside &&
        first && row->reads && postgres_ready(link->p)) {
        postgres_reset(row->s);
        result = run_step(row);
    }
    link->changed = postgres_changed(link->p);
    return result;
}

static bool reads(const struct statement *statement)
{
    return ((const struct postgres_row *)statement)->reads;
}

static void reset(struct statement *statement)
{
    ((struct postgres_row *)statement)->running = false;
    postgres_reset(inner(statement));
    postgres_unbind(inner(statement));
}

static void end(struct statement *statement)
{
    postgres_end(inner(statement));
    free(statement);
}

static int64_t changed(const struct ledger *ledger)
{
    return link_of(ledger)->changed;
}

static bool exec(struct ledger *ledger, const char *sql)
{
    return postgres_exec(link_of(ledger)->p, sql);
}

static void bind_text(struct statement *statement, int place, const char *text)
{
    postgres_bind_text(inner(statement), place, text);
}

static void bind_number(struct statement *statement, int place, int64_t number)
{
    postgres_bind_number(inner(statement), place, number);
}

static void bind_null(struct statement *statement, int place)
{
    postgres_bind_no_number(inner(statement), place);
}

static const char *text(struct statement *statement, int column)
{
    return postgres_text(inner(statement), column);
}

static int64_t number(struct statement *statement, int column)
{
    return postgres_number(inner(statement), column);
}

static bool is_null(struct statement *statement, int column)
{
    return postgres_text(inner(statement), column) == NULL;
}

static int columns(struct statement *statement)
{
    return postgres_columns(inner(statement));
}

static const char *column_name(struct statement *statement, int column)
{
    return postgres_column_name(inner(statement), column);
}

/* ---- transactions ---- */

/* One round trip, with the version of the tables: they may have been brought up to date since. */
static bool take_turn(struct link *link, int *version)
{
    struct buf value = {0};
    bool ok = postgres_ask(link->p,
        "BEGIN ISOLATION LEVEL READ COMMITTED; UPDATE writer SET turn = turn + 1 WHERE one = 1;"
        "SELECT version FROM version v, writer w WHERE v.one = 1 AND w.one = 1",
        &value);
    if (!ok && postgres_fault(link->p) == POSTGRES_FINE)
        buf_puts(&link->words, "its table writer has no row, without which nothing may be written");
    *version = (int)strtol(buf_text(&value), NULL, 10);
    buf_free(&value);
    return ok;
}

static bool begin(struct ledger *ledger)
{
    struct link *link = link_of(ledger);
    int version = 0;
    bool begun = false;
    buf_clear(&link->words);
    for (int i = 0; !begun && i < ATTEMPTS; i++) {
        if (!postgres_ready(link->p))
            return false;
        bool is_new = postgres_is_new(link->p);
        begun = take_turn(link, &version);
        enum postgres_fault fault = postgres_fault(link->p);
        if (begun)
            break;
        postgres_rollback(link->p);
        /* a connection that has been idle for long may be gone without a word */
        if (fault != POSTGRES_AGAIN && (fault != POSTGRES_LOST || is_new))
            return false;
    }
    if (begun)
        schema_judge(version, &link->words);
    link->inside = begun && link->words.len == 0;
    return link->inside;
}

static bool commit(struct ledger *ledger)
{
    struct link *link = link_of(ledger);
    bool ok = link->inside && postgres_commit(link->p);
    link->inside = false;
    return ok;
}

static bool begun(const struct ledger *ledger)
{
    return link_of(ledger)->inside;
}

static void rollback(struct ledger *ledger)
{
    struct link *link = link_of(ledger);
    for (int i = 0; i < SQL_STATEMENTS; i++)
        if (ledger->statement[i])
            reset(ledger->statement[i]);
    postgres_rollback(link->p);
    link->inside = false;
}

/* The rows that it wrote are those of the statement, not of the commit. */
static bool aside(struct statement *statement)
{
    struct link *link = link_of(statement->ledger);
    char set[120];
    snprintf(set, sizeof set,
        "BEGIN; SET LOCAL lock_timeout = %d; SET LOCAL synchronous_commit = off", ASIDE_BUSY_MS);
    bool ok = postgres_ready(link->p);
    ok = ok && (postgres_exec(link->p, set) ||
                   (postgres_fault(link->p) == POSTGRES_LOST && postgres_ready(link->p) &&
                       postgres_exec(link->p, set)));
    ok = ok && run_step((struct postgres_row *)statement) == STORE_END;
    link->changed = ok ? postgres_changed(link->p) : 0;
    ok = ok && postgres_commit(link->p);
    if (!ok)
        postgres_rollback(link->p);
    return ok;
}

static void explain(struct ledger *ledger, struct buf *why)
{
    struct link *link = link_of(ledger);
    if (link->words.len) {
        buf_puts(why, buf_text(&link->words));
        return;
    }
    buf_puts(why, postgres_fault(link->p) == POSTGRES_FINE ? "no transaction is open"
                                                           : postgres_message(link->p));
    schema_advise(link->p, why);
}

/* The server's vacuum gives the space of what was deleted to new rows, by itself. */
static bool rewrite(struct ledger *ledger)
{
    return link_of(ledger)->p != NULL;
}

static bool patient(struct ledger *ledger)
{
    return exec(ledger, "SET LOCAL idle_in_transaction_session_timeout = 900000;"
                        "SET LOCAL statement_timeout = 0");
}

/* Copies beside the ledger are of a file. */
static void drop_copies(const struct ledger *ledger, int64_t before)
{
    (void)ledger, (void)before;
}

static void close_link(struct ledger *ledger)
{
    struct link *link = link_of(ledger);
    if (!link)
        return;
    postgres_close(link->p);
    buf_free(&link->words);
    free(link);
}

static const struct backend postgres_backend = {
    .sql = store_sql_postgres,
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

struct postgres *server_open(const char *uri, bool readonly, struct buf *why)
{
    const struct postgres_options options = {
        .limits = {.connect = 10000, .statement = 60000, .lock = BUSY_MS, .idle = 30000},
        .schema = SCHEMA_NAME,
        .readonly = readonly};
    struct buf fault = {0};
    struct postgres *p = postgres_open(uri, &options, &fault);
    if (!p)
        buf_printf(why, "BOOKSPOOL_LEDGER: %s", buf_text(&fault));
    buf_free(&fault);
    return p;
}

/* Connects, and looks whether the tables are those of this program. */
static bool set_up(struct postgres *p, struct buf *why)
{
    int version = 0;
    bool ok = postgres_ready(p) && schema_version(p, &version);
    struct buf fault = {0};
    if (!ok) {
        buf_puts(&fault, postgres_message(p));
        schema_advise(p, &fault);
    } else
        schema_judge(version, &fault);
    if (fault.len)
        buf_printf(why, "%s: %s", postgres_name(p), buf_text(&fault));
    buf_free(&fault);
    return why->len == 0;
}

struct ledger *store_postgres_open(const char *uri, bool readonly, struct buf *why)
{
    struct postgres *p = server_open(uri, readonly, why);
    if (!p || !set_up(p, why)) {
        postgres_close(p);
        return NULL;
    }
    struct ledger *ledger = calloc(1, sizeof *ledger);
    struct link *link = calloc(1, sizeof *link);
    char *name = strdup(postgres_name(p));
    if (!ledger || !link || !name) {
        buf_puts(why, "out of memory");
        postgres_close(p);
        free(ledger);
        free(link);
        free(name);
        return NULL;
    }
    link->p = p;
    *ledger = (struct ledger){.backend = &postgres_backend, .link = link, .path = name};
    return ledger;
}
