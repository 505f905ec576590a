/*
 * store: the ledger's tables in SQLite, its transactions, and the statements that are kept
 * prepared. Internal to the ledger.
 *
 * The schema is in store.c alone; PRAGMA user_version numbers it. Every value is a bound
 * parameter. Providers, kinds and states are stored as words, and times as milliseconds since 1970,
 * so that the output of sqlite3(1) is readable.
 *
 * A call that fails returns false (or NULL) and leaves the reason in `failure`; the transaction is
 * rolled back then, and every later call fails until the next ledger_begin.
 */
#ifndef LEDGER_STORE_H
#define LEDGER_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include <sqlite3.h>

#include "base/arena.h"
#include "ledger/ledger.h"

enum store_statement {
    SQL_BEGIN,
    SQL_COMMIT,
    SQL_DECISION_GET,
    SQL_DECISION_PUT,
    SQL_DECISION_GROW,
    SQL_ENTRIES_GET,
    SQL_ENTRY_PUT,
    SQL_SHARED_GET,
    SQL_SHARED_PUT,
    SQL_DETAIL_GET,
    SQL_DETAIL_PUT,
    SQL_HOST_GET,
    SQL_HOST_PUT,
    SQL_OVERLAPS_GET,
    SQL_OVERLAP_PUT,
    SQL_BOOKING_GET,
    SQL_ENTRY_BOOKING_GET,
    SQL_SERIES_GET,
    SQL_BOOKING_PUT,
    SQL_PERSON_GET,
    SQL_PERSON_PUT,
    SQL_OTHERS_GET,
    SQL_SEATS_FIND,
    SQL_NOTICES_GET,
    SQL_NOTICE_FIND,
    SQL_NOTICE_PUT,
    SQL_OVERLAPS_FIND,
    SQL_CONFLICTS_FIND,
    SQL_UPCOMING_FIND,
    SQL_COUNT_FIND,
    SQL_AGENDA_DAY,
    SQL_AGENDA_REQUESTS,
    SQL_AGENDA_CHANGES,
    SQL_AGENDA_LINK,
    SQL_AGENDA_KNOWN,
    SQL_AGENDA_MARK,
    SQL_AGENDA_FORGET,
    SQL_PLACE_PUT,
    SQL_FORGET,
    SQL_FORGET_LAST = SQL_FORGET + 9,
    SQL_STATEMENTS
};

/* The first of the occurrences of a series that are entered in this transaction. */
struct series_lead {
    char id[ID_SIZE], series[ID_SIZE], provider[16];
    enum event_kind kind;
    int64_t arrived;
    size_t count; /* occurrences in its decision; 0: unused */
};

enum { LEADS = 16, SERIES_TOGETHER = 60000 /* ms between the arrivals */ };

enum { LEDGER_MODE = 0660 };

struct ledger {
    sqlite3 *db;
    char *path;
    sqlite3_stmt *statement[SQL_STATEMENTS];
    struct buf failure;
    bool failed;
    struct series_lead lead[LEADS];
};

/*
 * The statement with its first parameters bound, which are texts; NULL: none. Returns NULL after a
 * failure: the functions below then do nothing, so that a caller checks once, when the statement
 * has run.
 */
#define store_prepare(ledger, which, ...)                                                          \
    store_prepare_texts(ledger, which, (const char *const[]){__VA_ARGS__, NULL})
sqlite3_stmt *store_prepare_texts(
    struct ledger *ledger, enum store_statement which, const char *const *texts);
/* To the next row: true, while there is one. It ends the statement when there is none. */
bool store_step(struct ledger *ledger, sqlite3_stmt *statement);
/* Runs a statement that gives no rows. */
bool store_run(struct ledger *ledger, sqlite3_stmt *statement);
/* After a row that is not followed by another store_step. */
void store_done(sqlite3_stmt *statement);
/* SQL without parameters. */
bool store_exec(struct ledger *ledger, const char *sql, const char *doing);
/* Returns false. `doing` is what failed; SQLite's own message follows it. */
bool store_fail(struct ledger *ledger, const char *doing);
/* The same, when memory ran out or libcrypto failed. */
bool store_fail_memory(struct ledger *ledger);

/*
 * What is kept of the providers' APIs (ledger/tokens.h, ledger/answers.h) is no event: a failure
 * there is no failure of the ledger, and leaves its transactions alone. A statement that writes is
 * NULL inside a transaction, waits for another writer no longer than a quarter of a second, and is
 * committed without a sync: a power cut may cost it. NULL too where SQLite refuses it.
 */
sqlite3_stmt *store_aside(struct ledger *ledger, const char *sql);
/* To the next row of one that reads; the caller ends it with sqlite3_finalize. */
bool store_aside_row(sqlite3_stmt *statement);
/* Runs one that writes, and ends it. */
bool store_aside_run(struct ledger *ledger, sqlite3_stmt *statement);

/* Parameters count from 1, columns from 0. NULL and TIME_NONE are SQL's NULL. Bound texts must live
 * until the statement has run. */
void store_bind_text(sqlite3_stmt *statement, int place, const char *text);
void store_bind_time(sqlite3_stmt *statement, int place, int64_t when);
void store_bind_number(sqlite3_stmt *statement, int place, int64_t number);
const char *store_text(sqlite3_stmt *statement, int column, struct arena *arena);
int64_t store_time(sqlite3_stmt *statement, int column);

/* Do two lists of addresses, separated by blanks, have one in common? Where a host is not known
 * (NULL), it may be the same. */
bool store_share_host(const char *a, const char *b);

#endif
