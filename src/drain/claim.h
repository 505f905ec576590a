/*
 * claim: a replayed event gets its number, under which nothing was mailed before.
 *
 * A file of any name in replay/ becomes ID.g. A claim of a run that did not come to its end is met
 * again, and keeps its g, so that its mails are the same.
 */
#ifndef DRAIN_CLAIM_H
#define DRAIN_CLAIM_H

#include <stdbool.h>
#include <stdint.h>

#include "drain/run.h"
#include "event/event.h"
#include "ledger/decision.h"

/* The g of a claim, in UTC seconds; 0: the name is none. */
int64_t claim_number(const char *name);

/*
 * Claims replay/`name`, unless it is a claim already; the new name is durable. False: errno and the
 * step of the spool.
 */
bool claim_replay(struct run *run, const char *name, const struct event *event,
    const struct decision *decision, char claimed[MAIL_NAME_SIZE]);

#endif
