/*
 * compose: from an event and what is known of it to the bytes of one mail for one recipient.
 *
 * The only place that knows how event, decision, templates, calendar and message fit together: the
 * drain's compose stage, its --dry-run and `bookspool render` all use it. Pure but for the system's
 * time-zone data.
 */
#ifndef MAIL_COMPOSE_H
#define MAIL_COMPOSE_H

#include <stdbool.h>

#include "base/address.h"
#include "base/buf.h"
#include "base/conf.h"
#include "event/event.h"
#include "ledger/decision.h"
#include "mail/templates.h"
#include "mail/zone.h"
#include "spool/record.h"

/* Sender and recipient where none is set, as with a Maildir on a machine with nothing set up. */
#define LOCAL_ADDRESS "bookspool@localhost"

struct composer {
    const char *from, *reply_to;   /* bare addresses; reply_to may be NULL */
    const char *from_name;         /* NULL: none */
    struct mailbox *mailbox;       /* what they point into; NULL: not owned */
    const char *timezone;          /* BOOKSPOOL_TIMEZONE, may be NULL */
    char system_zone[ZONE_SYSTEM]; /* where neither that nor the host's zone is known; "": UTC */
    struct templates *templates;
    bool one_language; /* that of the templates, whatever a reader's language is */
    int64_t calendar, customer_calendar; /* BOOKSPOOL_CALENDAR, BOOKSPOOL_CALENDAR_ATTENDEE */
};

/* As the settings say. False, with what is wrong in `why`, and nothing is left to close. */
bool composer_open(struct composer *composer, const struct conf *conf, struct buf *why);
void composer_close(struct composer *composer);

struct notice {
    const struct event *event;
    const struct decision *decision;
    const struct record *record; /* its raw body is attached where the mail does not say all */
    const char *name;            /* ID-r or ID.n-r */
    const char *recipient;
    enum audience audience;
};

/*
 * Appends the RFC 5322 message, of at most 2 MB. Any event and any templates make one: what is too
 * long is cut, then the mail has no HTML part, then it has the bare facts in place of the
 * templates. `why` then says what did not fit. False: out of memory.
 */
bool compose_message(
    const struct composer *composer, const struct notice *notice, struct buf *out, struct buf *why);

/* One part alone, for previews. What is too long is cut, as above. False: the templates cannot be
 * used for this event, as `why` says. */
bool compose_part(const struct composer *composer, const struct notice *notice,
    enum template_part part, struct buf *out, struct buf *why);

#endif
