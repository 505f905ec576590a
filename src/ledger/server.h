/*
 * server: a ledger on a server: whether it can be used, its tables, its files.
 *
 * BOOKSPOOL_LEDGER=sqlite:PATH has nothing of it: `ledger_is_on_server` is false then.
 */
#ifndef LEDGER_SERVER_H
#define LEDGER_SERVER_H

#include <stdbool.h>

#include "base/buf.h"

bool ledger_is_on_server(const char *value);

/* Appends the value as it can be shown: without a password. */
void ledger_name(const char *value, struct buf *name);

/* Is a password written into the value? */
bool ledger_has_password(const char *value);

enum ledger_level { LEDGER_GOOD, LEDGER_DOUBTFUL, LEDGER_WRONG };

/* Looks at the connection, its TLS, the server's version and settings, the tables and the role's
 * rights. `find` is called for each finding; `remedy`: what to do, or NULL. */
void ledger_examine(const char *value,
    void (*find)(void *context, enum ledger_level level, const char *text, const char *remedy),
    void *context);

/* Makes the tables, or brings them up to date; *before is the version that was there (0: none). */
bool ledger_migrate(const char *value, int *before, struct buf *why);

/* Calls `allow` for each local file that a connection reads: certificates, keys, a password file,
 * until it returns false. For the sandbox. */
bool ledger_server_files(
    const char *value, bool (*allow)(void *context, const char *path), void *context);

struct postgres;
/* Internal to the ledger: reads the URI, with the ledger's limits. NULL: `why`. */
struct postgres *server_open(const char *uri, bool readonly, struct buf *why);

#endif
