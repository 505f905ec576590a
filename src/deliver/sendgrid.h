/*
 * sendgrid: the transport that hands a mail to SendGrid's v3 Mail Send.
 *
 *     sendgrid:    with SENDGRID_API_KEY; SENDGRID_API_BASE is https://api.sendgrid.com by default,
 *                  https://api.eu.sendgrid.com for accounts of that region. http:// is accepted for
 *                  this machine only.
 *
 * One message a request, one kept connection (http/http.h). What is sent: deliver/sendgrid_body.h.
 *
 * Only 202 is an acceptance: 200 comes from sandbox mode, which delivers nothing. What concerns the
 * account or the address of the interface is blocked: 401, 403 (sender not verified, or blocked for
 * a while), 404 and other signs of a wrong address, 406, 451, redirects, and a 400 about the sender
 * or the address for replies. Used-up credits (401 "Maximum credits exceeded") and other limits are
 * there again the next day or month: retry, after hours. Other 400s, and 413, concern the message.
 * 429 says when it is over. 502 and 504 come from a gateway, which may have passed the mail on
 * before.
 *
 * Reasons: sendgrid-STATUS, for a 400 with the part of the message that it is about
 * ("sendgrid-400-personalizations"), where the error's words decide with -limit or -sender, and
 * with -early (retry) where an acceptance came before the end of the request;
 * sendgrid-lost and -timeout where no answer came;
 * sendgrid-dns-N, -connect-N, -proxy-N, -tls-N, -setup-N where libcurl's code N decides;
 * sendgrid-before-end; sendgrid-invalid and sendgrid-body (never). `detail` is the status with the
 * id of the request (X-Message-Id) or the first error, else libcurl's own words.
 */
#ifndef DELIVER_SENDGRID_H
#define DELIVER_SENDGRID_H

#include <stdbool.h>
#include <stdint.h>

#include "deliver/outcome.h"
#include "deliver/target.h"
#include "deliver/transport.h"

/* libcurl keeps a copy of the key; `conf` may be wiped afterwards. */
void *sendgrid_open(const struct conf *conf, const struct target *target, struct buf *why);
void sendgrid_send(void *state, const struct delivery *delivery, struct delivery_result *result);
void sendgrid_close(void *state);

struct sendgrid_attempt {
    int curl;            /* CURLcode */
    long status;         /* HTTP; 0: no answer */
    const char *field;   /* what the first error is about: "personalizations.0.to"; may be NULL */
    const char *message; /* of the first error; may be NULL */
    int64_t reset;       /* X-RateLimit-Reset, seconds since 1970; 0: not said */
    bool connected;      /* there was a connection, with TLS where that is wanted */
    bool end_given;      /* libcurl has got the last byte of the request */
    bool given_up;       /* stopped by before_end */
    struct outcome_peer peer;
};

/* Pure. Sets outcome, unreachable, wait_ms, words and reason; leaves detail alone. `now` in ms. */
void sendgrid_classify(
    const struct sendgrid_attempt *attempt, int64_t now, struct delivery_result *result);

#endif
