/*
 * fact: when two events say the same thing.
 *
 * The same URL subscribed at two levels of Cal.com (user and team, say), and co-hosts' own
 * subscriptions at Calendly, deliver one fact in two bodies that differ in their times of sending.
 * The provider's byte-identical retries do not reach this module: they have the same id.
 *
 * A fact is the event without id, received_at and sent_at. It repeats another one about the same
 * booking, person and event name if nothing else was said between the two, by the provider's clock:
 * a no-show that is set, cleared and set again is three facts, in whatever order they come and
 * however often each. Where there is no booking (forms, absences) or the meaning is not known,
 * equal things may happen twice: only what was sent within FACT_NEAR is a repetition.
 */
#ifndef LEDGER_FACT_H
#define LEDGER_FACT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "event/event.h"

enum { FACT_NEAR = 10000 }; /* ms */

struct fact {
    const char *uid;    /* "": about no booking */
    const char *person; /* "": no particular person */
    const char *name;   /* the provider's name of the event, else its kind */
    int64_t stamp;      /* when it was sent; without that, when it arrived */
    bool bare;          /* only nearness in time makes it a repetition */
    char digest[ID_SIZE];
};

/* False when memory ran out or libcrypto failed. Texts live in the event or the arena. */
bool fact_of(const struct event *event, struct arena *arena, struct fact *fact);

int64_t fact_stamp(const struct event *event);

/* The comparison with the facts of the same uid, person and name, in order of stamp. It is a
 * repetition if near, before or after is set. */
struct fact_repetition {
    bool near;          /* bare: an equal one is near */
    bool before, after; /* the next one before it, after it, is equal */
    bool after_seen;
};
void fact_compare(
    struct fact_repetition *repetition, const struct fact *fact, int64_t stamp, const char *other);

/*
 * What identifies a person: the address in lower case, else the seat, else the name. The address
 * comes first because a seat has two names: attendeeSeatId where it is taken, the attendee's number
 * where it is given up. NULL: there is no such person, or memory ran out.
 */
const char *fact_person(const struct event *event, size_t attendee, struct arena *arena);

#endif
