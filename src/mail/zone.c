#include "mail/zone.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "mail/zone_links.h"

enum { ZONE_NAME_MAX = ZONE_SYSTEM - 1, ZONE_PATH_MAX = 512, KEPT = 16, YEAR_MAX = 99999 };

/* GLib shares a zone while it is referenced; to read one again takes 0.4 ms. The last ones are
 * kept, since most mails are about the same few. */
static GTimeZone *kept[KEPT];

static void keep_open(GTimeZone *tz)
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
    for (size_t i = 0; i < len; i++)
        if ((!g_ascii_isalnum(name[i]) && !strchr("_+-/", name[i])) ||
            strncmp(name + i, "//", 2) == 0)
            return false;
    return true;
}

/*
 * RFC 8536: a zone's file begins with "TZif" and a header of 44 bytes. GLib prints a warning about
 * other files, such as leapseconds, and parses some names as POSIX rules. posixrules and localtime
 * are copies of other zones, and those of right/ count leap seconds, which times in bookings do
 * not.
 */
static bool is_zone_file(const char *name)
{
    enum { HEADER = 44 };
    const char *dir = getenv("TZDIR");
    char path[ZONE_PATH_MAX], header[HEADER];
    int len = snprintf(path, sizeof path, "%s/%s", dir ? dir : "/usr/share/zoneinfo", name);
    if (len >= (int)sizeof path || strcmp(name, "posixrules") == 0 ||
        strcmp(name, "localtime") == 0 || strncmp(name, "right/", strlen("right/")) == 0)
        return false;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    bool is =
        fd >= 0 && read(fd, header, sizeof header) == HEADER && memcmp(header, "TZif", 4) == 0;
    if (fd >= 0)
        close(fd);
    return is;
}

/* The name of a zone whose file is here, of that name or of its present one; else the name. */
static const char *name_here(const char *name)
{
    const char *present = name_valid(name) && !is_zone_file(name) ? zone_link(name) : NULL;
    return present && is_zone_file(present) ? present : name;
}

bool zone_known(const char *name)
{
    const char *here = name_here(name);
    return strcmp(here, "UTC") == 0 || (name_valid(here) && is_zone_file(here));
}

/* Names that mean UTC, and are longer than it. */
static bool is_utc(const char *name)
{
    static const char *const names[] = {
        "UTC", "Etc/UTC", "Etc/UCT", "Etc/Universal", "Etc/Zulu", "UCT", "Universal", "Zulu"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(name, names[i]) == 0)
            return true;
    return false;
}

bool zone_system(char out[ZONE_SYSTEM])
{
    static const char folder[] = "zoneinfo/";
    const char *tz = getenv("TZ"), *name = NULL;
    char link[ZONE_PATH_MAX];
    if (tz && *tz)
        name = tz[0] == ':' ? tz + 1 : tz;
    else {
        ssize_t len = readlink("/etc/localtime", link, sizeof link - 1);
        link[len > 0 ? len : 0] = '\0';
        const char *at = strstr(link, folder);
        name = at ? at + sizeof folder - 1 : NULL;
    }
    if (!name || strlen(name) >= ZONE_SYSTEM || !zone_known(name))
        return false;
    strcpy(out, is_utc(name) ? "UTC" : name);
    return true;
}

void zone_open(struct zone *zone, const char *name)
{
    const char *wanted = name ? name_here(name) : "UTC";
    *zone = (struct zone){.name = wanted};
    if (strcmp(wanted, "UTC") != 0 && name_valid(wanted) && is_zone_file(wanted))
        zone->tz = g_time_zone_new_identifier(wanted);
    zone->known = zone->tz || strcmp(wanted, "UTC") == 0;
    if (zone->tz)
        keep_open(zone->tz);
    if (!zone->tz)
        zone->tz = g_time_zone_new_utc();
}

void zone_close(struct zone *zone)
{
    g_time_zone_unref(zone->tz);
    zone->tz = NULL;
}

/* A GDateTime would give the same for twice the work. */
bool zone_local(const struct zone *zone, int64_t when, struct zone_time *out)
{
    struct tm tm;
    time_t seconds = time_to_timespec(when).tv_sec;
    int interval = g_time_zone_find_interval(zone->tz, G_TIME_TYPE_UNIVERSAL, seconds);
    const char *name = g_time_zone_get_abbreviation(zone->tz, interval);
    int32_t offset = g_time_zone_get_offset(zone->tz, interval);
    seconds += offset;
    if (!gmtime_r(&seconds, &tm) || tm.tm_year <= -1900 || tm.tm_year > YEAR_MAX - 1900)
        return false;
    *out = (struct zone_time){.year = tm.tm_year + 1900,
        .month = tm.tm_mon + 1,
        .day = tm.tm_mday,
        .weekday = tm.tm_wday ? tm.tm_wday : 7,
        .hour = tm.tm_hour,
        .minute = tm.tm_min,
        .offset = offset};
    bool digits = name[0] == '+' || name[0] == '-';
    g_strlcpy(out->abbreviation, digits ? "UTC" : "", sizeof out->abbreviation);
    g_strlcat(out->abbreviation, name, sizeof out->abbreviation);
    return true;
}
