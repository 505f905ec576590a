/*
 * view: the context that templates see: the booking event, and what a reader of a mail wants
 * ready-made: times in the reader's zone, in the words of the language; what changed; which other
 * bookings it overlaps. bookspool-templates(5) lists all of it.
 *
 * The decision's meaning replaces the event's kind, and its previous times are used where the event
 * has none.
 *
 * What a customer may see is decided here alone (view_customer.c): nothing of others, which are
 * other attendees, overlaps and how many places are taken; answers, notes, guests, payment and the
 * links to change a booking only of the one who booked; nothing that is for the host; and no host's
 * address where the provider says that it is hidden. The rest is removed before the context is
 * made, so no template can print it.
 *
 * Pure but for the system's time-zone data. The same arguments give the same context.
 */
#ifndef MAIL_VIEW_H
#define MAIL_VIEW_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/value.h"
#include "event/event.h"
#include "ledger/decision.h"
#include "mail/cut.h"
#include "mail/templates.h"

struct view_options {
    const char *timezone; /* BOOKSPOOL_TIMEZONE; NULL: the organizer's, else UTC */
    enum audience audience;
    const char *recipient; /* the address; the reader's own name, zone and clock are found by it */
    const struct cut_limits *limits; /* NULL: nothing is cut */
};

/* What a mail is about: the decision's meaning, else the event's kind. It chooses the templates. */
enum event_kind view_kind(const struct event *event, const struct decision *decision);

/* The attendee with that address, compared without regard to case; NULL: none. */
const struct person *view_attendee(const struct event *event, const char *address);

/* The host with that address: the organizer, another host, or the one who gave a booking away.
 * NULL: none. */
const struct person *view_host(const struct event *event, const char *address);

/* The host that a reassigned booking had before; NULL: not known. */
const struct person *view_previous_host(const struct event *event);

/* Who the recipient is, as far as the event tells; NULL: not known. */
const struct person *view_reader(
    const struct event *event, enum audience audience, const char *recipient);

/* The event as that customer may see it, in the arena where it differs. `self` holds the reader: a
 * list of one. */
void view_cut_for_customer(
    struct event *event, const char *reader, struct person *self, struct arena *arena);

/*
 * It lives in the arena, and no longer than what it is made from. What is longer than the limits is
 * cut, and then `cut` is true in it. NULL: the arena has failed, or a word of the language cannot
 * be made for this event, as `why` says.
 */
struct value *view_make(struct arena *arena, const struct event *event,
    const struct decision *decision, const struct templates *templates,
    const struct view_options *options, struct buf *why);

#endif
