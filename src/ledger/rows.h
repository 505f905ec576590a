/*
 * rows: what the rules ask and write, as rows of the ledger's tables.
 *
 *     booking   one a booking, as ledger/row.h says
 *     person    who is, or no longer is, in a booking
 *     notice    which facts were told, by which event
 *     decision  what was decided, by the event's key, with its overlaps
 *
 * False: the store failed and says why.
 */
#ifndef LEDGER_ROWS_H
#define LEDGER_ROWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ledger/decision.h"
#include "ledger/fact.h"
#include "ledger/row.h"
#include "ledger/rules.h"
#include "ledger/store.h"

/* *found is false when it is not known. */
bool rows_get_booking(struct store *store, const char *provider, const char *uid,
    struct arena *arena, struct booking_row *row, bool *found);
bool rows_put_booking(struct store *store, const struct booking_row *row, struct arena *arena);

bool rows_get_person(struct store *store, const char *provider, const char *uid, const char *person,
    enum presence *presence, int64_t *stamp);
/* What is known from a newer event stays. */
bool rows_put_person(struct store *store, const char *provider, const char *uid, const char *person,
    enum presence presence, int64_t stamp);
bool rows_count_others(
    struct store *store, const char *provider, const char *uid, const char *person, size_t *count);

/* Was this fact told already? */
bool rows_is_repeated(
    struct store *store, const char *provider, const struct fact *fact, bool *repeated);
bool rows_put_notice(
    struct store *store, const char *provider, const struct fact *fact, const char *key);

bool rows_get_decision(
    struct store *store, const char *key, struct decision *decision, bool *found);
bool rows_put_decision(
    struct store *store, const char *key, int64_t arrived, const struct decision *decision);

/* The overlaps of a live booking, into the decision. */
bool rows_find_overlaps(struct store *store, const struct booking_row *row,
    struct decision *decision); /* From that column on: provider, uid, title, who, start, finish. */
void rows_read_overlap(
    sqlite3_stmt *statement, int column, struct arena *arena, struct overlap *overlap);

#endif
