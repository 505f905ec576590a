#include "base/clock.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

enum { US_PER_SECOND = MS_PER_SECOND * US_PER_MS };

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

static int64_t floor_mod(int64_t a, int64_t b)
{
    return a % b + (a % b < 0 ? b : 0);
}

int64_t time_from_timespec(struct timespec ts)
{
    return (int64_t)ts.tv_sec * MS_PER_SECOND + ts.tv_nsec / 1000000;
}

struct timespec time_to_timespec(int64_t when)
{
    return (struct timespec){.tv_sec = (time_t)floor_div(when, MS_PER_SECOND),
        .tv_nsec = (long)floor_mod(when, MS_PER_SECOND) * 1000000};
}

static int64_t read_clock(clockid_t clock)
{
    struct timespec ts;
    clock_gettime(clock, &ts);
    return (int64_t)ts.tv_sec * US_PER_SECOND + ts.tv_nsec / 1000;
}

int64_t clock_now(void)
{
    return read_clock(CLOCK_REALTIME) / US_PER_MS;
}

int64_t clock_now_us(void)
{
    return read_clock(CLOCK_REALTIME);
}

int64_t clock_monotonic(void)
{
    return read_clock(CLOCK_MONOTONIC) / US_PER_MS;
}

int64_t clock_microseconds(void)
{
    return read_clock(CLOCK_MONOTONIC);
}

static char *put_digits(char *out, int value, int count)
{
    for (int i = count - 1; i >= 0; i--, value /= 10)
        out[i] = (char)('0' + value % 10);
    return out + count;
}

/*
 * `fraction` is what follows the seconds, in `count` digits; "-" where a year has not four. Every
 * event and log line has a time, so this does without snprintf.
 */
static void write_time(int64_t seconds, int64_t fraction, int count, char out[TIME_TEXT])
{
    struct tm tm;
    time_t when = (time_t)seconds;
    if (!gmtime_r(&when, &tm) || tm.tm_year < -900 || tm.tm_year > 8099) {
        strcpy(out, "-");
        return;
    }
    const struct {
        int value, digits;
        char after;
    } parts[] = {{tm.tm_year + 1900, 4, '-'}, {tm.tm_mon + 1, 2, '-'}, {tm.tm_mday, 2, 'T'},
        {tm.tm_hour, 2, ':'}, {tm.tm_min, 2, ':'}, {tm.tm_sec, 2, count ? '.' : 'Z'},
        {(int)fraction, count, 'Z'}};
    for (size_t i = 0; i < sizeof parts / sizeof *parts - !count; i++) {
        out = put_digits(out, parts[i].value, parts[i].digits);
        *out++ = parts[i].after;
    }
    *out = '\0';
}

void time_format(int64_t when, char out[TIME_TEXT])
{
    write_time(floor_div(when, MS_PER_SECOND), 0, 0, out);
}

void time_format_ms(int64_t when, char out[TIME_TEXT])
{
    write_time(floor_div(when, MS_PER_SECOND), floor_mod(when, MS_PER_SECOND), 3, out);
}

void time_format_us(int64_t microseconds, char out[TIME_TEXT])
{
    write_time(
        floor_div(microseconds, US_PER_SECOND), floor_mod(microseconds, US_PER_SECOND), 6, out);
}

void time_format_age(int64_t milliseconds, char out[TIME_TEXT])
{
    static const struct {
        int64_t seconds;
        const char *unit;
    } units[] = {{86400, "d"}, {3600, "h"}, {60, "m"}, {1, "s"}};
    int64_t seconds = milliseconds < 0 ? 0 : milliseconds / MS_PER_SECOND;
    size_t i = 0;
    while (i < 3 && seconds < 2 * units[i].seconds)
        i++;
    snprintf(out, TIME_TEXT, "%lld %s", (long long)(seconds / units[i].seconds), units[i].unit);
}

/* Reads exactly `count` digits and moves on; a value outside low..high is an error. */
static bool digits(const char **text, int count, int low, int high, int *value)
{
    int v = 0;
    for (int i = 0; i < count; i++) {
        char c = (*text)[i];
        if (c < '0' || c > '9')
            return false;
        v = v * 10 + (c - '0');
    }
    *text += count;
    *value = v;
    return v >= low && v <= high;
}

static bool literal(const char **text, char c)
{
    if (**text != c)
        return false;
    (*text)++;
    return true;
}

/* ".123456789": kept to the microsecond. */
static bool fraction(const char **text, int *us)
{
    *us = 0;
    if (!literal(text, '.'))
        return true;
    int scale = 100000;
    const char *start = *text;
    for (; **text >= '0' && **text <= '9'; (*text)++, scale /= 10)
        *us += (**text - '0') * scale;
    return *text > start;
}

static bool offset(const char **text, int *seconds)
{
    *seconds = 0;
    if (literal(text, 'Z') || literal(text, 'z'))
        return true;
    int sign = **text == '-' ? -1 : 1;
    int hours, minutes;
    if (!literal(text, '+') && !literal(text, '-'))
        return false;
    if (!digits(text, 2, 0, 23, &hours) || !literal(text, ':') || !digits(text, 2, 0, 59, &minutes))
        return false;
    *seconds = sign * (hours * 3600 + minutes * 60);
    return true;
}

bool time_parse_us(const char *text, int64_t *microseconds)
{
    struct tm tm = {0};
    int us, zone;
    if (!digits(&text, 4, 1970, 9999, &tm.tm_year) || !literal(&text, '-') ||
        !digits(&text, 2, 1, 12, &tm.tm_mon) || !literal(&text, '-') ||
        !digits(&text, 2, 1, 31, &tm.tm_mday) || !(literal(&text, 'T') || literal(&text, ' ')) ||
        !digits(&text, 2, 0, 23, &tm.tm_hour) || !literal(&text, ':') ||
        !digits(&text, 2, 0, 59, &tm.tm_min) || !literal(&text, ':') ||
        !digits(&text, 2, 0, 60, &tm.tm_sec) || !fraction(&text, &us) || !offset(&text, &zone) ||
        *text)
        return false;
    tm.tm_year -= 1900;
    tm.tm_mon -= 1;
    if (tm.tm_sec == 60) /* a leap second is counted as the one before it */
        tm.tm_sec = 59;
    int day = tm.tm_mday;
    int64_t seconds = timegm(&tm);
    if (tm.tm_mday != day) /* 31 February */
        return false;
    *microseconds = (seconds - zone) * US_PER_SECOND + us;
    return true;
}

bool time_parse(const char *text, int64_t *when)
{
    int64_t microseconds;
    if (!time_parse_us(text, &microseconds))
        return false;
    *when = floor_div(microseconds, US_PER_MS);
    return true;
}
