/*
 * recipients: who gets a mail of an event.
 *
 * BOOKSPOOL_MAIL_TO names the owners. BOOKSPOOL_NOTIFY says otherwise for some kinds, in
 * rules separated by semicolons, of which the first that fits decides:
 *
 *     KINDS [of ORGANIZER]: WHOM
 *
 *     KINDS      words of event_kind_name, separated by blanks or commas, or *
 *     ORGANIZER  the organizer's address; without it, everybody's bookings
 *     WHOM       addresses separated by commas; `owner` stands for BOOKSPOOL_MAIL_TO, `organizer`
 *                for the organizer's own address, `none` for nobody
 *
 *     meeting_started meeting_ended: none; * of ann@example.org: ann@example.org; *: owner
 *
 * Where no rule fits, the owners are told: a mistake in the rules must not hide a booking. So it
 * is where WHOM comes to nobody because an event names no organizer.
 *
 * With BOOKSPOOL_MAIL_ATTENDEE the customers get one of their own when their booking is made,
 * asked for, moved, cancelled or declined: the attendees that the event names, not their guests.
 * Who has only a telephone has an address @sms.cal.com, at which nobody reads mail: never.
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

/* `fallback` stands for the owner where BOOKSPOOL_MAIL_TO is not set. NULL: `why` names the rule.
 */
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
};

/* False when memory ran out. A ping is nobody's news. */
bool recipients_of(const struct recipients *recipients, const struct event *event,
    const struct decision *decision, struct recipient_list *list);
void recipient_list_free(struct recipient_list *list);

#endif
