/*
 * decision: what the ledger makes of one event, in the light of all that came before it.
 *
 * Stored by the event's key before any mail is made, so an event that is told twice (the drain
 * died, an operator moved a file) gets the same answer and changes nothing.
 *
 * Ownership: strings and the list live in the decision's arena; decision_free gives them back.
 * A zeroed decision is a valid one: it speaks, and knows nothing besides the event.
 */
#ifndef LEDGER_DECISION_H
#define LEDGER_DECISION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "event/event.h"

enum verdict {
    VERDICT_SPEAKS, /* mails are made */
    VERDICT_SILENT, /* nobody is told: another event said it, or says it better */
    VERDICT_WAITS   /* not decided yet: ask again at `until` */
};

/* What the event does to the entry in people's calendars. */
enum calendar_change {
    CALENDAR_UNTOUCHED, /* no calendar part: no booking, or one whose entry is further on */
    CALENDAR_CONFIRMED,
    CALENDAR_TENTATIVE, /* it waits for a yes or no */
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
    enum verdict verdict;
    const char *reason; /* a log token: "news", "repeated-fact", "folded", "partner-awaited", ... */
    int64_t until;      /* ms; only with VERDICT_WAITS */

    /* What it means, where that differs from the event's own kind: a confirmed request to move is
     * a move. KINDS: as the event says. */
    enum event_kind meaning;
    /* The booking is further on already: told as news of the past. The calendar is untouched, or an
     * entry is cancelled that a move, told late, left behind. */
    bool late;

    int64_t previous_start, previous_end; /* TIME_NONE: not known, or not moved */

    enum calendar_change calendar;
    const char *calendar_uid; /* stable through moves; NULL with CALENDAR_UNTOUCHED */
    int64_t sequence;         /* RFC 5545 3.8.7.4: rises with each change of the entry */

    struct overlap *overlaps;
    size_t overlap_count; /* of the list, at most OVERLAPS_MAX */

    struct arena arena;
};

/* "speaks", "silent", "waits"; "untouched", "confirmed", "tentative", "cancelled". */
const char *verdict_name(enum verdict verdict);
bool verdict_parse(const char *name, enum verdict *verdict);
const char *calendar_change_name(enum calendar_change change);
bool calendar_change_parse(const char *name, enum calendar_change *change);

/* An event that no ledger was asked about: it speaks for itself. */
void decision_init(struct decision *decision);
void decision_free(struct decision *decision);

#endif
