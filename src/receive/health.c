#include "receive/health.h"

#include <errno.h>
#include <string.h>

#include <openssl/crypto.h>

#include "base/clock.h"
#include "health/present.h"

const char *health_no_room(struct accept_batch *batch)
{
    if (accept_has_room(batch))
        return NULL;
    return errno == EROFS ? "spool-read-only" : errno == ENOSPC ? "spool-full" : "spool-failed";
}

/* Digests are compared, so the time it takes says nothing about the token, nor its length. */
static bool has_token(const struct responder *r, const struct request *request)
{
    const char *given = request_bearer(request);
    char digest[DIGEST_HEX + 1];
    return *r->token && given &&
           digest_hex(&(struct digest_part){given, strlen(given)}, 1, digest) &&
           CRYPTO_memcmp(digest, r->token, DIGEST_HEX) == 0;
}

void health_admit(const struct responder *r, const struct request *request, struct judgment *j)
{
    j->detailed = request_is_local(request) || has_token(r, request);
    j->reply.status = REPLY_PASS; /* until it is answered */
    if (j->route.kind == ROUTE_METRICS)
        j->reply.status = j->detailed ? REPLY_METRICS : REPLY_FORBIDDEN;
}

void health_answer(struct responder *r, struct judgment *j)
{
    static const enum reply_status statuses[] = {
        [HEALTH_PASS] = REPLY_PASS, [HEALTH_WARN] = REPLY_WARN, [HEALTH_FAIL] = REPLY_FAIL};
    health_gather(&r->limits, r->spool, true, clock_now(), &r->facts);
    health_check_all(&r->facts, &r->health);
    buf_reuse(&r->page);
    if (j->route.kind == ROUTE_METRICS) {
        present_metrics(&r->facts, &r->health, &r->page);
    } else {
        j->reply.status = statuses[health_state(&r->health, j->route.provider, &j->reply.reason)];
        if (j->detailed)
            present_health(&r->facts, &r->health, j->route.provider, &r->page);
    }
    if (r->page.failed) {
        buf_clear(&r->page);
        j->reply.status = REPLY_UNAVAILABLE;
        j->reply.reason = "no-memory";
    }
}
