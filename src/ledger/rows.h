/*
 * rows: what the rules need and write, as rows of the ledger's tables. Internal to the ledger.
 *
 *     booking   one row for each booking (struct booking_row of ledger/rules.h)
 *     person    persons who are, or were, in a booking
 *     notice    facts that were mailed, and the event of each
 *     decision  the decision about each event, by its id, with its overlaps
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

/* *found is false when it is not known. */
bool rows_get_booking(struct ledger *ledger, const char *provider, const char *uid,
    struct arena *arena, struct booking_row *row, bool *found);
bool rows_put_booking(struct ledger *ledger, const struct booking_row *row, struct arena *arena);

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

/* The overlaps of a live booking, into the decision. */
bool rows_find_overlaps(
    struct ledger *ledger, const struct booking_row *row, struct decision *decision);
/* From that column on: provider, uid, title, who, start, finish. */
void rows_read_overlap(
    sqlite3_stmt *statement, int column, struct arena *arena, struct overlap *overlap);

#endif
