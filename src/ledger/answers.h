/*
 * answers: the cache of what the providers' APIs answered, shared by all processes.
 *
 * An answer has an id that the caller makes; it holds no credential. The one that was not used for
 * the longest time goes first. The ledger that cannot be read or written is an empty cache: false
 * is never an error to report.
 */
#ifndef LEDGER_ANSWERS_H
#define LEDGER_ANSWERS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "ledger/ledger.h"

/* Appends the body that was stored at or after `since`, and not after `now`; it counts as used. */
bool answers_get(
    struct ledger *ledger, const char *id, int64_t since, int64_t now, struct buf *body);

/* Stores a body in place of an older one; then no more than `most` are kept, and none that was
 * stored before `since`. */
bool answers_put(struct ledger *ledger, const char *id, const char *provider, const char *body,
    int64_t now, int64_t since, int64_t most);

/* Removes those of a provider (NULL: all); *count of them. */
bool answers_clear(struct ledger *ledger, const char *provider, int64_t *count);

/* How many there are, of a provider or all. */
bool answers_count(struct ledger *ledger, const char *provider, int64_t *count);

#endif
