/*
 * backend: what a back end of the store does. Internal to store*.c; ledger/store.h has what each
 * word means.
 *
 * A function that fails says so and leaves the words to `explain`; store.c turns them into the
 * ledger's failure.
 */
#ifndef LEDGER_BACKEND_H
#define LEDGER_BACKEND_H

#include "ledger/store.h"

/* What each back end's statement begins with. */
struct statement {
    struct ledger *ledger;
};

enum store_result { STORE_ROW, STORE_END, STORE_FAILED };

/* How long a writer waits for another one, in a transaction of events and aside from it (ms). */
enum { BUSY_MS = 5000, ASIDE_BUSY_MS = 250 };

enum prepare_manner {
    PREPARE_KEPT, /* it is run again and again */
    PREPARE_ONCE,
    PREPARE_STREAM
};

struct backend {
    const char *(*sql)(enum store_statement which); /* its words for a statement */
    bool (*begin)(struct ledger *ledger);
    bool (*commit)(struct ledger *ledger);
    void (*rollback)(struct ledger *ledger); /* also where there is no transaction */
    bool (*begun)(const struct ledger *ledger);
    struct statement *(*prepare)(
        struct ledger *ledger, const char *sql, enum prepare_manner manner);
    enum store_result (*step)(struct statement *statement);
    bool (*reads)(const struct statement *statement);
    void (*reset)(struct statement *statement); /* and no parameter is bound any more */
    void (*end)(struct statement *statement);
    int64_t (*changed)(const struct ledger *ledger);
    bool (*exec)(struct ledger *ledger, const char *sql);
    /* One statement that writes, outside a transaction: see store_aside. */
    bool (*aside)(struct statement *statement);
    void (*bind_text)(struct statement *statement, int place, const char *text);
    void (*bind_number)(struct statement *statement, int place, int64_t number);
    void (*bind_null)(struct statement *statement, int place); /* of a number */
    const char *(*text)(struct statement *statement, int column);
    int64_t (*number)(struct statement *statement, int column);
    bool (*is_null)(struct statement *statement, int column);
    int (*columns)(struct statement *statement);
    const char *(*column_name)(struct statement *statement, int column);
    /* Appends what went wrong last, and what can be done about it. */
    void (*explain)(struct ledger *ledger, struct buf *why);
    /* After a person was taken out of the ledger: the space that it left. */
    bool (*rewrite)(struct ledger *ledger);
    /* A transaction in which the caller does much between two statements. */
    bool (*patient)(struct ledger *ledger);
    void (*drop_copies)(const struct ledger *ledger, int64_t before);
    void (*close)(struct ledger *ledger);
};

const char *store_sql(enum store_statement which);
const char *store_sql_postgres(enum store_statement which);
/*
 * SQLite's path, or PostgreSQL's URI. `readonly`: nothing is made, and nothing
 * can be written. NULL with `why`; without it, when there is no ledger yet.
 */
struct ledger *store_sqlite_open(const char *path, bool readonly, int64_t reserve, struct buf *why);
struct ledger *store_postgres_open(const char *uri, bool readonly, struct buf *why);

#endif
