/*
 * health: the answers to /api/health, /api/health/PROVIDER and /metrics.
 *
 * Everybody hears pass, warn or fail; what is behind it, and the metrics, only callers of this
 * machine and those with the token of BOOKSPOOL_HEALTH_TOKEN. health/health.h says what is checked.
 */
#ifndef RECEIVE_HEALTH_H
#define RECEIVE_HEALTH_H

#include "receive/responder.h"

/* Decides what the caller may see. The reply is final for metrics that are refused only. */
void health_admit(
    const struct responder *r, const struct request *request, struct judgment *judgment);

/* Looks at everything, sets status and reason of the reply, and r->page where there is one. */
void health_answer(struct responder *r, struct judgment *judgment);

/* NULL: there is room. Otherwise the reason code why nothing can be stored (spool->step, errno). */
const char *health_no_room(struct accept_batch *batch);

#endif
