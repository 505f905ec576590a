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

static const enum counter of_secret[] = {
    COUNT_SECRET_SINCE, COUNT_SECRET_USED, COUNT_SECRET_USED_AT};
enum { OF_SECRET = sizeof of_secret / sizeof *of_secret };

/* What is counted of each secret of a provider. */
struct counted {
    uint64_t mark[PROVIDER_SECRETS], value[PROVIDER_SECRETS][OF_SECRET];
};

/* The slot that had the secret of this mark; -1: none. */
static int slot_of(const struct counted *was, uint64_t mark)
{
    for (int slot = 0; slot < PROVIDER_SECRETS; slot++)
        if (mark && was->mark[slot] == mark)
            return slot;
    return -1;
}

static void count_slot(const struct secret_marks *marks, enum provider p, size_t slot,
    const struct counted *was, int64_t now)
{
    static const uint64_t none[OF_SECRET];
    uint64_t mark = marks->mark[p][slot];
    int from = slot_of(was, mark);
    const uint64_t *value = from < 0 ? none : was->value[from];
    bool moved = false; /* what was here is in another slot now */
    for (size_t other = 0; other < PROVIDER_SECRETS; other++)
        moved |= was->mark[slot] && marks->mark[p][other] == was->mark[slot];
    counter_set(counter_at(COUNT_SECRET_MARK, p, slot), (int64_t)mark);
    for (size_t i = 0; i < OF_SECRET; i++)
        if (mark || moved || of_secret[i] == COUNT_SECRET_SINCE)
            counter_set(counter_at(of_secret[i], p, slot), (int64_t)value[i]);
    if (mark && !value[0])
        counter_set(counter_at(COUNT_SECRET_SINCE, p, slot), now);
}

void count_secrets(const struct secret_marks *marks, int64_t now)
{
    for (enum provider p = 0; p < PROVIDERS; p++) {
        struct counted was;
        for (size_t slot = 0; slot < PROVIDER_SECRETS; slot++) {
            was.mark[slot] = counter_get(counter_at(COUNT_SECRET_MARK, p, slot));
            for (size_t i = 0; i < OF_SECRET; i++)
                was.value[slot][i] = counter_get(counter_at(of_secret[i], p, slot));
        }
        for (size_t slot = 0; slot < PROVIDER_SECRETS; slot++)
            count_slot(marks, p, slot, &was, now);
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
    if (j->which < 0 || j->reply.status == REPLY_PONG) /* a test says of no subscription */
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
