/*
 * known: what the ledger keeps of what bodies say of a booking, for the bodies that say less.
 *
 * Cal.com's paid and no-show bodies lack most of a booking: title, time, answers, link. No body of
 * a change names the host or the place before it. Calendly never sends the host's zone. And what a
 * host wants to hide is to stay hidden where a later body does not repeat it.
 *
 * The details of a booking are one JSON text, kept by the booking, or by the person where it has
 * seats. What of it an event lacks is stored with the decision about it (`known` of struct
 * decision), so that a mail that is made again says the same although the ledger has gone on.
 *
 * Pure. Texts are in the arena; NULL where there is nothing to say or the arena has failed.
 */
#ifndef LEDGER_KNOWN_H
#define LEDGER_KNOWN_H

#include <stdbool.h>

#include "event/event.h"
#include "ledger/decision.h"

/* Does a body of that kind tell how the booking is? */
bool known_tells(const struct event *event);

/* The details after the event: its own members over those of `before` (NULL: none), or under them
 * where the event is not the newest one. */
const char *known_merge(
    struct arena *arena, const char *before, const struct event *event, bool newest);

/* The start in the details; TIME_NONE. */
int64_t known_start(struct arena *arena, const char *details);
/* The details at other times. */
const char *known_move(struct arena *arena, const char *details, int64_t start, int64_t end);

/* What of the details the event lacks. `whose` is false where they are of another person who has a
 * seat in the same booking: his words are left out. `host_zone` is that of the organizer, NULL: not
 * known, or the event has it. */
const char *known_select(struct arena *arena, const char *details, const struct event *event,
    bool whose, const char *host_zone);

/* Both, as one; what the first says counts. */
const char *known_join(struct arena *arena, const char *first, const char *second);

/* Completes the event by what the decision about it knows. What the event says itself stays. */
void ledger_complete(const struct decision *decision, struct event *event);

#endif
