#include "receive/reply.h"

#include <stddef.h>

/* Longer than the time between two probes, shorter than before any provider's next attempt. */
enum { RETRY_AFTER_SECONDS = 60 };

#define JSON   "application/json"
#define HEALTH "application/health+json"

static const struct {
    int code;
    const char *phrase, *word, *type;
} statuses[REPLY_STATUSES] = {
    [REPLY_ACCEPTED] = {200, "OK", "accepted", JSON},
    [REPLY_DUPLICATE] = {200, "OK", "duplicate", JSON},
    [REPLY_PONG] = {200, "OK", "pong", JSON},
    [REPLY_MALFORMED] = {400, "Bad Request", "malformed", JSON},
    [REPLY_SIGNATURE] = {401, "Unauthorized", "signature", JSON},
    [REPLY_STALE] = {403, "Forbidden", "stale", JSON},
    [REPLY_NOT_FOUND] = {404, "Not Found", "not-found", JSON},
    [REPLY_METHOD] = {405, "Method Not Allowed", "method", JSON},
    [REPLY_LENGTH_REQUIRED] = {411, "Length Required", "length-required", JSON},
    [REPLY_TOO_LARGE] = {413, "Content Too Large", "too-large", JSON},
    [REPLY_UNAVAILABLE] = {503, "Service Unavailable", "unavailable", JSON},
    [REPLY_PASS] = {200, "OK", "pass", HEALTH},
    [REPLY_WARN] = {200, "OK", "warn", HEALTH},
    [REPLY_FAIL] = {503, "Service Unavailable", "fail", HEALTH},
};

const char *reply_word(enum reply_status status)
{
    return statuses[status].word;
}

int reply_http_status(enum reply_status status)
{
    return statuses[status].code;
}

void reply_write(const struct reply *reply, struct buf *out)
{
    int code = statuses[reply->status].code;
    buf_printf(out, "Status: %d %s\r\nContent-Type: %s\r\nCache-Control: no-store\r\n", code,
        statuses[reply->status].phrase, statuses[reply->status].type);
    if (code == 503)
        buf_printf(out, "Retry-After: %d\r\n", RETRY_AFTER_SECONDS);
    if (reply->allow)
        buf_printf(out, "Allow: %s\r\n", reply->allow);
    buf_puts(out, "\r\n");
    if (reply->head)
        return;
    bool health = reply->status >= REPLY_PASS;
    buf_printf(out, "{\"status\":\"%s\"", reply_word(reply->status));
    if (reply->reason)
        buf_printf(out, ",\"reason\":\"%s\"", reply->reason);
    else if (!health)
        buf_puts(out, ",\"reason\":null");
    if (*reply->id)
        buf_printf(out, ",\"id\":\"%s\"", reply->id);
    else if (!health)
        buf_puts(out, ",\"id\":null");
    buf_puts(out, "}\n");
}
