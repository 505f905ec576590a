#include "receive/health.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/counters.h"
#include "receive/responder.h"

const char *health_no_room(struct accept_batch *batch)
{
    if (accept_has_room(batch))
        return NULL;
    return errno == EROFS ? "spool-read-only" : errno == ENOSPC ? "spool-full" : "spool-failed";
}

static const char *mail_problem(void)
{
    const int64_t recent = 2 * 60 * 60 * MS_PER_SECOND;
    if (counter_get(COUNT_DRAIN_BLOCKED_AT) > counter_get(COUNT_DRAIN_LAST_AT))
        return "drain-blocked";
    if ((int64_t)counter_get(COUNT_MAIL_STUCK_AT) > clock_now() - recent)
        return "mail-stuck";
    if (counter_get(COUNT_BAD_NOW) > 0)
        return "events-in-bad";
    return counter_get(COUNT_UNCOMPOSED_NOW) > 0 ? "events-not-composed" : NULL;
}

void health_answer(struct responder *r, enum provider provider, struct reply *reply)
{
    bool has_secret = false;
    for (int i = 0; i < PROVIDERS; i++)
        if (provider == PROVIDERS || (int)provider == i)
            has_secret = has_secret || !provider_secrets_empty(&r->secrets[i]);
    reply->reason = accept_writable(r->batch) ? health_no_room(r->batch) : "spool-not-writable";
    r->trouble[0] = '\0';
    if (reply->reason)
        snprintf(r->trouble, sizeof r->trouble, " %s: %s", r->spool->step, strerror(errno));
    else if (!has_secret)
        reply->reason = "no-secret";
    reply->status = reply->reason ? REPLY_FAIL : REPLY_PASS;
    if (!reply->reason && (reply->reason = mail_problem()))
        reply->status = REPLY_WARN;
}
