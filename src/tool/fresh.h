/*
 * fresh: a sample body made anew, so that each post is a booking of its own.
 *
 * Ids (uid, iCalUID, booking numbers; Calendly's URIs) become random ones, the same old id always
 * the same new one within the body. The envelope's time becomes now. All other times move by whole
 * days, in their own form: what lay ahead of the envelope's time lies ahead of now, what lay
 * behind it lies behind; lengths and times of day stay. A meeting's own event, which has no
 * envelope, moves to the day nearest to now. Members keep their order.
 */
#ifndef TOOL_FRESH_H
#define TOOL_FRESH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "event/key.h"

struct fresh_options {
    int64_t now;
    const char *uid;   /* the booking's id; NULL: random */
    const char *other; /* of the booking that it replaces, or that replaces it; likewise */
};

/* Appends the new body to out; one that is no JSON stays as it is. No memory ends the program. */
void fresh_body(enum provider provider, const void *body, size_t len,
    const struct fresh_options *options, struct buf *out);

#endif
