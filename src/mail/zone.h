/*
 * zone: points in time as people read them, in a zone of the system's time-zone data.
 *
 * Names of days and months are English whatever the locale. An abbreviation that
 * the zone data gives as a bare offset ("-03") is written "UTC-03".
 */
#ifndef MAIL_ZONE_H
#define MAIL_ZONE_H

#include <stdbool.h>
#include <stdint.h>

#include <glib.h>

#include "base/buf.h"

struct zone {
    GTimeZone *tz;
    const char *name; /* as asked for; not copied */
    bool known;       /* false: there is no zone of that name here, and UTC stands in */
};

/*
 * An IANA name such as Europe/Berlin; NULL means UTC. Names come from customers' browsers, and the
 * zone data is files: a name that is a path out of the zone folder is not known.
 */
void zone_open(struct zone *zone, const char *name);
void zone_close(struct zone *zone);

/* Appends "Tue 24 Nov 2026, 16:00 CET". */
void zone_moment(const struct zone *zone, int64_t when, struct buf *out);

/*
 * Appends "Tue 24 Nov 2026, 16:00 to 16:30 CET (Europe/Berlin)", and says so when the zone is not
 * known. `end` may be TIME_NONE.
 */
void zone_span(const struct zone *zone, int64_t start, int64_t end, struct buf *out);

/* Do clocks in both zones show the same at that time? */
bool zone_agree(const struct zone *a, const struct zone *b, int64_t when);

#endif
