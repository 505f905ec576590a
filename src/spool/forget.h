/*
 * forget: takes a person's events and mails out of the spool, while receivers go on and the drain's
 * lock is held.
 *
 * done/ID is the memory that recognises a retry, so it keeps its name and its time: it is replaced
 * by an intact event without a body (Forgotten, spool/record.h). Everything else of the event goes.
 * Mails in sent/ and failed/ may go because done/ID is durable, so that nothing is composed of the
 * event again; therefore forget_begin comes first. Of an event that is still in play
 * (new/, replay/, out/) nothing may be removed: its mails in sent/ are what keeps them from being
 * made, or sent, again.
 */
#ifndef SPOOL_FORGET_H
#define SPOOL_FORGET_H

#include <stdbool.h>
#include <stdint.h>

#include "spool/spool.h"

/* Makes durable what the last drain left. No step may come before it, nor after its failure. */
bool forget_begin(struct spool *spool);

/* done/ID, which is `file`, loses its body. Durable after forget_end. */
bool forget_body(struct spool *spool, const char *id, const struct spool_file *file, int64_t now);

/* Removes a file of sent/, failed/, held/ or bad/, the .why beside it first. Gone is removed. */
bool forget_file(struct spool *spool, enum spool_dir dir, const char *name);

/* Makes durable what was done. */
bool forget_end(struct spool *spool);

#endif
