/*
 * step: the step of a booking that an event reports, as a reconciled event and a webhook of the
 * same change have it in common.
 *
 * A reconciled event is made from what the provider's API says of a booking, so its body differs
 * from that of the webhook in many members, and the facts of ledger/fact.h never match. But no uid
 * takes a step twice (ledger/rules.h), except that a booking with seats takes one for each person,
 * and that its host can move it with all of them in place: so the step, the uid, that person, and
 * where a booking is accepted its beginning, say whether both are the same news. Either may come
 * first:
 *
 *   the webhook first    the reconciled event reports a step that is known ("known-already")
 *   the reconciled first its step is kept beside the facts, and the webhook meets it ("reconciled")
 */
#ifndef LEDGER_STEP_H
#define LEDGER_STEP_H

#include <stdbool.h>

#include "base/arena.h"
#include "event/event.h"
#include "ledger/fact.h"
#include "ledger/ledger.h"

/*
 * As a fact: its name is "@accepted", "@pending", "@cancelled", "@moved" or "@rejected", which is
 * no provider's name of an event. False: the event reports no such step. Texts live in the event or
 * the arena.
 */
bool step_of(const struct event *event, struct arena *arena, struct fact *step);

/* Do both report the same step of the same booking? */
bool step_equal(const struct fact *a, const struct fact *b);

/*
 * The id of a reconciled event: the first 32 hex digits of SHA-256 over "reconcile", the provider's
 * name, and name, uid, person and digest of the step, with a zero byte between them. So the same
 * step gives the same id, however often and by however many it is found. False: libcrypto failed.
 */
bool step_id(const char *provider, const struct fact *step, char id[ID_SIZE]);

/* What the ledger has of the booking of an event, before the event is entered. */
struct ledger_look {
    bool known;         /* the step that the event reports, or a later one, is known */
    bool own_known;     /* the booking is */
    bool own_live;      /* it is pending or accepted */
    bool previous_live; /* the one that it replaces is */
    bool seat_moved;    /* the person has a seat in it, and is known at another start */
};

/* Outside of transactions too. False: ledger_failure says why. */
bool ledger_look(struct ledger *ledger, const struct event *event, struct ledger_look *look);

/* Was an event of that name, of the provider's, mailed about the booking, to anybody? */
bool ledger_noticed(
    struct ledger *ledger, const char *provider, const char *uid, const char *name, bool *noticed);

/* How many persons have a seat in the booking, and how many of them were forgotten. */
bool ledger_seats(struct ledger *ledger, const char *provider, const char *uid, int64_t *taken,
    int64_t *forgotten);

/*
 * What is known of the bookings whose uid begins with `prefix`: how many there are, and how many of
 * them are pending or accepted.
 */
bool ledger_count(
    struct ledger *ledger, const char *provider, const char *prefix, int64_t *all, int64_t *live);

#endif
