#include "ledger/store.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "ledger/backend.h"
#include "ledger/erase.h"
#include "ledger/server.h"

/* ---- failures ---- */

bool store_fail(struct ledger *ledger, const char *doing)
{
    if (!ledger->failed) {
        buf_clear(&ledger->failure);
        buf_printf(&ledger->failure, "%s: %s: ", ledger->path, doing);
        ledger->backend->explain(ledger, &ledger->failure);
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

struct statement *store_prepare_texts(
    struct ledger *ledger, enum store_statement which, const char *const *texts)
{
    struct statement **statement = &ledger->statement[which];
    if (ledger->failed)
        return NULL;
    if (!*statement)
        *statement = ledger->backend->prepare(ledger, ledger->backend->sql(which), PREPARE_KEPT);
    if (!*statement)
        store_fail(ledger, "prepare a statement");
    for (int place = 1; *texts; place++, texts++)
        store_bind_text(*statement, place, *texts);
    return *statement;
}

static struct statement *prepare_once(
    struct ledger *ledger, const char *sql, enum prepare_manner manner)
{
    if (ledger->failed)
        return NULL;
    struct statement *statement = ledger->backend->prepare(ledger, sql, manner);
    if (!statement)
        store_fail(ledger, "prepare a statement");
    return statement;
}

struct statement *store_prepare_sql(struct ledger *ledger, const char *sql)
{
    return prepare_once(ledger, sql, PREPARE_ONCE);
}

struct statement *store_stream_sql(struct ledger *ledger, const char *sql)
{
    return prepare_once(ledger, sql, PREPARE_STREAM);
}

struct statement *store_stream(struct ledger *ledger, enum store_statement which)
{
    return store_stream_sql(ledger, ledger->backend->sql(which));
}

bool store_step(struct ledger *ledger, struct statement *statement)
{
    enum store_result result = statement ? ledger->backend->step(statement) : STORE_END;
    if (result == STORE_ROW)
        return true;
    if (result == STORE_FAILED)
        store_fail(ledger, ledger->backend->reads(statement) ? "read" : "write");
    store_done(statement);
    return false;
}

bool store_run(struct ledger *ledger, struct statement *statement)
{
    store_step(ledger, statement);
    return !ledger->failed;
}

void store_done(struct statement *statement)
{
    if (statement)
        statement->ledger->backend->reset(statement);
}

void store_end(struct statement *statement)
{
    if (statement)
        statement->ledger->backend->end(statement);
}

int64_t store_changed(const struct ledger *ledger)
{
    return ledger->backend->changed(ledger);
}

bool store_exec(struct ledger *ledger, const char *text, const char *doing)
{
    return ledger->backend->exec(ledger, text) || store_fail(ledger, doing);
}

bool store_patient(struct ledger *ledger)
{
    return ledger->backend->patient(ledger) || store_fail(ledger, "set up");
}

bool store_rewrite(struct ledger *ledger)
{
    return ledger->backend->rewrite(ledger) || store_fail(ledger, "rewrite the ledger");
}

bool store_begun(const struct ledger *ledger)
{
    return ledger->backend->begun(ledger);
}

void store_bind_text(struct statement *statement, int place, const char *text)
{
    if (statement)
        statement->ledger->backend->bind_text(statement, place, text);
}

void store_bind_time(struct statement *statement, int place, int64_t when)
{
    if (statement && when == TIME_NONE)
        statement->ledger->backend->bind_null(statement, place);
    else
        store_bind_number(statement, place, when);
}

void store_bind_number(struct statement *statement, int place, int64_t number)
{
    if (statement)
        statement->ledger->backend->bind_number(statement, place, number);
}

const char *store_peek(struct statement *statement, int column)
{
    return statement->ledger->backend->text(statement, column);
}

const char *store_text(struct statement *statement, int column, struct arena *arena)
{
    const char *text = store_peek(statement, column);
    return text ? arena_strdup(arena, text) : NULL;
}

int64_t store_number(struct statement *statement, int column)
{
    return statement->ledger->backend->number(statement, column);
}

int64_t store_time(struct statement *statement, int column)
{
    return statement->ledger->backend->is_null(statement, column) ? TIME_NONE
                                                                  : store_number(statement, column);
}

int store_columns(struct statement *statement)
{
    return statement->ledger->backend->columns(statement);
}

const char *store_column_name(struct statement *statement, int column)
{
    return statement->ledger->backend->column_name(statement, column);
}

/* ---- transactions ---- */

bool ledger_begin(struct ledger *ledger)
{
    ledger->failed = false;
    buf_clear(&ledger->failure);
    memset(ledger->lead, 0, sizeof ledger->lead);
    return ledger->backend->begin(ledger) || store_fail(ledger, "begin a transaction");
}

bool ledger_commit(struct ledger *ledger)
{
    return !ledger->failed && (ledger->backend->commit(ledger) || store_fail(ledger, "commit"));
}

void ledger_rollback(struct ledger *ledger)
{
    ledger->backend->rollback(ledger);
}

/* ---- aside from the events ---- */

struct statement *store_aside(struct ledger *ledger, const char *text)
{
    struct statement *statement = ledger->backend->prepare(ledger, text, PREPARE_ONCE);
    if (statement && (ledger->backend->reads(statement) || !store_begun(ledger)))
        return statement;
    store_end(statement);
    return NULL;
}

bool store_aside_row(struct statement *statement)
{
    return statement && statement->ledger->backend->step(statement) == STORE_ROW;
}

bool store_aside_run(struct ledger *ledger, struct statement *statement)
{
    bool ok = statement && ledger->backend->aside(statement);
    store_end(statement);
    return ok;
}

/* ---- hosts ---- */

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

/* ---- opening ---- */

static struct ledger *open_ledger(
    const char *value, bool readonly, int64_t reserve, struct buf *why)
{
    static const char scheme[] = "sqlite:";
    if (strncmp(value, scheme, sizeof scheme - 1) == 0 && value[sizeof scheme - 1])
        return store_sqlite_open(value + sizeof scheme - 1, readonly, reserve, why);
    if (ledger_is_on_server(value))
        return store_postgres_open(value, readonly, why);
    /* a URI of something else may have a password in it */
    buf_printf(why, "BOOKSPOOL_LEDGER: %.*s is not sqlite:PATH or postgresql://USER@HOST/DATABASE",
        (int)strcspn(value, ":"), value);
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
    ledger->backend->drop_copies(ledger, before);
}

void ledger_close(struct ledger *ledger)
{
    if (!ledger)
        return;
    erase_drop(ledger);
    for (int i = 0; i < SQL_STATEMENTS; i++)
        store_end(ledger->statement[i]);
    ledger->backend->close(ledger);
    free(ledger->path);
    buf_free(&ledger->failure);
    free(ledger);
}
