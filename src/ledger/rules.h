/*
 * rules: the decision about one event, given what is known. Pure.
 *
 * Deliveries come late, twice and in any order, so every rule depends on what is known, never on
 * what came last. A booking goes from named through pending to accepted, and ends cancelled,
 * rejected or moved; no step back, whatever an event's time says (neither provider revives a uid).
 * Among events of one step, times of sending decide: an older one does not overwrite.
 *
 * Late: a newer event of the booking is known. The mail says so, and the calendar entry stays.
 *
 * Moves. Cal.com gives the moved booking a new uid and names the old one in rescheduleUid.
 * Calendly sends invitee.created with old_invitee, and invitee.canceled with new_invitee, in
 * either order (developer.calendly.com, "See how webhook payloads change when invitees reschedule
 * events"). The created half notifies at once; the canceled one (kind cancelled, status "moved")
 * is deferred for `move_wait`, and suppressed when the created one came ("joined"). Either one
 * marks the old booking with the new uid, and the calendar entry keeps its UID. A request with
 * rescheduleUid asks for a move: the old booking and its entry stay until a created of that uid
 * confirms it, which then is the move.
 *
 * Seats. Those of one Cal.com booking share its uid. An attendee who joins or leaves changes the
 * entry and not the booking's state, until the last one leaves; one who moves a seat leaves the
 * others where they are, and loses the old entry.
 *
 * Group events. The invitees of one Calendly event are bookings of their own, and each customer has
 * an entry of that booking. The owner has one entry for all, under a UID derived from group_uid: it
 * stays while somebody is left.
 *
 * Series (rules_series.c). Cal.com sends each occurrence of a recurring booking as a booking of its
 * own, maybe all with one iCalUID, so an occurrence takes its UID from the provider only where that
 * names the occurrence. One created, rejected or cancelled can be about the whole series: it then
 * takes all that are still pending, or still to come, along. Which bookings are of one series is
 * known by the persons, the type and the time at which they were made: no body names the series.
 *
 * Changes. Another place or another host changes the entry and no state. If the provider's iCalUID
 * is another one after that, the old entry is cancelled and the new one takes its place.
 *
 * Reconciled events (ledger/step.h). Their bodies say less and differ from those of webhooks: one
 * is suppressed where its step is known, and a webhook where a reconciled event reported its step.
 *
 * Calendar entries. SEQUENCE rises with every change of the entry and is never below the
 * provider's own (RFC 5545 3.8.7.4). An entry whose beginning is not known begins at 1, to be
 * above what calendars may hold. The UID is that of the booking this one continues; else the
 * provider's, under which its own invitations run; else one derived from the oldest uid known.
 * Where a booking that is not known to continue another has the UID of an entry that a newer event
 * ended or moved, it is late: only the event that links the two is still to come. Where the other
 * one is live, they are two bookings, and the second gets a UID of its own.
 */
#ifndef LEDGER_RULES_H
#define LEDGER_RULES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "event/event.h"
#include "ledger/decision.h"

/* In the order in which a booking goes through them; the last three are final: no provider revives
 * a uid. */
enum booking_state {
    STATE_NAMED, /* only named: by another booking, or by the deferred half of a move */
    STATE_EMPTY, /* the last one gave up the seat; another person may take one */
    STATE_PENDING,
    STATE_ACCEPTED,
    STATE_CANCELLED,
    STATE_REJECTED,
    STATE_MOVED,
    BOOKING_STATES
};

/* What the ledger keeps of one booking. Texts belong to the caller that filled it; NULL and
 * TIME_NONE mean not known. */
struct booking_row {
    const char *provider; /* its name */
    const char *uid;
    enum booking_state state;
    int64_t stamp; /* the provider's time of the newest event that changed it */
    int64_t start, end;
    const char *organizer; /* address in lower case */
    const char *hosts;     /* of several hosts, with blanks between the addresses; else NULL */
    const char *title;
    const char *who;          /* name or address of the first attendee */
    const char *previous_uid; /* the booking it replaces, or asks to replace while it is pending */
    const char *replaced_by;
    const char *calendar_uid; /* of the entry in calendars, which lives on through moves */
    int64_t sequence;         /* of that entry; -1: none was mailed */
    const char *ical_uid;     /* the provider's, as last seen */
    const char *group_uid;    /* NULL: no group event */
    const char *series;       /* equal for the occurrences of a series */
    int64_t born;             /* the provider's time of the first event of it */
    int64_t changed;          /* ... of the newest change of place or host */
    bool calendar_written;    /* see struct decision */
};

/* The owner's entry of a group event. */
struct group {
    int64_t sequence; /* -1: none was mailed */
    size_t others;    /* live bookings besides the one in question */
};

enum { SERIES_BOOKED_WITHIN = 600000 }; /* ms; see rows_get_series */

enum presence { PERSON_UNKNOWN, PERSON_PRESENT, PERSON_GONE };

/* What the rules need besides the event. */
struct rules_state {
    bool repeated;                 /* the fact was mailed already (ledger/fact.h) */
    bool reconciled;               /* a reconciled event reported its step (ledger/step.h) */
    bool elsewhere;                /* a person of a reconciled event is known at another start */
    const struct booking_row *own; /* of the event's uid; NULL: not known */
    const struct booking_row *previous;
    enum presence person; /* of the first attendee in the own booking */
    int64_t person_stamp;
    size_t others;          /* persons in the own booking besides this one */
    size_t previous_others; /* ... in the previous booking */
    /* The newest other booking whose entry has the event's ical_uid; NULL: none. */
    const struct booking_row *same_entry;
    struct group group, previous_group;
    const struct booking_row *series; /* the other live bookings of a whole series */
    size_t series_count;
};

/* What is to be written. The rows are complete; their texts belong to the event, to what was known,
 * or to the decision's arena. */
struct rules_writes {
    bool own_changed, previous_changed;
    struct booking_row own, previous;
    bool joined;                /* the attendees are present in the own booking */
    bool left;                  /* the first attendee is gone from the own booking */
    bool left_previous;         /* ... from the previous booking */
    bool notified;              /* the fact counts as mailed from now on */
    bool decided;               /* the decision is stored: it is not deferred */
    bool takes_time;            /* the decision lists the overlaps of the own booking */
    bool together;              /* one mail may say this of several occurrences */
    struct booking_row *series; /* changed bookings of the series */
    size_t series_count;
    int64_t group_sequence, previous_group_sequence; /* -1: unchanged */
};

/* Does anything about this event depend on, or change, what is known of bookings? */
bool rules_about_booking(const struct event *event);

/* Is it the canceled half of a move, which waits for the created one? */
bool rules_is_moved_half(const struct event *event);

/*
 * The uid of the booking that this event's booking replaces, given the own row (NULL: not known).
 * NULL: none.
 */
const char *rules_previous_uid(const struct event *event, const struct booking_row *own);

/* The group event of the event's booking, given the own row (NULL: not known). NULL: none. */
const char *rules_group_uid(const struct event *event, const struct booking_row *own);

/* What the occurrences of a series have in common, given the own row. NULL: it is not one of a
 * series, or the arena has failed. */
const char *rules_series(
    const struct event *event, const struct booking_row *own, struct arena *arena);

/* Can the event be about a booking whose entry is known under its ical_uid? */
bool rules_asks_same_entry(
    const struct event *event, const struct booking_row *own, const char *previous_uid);

/* Is the step that the event reports, or a later one, known already? */
bool rules_is_step_known(const struct event *event, const struct rules_state *known);

/* `decision` is as decision_init leaves it. False: memory ran out, or libcrypto failed. */
bool rules_decide(const struct event *event, const struct rules_state *known, int64_t now,
    int64_t move_wait, struct decision *decision, struct rules_writes *writes);

#endif
