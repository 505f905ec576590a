/*
 * samples: the bodies of examples/bodies, inside the program. src/tool/samples.sh makes the table
 * when the program is built.
 *
 * They are real bodies of an invented booking and use the same ids and times, which sample_renew
 * replaces.
 */
#ifndef TOOL_SAMPLES_H
#define TOOL_SAMPLES_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "provider/provider.h"
#include "tool/tool.h"

struct sample {
    enum provider provider;
    const char *name; /* the file's, without its ending */
    const char *type; /* Content-Type */
    const unsigned char *data;
    size_t len;
};

/* Sorted by provider and name; the last entry has no name. */
extern const struct sample samples[];

/* The sample of that name, or the first one of that kind ("created", ...); ends the program when
 * there is none. */
const struct sample *sample_find(const struct tool *tool, enum provider provider, const char *name);

struct sample_options {
    int64_t now;
    const char *uid;   /* the booking's id; NULL: random. Both without a quote or a backslash */
    const char *other; /* of the booking that it replaces, or that replaces it; likewise */
};

/*
 * Appends the body with new ids and times, so that each post is a booking of its own. Each id
 * becomes a random one, the same throughout the body. The time of sending becomes now; other times
 * move by entire days, so that past stays past, future stays future, and durations and times of day
 * stay. A meeting's own event, which has no time of sending, moves to the day nearest to now. Lack
 * of memory ends the program.
 */
void sample_renew(
    const struct sample *sample, const struct sample_options *options, struct buf *out);

/* Its kind, and the provider's own name of the event. */
enum event_kind sample_kind(const struct sample *sample, char event_name[65]);

#endif
