/*
 * store: the ledger's tables, its transactions, and the statements that are kept prepared, over one
 * of two back ends: SQLite (store_sqlite.c) and PostgreSQL (store_postgres.c). Internal to the
 * ledger; nothing above it knows which one it is.
 *
 * The statements are in store_sql.c, in words that both accept: parameters are ?1, ?2, ...; texts
 * compare by their bytes; numbers are 64 bits, and 0 and 1 stand for no and yes. Every value is a
 * bound parameter. Providers, kinds and states are stored as words, and times as milliseconds since
 * 1970, so that the output of sqlite3(1) and psql(1) is readable.
 *
 * A call that fails returns false (or NULL) and leaves the reason in `failure`; the transaction is
 * rolled back then, and every later call fails until the next ledger_begin.
 */
#ifndef LEDGER_STORE_H
#define LEDGER_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "ledger/ledger.h"

enum store_statement {
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
    SQL_BOOKING_ADD,
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

struct backend;
struct statement;
struct erasing;

struct ledger {
    const struct backend *backend; /* ledger/backend.h */
    void *link;                    /* the back end's own: a database or a connection */
    char *path;                    /* what messages call it: a file, or a server without password */
    struct statement *statement[SQL_STATEMENTS];
    struct buf failure;
    bool failed;
    struct series_lead lead[LEADS];
    struct erasing *erasing; /* ledger/erase.c; NULL: no person is being forgotten */
};

/*
 * The statement with its first parameters bound, which are texts; NULL: none. Returns NULL after a
 * failure: the functions below then do nothing, so that a caller checks once, when the statement
 * has run.
 */
#define store_prepare(ledger, which, ...)                                                          \
    store_prepare_texts(ledger, which, (const char *const[]){__VA_ARGS__, NULL})
struct statement *store_prepare_texts(
    struct ledger *ledger, enum store_statement which, const char *const *texts);
/* One that is not kept: the caller ends it with store_end. NULL after a failure. */
struct statement *store_prepare_sql(struct ledger *ledger, const char *sql);
/* The same for a statement whose rows are many: they are not held in memory. Until it has ended no
 * other statement runs. */
struct statement *store_stream_sql(struct ledger *ledger, const char *sql);
struct statement *store_stream(struct ledger *ledger, enum store_statement which);
/* To the next row: true, while there is one. It ends the statement when there is none. */
bool store_step(struct ledger *ledger, struct statement *statement);
/* Runs a statement that gives no rows. */
bool store_run(struct ledger *ledger, struct statement *statement);
/* After a row that is not followed by another store_step. */
void store_done(struct statement *statement);
/* Frees one that is not kept. */
void store_end(struct statement *statement);
/* The rows that the last statement wrote. */
int64_t store_changed(const struct ledger *ledger);
/* SQL without parameters. */
bool store_exec(struct ledger *ledger, const char *sql, const char *doing);
/* In a transaction in which the caller does much between two statements, such as reading files. */
bool store_patient(struct ledger *ledger);
/* Outside of one: what was deleted leaves the file, too. */
bool store_rewrite(struct ledger *ledger);
/* Is a transaction open? */
bool store_begun(const struct ledger *ledger);
/* Has that statement a parameter? */
bool store_has_parameter(enum store_statement which);
/* Returns false. `doing` is what failed; the back end's own message follows it. */
bool store_fail(struct ledger *ledger, const char *doing);
/* The same, when memory ran out or libcrypto failed. */
bool store_fail_memory(struct ledger *ledger);

/*
 * What is kept of the providers' APIs (ledger/tokens.h, ledger/answers.h) is no event: a failure
 * there is no failure of the ledger, and leaves its transactions alone. A statement that writes is
 * NULL inside a transaction, waits for another writer no longer than a quarter of a second, and is
 * committed without a sync: a power cut may cost it. NULL too where the back end refuses it.
 */
struct statement *store_aside(struct ledger *ledger, const char *sql);
/* To the next row of one that reads; the caller ends it with store_end. */
bool store_aside_row(struct statement *statement);
/* Runs one that writes, and ends it. */
bool store_aside_run(struct ledger *ledger, struct statement *statement);

/* Parameters count from 1, columns from 0. NULL and TIME_NONE are SQL's NULL. Bound texts must live
 * until the statement has run. */
void store_bind_text(struct statement *statement, int place, const char *text);
void store_bind_time(struct statement *statement, int place, int64_t when);
void store_bind_number(struct statement *statement, int place, int64_t number);
const char *store_text(struct statement *statement, int column, struct arena *arena);
/* Lives until the next store_step; NULL: SQL's NULL. */
const char *store_peek(struct statement *statement, int column);
int64_t store_time(struct statement *statement, int column);
/* SQL's NULL is 0. */
int64_t store_number(struct statement *statement, int column);

/* Do two lists of addresses, separated by blanks, have one in common? Where a host is not known
 * (NULL), it may be the same. */
bool store_share_host(const char *a, const char *b);

/* Of the rows of a statement that has run. */
int store_columns(struct statement *statement);
const char *store_column_name(struct statement *statement, int column);

#endif
