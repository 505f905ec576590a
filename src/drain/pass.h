/*
 * pass: one drain of the spool, in the order that the protocol needs:
 *
 *   lock; probe; restore from bad/; list; sync the file system;
 *   compose mails (drain/compose.h); the agenda (drain/agenda.h);
 *   drop events in held/ that came another way;
 *   deliver mails (drain/deliver.h); prune.
 *
 * If a sync fails the pass ends there, because later steps rely on what was synced. Any other fault
 * while composing becomes the result of the pass, but delivery still follows. A second pass at the
 * same time finds the lock taken and ends at once.
 */
#ifndef DRAIN_PASS_H
#define DRAIN_PASS_H

#include "drain/run.h"

/* Opens the spool and runs one pass; returns the exit code. */
int pass_once(struct run *run);

#endif
