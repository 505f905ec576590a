#include "receive/count.h"

#include "base/counters.h"
#include "spool/survey.h"

/* ---- secrets ---- */

void count_read_secrets(const struct conf *conf, struct secret_marks *marks)
{
    *marks = (struct secret_marks){0};
    for (enum provider p = 0; p < PROVIDERS; p++)
        for (size_t slot = 0; slot < PROVIDER_SECRETS; slot++) {
            const char *secret = conf_text(conf, provider_table[p]->secret[slot]);
            if (secret)
                marks->mark[p][slot] = secret_mark(secret);
        }
}

void count_secrets(const struct secret_marks *marks, int64_t now)
{
    for (enum provider p = 0; p < PROVIDERS; p++) {
        uint64_t mark[PROVIDER_SECRETS], since[PROVIDER_SECRETS];
        for (size_t slot = 0; slot < PROVIDER_SECRETS; slot++) {
            mark[slot] = counter_get(counter_at(COUNT_SECRET_MARK, p, slot));
            since[slot] = counter_get(counter_at(COUNT_SECRET_SINCE, p, slot));
        }
        for (size_t slot = 0; slot < PROVIDER_SECRETS; slot++) {
            int64_t begun = now;
            for (size_t old = 0; old < PROVIDER_SECRETS; old++)
                if (mark[old] == marks->mark[p][slot] && since[old])
                    begun = (int64_t)since[old];
            counter_set(counter_at(COUNT_SECRET_MARK, p, slot), (int64_t)marks->mark[p][slot]);
            counter_set(counter_at(COUNT_SECRET_SINCE, p, slot), marks->mark[p][slot] ? begun : 0);
        }
    }
}

/* ---- requests ---- */

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
