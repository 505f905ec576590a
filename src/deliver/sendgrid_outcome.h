/*
 * sendgrid_outcome: what an answer of SendGrid's v3 Mail Send means. Pure.
 *
 * Only 202 is an acceptance: 200 comes from sandbox mode, which delivers nothing. What concerns the
 * account or the address of the interface is blocked: 401 (also "Maximum credits exceeded"), 403
 * (sender not verified, or blocked for a while), 404 and other signs of a wrong address, 406, 451,
 * redirects, and a 400 about the sender or the address for replies. Other 400s, and 413, concern
 * the message. 429 says when it is over. 502 and 504 come from a gateway, which may have passed the
 * mail on before.
 *
 * Reasons: sendgrid-STATUS, for a 400 with the part of the message that it is about
 * ("sendgrid-400-personalizations"); sendgrid-lost and -timeout where no answer came;
 * sendgrid-dns-N, -connect-N, -proxy-N, -tls-N, -setup-N where libcurl's code N decides;
 * sendgrid-before-end.
 */
#ifndef DELIVER_SENDGRID_OUTCOME_H
#define DELIVER_SENDGRID_OUTCOME_H

#include <stdbool.h>
#include <stdint.h>

#include "deliver/transport.h"

struct sendgrid_attempt {
    int curl;          /* CURLcode */
    long status;       /* HTTP; 0: no answer */
    const char *field; /* what the first error is about: "personalizations.0.to"; may be NULL */
    int64_t reset;     /* X-RateLimit-Reset, seconds since 1970; 0: not said */
    bool connected;    /* there was a connection, with TLS where that is wanted */
    bool end_given;    /* libcurl has got the last byte of the request */
    bool given_up;     /* stopped by before_end */
};

/* Sets outcome, unreachable, wait_ms, words and reason; leaves detail alone. `now` in ms. */
void sendgrid_classify(
    const struct sendgrid_attempt *attempt, int64_t now, struct delivery_result *result);

#endif
