#include "mail/day.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"

enum { MS_PER_MINUTE = 60 * MS_PER_SECOND };

bool day_of(const struct zone *zone, int64_t when, day_number *day)
{
    struct zone_time local;
    if (!zone_local(zone, when, &local))
        return false;
    struct tm tm = {.tm_year = local.year - 1900, .tm_mon = local.month - 1, .tm_mday = local.day};
    *day = timegm(&tm) / (MS_PER_DAY / MS_PER_SECOND);
    return true;
}

int day_weekday(day_number day)
{
    return (int)((day % 7 + 7 + 3) % 7) + 1; /* 1970-01-01 was a Thursday */
}

static int64_t offset_at(const struct zone *zone, int64_t when)
{
    struct zone_time local;
    return zone_local(zone, when, &local) ? local.offset * MS_PER_SECOND : 0;
}

int64_t day_instant(const struct zone *zone, day_number day, int minutes)
{
    int64_t clock = day * MS_PER_DAY + minutes * MS_PER_MINUTE;
    int64_t by_old = clock - offset_at(zone, clock - MS_PER_DAY);
    int64_t by_new = clock - offset_at(zone, clock + MS_PER_DAY);
    int64_t first = by_old < by_new ? by_old : by_new, second = by_old < by_new ? by_new : by_old;
    if (first + offset_at(zone, first) == clock)
        return first;
    if (second + offset_at(zone, second) == clock)
        return second;
    return by_old; /* the clocks skip it */
}

bool day_parse(const char *text, day_number *day)
{
    char midnight[DAY_TEXT + 16];
    int64_t when;
    if (strlen(text) != strlen("2027-01-18"))
        return false;
    snprintf(midnight, sizeof midnight, "%sT00:00:00Z", text);
    if (!time_parse(midnight, &when))
        return false;
    *day = when / MS_PER_DAY;
    return true;
}

void day_format(day_number day, char out[DAY_TEXT])
{
    char text[TIME_TEXT];
    time_format(day * MS_PER_DAY, text);
    snprintf(out, DAY_TEXT, "%.10s", text);
}

void day_zone_open(struct zone *zone, const char *name)
{
    if (name) {
        zone_open(zone, name);
        return;
    }
    GTimeZone *tz = g_time_zone_new_local();
    *zone = (struct zone){.tz = tz, .name = g_time_zone_get_identifier(tz), .known = true};
}
