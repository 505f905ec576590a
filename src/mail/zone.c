#include "mail/zone.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"

enum { ZONE_NAME_MAX = 64, KEPT = 16 };

/*
 * GLib shares a zone that somebody holds, and works a zone out anew (0.4 ms) that nobody does. The
 * last ones are held, since most mails are about the same few.
 */
static GTimeZone *kept[KEPT];

static void keep(GTimeZone *tz)
{
    static size_t next;
    for (size_t i = 0; i < KEPT; i++)
        if (kept[i] == tz)
            return;
    if (kept[next])
        g_time_zone_unref(kept[next]);
    kept[next] = g_time_zone_ref(tz);
    next = (next + 1) % KEPT;
}

/* Segments of [A-Za-z0-9_+-] between single slashes: no absolute path, no "..", no dot at all. */
static bool name_valid(const char *name)
{
    size_t len = strlen(name);
    if (len == 0 || len > ZONE_NAME_MAX || name[0] == '/' || name[len - 1] == '/')
        return false;
    if (strstr(name, "//"))
        return false;
    for (size_t i = 0; i < len; i++)
        if (!g_ascii_isalnum(name[i]) && !strchr("_+-/", name[i]))
            return false;
    return true;
}

void zone_open(struct zone *zone, const char *name)
{
    const char *wanted = name ? name : "UTC";
    *zone = (struct zone){.name = wanted};
    if (name_valid(wanted))
        zone->tz = g_time_zone_new_identifier(wanted);
    zone->known = zone->tz != NULL;
    if (zone->tz)
        keep(zone->tz);
    if (!zone->tz)
        zone->tz = g_time_zone_new_utc();
}

void zone_close(struct zone *zone)
{
    g_time_zone_unref(zone->tz);
    zone->tz = NULL;
}

static void read_clock(GDateTime *time, struct zone_time *out)
{
    const char *name = g_date_time_get_timezone_abbreviation(time);
    g_date_time_get_ymd(time, &out->year, &out->month, &out->day);
    out->weekday = g_date_time_get_day_of_week(time);
    out->hour = g_date_time_get_hour(time);
    out->minute = g_date_time_get_minute(time);
    out->offset = g_date_time_get_utc_offset(time) / G_USEC_PER_SEC;
    snprintf(out->abbreviation, sizeof out->abbreviation, "%s%s",
        name[0] == '+' || name[0] == '-' ? "UTC" : "", name);
}

bool zone_local(const struct zone *zone, int64_t when, struct zone_time *out)
{
    GDateTime *utc = g_date_time_new_from_unix_utc(time_to_timespec(when).tv_sec);
    GDateTime *local = utc ? g_date_time_to_timezone(utc, zone->tz) : NULL;
    if (local)
        read_clock(local, out);
    if (utc)
        g_date_time_unref(utc);
    if (local)
        g_date_time_unref(local);
    return local != NULL;
}

bool zone_agree(const struct zone *a, const struct zone *b, int64_t when)
{
    struct zone_time here, there;
    return !zone_local(a, when, &here) || !zone_local(b, when, &there) ||
           here.offset == there.offset;
}
