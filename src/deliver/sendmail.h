/*
 * sendmail: the transport that hands a mail to the sendmail program of this machine.
 *
 *     sendmail:/usr/sbin/sendmail     any program that takes the same arguments
 *
 * Started as PATH -i -f FROM -- TO, without a shell, in a process group of its own, with a clean
 * environment (PATH and HOME) and no descriptor but its own three; the message, with LF line ends,
 * is its standard input. -i: a line of a single dot does not end it. The recipient never comes from
 * the headers. The input is a file in memory and not a pipe: the end of a pipe comes also when the
 * drain dies, and the program would take the part that it has read for the message. So all of it is
 * given at once, and before_end is asked before the program is started. What starts it is a process
 * of its own (deliver/starter.h), which sendmail_open makes: before the drain is confined.
 *
 * After BOOKSPOOL_REPLY_TIMEOUT the group is killed. `detail` is the first line that it wrote to
 * standard error.
 *
 * Its exit status is one of sysexits(3), as Postfix, Exim, sendmail, msmtp, nullmailer and dma use
 * them. Where they differ no mail is given up: EX_NOHOST (68) is a recipient's domain for one and
 * the own relay for another, EX_UNAVAILABLE (69) a mail system that is down for Postfix and any
 * 4yz, also of one recipient, for msmtp. EX_IOERR (74) and EX_PROTOCOL (76) are what programs that
 * deliver at once return when their connection broke, also after the final dot: unknown, if they
 * had all of the message. A status that is none of sysexits is retried.
 *
 * Reasons: sendmail-exit-N; sendmail-signal-N; sendmail-start-N (errno) where it could not be
 * started; sendmail-timeout; sendmail-unread: it ended well without having read the message;
 * sendmail-before-end; sendmail-invalid (never); sendmail-memory (retry).
 */
#ifndef DELIVER_SENDMAIL_H
#define DELIVER_SENDMAIL_H

#include <stdbool.h>

#include "deliver/target.h"
#include "deliver/transport.h"

void *sendmail_open(const struct conf *conf, const struct target *target, struct buf *why);
/* Is it a program that may be started? Adds a line to `why` if not. */
void sendmail_check(const struct conf *conf, const struct target *target, struct buf *why);
void sendmail_send(void *state, const struct delivery *delivery, struct delivery_result *result);
void sendmail_close(void *state);

struct sendmail_attempt {
    const char *path;
    int start_errno; /* of starting it; 0: it was started */
    int status;      /* as waitpid(2) gives it */
    bool read_all;   /* it has read all of its standard input */
    bool timed_out;  /* killed, because it took too long */
    bool given_up;   /* not started, because before_end said so */
};

/* Pure. Sets outcome, unreachable, words and reason; leaves detail alone. */
void sendmail_classify(const struct sendmail_attempt *attempt, struct delivery_result *result);

#endif
