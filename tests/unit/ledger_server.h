/*
 * ledger_server: the tests of the ledger over PostgreSQL. tests/ledger-postgres.t names a database
 * of this process's own in BOOKSPOOL_TEST_LEDGER; without it they run over SQLite.
 */
#ifndef UNIT_LEDGER_SERVER_H
#define UNIT_LEDGER_SERVER_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "ledger/store.h"

/* NULL: SQLite */
static inline const char *ledger_server(void)
{
    return getenv("BOOKSPOOL_TEST_LEDGER");
}

/* `value` is for SQLite. */
static inline struct ledger *ledger_server_open(const char *value)
{
    struct buf why = {0};
    struct ledger *ledger = ledger_open(ledger_server() ? ledger_server() : value, 0, &why);
    if (!ledger)
        fail_msg("%s", buf_text(&why));
    buf_free(&why);
    return ledger;
}

/* The database is as if it had just been made. */
static inline void ledger_server_clear(struct ledger *ledger)
{
    if (!ledger_begin(ledger) || !ledger_clear(ledger) ||
        !store_exec(ledger, "DELETE FROM token; DELETE FROM answer; DELETE FROM agenda", "clear") ||
        !ledger_commit(ledger))
        fail_msg("%s", ledger_failure(ledger));
}

static inline void ledger_server_empty(void)
{
    if (!ledger_server())
        return;
    struct ledger *ledger = ledger_server_open(NULL);
    ledger_server_clear(ledger);
    ledger_close(ledger);
}

#endif
