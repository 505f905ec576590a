/*
 * erase: takes a person out of the ledger.
 *
 * A booking stays with its times, its state and its SEQUENCE, without title and names: a
 * cancellation that comes later still reaches calendars, and reconciling does not take it for one
 * whose webhook never arrived. So does a seat, under a key that means nothing: it is counted only
 * by reconciling (ledger_seats), so that the provider's list of persons does not bring the person
 * back. What its bodies said of it, its place, and cached answers of the provider go. A decision
 * stays, since a replay of an event is made of it, without what it held of persons. Nothing is left
 * in free pages of the file or in its log.
 *
 * A fact about the person that a second subscription delivers later is no longer recognised as
 * repeated.
 */
#ifndef LEDGER_ERASE_H
#define LEDGER_ERASE_H

#include <stdbool.h>
#include <stdint.h>

#include "event/mention.h"
#include "ledger/ledger.h"

/* What the keys of seats begin with whose person was forgotten. */
#define FORGOTTEN "forgotten:"

struct erased {
    int64_t bookings; /* that the person was in */
    int64_t upcoming; /* of these, the live ones that are not over */
    int64_t rows;     /* removed or emptied, in all tables */
};

/* Begins a transaction, which the caller commits or rolls back. `mention` lives as long as it. */
bool ledger_erase_begin(struct ledger *ledger, struct mention *mention);

/* Events and bookings that are the person's, as their bodies say. More are found by the address. */
bool ledger_erase_event(struct ledger *ledger, const char *id);
bool ledger_erase_booking(struct ledger *ledger, const char *provider, const char *uid);

/* The number of bookings whose host has the address. */
bool ledger_erase_hosted(struct ledger *ledger, int64_t *count);

/*
 * Calls `other` for each event whose mails may name the person although its body does not: a
 * booking of the person was at the same time.
 */
bool ledger_erase(struct ledger *ledger, int64_t now, bool (*other)(void *context, const char *id),
    void *context, struct erased *erased);

/* After the commit: rewrites the file. PostgreSQL's vacuum does that for its tables by itself. */
bool ledger_erase_end(struct ledger *ledger);

/* Frees what ledger_erase_begin made; the ledger does it when it is closed. */
void erase_drop(struct ledger *ledger);

#endif
