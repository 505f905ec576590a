#include "report/sentry.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <cjson/cJSON.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/version.h"

#define RELEASE "bookspool@" BOOKSPOOL_VERSION
#define MONITOR "bookspool-drain"

/* ---- the DSN: SCHEME://KEY[:SECRET]@HOST[:PORT][PATH]/PROJECT ---- */

bool sentry_dsn_parse(const char *text, struct sentry_dsn *dsn, const char **why)
{
    static const char form[] = "must be a DSN, https://KEY@HOST/PROJECT";
    const char *rest = strstr(text, "://");
    *why = form;
    if (!rest || (strncmp(text, "https://", 8) != 0 && strncmp(text, "http://", 7) != 0))
        return false;
    rest += 3;
    const char *at = strchr(rest, '@');
    size_t key = strcspn(rest, ":@/");
    if (!at || strcspn(rest, "/") < (size_t)(at - rest) || strchr(at + 1, '@') || key == 0 ||
        key >= sizeof dsn->key)
        return false;
    size_t end = strlen(text);
    while (end && text[end - 1] == '/')
        end--;
    size_t project = end;
    while (project && text[project - 1] != '/')
        project--;
    size_t host = (size_t)(at + 1 - text);
    if (project <= host + 1 || project == end || strpbrk(text, " \"'<>?#"))
        return false;
    snprintf(dsn->key, sizeof dsn->key, "%.*s", (int)key, rest);
    int len = snprintf(dsn->url, sizeof dsn->url, "%.*s%.*s/api/%.*s/envelope/", (int)(rest - text),
        text, (int)(project - 1 - host), text + host, (int)(end - project), text + project);
    return len > 0 && (size_t)len < sizeof dsn->url;
}

/* ---- envelopes ---- */

static void add_time(cJSON *object, const char *name, int64_t when)
{
    char text[TIME_TEXT];
    time_format_ms(when, text);
    cJSON_AddStringToObject(object, name, text);
}

/* Appends the object as one line, and deletes it. */
static bool put_line(cJSON *object, struct buf *out)
{
    char *text = object ? cJSON_PrintUnformatted(object) : NULL;
    if (text) {
        buf_puts(out, text);
        buf_putc(out, '\n');
    }
    bool ok = text && !out->failed;
    cJSON_free(text);
    cJSON_Delete(object);
    return ok;
}

/* The three lines: of the envelope, of its only item, and the item, which has no line break. */
static bool put_envelope(const struct sentry_source *source, const char *event_id, const char *type,
    cJSON *payload, struct buf *out)
{
    cJSON *head = cJSON_CreateObject(), *item = cJSON_CreateObject();
    if (event_id)
        cJSON_AddStringToObject(head, "event_id", event_id);
    add_time(head, "sent_at", source->now);
    cJSON_AddStringToObject(item, "type", type);
    struct buf body = {0};
    bool ok = put_line(payload, &body);
    cJSON_AddNumberToObject(item, "length", ok ? (double)body.len - 1 : 0);
    ok = put_line(head, out) && ok;
    ok = put_line(item, out) && ok;
    buf_add(out, body.data, body.len);
    buf_free(&body);
    return ok && !out->failed;
}

static void add_source(cJSON *object, const struct sentry_source *source)
{
    cJSON_AddStringToObject(object, "release", RELEASE);
    if (source->environment)
        cJSON_AddStringToObject(object, "environment", source->environment);
}

bool sentry_event(const struct sentry_source *source, const char id[SENTRY_ID_SIZE],
    const struct incident *incident, struct buf *out)
{
    const char *const words[] = {
        incident->program, incident->reason, *incident->cause ? incident->cause : "-"};
    static const char *const tags[] = {"program", "reason", "cause"};
    char message[4 * INCIDENT_WORD];
    snprintf(message, sizeof message, "%s: %s%s%s", words[0], words[1], *incident->cause ? " " : "",
        incident->cause);
    cJSON *event = cJSON_CreateObject();
    cJSON_AddStringToObject(event, "event_id", id);
    add_time(event, "timestamp", incident->when);
    cJSON_AddStringToObject(event, "platform", "native");
    cJSON_AddStringToObject(event, "level", "error");
    cJSON_AddStringToObject(event, "logger", incident->program);
    add_source(event, source);
    cJSON_AddStringToObject(cJSON_AddObjectToObject(event, "logentry"), "formatted", message);
    cJSON *fingerprint = cJSON_AddArrayToObject(event, "fingerprint");
    cJSON *tagged = cJSON_AddObjectToObject(event, "tags");
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        json_list_add(fingerprint, cJSON_CreateString(words[i]));
        cJSON_AddStringToObject(tagged, tags[i], words[i]);
    }
    cJSON_AddNumberToObject(
        cJSON_AddObjectToObject(event, "extra"), "count", (double)incident->count);
    return put_envelope(source, id, "event", event, out);
}

bool sentry_check_in(const struct sentry_source *source, const char id[SENTRY_ID_SIZE],
    enum sentry_check_in status, int64_t duration_ms, const struct sentry_monitor *monitor,
    struct buf *out)
{
    static const char *const words[] = {"in_progress", "ok", "error"};
    cJSON *check_in = cJSON_CreateObject();
    cJSON_AddStringToObject(check_in, "check_in_id", id);
    cJSON_AddStringToObject(check_in, "monitor_slug", MONITOR);
    cJSON_AddStringToObject(check_in, "status", words[status]);
    if (status != SENTRY_IN_PROGRESS)
        cJSON_AddNumberToObject(check_in, "duration", (double)duration_ms / MS_PER_SECOND);
    add_source(check_in, source);
    cJSON *config = cJSON_AddObjectToObject(check_in, "monitor_config");
    cJSON *schedule = cJSON_AddObjectToObject(config, "schedule");
    cJSON_AddStringToObject(schedule, "type", "interval");
    cJSON_AddNumberToObject(schedule, "value", (double)monitor->every);
    cJSON_AddStringToObject(schedule, "unit", "minute");
    cJSON_AddNumberToObject(config, "checkin_margin", (double)monitor->every);
    cJSON_AddNumberToObject(config, "max_runtime", (double)monitor->longest);
    return put_envelope(source, NULL, "check_in", check_in, out);
}

/* ---- limits ---- */

static void lengthen(int64_t *limit, int64_t until)
{
    if (until > *limit)
        *limit = until;
}

/* Is `word` in the list, whose items are separated by ';'? An empty list has all. */
static bool has_category(const char *list, size_t len, const char *word)
{
    size_t word_len = strlen(word);
    if (len == 0)
        return true;
    for (const char *end = list + len; list < end;) {
        const char *next = memchr(list, ';', (size_t)(end - list));
        size_t item = (size_t)((next ? next : end) - list);
        if (item == word_len && strncasecmp(list, word, word_len) == 0)
            return true;
        list += item + 1;
    }
    return false;
}

/* "60:error;default:key:reason, 2700::organization": seconds, categories, and what is not needed.
 */
static void read_rate_limits(struct sentry_limits *limits, const char *text, int64_t now)
{
    while (*text) {
        char *rest;
        double seconds = strtod(text, &rest);
        const char *end = text + strcspn(text, ",");
        if (rest != text && *rest == ':' && seconds >= 0 && seconds < 1e9) {
            const char *list = rest + 1;
            size_t len = strcspn(list, ":,");
            int64_t until = now + (int64_t)(seconds * MS_PER_SECOND);
            if (has_category(list, len, "error") || has_category(list, len, "default"))
                lengthen(&limits->errors, until);
            if (has_category(list, len, "monitor"))
                lengthen(&limits->monitors, until);
        }
        text = end + (*end == ',');
    }
}

void sentry_read_limits(struct sentry_limits *limits, long status, const char *rate_limits,
    const char *retry_after, int64_t now)
{
    enum { WITHOUT_A_TIME = 60, LONGEST = 24 * 3600 };
    if (*rate_limits) {
        read_rate_limits(limits, rate_limits, now);
        return;
    }
    if (status != 429)
        return;
    char *rest;
    long long seconds = strtoll(retry_after, &rest, 10);
    if (rest == retry_after || *rest || seconds < 0)
        seconds = WITHOUT_A_TIME;
    if (seconds > LONGEST)
        seconds = LONGEST;
    lengthen(&limits->errors, now + seconds * MS_PER_SECOND);
    lengthen(&limits->monitors, now + seconds * MS_PER_SECOND);
}
