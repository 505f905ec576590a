/*
 * responder: from a request to its verdict, in the order of DESIGN section 3.
 *
 * A verdict that `waits` is not final: what it promises becomes true with
 * responder_commit, which settles all waiting verdicts of one turn at once. Only a settled
 * verdict may be answered, and responder_log is called once for each.
 */
#ifndef RECEIVE_RESPONDER_H
#define RECEIVE_RESPONDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/conf.h"
#include "provider/provider.h"
#include "receive/limiter.h"
#include "receive/reply.h"
#include "receive/request.h"
#include "receive/route.h"
#include "spool/accept.h"

struct verdict {
    struct reply reply;
    struct route route;
    bool waits;
    bool held; /* stored in held/, once settled */
    int which; /* the key that matched; -1: none */
    size_t bytes;
    int64_t age; /* ms between the signed time and now; below 0: it lies ahead */
    char event[65];
};

struct responder {
    struct spool *spool;
    struct accept_batch *batch;
    struct keyring ring[PROVIDERS];
    const char *endpoint[PROVIDERS];
    int64_t window[PROVIDERS]; /* ms */
    size_t max_body;
    bool room_asked;                    /* in this turn */
    const char *no_room;                /* the reason code; NULL: there is room */
    size_t waiting;                     /* verdicts of this turn */
    char trouble[SPOOL_STEP_SIZE + 64]; /* the step by which health failed last, for its log line */
    struct buf file;                    /* the record being made */
    struct limiter limiter[REPLY_STATUSES];
};

/* Opens the keyrings; endpoints point into conf. False: libcrypto failed. */
bool responder_init(
    struct responder *r, const struct conf *conf, struct spool *spool, struct accept_batch *batch);
void responder_close(struct responder *r);

/*
 * What can be said before the body is read: path, method, length, cap, health. False: the
 * verdict is final; true: read the body and call responder_judge.
 */
bool responder_admit(struct responder *r, const struct request *request, struct verdict *verdict);

/*
 * For an admitted request and all of its body; the body may be NULL where more came than was
 * declared, which is refused by its length alone. It may put an event: at most ACCEPT_BATCH_MAX
 * between two calls of responder_commit (accept_full says so).
 */
void responder_judge(struct responder *r, const struct request *request, const void *body,
    size_t len, struct verdict *verdict);

/* Ends a turn; costs nothing when no verdict waits. False: every waiting verdict becomes 503, see
 * responder_settle. */
bool responder_commit(struct responder *r);
void responder_settle(struct verdict *verdict, bool committed);

/* One line and the counters. */
void responder_log(struct responder *r, const struct verdict *verdict);

#endif
