/*
 * row: what the ledger keeps of one booking, and its words in the database.
 *
 * Texts belong to the caller that filled the row; NULL and TIME_NONE mean not known.
 */
#ifndef LEDGER_ROW_H
#define LEDGER_ROW_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "event/event.h"

/* In the order in which a booking can go through them; the last three are for good. */
enum booking_state {
    STATE_HEARD_OF, /* named by another booking, or by a half of a move that waits for the other */
    STATE_PENDING,
    STATE_ACCEPTED,
    STATE_CANCELLED,
    STATE_REJECTED,
    STATE_MOVED,
    STATES
};

struct booking_row {
    const char *provider; /* its name */
    const char *uid;
    enum booking_state state;
    int64_t stamp; /* the provider's time of the newest event that changed it */
    int64_t start, end;
    const char *organizer; /* address in lower case */
    const char *title;
    const char *who;          /* name or address of the first attendee */
    const char *previous_uid; /* the booking it replaces, or asks to replace while it is pending */
    const char *replaced_by;
    const char *calendar_uid; /* of the entry in calendars, which lives on through moves */
    int64_t sequence;         /* of that entry; -1: none was mailed */
};

const char *state_name(enum booking_state state);
bool state_parse(const char *name, enum booking_state *state);

/* Does it occupy the organizer's time? */
bool state_is_live(enum booking_state state);
/* No provider revives such a uid. */
bool state_is_final(enum booking_state state);

/*
 * The meeting that the booking belongs to. The invitees of one Calendly event are bookings of
 * their own, whose URIs begin with that of the event; they do not conflict with each other.
 */
const char *row_meeting(struct arena *arena, const char *uid);

#endif
