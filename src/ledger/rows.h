/*
 * rows: what the rules need and write, as rows of the ledger's tables. Internal to the ledger.
 *
 *     booking   one row for each booking (struct booking_row of ledger/rules.h)
 *     person    persons who are, or were, in a booking
 *     notice    facts that were mailed, and the event of each
 *     decision  the decision about each event, by its id, with its overlaps and entries
 *     shared    the owner's entry of each group event
 *     detail    what bodies said of each booking (ledger/known.h)
 *     host      the time zone of each host
 *
 * False: ledger->failure says why.
 */
#ifndef LEDGER_ROWS_H
#define LEDGER_ROWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ledger/decision.h"
#include "ledger/fact.h"
#include "ledger/rules.h"
#include "ledger/store.h"

/* Roles of entries, in the order in which they sort. */
#define ROLE_OCCURRENCE "occurrence"
#define ROLE_OTHER      "other"

/* *found is false when it is not known. */
bool rows_get_booking(struct ledger *ledger, const char *provider, const char *uid,
    struct arena *arena, struct booking_row *row, bool *found);
/* Of the other bookings with that entry, the one that changed last. */
bool rows_get_same_entry(struct ledger *ledger, const char *provider, const char *calendar_uid,
    const char *uid, struct arena *arena, struct booking_row *row, bool *found);
/* The other live bookings of that series, in order of time. `born`: TIME_NONE, or when the booking
 * was made: one that was made at another time belongs to another series of the same person. */
bool rows_get_series(struct ledger *ledger, const char *provider, const char *series,
    const char *uid, int64_t born, struct arena *arena, struct booking_row **rows, size_t *count);
bool rows_put_booking(struct ledger *ledger, const struct booking_row *row, struct arena *arena);

/* The group event `uid`, as the booking `own` of it sees it. */
bool rows_get_shared(struct ledger *ledger, const char *provider, const char *uid, const char *own,
    struct group *group);
bool rows_put_shared(
    struct ledger *ledger, const char *provider, const char *uid, int64_t sequence);

/* The details (ledger/known.h) of the booking, of that person where it has seats; NULL: none.
 * *whose: the person that they are about, "" where the booking has no seats. */
bool rows_get_details(struct ledger *ledger, const char *provider, const char *uid,
    const char *person, struct arena *arena, const char **text, const char **whose);
bool rows_put_details(struct ledger *ledger, const char *provider, const char *uid,
    const char *person, int64_t stamp, const char *text);

/* The time zone that was last seen for a host's address, in lower case; NULL: none. */
bool rows_get_zone(
    struct ledger *ledger, const char *address, struct arena *arena, const char **zone);
bool rows_put_zone(struct ledger *ledger, const char *address, const char *zone, int64_t stamp);

bool rows_get_person(struct ledger *ledger, const char *provider, const char *uid,
    const char *person, enum presence *presence, int64_t *stamp);
/* Does not overwrite what a newer event said. */
bool rows_put_person(struct ledger *ledger, const char *provider, const char *uid,
    const char *person, enum presence presence, int64_t stamp);
bool rows_count_others(struct ledger *ledger, const char *provider, const char *uid,
    const char *person, size_t *count);

/* Was this fact mailed already? */
bool rows_is_repeated(
    struct ledger *ledger, const char *provider, const struct fact *fact, bool *repeated);
bool rows_put_notice(
    struct ledger *ledger, const char *provider, const struct fact *fact, const char *id);

bool rows_get_decision(
    struct ledger *ledger, const char *id, struct decision *decision, bool *found);
bool rows_put_decision(
    struct ledger *ledger, const char *id, int64_t arrived, const struct decision *decision);

/* Adds an occurrence to the stored decision about the first of a series; it is number `place` of
 * them. The overlaps are those of the decision about the occurrence itself. */
bool rows_grow_decision(struct ledger *ledger, const char *id, size_t place,
    const struct calendar_entry *occurrence, const struct decision *follower);

/* The overlaps of a live booking, into the decision. */
bool rows_find_overlaps(
    struct ledger *ledger, const struct booking_row *row, struct decision *decision);
/* From that column on: provider, uid, title, who, start, finish. */
void rows_read_overlap(
    struct statement *statement, int column, struct arena *arena, struct overlap *overlap);

#endif
