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

/* An entry in calendars, and what the event does to it. */
struct calendar_entry {
    const char *uid; /* of its booking, or of the group event */
    enum calendar_change calendar;
    const char *calendar_uid;
    int64_t sequence;
    int64_t start, end;
    int64_t taken;        /* places taken after the event, where it is shared; 0: not known */
    bool owner, customer; /* who has it */
};

enum { ENTRIES_MAX = 366, OTHERS_MAX = 4 };

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
    /* Of the booking's entry, stable through moves; with CALENDAR_UNTOUCHED too: it tells which
     * mails belong together. NULL: about no booking. */
    const char *calendar_uid;
    int64_t sequence; /* RFC 5545 3.8.7.4: rises with each change of the entry */
    int64_t taken;    /* places taken in a seated booking after the event; 0: not known */
    /* The first mail's body showed that the provider writes the host's calendar itself. */
    bool calendar_written;
    bool unconfirmed; /* it ends without having been confirmed: no customer has an entry */
    /* The entry above is the customer's alone; the owner's, of the group event, is in `others`. */
    bool grouped;

    /*
     * What this event, or this one and others that came together with it, says of the occurrences
     * of one series; in order of time, the event's own booking among them. None: it is about the
     * one booking. The change is the same for all.
     */
    struct calendar_entry *occurrences;
    size_t occurrence_count; /* at most ENTRIES_MAX */
    /* Further entries that change: that of a group event, and those that end with a move. */
    struct calendar_entry *others;
    size_t other_count; /* at most OTHERS_MAX */

    /* What the ledger knew of the booking before the event: see ledger/known.h. NULL: nothing. */
    const char *known;

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
