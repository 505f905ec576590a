#include "mail/zone.h"

#include <string.h>

#include "base/clock.h"

enum { ZONE_NAME_MAX = 64 };

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
    if (!zone->tz)
        zone->tz = g_time_zone_new_utc();
}

void zone_close(struct zone *zone)
{
    g_time_zone_unref(zone->tz);
    zone->tz = NULL;
}

/* NULL for a time beyond the year 9999. */
static GDateTime *local_time(const struct zone *zone, int64_t when)
{
    GDateTime *utc = g_date_time_new_from_unix_utc(time_to_timespec(when).tv_sec);
    GDateTime *local = utc ? g_date_time_to_timezone(utc, zone->tz) : NULL;
    if (utc)
        g_date_time_unref(utc);
    return local;
}

static void add_day(GDateTime *time, struct buf *out)
{
    static const char *const days[] = {"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"};
    static const char *const months[] = {
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    buf_printf(out, "%s %d %s %d, ", days[g_date_time_get_day_of_week(time) - 1],
        g_date_time_get_day_of_month(time), months[g_date_time_get_month(time) - 1],
        g_date_time_get_year(time));
}

static void add_clock(GDateTime *time, struct buf *out)
{
    buf_printf(out, "%02d:%02d", g_date_time_get_hour(time), g_date_time_get_minute(time));
}

static void add_abbreviation(GDateTime *time, struct buf *out)
{
    const char *name = g_date_time_get_timezone_abbreviation(time);
    buf_printf(out, " %s%s", name[0] == '+' || name[0] == '-' ? "UTC" : "", name);
}

static void add_moment(GDateTime *time, struct buf *out)
{
    add_day(time, out);
    add_clock(time, out);
    add_abbreviation(time, out);
}

static void add_iso(int64_t when, struct buf *out)
{
    char text[TIME_TEXT];
    time_format(when, text);
    buf_puts(out, text);
}

void zone_moment(const struct zone *zone, int64_t when, struct buf *out)
{
    GDateTime *time = local_time(zone, when);
    if (!time) {
        add_iso(when, out);
        return;
    }
    add_moment(time, out);
    g_date_time_unref(time);
}

static bool same_day(GDateTime *a, GDateTime *b)
{
    return g_date_time_get_year(a) == g_date_time_get_year(b) &&
           g_date_time_get_day_of_year(a) == g_date_time_get_day_of_year(b);
}

static bool same_offset(GDateTime *a, GDateTime *b)
{
    return g_date_time_get_utc_offset(a) == g_date_time_get_utc_offset(b);
}

/* The end repeats only what differs from the start: the day, or the abbreviation at a change. */
static void add_span(GDateTime *start, GDateTime *end, struct buf *out)
{
    add_day(start, out);
    add_clock(start, out);
    if (!same_day(start, end) || !same_offset(start, end))
        add_abbreviation(start, out);
    buf_puts(out, " to ");
    if (!same_day(start, end))
        add_day(end, out);
    add_clock(end, out);
    add_abbreviation(end, out);
}

static void add_name(const struct zone *zone, struct buf *out)
{
    if (!zone->known)
        buf_printf(out, " (the time zone \"%s\" is not known here)", zone->name);
    else if (strcmp(zone->name, "UTC") != 0)
        buf_printf(out, " (%s)", zone->name);
}

void zone_span(const struct zone *zone, int64_t start, int64_t end, struct buf *out)
{
    GDateTime *from = local_time(zone, start);
    GDateTime *to = end == TIME_NONE ? NULL : local_time(zone, end);
    if (from && to)
        add_span(from, to, out);
    else
        zone_moment(zone, start, out);
    add_name(zone, out);
    if (from)
        g_date_time_unref(from);
    if (to)
        g_date_time_unref(to);
}

bool zone_agree(const struct zone *a, const struct zone *b, int64_t when)
{
    GDateTime *here = local_time(a, when), *there = local_time(b, when);
    bool agree = !here || !there || same_offset(here, there);
    if (here)
        g_date_time_unref(here);
    if (there)
        g_date_time_unref(there);
    return agree;
}
