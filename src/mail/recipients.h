/*
 * recipients: who gets a mail of an event.
 *
 * BOOKSPOOL_MAIL_TO names the owners. BOOKSPOOL_NOTIFY overrides them by rules, separated by
 * semicolons, of which the first that matches decides:
 *
 *     KINDS [of HOST]: WHOM
 *
 *     KINDS  words of event_kind_name, separated by blanks or commas, or *
 *     HOST   the address of the organizer, or of any other host; without it, all bookings
 *     WHOM   addresses separated by commas; `owner` means BOOKSPOOL_MAIL_TO, `organizer`
 *            the addresses of all hosts, `none` no mail at all
 *
 *     meeting_started meeting_ended: none; * of ann@example.org: ann@example.org; *: owner
 *
 * A booking that another host took over concerns two persons: the rules are asked for the new
 * hosts, and once more for the host before, and the mails of both go out.
 *
 * Where no rule matches, the owners are mailed: a mistake in the rules must not hide a booking. The
 * same applies where WHOM names no address because the event has no organizer.
 *
 * With BOOKSPOOL_MAIL_ATTENDEE the customers get a mail of their own when their booking is made,
 * asked for, moved, cancelled or declined, or has another place or host: the attendees that the
 * event names, not their guests.
 * Addresses @sms.cal.com belong to customers who gave only a telephone number; they are not mailed.
 */
#ifndef MAIL_RECIPIENTS_H
#define MAIL_RECIPIENTS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/conf.h"
#include "event/event.h"
#include "ledger/decision.h"
#include "mail/templates.h"

struct recipients; /* the rules, parsed */

/* `fallback` is the owner where BOOKSPOOL_MAIL_TO is not set. NULL: `why` names the faulty rule. */
struct recipients *recipients_open(const struct conf *conf, const char *fallback, struct buf *why);
void recipients_close(struct recipients *recipients);

struct recipient {
    char *address;
    enum audience audience;
};

/* Each address once, compared without regard to case, as mails are named. Owned by the list. */
struct recipient_list {
    struct recipient *item;
    size_t count;
    size_t unmailable; /* customers left out, since their addresses cannot be mailed */
};

/* An address that mail can go to: none @sms.cal.com. NULL: it is not. */
bool recipients_mailable(const char *address);

/* False when memory ran out. A ping is not mailed. */
bool recipients_of(const struct recipients *recipients, const struct event *event,
    const struct decision *decision, struct recipient_list *list);
void recipient_list_free(struct recipient_list *list);

#endif
