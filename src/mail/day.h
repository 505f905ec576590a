/*
 * day: days and times of day of a zone's calendar.
 *
 * Where the clocks go forward at a time that is asked for, it is as much later as they go; where
 * they go back over it, it is the first of the two. So a day begins and ends at one instant each,
 * and has 23 or 25 hours where clocks change.
 */
#ifndef MAIL_DAY_H
#define MAIL_DAY_H

#include <stdbool.h>
#include <stdint.h>

#include "mail/zone.h"

enum { DAY_TEXT = 16, MINUTES_OF_DAY = 24 * 60 };

/* Days since 1970-01-01, in the calendar of the zone that it was made with. */
typedef int64_t day_number;

/* False for a time beyond all calendars (zone_local). */
bool day_of(const struct zone *zone, int64_t when, day_number *day);
/* 1 is Monday, 7 Sunday. */
int day_weekday(day_number day);
/* The instant of that many minutes after midnight by the clocks of that day. */
int64_t day_instant(const struct zone *zone, day_number day, int minutes);

/* "2027-01-18"; years 1970 to 9999. False for what is no such day. */
bool day_parse(const char *text, day_number *day);
void day_format(day_number day, char out[DAY_TEXT]);

/* BOOKSPOOL_TIMEZONE, or without it (NULL) the zone of the system: TZ, else /etc/localtime. */
void day_zone_open(struct zone *zone, const char *name);

#endif
