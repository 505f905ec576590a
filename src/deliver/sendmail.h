/*
 * sendmail: the transport that hands a mail to the sendmail program of this machine.
 *
 *     sendmail:/usr/sbin/sendmail     any program that takes the same arguments
 *
 * Started as PATH -i -f FROM -- TO, without a shell, in a process group of its own, with a clean
 * environment (PATH and HOME) and no descriptor but its own three; the message, with LF line ends,
 * is its standard input. -i: a line of a single dot does not end it. The recipient never comes from
 * the headers. The message is complete for it when its standard input ends.
 *
 * Its exit status is one of sysexits(3); deliver/sendmail_outcome.h says what each means. After
 * BOOKSPOOL_REPLY_TIMEOUT the group is killed. `detail` is the first line that it wrote to standard
 * error.
 */
#ifndef DELIVER_SENDMAIL_H
#define DELIVER_SENDMAIL_H

#include "deliver/target.h"
#include "deliver/transport.h"

void *sendmail_open(const struct conf *conf, const struct target *target, struct buf *why);
/* Is it a program that may be started? Adds a line to `why` if not. */
void sendmail_check(const struct conf *conf, const struct target *target, struct buf *why);
void sendmail_send(void *state, const struct delivery *delivery, struct delivery_result *result);
void sendmail_close(void *state);

#endif
