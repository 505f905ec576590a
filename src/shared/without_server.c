/* In place of shared.c in a build without PostgreSQL (make POSTGRESQL=no). */
#include "shared/shared.h"

bool shared_is(const char *ledger)
{
    (void)ledger; /* the ledger says that it cannot be used */
    return false;
}

bool shared_open(
    struct spool *spool, const char *ledger, const char *node, bool takes, struct buf *why)
{
    (void)spool, (void)ledger, (void)node, (void)takes;
    buf_puts(why, "this build has no PostgreSQL (it was made with POSTGRESQL=no)");
    return false;
}

const char *shared_node(const struct spool *spool)
{
    (void)spool;
    return "";
}

bool shared_fork(struct spool *spool)
{
    (void)spool;
    return false;
}

bool shared_begin(struct spool *spool)
{
    (void)spool;
    return false;
}

bool shared_commit(struct spool *spool)
{
    (void)spool;
    return false;
}

void shared_rollback(struct spool *spool)
{
    (void)spool;
}

bool shared_forward(struct spool *spool, const char *key, enum spool_dir dir, const char *name,
    const struct spool_file *file, bool *known)
{
    (void)spool, (void)key, (void)dir, (void)name, (void)file, (void)known;
    return false;
}
