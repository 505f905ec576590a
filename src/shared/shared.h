/*
 * shared: the spool that several machines share, in PostgreSQL: the tables behind spool.h.
 *
 * A file of it is a row of spool_file; its directory, name, time and marks mean what they mean on a
 * disk (bookspool-spool(5)), and each step of the drain is one statement. So the rules of the spool
 * hold as they are: what is a rename there is an UPDATE here, and what is a sync there is here a
 * commit that waits until all commits before it are durable, and are on the synchronous standby if
 * there is one. Other commits do not wait (synchronous_commit=off). The mark that a mail may have
 * been sent is durable before the last byte leaves.
 *
 * Holders. Instead of one lock, each file that waits has a holder: the run of a drain, which has a
 * lease of SHARED_LEASE. A sync renews it. A run that died, or lost its connection, holds nothing
 * when its lease is over, or the next drain of its node begins: another takes its files. A step on
 * a file that another run holds fails with ENOENT, so a drain that was away too long cannot send,
 * move or mark what it no longer has. Times of leases are the server's.
 *
 * One run composes at a time: it takes events only while no other holds one, so events are decided
 * in the order of their arrival. Mails to one recipient are held by one run at a time.
 *
 * The schema is made by `bookspool ledger migrate`.
 */
#ifndef SHARED_SHARED_H
#define SHARED_SHARED_H

#include <stdbool.h>

#include "base/buf.h"
#include "spool/spool.h"

enum { SHARED_LEASE = 30000 /* ms */ };

/* Is BOOKSPOOL_LEDGER one that several machines share? */
bool shared_is(const char *ledger);

/*
 * Connects. `node`: this machine's name (NULL: its host name). `takes`: it is a drain, which holds
 * files. False: `why` has the reason, without a password.
 */
bool shared_open(
    struct spool *spool, const char *ledger, const char *node, bool takes, struct buf *why);

const char *shared_node(const struct spool *spool);

/* In a process that was forked: a connection of its own, with the parent's lease. */
bool shared_fork(struct spool *spool);

/*
 * Puts an event of this node's spool into the shared one, inside a transaction of shared_begin,
 * unless `key` was put before by any node. The key of an event is its id. *known: it was.
 */
bool shared_begin(struct spool *spool);
bool shared_forward(struct spool *spool, const char *key, enum spool_dir dir, const char *name,
    const struct spool_file *file, bool *known);
/* Durable when it returns true. */
bool shared_commit(struct spool *spool);
void shared_rollback(struct spool *spool);

#endif
