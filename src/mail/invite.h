/*
 * invite: the calendar objects of one mail.
 *
 * Which entries change is the decision's; which of them the reader has, what they say, and whether
 * a mail has objects at all (BOOKSPOOL_CALENDAR, BOOKSPOOL_CALENDAR_ATTENDEE) is decided here.
 *
 * An owner has METHOD:PUBLISH or CANCEL, a customer REQUEST or CANCEL. The host who gave a booking
 * away has CANCEL, and so has a customer who gives up a seat: the others keep the entry. A customer
 * has nothing before a request is confirmed.
 *
 * Several entries (a series; a move out of a group event) are one object where they are all
 * published, and else one object each: RFC 5546 3.2.2 and 3.2.5 want one UID in a REQUEST and a
 * CANCEL, and Outlook shows a mail that breaks the rule as "not supported calendar message". The
 * first object is the mail's text/calendar alternative, the others are attachments.
 *
 * What customers must not see is in no entry of theirs; notes, answers and telephone numbers are in
 * none where the booking hides notes or details (Cal.com's hideCalendarNotes and
 * hideCalendarEventDetails), and the host's own notes are in none at all, since calendars are
 * shared.
 */
#ifndef MAIL_INVITE_H
#define MAIL_INVITE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/value.h"
#include "mail/calendar.h"
#include "mail/compose.h"

enum { INVITES_MAX = ENTRIES_MAX + OTHERS_MAX };

struct invites {
    struct buf *text; /* one object each; the list is in the arena, the texts are freed by */
    enum calendar_method *method; /* invites_free */
    const char **name;            /* "invite-2-2027-01-19.ics" */
    size_t count;
    bool as_file; /* no alternative: attachments alone */
};

/* `templates` has the words of the reader's language. `view` gives the title and the place as the
 * reader's mail has them; NULL: the event does. False: out of memory. invites_free either way. */
bool invites_make(struct arena *arena, const struct composer *composer,
    const struct templates *templates, const struct notice *notice, const struct value *view,
    struct invites *out);
void invites_free(struct invites *invites);
size_t invites_size(const struct invites *invites);

#endif
