/*
 * store: the ledger's tables in SQLite, and the statements that are kept prepared.
 *
 * The schema is in store.c alone; PRAGMA user_version numbers it. Every value is a bound
 * parameter. Providers, kinds and states are stored as words, and times as milliseconds since 1970,
 * so that the output of sqlite3(1) is readable.
 *
 * A call that fails returns false (or NULL) and leaves the reason in `failure`; the transaction is
 * rolled back then, and every later call fails until the next store_begin.
 */
#ifndef LEDGER_STORE_H
#define LEDGER_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include <sqlite3.h>

#include "base/arena.h"
#include "base/buf.h"
#include "event/id.h"

enum store_statement {
    SQL_BEGIN,
    SQL_COMMIT,
    SQL_ROLLBACK,
    SQL_DECISION_GET,
    SQL_DECISION_PUT,
    SQL_OVERLAPS_GET,
    SQL_OVERLAP_PUT,
    SQL_BOOKING_GET,
    SQL_BOOKING_PUT,
    SQL_PERSON_GET,
    SQL_PERSON_PUT,
    SQL_OTHERS_GET,
    SQL_NOTICES_GET,
    SQL_NOTICE_PUT,
    SQL_OVERLAPS_FIND,
    SQL_CONFLICTS_FIND,
    SQL_FORGET,
    SQL_FORGET_LAST = SQL_FORGET + 4,
    SQL_STATEMENTS
};

struct store {
    sqlite3 *db;
    char *path;
    sqlite3_stmt *statement[SQL_STATEMENTS];
    struct buf failure;
    bool failed;
};

/* `value` as in ledger_open. False: `why` says what would be right; empty: there is no ledger. */
bool store_open(struct store *store, const char *value, bool readonly, struct buf *why);
void store_close(struct store *store);

/* ---- statements ---- */

/* Ready to bind; NULL: failed. */
sqlite3_stmt *store_prepare(struct store *store, enum store_statement which);
/* To the next row: true, while there is one. It ends the statement when there is none. */
bool store_step(struct store *store, sqlite3_stmt *statement);
/* Runs a statement that gives no rows. */
bool store_run(struct store *store, sqlite3_stmt *statement);
/* After a row that is not followed by another store_step. */
void store_done(sqlite3_stmt *statement);
/* SQL without parameters. */
bool store_exec(struct store *store, const char *sql, const char *doing);
bool store_fail(struct store *store, const char *doing);

/* Parameters count from 1, columns from 0. NULL and TIME_NONE are SQL's NULL. Bound texts must live
 * until the statement has run. */
void store_bind_text(sqlite3_stmt *statement, int place, const char *text);
void store_bind_time(sqlite3_stmt *statement, int place, int64_t when);
const char *store_text(sqlite3_stmt *statement, int column, struct arena *arena);
int64_t store_time(sqlite3_stmt *statement, int column);

/* ---- transactions ---- */

bool store_begin(struct store *store);
bool store_commit(struct store *store);
void store_rollback(struct store *store);

#endif
