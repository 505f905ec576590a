/*
 * sendmail_outcome: what the end of a sendmail program means. Pure.
 *
 * Statuses are those of sysexits(3), as Postfix, Exim, sendmail, msmtp, nullmailer and dma use
 * them. Where they differ nothing is given up: EX_NOHOST (68) is a recipient's domain for one and
 * the own relay for another, EX_UNAVAILABLE (69) a mail system that is down for Postfix and any
 * 4yz, also of one recipient, for msmtp. EX_IOERR (74) and EX_PROTOCOL (76) are what programs that
 * deliver at once return when their connection broke, also after the final dot: unknown, if they
 * had all of the message. A status that is none of sysexits is retried.
 *
 * Reasons: sendmail-exit-N; sendmail-signal-N; sendmail-start-N (errno) where it could not be
 * started; sendmail-timeout; sendmail-unread: it ended well without having read the message;
 * sendmail-before-end. Besides them sendmail-invalid (never) and sendmail-memory (retry).
 */
#ifndef DELIVER_SENDMAIL_OUTCOME_H
#define DELIVER_SENDMAIL_OUTCOME_H

#include <stdbool.h>

#include "deliver/transport.h"

struct sendmail_attempt {
    int start_errno; /* of starting it; 0: it was started */
    int status;      /* as waitpid(2) gives it */
    bool end_given;  /* its standard input was closed after all of the message */
    bool timed_out;  /* killed, because it took too long */
    bool given_up;   /* killed, because before_end said so */
};

/* Sets outcome, unreachable, words and reason; leaves detail alone. */
void sendmail_classify(const struct sendmail_attempt *attempt, struct delivery_result *result);

#endif
