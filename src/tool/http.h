/*
 * http: one POST, by libcurl. Redirects are not followed: to a webhook they are failures.
 */
#ifndef TOOL_HTTP_H
#define TOOL_HTTP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

enum { HTTP_TIMEOUT = 15 /* seconds */, HTTP_ANSWER_MAX = 65536 };

struct http_request {
    const char *url; /* http or https */
    const char *type;
    const char *header; /* one more line, "Name: value" */
    const struct buf *body;
    const char *cacert;      /* a file of certificates to trust instead of the system's; or NULL */
    const char *unix_socket; /* connect there, whatever the URL names; or NULL */
};

struct http_answer {
    long status;
    struct buf body;      /* cut at HTTP_ANSWER_MAX */
    int64_t milliseconds; /* from the first byte of the connection to the last of the answer */
    char error[256];
};

/* False, with `error`, when no answer came. The answer's body must be freed either way. */
bool http_post(const struct http_request *request, struct http_answer *answer);

#endif
