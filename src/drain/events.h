/*
 * events: stage 1, from events in new/ and replay/ to mails in out/.
 *
 * Per event, in order of arrival: a late duplicate (done/KEY exists) is dropped; a
 * file that is not whole is left, and set aside in bad/ after an hour; else one mail per recipient
 * is made unless it exists: whole in out/, or by name in sent/ or failed/, asked in this order,
 * which is the order in which a mail moves. When a batch of events has its mails,
 * one sync makes them durable, and only then do the events move to done/. So a
 * death anywhere repeats at most work, never a mail.
 *
 * A replayed event is first claimed (spool/replay.h); its mails carry its generation.
 */
#ifndef DRAIN_EVENTS_H
#define DRAIN_EVENTS_H

#include "drain/run.h"

enum run_result events_run(struct run *run);

/* Prints the mails that the waiting events would become; touches nothing, needs no lock. */
enum run_result events_preview(struct run *run);

#endif
