/*
 * smtp_outcome: what an SMTP transaction that did not simply succeed means. Pure.
 *
 * libcurl's error code seldom distinguishes temporary from permanent, and a reply code alone does
 * not say what it answered; so the decision rests on the last reply, the step that it answered, and
 * whether the last byte of the message was given away. Replies: RFC 5321 section 4.2 and 4.3.2,
 * RFC 4954 section 6 (AUTH), RFC 3207 section 4 (STARTTLS).
 *
 * Reasons: smtp-STEP-CODE where a reply decides ("smtp-rcpt-550"); smtp-STEP-lost, -timeout and
 * -garbled where no usable one came; smtp-dns-N, smtp-connect-N, smtp-tls-N and so on where
 * libcurl's code N decides; smtp-no-auth; smtp-before-end.
 */
#ifndef DELIVER_SMTP_OUTCOME_H
#define DELIVER_SMTP_OUTCOME_H

#include <stdbool.h>

#include "deliver/transport.h"

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

/* Sets outcome, unreachable and reason; leaves detail alone. */
void smtp_classify(const struct smtp_attempt *attempt, struct delivery_result *result);

#endif
