/*
 * compose: the first stage, from events in new/ and replay/ to mails in out/.
 *
 * Events are taken in order of arrival, in batches. A late duplicate (done/ID exists) is dropped; a
 * torn file is left, and moved to bad/ after an hour; for any other, the ledger decides.
 * Then, for the batch:
 *
 *   1. the ledger commits its decisions, durably, so that a run that dies and the run after it make
 *      the same mails;
 *   2. the mails are made in out/, not yet durable;
 *   3. one sync;
 *   4. the events move to done/.
 *
 * An event of which a mail cannot be composed stays where it is, marked and with a later mtime. Any
 * other fault ends the stage (run->composing_cut), but what was made of the batch is synced, and
 * events whose mails all exist move on. After a failed sync the run ends.
 *
 * A mail is not made again if it exists (drain/mail_file.h).
 *
 * So a crash at any point repeats work, but never a mail. An event that the ledger defers, because
 * it is half of a move, stays in new/ with the time of the next check as its mtime.
 *
 * A replayed event is first claimed: renamed to ID.n under a new replay number, which is part of
 * the names of its mails. The ledger only recalls its earlier decision.
 */
#ifndef DRAIN_COMPOSE_H
#define DRAIN_COMPOSE_H

#include "drain/run.h"

enum run_result compose_run(struct run *run);

/* Prints recipient, subject and text of the mails that wait and of those that the waiting events
 * would become. Changes nothing and needs no lock. */
void compose_preview(struct run *run);

#endif
