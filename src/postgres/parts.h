/* What postgres.c and statement.c share. Internal to the room. */
#ifndef POSTGRES_PARTS_H
#define POSTGRES_PARTS_H

#include <libpq-fe.h>

#include "postgres/postgres.h"

/* Data that the server does not acknowledge for so long means that it is gone. */
enum { LOST_AFTER_MS = 30000 };
/* So much longer than a statement may take on the server, an answer is awaited. */
enum { SILENT_AFTER_MS = 5000 };

struct postgres {
    char *uri, *schema;
    struct buf name, message;
    PQconninfoOption *options; /* as they are when the URI and the environment are read */
    PGconn *conn;
    struct postgres_limits limits;
    bool readonly, has_password;
    enum postgres_fault fault;
    unsigned long generation, seen; /* of the connection */
    unsigned long names;            /* of prepared statements */
    int64_t changed;
    struct postgres_statement *stream; /* whose rows are still coming */
};

/* Keeps what went wrong. */
void postgres_keep_fault(struct postgres *postgres, enum postgres_fault fault, const char *text);

#endif
