#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "receive/count.h"
#include "receive/responder.h"
#include "spool/owner.h"

static const enum log_level levels[REPLY_STATUSES] = {
    [REPLY_ACCEPTED] = LOG_LEVEL_INFO,
    [REPLY_DUPLICATE] = LOG_LEVEL_INFO,
    [REPLY_PONG] = LOG_LEVEL_INFO,
    [REPLY_MALFORMED] = LOG_LEVEL_WARNING,
    [REPLY_SIGNATURE] = LOG_LEVEL_WARNING,
    [REPLY_STALE] = LOG_LEVEL_WARNING,
    [REPLY_NOT_FOUND] = LOG_LEVEL_INFO,
    [REPLY_METHOD] = LOG_LEVEL_INFO,
    [REPLY_LENGTH_REQUIRED] = LOG_LEVEL_INFO,
    [REPLY_TOO_LARGE] = LOG_LEVEL_INFO,
    [REPLY_UNAVAILABLE] = LOG_LEVEL_ERROR,
    [REPLY_FORBIDDEN] = LOG_LEVEL_INFO,
    [REPLY_PASS] = LOG_LEVEL_DEBUG,
    [REPLY_WARN] = LOG_LEVEL_DEBUG,
    [REPLY_FAIL] = LOG_LEVEL_WARNING,
    [REPLY_METRICS] = LOG_LEVEL_DEBUG,
};

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
    static const char *const paths[] = {
        [ROUTE_NONE] = "unknown", [ROUTE_HEALTH] = "health", [ROUTE_METRICS] = "metrics"};
    enum log_level level = levels[j->reply.status];
    bool trouble = j->reply.status == REPLY_FAIL;
    const char *word = reply_word(j->reply.status), *reason = j->reply.reason;
    const char *id = *j->reply.id ? j->reply.id : NULL;
    if (j->route.kind != ROUTE_WEBHOOK)
        log_line(level, NULL, reason ? reason : word, "status=%d path=%s%s%s",
            reply_http_status(j->reply.status), paths[j->route.kind],
            trouble && *r->facts.trouble ? " " : "", trouble ? r->facts.trouble : "");
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
    count_answer(j, clock_now());
    if (!log_wanted(levels[status])) /* a line below the level is not counted as dropped */
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

void responder_log_step(struct responder *r, const char *id, const char *reason)
{
    int error = errno;
    unsigned long dropped;
    bool allowed = log_limit_allows(&r->step_limit, clock_monotonic(), &dropped);
    if (dropped)
        log_warn(NULL, "lines-dropped", "%lu lines like the next one, %s", dropped, reason);
    if (allowed)
        log_error(id, reason, "%s: %s%s", r->spool->step, strerror(error), owner_hint(error));
}
