/*
 * sendgrid_body: a stored message as the JSON of SendGrid's v3 Mail Send. Pure.
 *
 * The interface takes no RFC 5322 message, so ours (mail/message.h) is read back with GMime. Of the
 * ways to the JSON this is the simplest that stays right: the spool keeps one form of a mail, which
 * people can read and every other transport sends as it is; its event may be gone when the mail is
 * sent, or the settings may have changed; and a person may have edited the mail in out/.
 *   - from and to are the envelope; subject, reply_to and the two texts those of the message;
 *   - X-Bookspool-Id, Auto-Submitted and Message-ID go along as headers;
 *   - attachments go along under an ASCII name. The calendar is one of them, as application/ics:
 *     the interface rewrites the charset of text attachments, and refuses the method of a
 *     text/calendar alternative;
 *   - custom_args.bookspool_mail is the mail's name. It belongs to the recipient, because the
 *     vendor's specification and its prose differ about the one of the message.
 * An empty text is left out, because it would be refused. Everything is valid UTF-8.
 */
#ifndef DELIVER_SENDGRID_BODY_H
#define DELIVER_SENDGRID_BODY_H

#include <stdbool.h>

#include "base/buf.h"
#include "deliver/transport.h"

/* Appends the JSON text. False: the message cannot be read or has no text, or memory ran out. */
bool sendgrid_body(const struct delivery *delivery, struct buf *out);

#endif
