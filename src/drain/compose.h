/*
 * compose: stage 1, from events in new/ and replay/ to mails in out/.
 *
 * In order of arrival, in batches. Of each event: a late duplicate (done/ID exists) is dropped; a
 * torn file is left, and set aside in bad/ after an hour; else the ledger is told.
 * Then, for the whole batch:
 *
 *   1. the ledger's commit, durable: what it decided is known before any mail is made, so that a
 *      run that dies and a run that starts again make the same mails;
 *   2. the mails, made in out/ and not yet durable;
 *   3. one sync;
 *   4. the events move to done/.
 *
 * An event of which a mail cannot be composed stays where it is, marked and with a later mtime. Any
 * other fault ends stage 1 (run->composing_cut), but what was made of the batch is synced, and
 * events whose mails all exist move on. After a failed sync the run ends.
 *
 * A mail is not made again if it exists: intact in out/, or by name in sent/ or failed/, asked in
 * this order, which is the order in which a mail moves. A torn one in out/ is replaced, an intact
 * one by a synced copy of itself: it comes from a run that did not bring its event to done/, which
 * may have died before its sync, and another sync may have failed on it since.
 *
 * So a death anywhere repeats at most work, never a mail. An event that the ledger lets wait for
 * its partner stays in new/, with the time to ask again as its mtime.
 *
 * A replayed event is first claimed (drain/claim.h); its mails carry its replay_number, and the
 * ledger is only asked what it decided of the event once.
 */
#ifndef DRAIN_COMPOSE_H
#define DRAIN_COMPOSE_H

#include "drain/run.h"

enum run_result compose_run(struct run *run);

/* Prints the mails of this event that do not exist yet; makes nothing. The file is intact. */
void compose_preview(struct run *run, const struct spool_file *file);

#endif
