#include "receive/limiter.h"

bool limiter_allows(struct limiter *limiter, int64_t now, unsigned long *dropped)
{
    *dropped = 0;
    if (limiter->lines == 0 || now - limiter->since >= LIMITER_PERIOD_MS) {
        *dropped = limiter->dropped;
        *limiter = (struct limiter){.since = now};
    }
    if (limiter->lines < LIMITER_LINES) {
        limiter->lines++;
        return true;
    }
    limiter->dropped++;
    return false;
}
