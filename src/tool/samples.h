/*
 * samples: the bodies of examples/bodies, inside the program. src/tool/samples.sh makes the table
 * when the program is built.
 *
 * They are real bodies of an invented booking, and agree on its ids and times: these are the
 * placeholders that sample_renew fills.
 */
#ifndef TOOL_SAMPLES_H
#define TOOL_SAMPLES_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "provider/provider.h"

struct sample {
    enum provider provider;
    const char *name; /* the file's, without its ending */
    const char *type; /* Content-Type */
    const unsigned char *data;
    size_t len;
};

/* Sorted by provider and name; the last entry has no name. */
extern const struct sample samples[];

/* The sample of that name, or the first one of that kind ("created", ...); NULL: none. */
const struct sample *sample_find(enum provider provider, const char *name);

struct sample_options {
    int64_t now;
    const char *uid;   /* the booking's id; NULL: random. Both without a quote or a backslash */
    const char *other; /* of the booking that it replaces, or that replaces it; likewise */
};

/*
 * Appends the body with ids and times of its own, so that each post is a booking of its own. Every
 * id becomes a random one, the same one throughout. The time when it was sent becomes now; other
 * times move by whole days: what was past stays past, what was to come stays to come, lengths and
 * times of day stay. A meeting's own event, which has no sending time, moves to the day nearest to
 * now. No memory ends the program.
 */
void sample_renew(
    const struct sample *sample, const struct sample_options *options, struct buf *out);

/* What the provider module makes of it: its kind, and the provider's own name of the event. */
enum event_kind sample_kind(const struct sample *sample, char event_name[65]);

#endif
