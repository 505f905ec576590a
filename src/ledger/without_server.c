/* In place of PostgreSQL in a build without it (make POSTGRESQL=no). */
#include <string.h>

#include "ledger/backend.h"
#include "ledger/server.h"

static const char missing[] = "BOOKSPOOL_LEDGER: this build has no PostgreSQL (it was made with "
                              "POSTGRESQL=no); use sqlite:PATH";

bool ledger_is_on_server(const char *value)
{
    return strncmp(value, "postgres://", 11) == 0 || strncmp(value, "postgresql://", 13) == 0;
}

void ledger_name(const char *value, struct buf *name)
{
    buf_puts(name, ledger_is_on_server(value) ? "postgresql://..." : value);
}

bool ledger_has_password(const char *value)
{
    (void)value;
    return false;
}

struct ledger *store_postgres_open(const char *uri, bool readonly, struct buf *why)
{
    (void)uri, (void)readonly;
    buf_puts(why, missing);
    return NULL;
}

void ledger_examine(const char *value,
    void (*find)(void *context, enum ledger_level level, const char *text, const char *remedy),
    void *context)
{
    (void)value;
    find(context, LEDGER_WRONG, missing, NULL);
}

bool ledger_migrate(const char *value, int *before, struct buf *why)
{
    (void)value, (void)before;
    buf_puts(why, missing);
    return false;
}

bool ledger_server_files(
    const char *value, bool (*allow)(void *context, const char *path), void *context)
{
    (void)value, (void)allow, (void)context;
    return true;
}
