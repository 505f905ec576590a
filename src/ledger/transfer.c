#include "ledger/transfer.h"

#include <stdio.h>
#include <string.h>

#include "ledger/store.h"
#include "ledger/tables.h"

enum { BATCH = 1000 };

/* Columns, with those of the key first; the types are t for texts and n for numbers, in this order.
 * What a table computes by itself is left out. */
static const struct table {
    const char *name, *columns, *types;
    int keys;
} tables[] = {
    {"booking", BOOKING_COLUMNS, "ttttnnnttttttntttnnnt", 2},
    {"person", "uid, provider, person, present, stamp", "tttnn", 3},
    {"notice", "uid, provider, person, name, stamp, fact, id", "ttttntt", 6},
    {"decision",
        "id, arrived, result, reason, meaning, late, previous_start, previous_finish, calendar,"
        " calendar_uid, sequence, \"overlaps\", taken, calendar_written, unconfirmed, grouped,"
        " entries, known",
        "tntttnnnttnnnnnnnt", 1},
    {"overlap", "id, place, provider, uid, title, who, start, finish", "tnttttnn", 2},
    {"entry",
        "id, role, place, calendar_uid, uid, calendar, sequence, start, finish, taken, owner,"
        " customer",
        "ttntttnnnnnn", 3},
    {"shared", "uid, provider, sequence", "ttn", 2},
    {"detail", "uid, provider, person, stamp, text", "tttnt", 3},
    {"host", "address, zone, stamp", "ttn", 1},
    {"place", "uid, provider, place, word, link, stamp", "tttttn", 2},
    {"agenda", "id, day, result, made", "tttn", 1},
    {"token", "fingerprint, provider, account, first, last, uses, due, refused, scopes",
        "tttnnnnnn", 1},
    {"answer", "id, provider, stored, used, body", "ttnnt", 1},
};
enum { TABLES = sizeof tables / sizeof *tables };

struct moving {
    struct ledger *from, *to;
    void (*progress)(void *context, const char *table, int64_t rows);
    void *context;
    struct transfer *result;
    struct buf *why;
    int64_t read;
};

static bool fail(struct moving *m, const struct ledger *ledger)
{
    buf_puts(m->why, ledger_failure(ledger));
    return false;
}

static void tell(struct moving *m, const struct table *table)
{
    if (++m->read % BATCH == 0 && m->progress)
        m->progress(m->context, table->name, m->read);
}

/* All rows in the order of the key, which is the same in every ledger. */
static struct statement *read_all(struct ledger *ledger, const struct table *table)
{
    struct buf sql = {0};
    buf_printf(&sql, "SELECT %s FROM %s ORDER BY ", table->columns, table->name);
    for (int i = 1; i <= table->keys; i++)
        buf_printf(&sql, "%s%d", i > 1 ? ", " : "", i);
    struct statement *s = sql.failed ? NULL : store_stream_sql(ledger, buf_text(&sql));
    if (sql.failed)
        store_fail_memory(ledger);
    buf_free(&sql);
    return s;
}

/* ---- comparing ---- */

static int compare_value(struct statement *a, struct statement *b, const struct table *table, int i)
{
    const char *one = store_peek(a, i), *other = store_peek(b, i);
    if (!one || !other)
        return (one != NULL) - (other != NULL);
    if (table->types[i] == 't')
        return strcmp(one, other);
    int64_t x = store_number(a, i), y = store_number(b, i);
    return (x > y) - (x < y);
}

static int compare_columns(
    struct statement *a, struct statement *b, const struct table *table, int first, int end)
{
    int order = 0;
    for (int i = first; order == 0 && i < end; i++)
        order = compare_value(a, b, table, i);
    return order;
}

/* `complete`: the other ledger has to have all rows, and not only no others. */
static bool compare_table(struct moving *m, const struct table *table, bool complete)
{
    int columns = (int)strlen(table->types);
    struct statement *a = read_all(m->from, table), *b = read_all(m->to, table);
    bool more = store_step(m->from, a), others = store_step(m->to, b);
    const char *fault = NULL;
    while (!fault && (more || others)) {
        int order = !more ? 1 : !others ? -1 : compare_columns(a, b, table, 0, table->keys);
        if (order > 0)
            fault = "has other data";
        else if (order < 0 && complete)
            fault = "did not get all rows: was something else written meanwhile?";
        else if (order == 0 && compare_columns(a, b, table, table->keys, columns) != 0)
            fault = "has other data";
        if (!fault && order == 0)
            others = store_step(m->to, b);
        if (!fault && more)
            more = store_step(m->from, a);
    }
    store_end(a);
    store_end(b);
    if (m->from->failed)
        return fail(m, m->from);
    if (m->to->failed)
        return fail(m, m->to);
    if (fault)
        buf_printf(m->why, "%s: %s (table %s)", m->to->path, fault, table->name);
    return !fault;
}

static bool compare(struct moving *m, bool complete)
{
    if (!ledger_begin(m->to) || !store_patient(m->to))
        return fail(m, m->to);
    bool ok = true;
    for (size_t i = 0; ok && i < TABLES; i++)
        ok = compare_table(m, &tables[i], complete);
    ledger_rollback(m->to);
    return ok;
}

/* ---- writing ---- */

static struct statement *prepare_insert(struct ledger *to, const struct table *table)
{
    struct buf sql = {0};
    if (table == &tables[0])
        return store_prepare(to, SQL_BOOKING_ADD, NULL);
    buf_printf(&sql, "INSERT INTO %s(%s) VALUES(", table->name, table->columns);
    for (int i = 1; table->types[i - 1]; i++)
        buf_printf(&sql, "%s?%d", i > 1 ? "," : "", i);
    buf_puts(&sql, ") ON CONFLICT DO NOTHING");
    struct statement *s = sql.failed ? NULL : store_prepare_sql(to, buf_text(&sql));
    if (sql.failed)
        store_fail_memory(to);
    buf_free(&sql);
    return s;
}

static void bind_row(struct statement *insert, struct statement *row, const char *types)
{
    for (int i = 0; types[i]; i++)
        if (types[i] == 't')
            store_bind_text(insert, i + 1, store_peek(row, i));
        else
            store_bind_time(insert, i + 1, store_time(row, i));
}

/* A batch that fails is taken back; those before it stay, and are found by the next attempt. */
static bool write_table(struct moving *m, const struct table *table)
{
    struct statement *rows = read_all(m->from, table), *insert = NULL;
    bool ok = ledger_begin(m->to);
    for (int64_t n = 1; ok && store_step(m->from, rows); n++) {
        if (!insert)
            insert = prepare_insert(m->to, table);
        bind_row(insert, rows, table->types);
        ok = store_run(m->to, insert);
        m->result->written += ok ? store_changed(m->to) : 0;
        m->result->rows++;
        tell(m, table);
        if (ok && n % BATCH == 0)
            ok = ledger_commit(m->to) && ledger_begin(m->to);
    }
    store_end(rows);
    if (table != &tables[0])
        store_end(insert);
    ok = ok && ledger_commit(m->to);
    return m->from->failed ? fail(m, m->from) : ok || fail(m, m->to);
}

bool ledger_transfer(struct ledger *from, struct ledger *to,
    void (*progress)(void *context, const char *table, int64_t rows), void *context,
    struct transfer *result, struct buf *why)
{
    struct moving m = {.from = from,
        .to = to,
        .progress = progress,
        .context = context,
        .result = result,
        .why = why};
    *result = (struct transfer){0};
    if (!ledger_begin(from) || !store_patient(from))
        return fail(&m, from);
    bool ok = compare(&m, false);
    for (size_t i = 0; ok && i < TABLES; i++)
        ok = write_table(&m, &tables[i]);
    ok = ok && compare(&m, true);
    ledger_rollback(from);
    return ok;
}
