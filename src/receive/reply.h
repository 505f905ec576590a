/*
 * reply: the answer to a request, as a CGI response (RFC 3875 section 6), which a FastCGI responder
 * writes too. Pure. Nothing of the request is repeated.
 */
#ifndef RECEIVE_REPLY_H
#define RECEIVE_REPLY_H

#include <stdbool.h>

#include "base/buf.h"
#include "event/id.h"

enum reply_status {
    REPLY_ACCEPTED,
    REPLY_DUPLICATE,
    REPLY_PONG,
    REPLY_MALFORMED,
    REPLY_SIGNATURE,
    REPLY_STALE,
    REPLY_NOT_FOUND,
    REPLY_METHOD,
    REPLY_LENGTH_REQUIRED,
    REPLY_TOO_LARGE,
    REPLY_UNAVAILABLE,
    REPLY_FORBIDDEN, /* metrics are for local callers, and for those who have the token */
    REPLY_PASS,      /* health */
    REPLY_WARN,      /* something needs attention */
    REPLY_FAIL,
    REPLY_METRICS,
    REPLY_STATUSES
};

struct reply {
    enum reply_status status;
    const char *reason; /* a fixed reason code, or NULL */
    const char *allow;  /* the methods, with REPLY_METHOD */
    char id[ID_SIZE];   /* "": none */
    bool head;          /* HEAD: the header fields of a GET, without its body */
};

/* "accepted", "duplicate", ...: the word in the body and in the log. */
const char *reply_word(enum reply_status status);

/* 200, 401, ... */
int reply_http_status(enum reply_status status);

/*
 * Appends the response, headers and body; out->failed when memory is short. `page` is the body of
 * metrics and of a detailed health; NULL or empty: the one line of JSON that every answer has. The
 * public answer about health is its status alone.
 */
void reply_write(const struct reply *reply, const struct buf *page, struct buf *out);

#endif
