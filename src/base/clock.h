/*
 * clock: now, and points in time as text.
 *
 * A point in time is an int64_t: milliseconds since 1970-01-01T00:00:00Z
 * without leap seconds. TIME_NONE means "absent".
 */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#define TIME_NONE INT64_MIN

enum { TIME_TEXT = 32, MS_PER_SECOND = 1000, US_PER_MS = 1000 };
#define MS_PER_DAY (INT64_C(86400) * MS_PER_SECOND)

int64_t clock_now(void);
/* The same point in time, in microseconds. */
int64_t clock_now_us(void);
/* Milliseconds of a clock that never jumps; only differences have a meaning. */
int64_t clock_monotonic(void);
/* The same clock, finer. */
int64_t clock_microseconds(void);

/* "2026-11-21T10:00:00Z"; the milliseconds are cut off. */
void time_format(int64_t when, char out[TIME_TEXT]);
/* "2026-11-21T10:00:00.123Z" */
void time_format_ms(int64_t when, char out[TIME_TEXT]);
/* "2026-11-21T10:00:00.123456Z", of microseconds */
void time_format_us(int64_t microseconds, char out[TIME_TEXT]);
/* "4 m", "3 h", "2 d": a length of time for people, rounded down. */
void time_format_age(int64_t milliseconds, char out[TIME_TEXT]);

/*
 * RFC 3339 section 5.6, the profile of ISO 8601 that both providers send:
 * date, 'T' or a space, time, an optional fraction of any length, and 'Z' or a
 * numeric offset. The whole text must match; years 1970 to 9999.
 */
bool time_parse(const char *text, int64_t *when);
/* The same, in microseconds. */
bool time_parse_us(const char *text, int64_t *microseconds);

struct timespec time_to_timespec(int64_t when);
int64_t time_from_timespec(struct timespec ts);

#endif
