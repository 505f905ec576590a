/*
 * responder: decides what a request is answered, in this order: path, method, declared length,
 * signature, age, id, storing.
 *
 * A judgment that `waits` is not final: its event is durable only after responder_commit, which
 * makes all events of one turn durable at once. responder_finish then makes it final. Only the
 * reply of a final judgment may be sent, and responder_log is called once for each.
 */
#ifndef RECEIVE_RESPONDER_H
#define RECEIVE_RESPONDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/conf.h"
#include "base/digest.h"
#include "health/health.h"
#include "provider/provider.h"
#include "receive/reply.h"
#include "receive/request.h"
#include "spool/accept.h"

/* What was found about one request, and its answer. */
struct judgment {
    struct reply reply;
    struct route route;
    bool waits; /* for responder_commit */
    bool held;  /* stored in held/ by this request */
    int which;  /* the secret that matched; -1: none */
    size_t bytes;
    bool detailed; /* a health check that may show all of it, or metrics */
    bool dated;    /* the signed time is when it was sent: `age` says how exact the clocks are */
    int64_t age;   /* ms between the signed time and now; negative: it is in the future */
    char event[65];
};

/* At most so many lines a period, so that unauthenticated clients cannot fill the log. */
enum { LOG_LIMIT_LINES = 10, LOG_LIMIT_PERIOD_MS = 60 * 1000 };

struct log_limit { /* zeroed: ready */
    int64_t since;
    unsigned lines;
    unsigned long dropped;
};

struct responder {
    struct spool *spool;
    struct accept_batch *batch;
    struct provider_secrets secrets[PROVIDERS];
    const char *endpoint[PROVIDERS];
    int64_t window[PROVIDERS]; /* ms */
    size_t max_body;
    bool replicated;     /* BOOKSPOOL_COMMIT */
    bool room_checked;   /* in this turn */
    const char *no_room; /* the reason code; NULL: there is room */
    size_t waiting;      /* judgments that wait for the commit of this turn */
    struct buf file;     /* the record being made */
    struct health_limits limits;
    char token[DIGEST_HEX + 1]; /* the digest of BOOKSPOOL_HEALTH_TOKEN; "": none is set */
    struct health_facts facts;  /* of the last health check, and */
    struct health health;       /* what was found */
    struct buf page;            /* its body, or that of the metrics */
    struct log_limit log_limit[REPLY_STATUSES], step_limit;
};

/*
 * Sets up the secrets; endpoints point into conf. False: libcrypto failed, or, with a line in
 * `why`, a setting is wrong.
 */
bool responder_init(struct responder *r, const struct conf *conf, struct spool *spool,
    struct accept_batch *batch, struct buf *why);
void responder_close(struct responder *r);

/*
 * Decides what needs no body: path, method, length, cap, health. False: the judgment is final;
 * true: read the body and call responder_judge.
 */
bool responder_admit(struct responder *r, const struct request *request, struct judgment *judgment);

/*
 * For an admitted request and all of its body. The body may be NULL when more came than was
 * declared, which is refused for its length. It may store an event: at most ACCEPT_BATCH_MAX
 * between two calls of responder_commit (accept_full says so).
 */
void responder_judge(struct responder *r, const struct request *request, const void *body,
    size_t len, struct judgment *judgment);

/*
 * Makes the events of this turn durable; does nothing when no judgment waits. False: the sync
 * failed, and responder_finish turns each reply that waits into a 503.
 */
bool responder_commit(struct responder *r);
void responder_finish(struct judgment *judgment, bool committed);

/*
 * BOOKSPOOL_COMMIT=replicated: a 200 waits until the drain has put the event into the shared spool,
 * durably; then its name is in done/ (drain/forward.h). responder_not_forwarded is for when that
 * takes too long: 503, the provider sends it again, and the event stays here to be forwarded.
 */
bool responder_awaits_forward(const struct responder *r, const struct judgment *judgment);
bool responder_forwarded(const struct responder *r, const struct judgment *judgment);
void responder_not_forwarded(struct judgment *judgment);

/*
 * Appends the response to a final judgment. Health and metrics are found only now, and their reply
 * becomes final with that.
 */
void responder_write(struct responder *r, struct judgment *judgment, struct buf *out);

/* After responder_write. Logs a line and counts. */
void responder_log(struct responder *r, const struct judgment *judgment);

/* Logs the step of the spool that has just failed (spool->step, errno); limited like the lines of
 * the answers that it causes. */
void responder_log_step(struct responder *r, const char *id, const char *reason);

/*
 * True when a line may be written at `now` (milliseconds, any steady clock). *dropped becomes the
 * number of lines suppressed in the period that has just ended, otherwise 0. Pure.
 */
bool log_limit_allows(struct log_limit *limit, int64_t now, unsigned long *dropped);

#endif
