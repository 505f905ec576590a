/*
 * enrich: with BOOKSPOOL_ENRICH=yes, what a body lacks of a booking is asked of the provider's API:
 *
 *     Calendly  the scheduled event, where an older body has only its URI; the name of the event
 *               type; the host's time zone
 *     Cal.com   the booking, where a body without a title or a beginning (no-shows, payments) is
 *               the first that comes of it; what the event type hides, where the first body does
 * not say it: without an answer it counts as hidden
 *
 * It never costs a mail. It is asked before the ledger's transaction of a batch, through the cache
 * of the API, for ENRICH_MS in one run at most; a provider that does not answer is not asked again
 * in that run; and without an answer the mail says what is known.
 *
 * What was learned is stored with the decision about the event (ledger/known.h): a mail that is
 * made again, or an event that is mailed again, says the same and asks nothing.
 */
#ifndef DRAIN_ENRICH_H
#define DRAIN_ENRICH_H

#include "drain/run.h"
#include "drain/waiting.h"

enum { ENRICH_MS = 8000, ENRICH_CALL_MS = 4000 };

struct enrich;

/* NULL: it is not wanted, no provider has a token, or memory ran out. */
struct enrich *enrich_open(struct run *run);
void enrich_close(struct enrich *enrich);

/*
 * Asks for what is lacking in the next events of new/, from number `from` on, unless that was done
 * already. Not inside a transaction.
 */
void enrich_ahead(
    struct enrich *enrich, struct run *run, const struct waiting *waiting, size_t from);

/*
 * The event as it is to be decided: `full`, completed, where something was learned of it; else
 * `event` itself. `full` is to be freed either way, not before the decision. `enrich` may be NULL.
 */
const struct event *enrich_event(
    const struct enrich *enrich, struct event *event, struct event *full);

#endif
