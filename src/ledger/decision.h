/*
 * decision: what the ledger decides about one event, given all that came before it.
 *
 * Stored by the event's id before any mail is made, so an event that is entered again (the drain
 * died, an operator moved a file) gets the same decision and changes nothing.
 *
 * Ownership: strings and the list live in the decision's arena, which decision_free releases.
 * A zeroed decision is valid: it notifies, and adds nothing to the event.
 */
#ifndef LEDGER_DECISION_H
#define LEDGER_DECISION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "event/event.h"

enum decision_result {
    DECISION_NOTIFY,   /* mails are made */
    DECISION_SUPPRESS, /* no mail: another event says the same, or more */
    DECISION_DEFER     /* decide again at `until` */
};

/* What the event does to the entry in people's calendars. */
enum calendar_change {
    CALENDAR_UNTOUCHED, /* no calendar part: no booking, or a newer entry exists */
    CALENDAR_CONFIRMED,
    CALENDAR_TENTATIVE, /* requested, not confirmed yet */
    CALENDAR_CANCELLED
};

/* Another live booking of the same organizer at the same time. */
struct overlap {
    const char *provider;          /* its name */
    const char *uid, *title, *who; /* who: name or address of the first attendee; may be NULL */
    int64_t start, end;
};

enum { OVERLAPS_MAX = 8 };

struct decision {
    enum decision_result result;
    const char *reason; /* a word of the log: "first-report", "repeated-fact", "joined", ... */
    int64_t until;      /* ms; only with DECISION_DEFER */

    /* What it means, where that differs from the event's own kind: a confirmed request to move is
     * a move. KINDS: as the event says. */
    enum event_kind meaning;
    /* A newer event of the booking is known. The calendar is untouched, or the entry of a booking
     * that was moved meanwhile is cancelled. */
    bool late;

    int64_t previous_start, previous_end; /* TIME_NONE: not known, or not moved */

    enum calendar_change calendar;
    const char *calendar_uid; /* stable through moves; NULL with CALENDAR_UNTOUCHED */
    int64_t sequence;         /* RFC 5545 3.8.7.4: rises with each change of the entry */

    struct overlap *overlaps;
    size_t overlap_count; /* of the list, at most OVERLAPS_MAX */

    struct arena arena;
};

/* "notify", "suppress", "defer"; "untouched", "confirmed", "tentative", "cancelled".
 * Parsing NULL returns false. */
const char *decision_result_name(enum decision_result result);
bool decision_result_parse(const char *name, enum decision_result *result);
const char *calendar_change_name(enum calendar_change change);
bool calendar_change_parse(const char *name, enum calendar_change *change);

/* The decision about an event without a ledger: notify. */
void decision_init(struct decision *decision);
void decision_free(struct decision *decision);

#endif
