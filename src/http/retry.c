#include "http/retry.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <curl/curl.h>

#include "base/clock.h"
#include "base/text.h"

/* A number of seconds above this is a point in time: September 2001, or a wait of 31 years. */
#define POINT_SECONDS INT64_C(1000000000)
#define POINT_MS      (POINT_SECONDS * MS_PER_SECOND)

enum { NAME_MAX_LEN = 80, LIMITS_MAX = 8 };

/* "12", "12.5" and points in time; -1: no number. A part of a second counts as one. */
static int64_t wait_of_number(const char *text, int64_t now)
{
    char *end;
    if (!isdigit((unsigned char)*text))
        return -1;
    long long number = strtoll(text, &end, 10);
    bool part = *end == '.' && strspn(end + 1, "0") < strspn(end + 1, "0123456789");
    end += *end == '.' ? 1 + strspn(end + 1, "0123456789") : 0;
    if (*end)
        return -1;
    int64_t wait = number >= POINT_MS        ? number - now
                   : number >= POINT_SECONDS ? number * MS_PER_SECOND - now
                                             : (number + part) * MS_PER_SECOND;
    return wait > 0 ? wait : 0;
}

static int64_t wait_of_date(const char *text, int64_t now)
{
    time_t when = curl_getdate(text, NULL);
    int64_t wait = when < 0 ? -1 : (int64_t)when * MS_PER_SECOND - now;
    return when < 0 ? -1 : wait > 0 ? wait : 0;
}

/* The limits of an answer that counts by several: the name after "Reset" and "Remaining". */
struct limits {
    char reset[LIMITS_MAX][NAME_MAX_LEN], value[LIMITS_MAX][NAME_MAX_LEN];
    size_t count;
};

/* Reads "NAME: value" lines whose name begins with one of the spellings of `what`. */
static void read_limits(const struct http_answer *answer, const char *what, struct limits *limits)
{
    static const char *const stems[] = {"X-RateLimit-", "X-Rate-Limit-", "RateLimit-"};
    const char *line, *at = buf_text(&answer->headers);
    for (int len; (line = text_line(&at, &len)) && limits->count < LIMITS_MAX;)
        for (size_t i = 0; i < sizeof stems / sizeof *stems; i++) {
            size_t stem = strlen(stems[i]), word = strlen(what);
            const char *colon = memchr(line, ':', (size_t)len);
            if (!colon || (size_t)(colon - line) < stem + word ||
                strncasecmp(line, stems[i], stem) != 0 || strncasecmp(line + stem, what, word) != 0)
                continue;
            size_t rest = (size_t)(line + len - colon) - 1;
            const char *value = text_trimmed(colon + 1, &rest, " \t\r");
            const char *name = line + stem + word;
            snprintf(limits->reset[limits->count], NAME_MAX_LEN, "%.*s", (int)(colon - name), name);
            snprintf(limits->value[limits->count++], NAME_MAX_LEN, "%.*s", (int)rest, value);
            break;
        }
}

static bool has_left(const struct limits *remaining, const char *name)
{
    for (size_t i = 0; i < remaining->count; i++)
        if (strcasecmp(remaining->reset[i], name) == 0)
            return strtoll(remaining->value[i], NULL, 10) > 0;
    return false;
}

int64_t http_retry_wait(const struct http_answer *answer, int64_t now)
{
    char after[NAME_MAX_LEN];
    http_answer_header(answer, "Retry-After", after, sizeof after);
    int64_t wait = wait_of_number(after, now), longest = -1;
    if (wait < 0 && *after)
        wait = wait_of_date(after, now);
    if (wait >= 0)
        return wait;
    struct limits resets = {.count = 0}, remaining = {.count = 0};
    read_limits(answer, "Reset", &resets);
    read_limits(answer, "Remaining", &remaining);
    for (int used_up = 1; used_up >= 0 && longest < 0; used_up--)
        for (size_t i = 0; i < resets.count; i++) {
            wait = wait_of_number(resets.value[i], now);
            if (wait > longest && !(used_up && has_left(&remaining, resets.reset[i])))
                longest = wait;
        }
    return longest;
}

bool http_retry_status(long status)
{
    return status == 408 || status == 425 || status == 429 ||
           (status >= 500 && status != 501 && status != 505 && status != 511);
}
