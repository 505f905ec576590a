/*
 * pass: one drain of the spool, in the order that the protocol needs:
 *
 *   lock; probe; bad/ looked at again; list; sync the file system;
 *   stage 1, events to mails (drain/compose.h); held/ cleared of what came another way;
 *   stage 2, mails to the transport (drain/deliver.h); prune.
 *
 * If a sync fails the pass ends there: what is not known to be durable is not
 * built upon. Any other fault of stage 1 is the pass's result, and stage 2 follows all the same. A
 * second one finds the lock taken and ends at once.
 */
#ifndef DRAIN_PASS_H
#define DRAIN_PASS_H

#include "drain/run.h"

/* Opens the spool and does all of it; the result is the exit code. */
int pass_once(struct run *run);

#endif
