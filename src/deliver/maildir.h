/*
 * maildir: the transport that writes into a Maildir, as a local delivery agent does.
 *
 * The directory and its tmp, new and cur are made (0770) when they are missing; its parent
 * must exist. One mail is one file with LF line ends, after a Return-Path and a Delivered-To
 * line, named after the mail: NAME.bookspool, or NAME.1.bookspool and so on when it is sent again
 * on purpose. It is written and synced in tmp/, named in new/ without replacing, and new/ is
 * synced; so a file in new/ is an intact mail.
 *
 * A repeat (delivery->repeat) that meets its own file, in new/ or already in cur/, is sent; not
 * when the file of its attempt is still in tmp/: the one in new/ or cur/ is then of an earlier
 * delivery. cur/ is read when it has changed since it was read, not for each mail. What needs a
 * person (permissions, a full disk) is blocked. A mail that is named but whose directory could not
 * be synced is unknown.
 *
 * Reasons: maildir-new, maildir-there; maildir-before-end (retry); maildir-sync (unknown);
 * maildir-open, maildir-write, maildir-name (blocked); maildir-write (retry) when memory ran out.
 */
#ifndef DELIVER_MAILDIR_H
#define DELIVER_MAILDIR_H

#include "deliver/target.h"
#include "deliver/transport.h"

/* Directories are made and opened when a mail needs them. */
void *maildir_open(const struct conf *conf, const struct target *target, struct buf *why);
/* Can they be? Adds a line to `why` if not. */
void maildir_check(const struct conf *conf, const struct target *target, struct buf *why);
void maildir_send(void *state, const struct delivery *delivery, struct delivery_result *result);
void maildir_close(void *state);

#endif
