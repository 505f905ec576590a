/*
 * message: a mail as bytes, RFC 5322 and MIME, composed with GMime.
 *
 * The result has CRLF line ends, is pure ASCII (other text is UTF-8 in base64), and is
 * a function of its arguments alone: Message-ID <NAME@domain of from> and every
 * boundary derive from the mail's name, Date from the event's arrival, so a
 * mail that must be made or sent again is byte-identical. The headers:
 * Date, From, To, Reply-To, Subject, Message-ID, References and In-Reply-To (or X-Entity-Ref-ID,
 * which keeps a mail program from joining mails that are alike), X-Bookspool-Id, Auto-Submitted
 * (RFC 3834: auto-generated), X-Auto-Response-Suppress (for Exchange), MIME-Version and those of
 * the content.
 */
#ifndef MAIL_MESSAGE_H
#define MAIL_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

struct message_calendar {
    const char *text, *method;
    const char *name; /* ASCII; "invite-2.ics" */
};

struct message {
    const char *name; /* ID-r or ID.n-r */
    const char *id;
    const char *from, *to; /* bare addresses */
    const char *from_name; /* NULL: none */
    const char *reply_to;  /* bare address, or NULL */
    const char *reply_to_name;
    const char *thread; /* a Message-ID without brackets, which References names; NULL: none */
    int64_t date;
    const char *subject, *text;
    const char *html; /* NULL: none */
    /* An iCalendar object; NULL: none. Carried twice, for clients that look at one of the two only:
     * as the last alternative, text/calendar with its method, and as the attachment invite.ics. */
    const char *calendar, *calendar_method;
    bool calendar_as_file; /* the attachment alone */
    /* Further objects, attachments as text/calendar with their method. */
    const struct message_calendar *more_calendars;
    size_t more_calendar_count;
    /* The raw body of an event that is not understood; NULL: none. Sent as an attachment. */
    const char *attachment;
    size_t attachment_len;
    const char *attachment_name; /* ASCII; "body.json" */
};

/* Once at start; GMime keeps process-wide state. */
void message_setup(void);

/* Appends to out. False when GMime or memory failed. */
bool message_compose(const struct message *message, struct buf *out);

#endif
