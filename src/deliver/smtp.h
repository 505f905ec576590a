/*
 * smtp: the transport that hands a mail to an SMTP server, by libcurl.
 *
 *     smtp://HOST[:PORT]        STARTTLS, required; port 25 by default
 *     smtps://HOST[:PORT]       TLS from the first byte; port 465 by default
 *     smtp+plain://HOST[:PORT]  no TLS: to this machine only (127.0.0.0/8, [::1], localhost),
 *                               never with a login and never through a proxy
 *
 * Certificates are always verified, against BOOKSPOOL_TLS_CA or the system's authorities. With
 * BOOKSPOOL_SMTP_USER and _PASSWORD, or _TOKEN (XOAUTH2 or OAUTHBEARER, RFC 7628), no mail command
 * is given before the server said 235 on this connection: libcurl by itself goes on when a server
 * offers no login. One connection is kept; when the server turns out to have closed it (RFC 5321
 * section 3.8), the mail is tried once more on a new one, provided that nothing of its body was
 * given away. One recipient a transaction, so each outcome is one recipient's.
 *
 * libcurl's error code seldom distinguishes temporary from permanent, and a reply code alone does
 * not say what it answered; so the outcome rests on the last reply, the step that it answered, and
 * whether the last byte of the message was given away. Replies: RFC 5321 section 4.2 and 4.3.2,
 * RFC 4954 section 6 (AUTH), RFC 3207 section 4 (STARTTLS).
 *
 * Reasons: smtp-STEP-CODE where a reply decides ("smtp-rcpt-550"); smtp-STEP-lost, -timeout and
 * -garbled where no usable one came; smtp-dns-N, smtp-connect-N, smtp-tls-N and so on where
 * libcurl's code N decides; smtp-no-auth; smtp-before-end; smtp-invalid (never). `detail` is what
 * the server said last, else libcurl's own words.
 */
#ifndef DELIVER_SMTP_H
#define DELIVER_SMTP_H

#include <stdbool.h>

#include "deliver/target.h"
#include "deliver/transport.h"

/*
 * libcurl keeps a copy of the password or token; `conf` may be wiped afterwards. The token's file
 * is read again each time, because such tokens live about an hour.
 */
void *smtp_open(const struct conf *conf, const struct target *target, struct buf *why);
void smtp_send(void *state, const struct delivery *delivery, struct delivery_result *result);
void smtp_close(void *state);

/* What the server is expected to answer next; libcurl does not pipeline. */
enum smtp_step {
    STEP_GREETING,
    STEP_EHLO, /* EHLO, HELO and STARTTLS */
    STEP_AUTH,
    STEP_MAIL,
    STEP_RCPT,
    STEP_DATA,
    STEP_DOT,
    STEP_END
};

struct smtp_attempt {
    int curl;               /* CURLcode */
    enum smtp_step waiting; /* the step whose reply had not come */
    int code;               /* of the last reply; 0: there was none */
    enum smtp_step replied; /* the step that it answered */
    bool end_given;         /* libcurl has got the last byte of the message */
    bool not_authenticated; /* stopped because a login was wanted and none took place */
    bool given_up;          /* stopped by before_end */
};

/* Pure. Sets outcome, unreachable and reason; leaves detail alone. */
void smtp_classify(const struct smtp_attempt *attempt, struct delivery_result *result);

#endif
