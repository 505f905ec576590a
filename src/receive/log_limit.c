#include "receive/log_limit.h"

bool log_limit_allows(struct log_limit *limit, int64_t now, unsigned long *dropped)
{
    *dropped = 0;
    if (limit->lines == 0 || now - limit->since >= LOG_LIMIT_PERIOD_MS) {
        *dropped = limit->dropped;
        *limit = (struct log_limit){.since = now};
    }
    if (limit->lines < LOG_LIMIT_LINES) {
        limit->lines++;
        return true;
    }
    limit->dropped++;
    return false;
}
