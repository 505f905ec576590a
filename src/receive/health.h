/*
 * health: can events be accepted now? (draft-inadarei-api-health-check: pass, warn or fail.)
 *
 * It fails when the spool cannot be written or has no room, or when no provider has a secret; the
 * health of one provider fails also when that provider has none. It warns, with 200, when events
 * are accepted but their mail has a problem, according to the counters of the drain: its last run
 * was blocked or failed, a mail older than a day was put off within the last two hours, or events
 * were left in bad/.
 */
#ifndef RECEIVE_HEALTH_H
#define RECEIVE_HEALTH_H

#include "provider/provider.h"
#include "receive/reply.h"
#include "spool/accept.h"

struct responder;

/* `provider` may be PROVIDERS: all of them. Sets status and reason of the reply, and r->trouble. */
void health_answer(struct responder *r, enum provider provider, struct reply *reply);

/* NULL: there is room. Otherwise the reason code why nothing can be stored (spool->step, errno). */
const char *health_no_room(struct accept_batch *batch);

#endif
