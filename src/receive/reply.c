#include "receive/reply.h"

#include <stddef.h>

#include "health/present.h"

/* Longer than the time between two probes, shorter than before any provider's next attempt. */
enum { RETRY_AFTER_SECONDS = 60 };

static const struct {
    int code;
    const char *phrase, *word;
} statuses[REPLY_STATUSES] = {
    [REPLY_ACCEPTED] = {200, "OK", "accepted"},
    [REPLY_DUPLICATE] = {200, "OK", "duplicate"},
    [REPLY_PONG] = {200, "OK", "pong"},
    [REPLY_MALFORMED] = {400, "Bad Request", "malformed"},
    [REPLY_SIGNATURE] = {401, "Unauthorized", "signature"},
    [REPLY_STALE] = {403, "Forbidden", "stale"},
    [REPLY_NOT_FOUND] = {404, "Not Found", "not-found"},
    [REPLY_METHOD] = {405, "Method Not Allowed", "method"},
    [REPLY_LENGTH_REQUIRED] = {411, "Length Required", "length-required"},
    [REPLY_TOO_LARGE] = {413, "Content Too Large", "too-large"},
    [REPLY_UNAVAILABLE] = {503, "Service Unavailable", "unavailable"},
    [REPLY_FORBIDDEN] = {403, "Forbidden", "forbidden"},
    [REPLY_PASS] = {200, "OK", "pass"},
    [REPLY_WARN] = {200, "OK", "warn"},
    [REPLY_FAIL] = {503, "Service Unavailable", "fail"},
    [REPLY_METRICS] = {200, "OK", "metrics"},
};

const char *reply_word(enum reply_status status)
{
    return statuses[status].word;
}

int reply_http_status(enum reply_status status)
{
    return statuses[status].code;
}

void reply_write(const struct reply *reply, const struct buf *page, struct buf *out)
{
    int code = statuses[reply->status].code;
    bool health = reply->status >= REPLY_PASS && reply->status <= REPLY_FAIL;
    const char *type = health                           ? "application/health+json"
                       : reply->status == REPLY_METRICS ? METRICS_TYPE
                                                        : "application/json";
    buf_printf(out, "Status: %d %s\r\nContent-Type: %s\r\nCache-Control: no-store\r\n", code,
        statuses[reply->status].phrase, type);
    if (code == 503)
        buf_printf(out, "Retry-After: %d\r\n", RETRY_AFTER_SECONDS);
    if (reply->allow)
        buf_printf(out, "Allow: %s\r\n", reply->allow);
    buf_puts(out, "\r\n");
    if (reply->head)
        return;
    if (page && page->len) {
        buf_add(out, page->data, page->len);
        return;
    }
    buf_printf(out, "{\"status\":\"%s\"", reply_word(reply->status));
    if (!health && reply->reason)
        buf_printf(out, ",\"reason\":\"%s\"", reply->reason);
    else if (!health)
        buf_puts(out, ",\"reason\":null");
    if (!health && *reply->id)
        buf_printf(out, ",\"id\":\"%s\"", reply->id);
    else if (!health)
        buf_puts(out, ",\"id\":null");
    buf_puts(out, "}\n");
}
