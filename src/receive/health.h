/*
 * health: can events be taken now? (draft-inadarei-api-health-check: pass, warn or fail.)
 *
 * All of it fails when the spool cannot be written or has no room, or when no provider
 * has a key; one provider's health fails also when that provider has none. It warns, with 200, when
 * events are taken but their mail is in trouble, which the drain tells by its counters: its last
 * run held or failed, a mail older than a day was put off within the last two hours, or events
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

/* The reason code why nothing can be stored at present (spool->step, errno); NULL: there is room.
 */
const char *health_no_room(struct accept_batch *batch);

#endif
