#include "base/rotation.h"

#include "base/clock.h"

#define RATE_AGE (INT64_C(3600) * MS_PER_SECOND)

bool rotation_by_age(int64_t age, int64_t limit)
{
    return age > limit - limit / 8;
}

bool rotation_by_uses(int64_t uses, int64_t limit, int64_t age, int64_t interval)
{
    if (!limit)
        return false;
    if (uses >= limit - limit / 5)
        return true;
    return age >= RATE_AGE &&
           (double)uses + (double)uses * (double)interval / (double)age >= (double)limit;
}
