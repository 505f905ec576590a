#include <inttypes.h>

#include "base/clock.h"
#include "base/counters.h"
#include "base/log.h"
#include "receive/responder.h"

static const struct {
    enum counter_request counter;
    enum log_level level;
} rules[REPLY_STATUSES] = {
    [REPLY_ACCEPTED] = {COUNT_ACCEPTED, LOG_LEVEL_INFO},
    [REPLY_DUPLICATE] = {COUNT_DUPLICATE, LOG_LEVEL_INFO},
    [REPLY_PONG] = {COUNT_PONG, LOG_LEVEL_INFO},
    [REPLY_MALFORMED] = {COUNT_MALFORMED, LOG_LEVEL_WARNING},
    [REPLY_SIGNATURE] = {COUNT_SIGNATURE, LOG_LEVEL_WARNING},
    [REPLY_STALE] = {COUNT_STALE, LOG_LEVEL_WARNING},
    [REPLY_NOT_FOUND] = {COUNT_REFUSED, LOG_LEVEL_INFO},
    [REPLY_METHOD] = {COUNT_REFUSED, LOG_LEVEL_INFO},
    [REPLY_LENGTH_REQUIRED] = {COUNT_REFUSED, LOG_LEVEL_INFO},
    [REPLY_TOO_LARGE] = {COUNT_REFUSED, LOG_LEVEL_INFO},
    [REPLY_UNAVAILABLE] = {COUNT_UNAVAILABLE, LOG_LEVEL_ERROR},
    [REPLY_PASS] = {COUNT_REQUEST_KINDS, LOG_LEVEL_DEBUG},
    [REPLY_WARN] = {COUNT_REQUEST_KINDS, LOG_LEVEL_DEBUG},
    [REPLY_FAIL] = {COUNT_REQUEST_KINDS, LOG_LEVEL_WARNING},
};

static void count_request(const struct judgment *j)
{
    if (j->route.kind != ROUTE_WEBHOOK) {
        counter_add(COUNT_OTHER_REQUESTS, 1);
        return;
    }
    int row = (int)j->route.provider;
    counter_add(counter_in_row(row, rules[j->reply.status].counter), 1);
    if (j->held)
        counter_add(counter_in_row(row, COUNT_HELD), 1);
    if (j->which >= 0) {
        static const enum counter_request uses[] = {COUNT_SECRET_PRIMARY, COUNT_SECRET_SECONDARY};
        static const enum counter_request times[] = {
            COUNT_SECRET_PRIMARY_AT, COUNT_SECRET_SECONDARY_AT};
        counter_add(counter_in_row(row, uses[j->which]), 1);
        counter_set(counter_in_row(row, times[j->which]), (uint64_t)clock_now());
    }
}

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

static void log_request(const struct responder *r, const struct judgment *j)
{
    enum log_level level = rules[j->reply.status].level;
    const char *word = reply_word(j->reply.status), *reason = j->reply.reason;
    const char *id = *j->reply.id ? j->reply.id : NULL;
    if (j->route.kind != ROUTE_WEBHOOK)
        log_line(level, NULL, reason ? reason : word, "status=%d path=%s%s",
            reply_http_status(j->reply.status), j->route.kind == ROUTE_NONE ? "unknown" : "health",
            j->reply.status == REPLY_FAIL ? r->trouble : "");
    else if (j->reply.status == REPLY_STALE)
        log_warn(id, "stale",
            "right signature, but outside the replay window: provider=%s event=%s age=%" PRId64
            "s %s",
            provider_name(j->route.provider), j->event, j->age / MS_PER_SECOND, reason);
    else if (j->which < 0)
        log_line(level, id, reason ? reason : word, "status=%d provider=%s bytes=%zu",
            reply_http_status(j->reply.status), provider_name(j->route.provider), j->bytes);
    else
        log_line(level, id, reason ? reason : word, "provider=%s event=%s bytes=%zu secret=%s",
            provider_name(j->route.provider), j->event, j->bytes,
            j->which == 0 ? "primary" : "secondary");
}

void responder_log(struct responder *r, const struct judgment *j)
{
    enum reply_status status = j->reply.status;
    unsigned long dropped = 0;
    bool allowed = true;
    count_request(j);
    if (!log_wanted(rules[status].level)) /* a line below the level is not counted as dropped */
        return;
    /* unauthenticated clients can trigger most lines at will, so those are rate-limited */
    if (j->which < 0 || status == REPLY_UNAVAILABLE)
        allowed = log_limit_allows(&r->log_limit[status], clock_monotonic(), &dropped);
    if (dropped)
        log_warn(
            NULL, "lines-dropped", "%lu lines like the next one, %s", dropped, reply_word(status));
    if (allowed)
        log_request(r, j);
}
