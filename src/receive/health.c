#include "receive/health.h"

#include "receive/responder.h"

static bool has_key(const struct responder *r, enum provider provider)
{
    for (int i = 0; i < PROVIDERS; i++)
        if ((provider == PROVIDERS || (int)provider == i) && !keyring_empty(&r->ring[i]))
            return true;
    return false;
}

void health_answer(const struct responder *r, enum provider provider, struct reply *reply)
{
    reply->reason = NULL;
    if (!accept_writable(r->batch))
        reply->reason = "spool-not-writable";
    else if (!accept_has_room(r->batch))
        reply->reason = "spool-full";
    else if (!has_key(r, provider))
        reply->reason = "no-key";
    reply->status = reply->reason ? REPLY_FAIL : REPLY_PASS;
}
