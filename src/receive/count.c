#include "receive/count.h"

#include "base/counters.h"
#include "spool/survey.h"

void count_answer(const struct judgment *j, int64_t now)
{
    const char *reason = j->reply.reason ? j->reply.reason : reply_word(j->reply.status);
    enum provider provider = j->route.provider;
    if (j->route.kind != ROUTE_WEBHOOK) {
        counter_add(COUNT_OTHER_REQUESTS, 1);
        return;
    }
    counter_add(counter_at(COUNT_REQUESTS, provider, counter_label_value(LABEL_REASON, reason)), 1);
    counter_add(counter_at(COUNT_REQUEST_BYTES, provider, 0), j->bytes);
    if (j->which < 0)
        return;
    counter_add(counter_at(COUNT_SECRET_USED, provider, (size_t)j->which), 1);
    counter_set(counter_at(COUNT_SECRET_USED_AT, provider, (size_t)j->which), now);
    if (j->dated)
        counter_set(counter_at(COUNT_CLOCK_SKEW, provider, 0), -j->age);
    if (j->reply.status == REPLY_ACCEPTED) {
        counter_set(counter_at(COUNT_ACCEPTED_AT, provider, 0), now);
        survey_accepted(now);
    }
}
