/*
 * samples: the bodies of examples/bodies, inside the program. src/tool/samples.sh makes the table
 * when the program is built.
 */
#ifndef TOOL_SAMPLES_H
#define TOOL_SAMPLES_H

#include <stddef.h>

#include "event/event.h"

struct sample {
    enum provider provider;
    const char *name; /* the file's, without its ending */
    const char *type; /* Content-Type */
    const unsigned char *data;
    size_t len;
};

/* Sorted by provider and name; the entry behind the last has no name. */
extern const struct sample samples[];

/* The sample of that name, or the first one of that kind ("created", ...); NULL: none. */
const struct sample *sample_find(enum provider provider, const char *name);

/* What the provider module makes of it: its kind, and the provider's own name of the event. */
enum event_kind sample_kind(const struct sample *sample, char event_name[65]);

#endif
