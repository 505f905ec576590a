/*
 * zone: points in time on the clocks of a zone of the system's time-zone data.
 *
 * A zone is read once: a process uses new zone data when it is started again. Not thread-safe. How
 * a date is written is up to the language (view_times.c).
 */
#ifndef MAIL_ZONE_H
#define MAIL_ZONE_H

#include <stdbool.h>
#include <stdint.h>

#include <glib.h>

struct zone {
    GTimeZone *tz;
    const char *name; /* as asked for (not copied), or the present name of a renamed zone */
    bool known;       /* false: there is no zone of that name here, and UTC is used */
};

/*
 * An IANA name such as Europe/Berlin; NULL means UTC. Names come from customers' browsers, and
 * zones are files: the name of a file that holds no zone is unknown, as is a path out of the
 * folder.
 */
void zone_open(struct zone *zone, const char *name);
void zone_close(struct zone *zone);

/* Is there a zone of that name here, or of the name that it has now? */
bool zone_known(const char *name);

enum { ZONE_SYSTEM = 65 };

/*
 * The system's zone: TZ where it is a name, else what /etc/localtime links to. False: it has none,
 * or one that is not known here.
 */
bool zone_system(char out[ZONE_SYSTEM]);

enum { ZONE_ABBREVIATION = 16 };

struct zone_time {
    int year, month, day; /* month and day from 1 */
    int weekday;          /* 1 is Monday, 7 Sunday */
    int hour, minute;
    int64_t offset; /* seconds east of UTC */
    /* "CET"; where the zone data gives a bare offset ("-03") it is "UTC-03" */
    char abbreviation[ZONE_ABBREVIATION];
};

/* False for a time beyond the year 99999: a time of the year 9999 is in 10000 in another zone. */
bool zone_local(const struct zone *zone, int64_t when, struct zone_time *out);

#endif
