/*
 * ping: a signed test of the way of a webhook, from the web server's address to the receiver.
 *
 * The test is the provider's ping: the receiver answers it 200 `pong` when the secret is one of
 * its own, counts it, and stores nothing.
 */
#ifndef TOOL_PING_H
#define TOOL_PING_H

#include <cjson/cJSON.h>

#include "http/http.h"
#include "tool/tool.h"

/* The URL of a provider's webhooks at `base`: with its endpoint, in place of an endpoint that the
 * base ends with. */
void ping_make_url(
    const struct conf *conf, const char *base, enum provider provider, struct buf *out);

/* One answer: the receiver's own, nginx's in the receiver's form, or of something else. */
struct ping {
    struct http_answer answer;
    cJSON *json;
    const char *status, *reason; /* NULL: not an answer of bookspool */
};

/* Posts a test with that signature line; `ca` may be NULL. To be freed by ping_free. */
void ping_post(enum provider provider, const char *url, const char *signature, const char *ca,
    struct ping *ping);
/* The bytes that are signed. */
void ping_body(enum provider provider, struct buf *out);
void ping_free(struct ping *ping);

/*
 * What keeps webhooks from the receiver, whatever their signature: true when there is something;
 * then `finding` says what, and `remedy` what to do.
 */
bool ping_obstacle(
    const char *url, const struct ping *ping, struct buf *finding, struct buf *remedy);

#endif
