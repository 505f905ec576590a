#include "tool/samples.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/clock.h"
#include "tool/tool.h"

enum event_kind sample_kind(const struct sample *sample, char event_name[65])
{
    struct event event = {0};
    const struct webhook webhook = {.provider = sample->provider,
        .id = "",
        .body = (const char *)sample->data,
        .length = sample->len};
    if (!provider_map(&webhook, &event))
        tool_no_memory();
    enum event_kind kind = event.kind;
    snprintf(event_name, 65, "%s", event.name ? event.name : "-");
    event_free(&event);
    return kind;
}

const struct sample *sample_find(const struct tool *tool, enum provider provider, const char *name)
{
    enum event_kind kind;
    char event_name[65];
    for (const struct sample *s = samples; s->name; s++)
        if (s->provider == provider && strcmp(s->name, name) == 0)
            return s;
    bool by_kind = event_kind_parse(name, &kind);
    for (const struct sample *s = samples; by_kind && s->name; s++)
        if (s->provider == provider && sample_kind(s, event_name) == kind)
            return s;
    tool_usage(tool, "no such sample: %s; bookspool post %s --list names them", name,
        provider_name(provider));
}

/* ---- renewal ---- */

/* What all samples agree on: when they were sent, and when their meeting starts. */
#define SENT  "2026-11-21T10:00:00"
#define START "2026-11-24T15:00:00"

enum { SAMPLE_ID_SIZE = 40, DATE_LEN = 10, SECOND_LEN = 19 };

/*
 * The ids of the samples, which are renewed: of the booking that a sample is about or replaces,
 * and of things that belong to it. Ids of users, event types and forms stay.
 */
enum role { FIRST_BOOKING, SECOND_BOOKING, OTHER_THING };

#define UUID     "xxxxxxxx-xxxx-4xxx-axxx-xxxxxxxxxxxx"
#define SHORT_ID "bbbbbbbbbbbbbbbbbbbbbb"
#define INVENTED "00000000-0000-4000-8000-00000000"

static const struct {
    const char *text, *pattern; /* its random characters: x hexadecimal, b base 58, # a digit */
    enum role role;
} ids[] = {
    {"exampleBooking11111111", SHORT_ID, FIRST_BOOKING},
    {"exampleBooking22222222", SHORT_ID, SECOND_BOOKING},
    {INVENTED "e001", UUID, FIRST_BOOKING}, /* Calendly's event, and its invitee */
    {INVENTED "a001", UUID, FIRST_BOOKING},
    {INVENTED "e002", UUID, SECOND_BOOKING},
    {INVENTED "a002", UUID, SECOND_BOOKING},
    {INVENTED "0001", UUID, OTHER_THING}, /* a conference */
    {INVENTED "4001", UUID, OTHER_THING}, /* an absence */
    {INVENTED "ca01", UUID, OTHER_THING}, /* a contact */
    {INVENTED "cb01", UUID, OTHER_THING}, /* a recap */
    {INVENTED "d001", UUID, OTHER_THING}, /* a no-show */
    {INVENTED "f001", UUID, OTHER_THING}, /* an answered form */
    {":1001", ":#######", OTHER_THING},   /* numbers of bookings and payments */
    {":1002", ":#######", OTHER_THING},
    {":3001", ":#######", OTHER_THING},
    {":\"1001\"", ":\"#######\"", OTHER_THING},
};
enum { IDS = sizeof ids / sizeof *ids };

static void make_random_id(const char *pattern, char out[SAMPLE_ID_SIZE])
{
    static const char base58[] = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
    unsigned char dice[SAMPLE_ID_SIZE];
    size_t len = strlen(pattern);
    if (getrandom(dice, sizeof dice, 0) != (ssize_t)sizeof dice)
        abort(); /* cannot happen for so few bytes: getrandom(2) */
    for (size_t i = 0; i <= len; i++)
        out[i] = pattern[i] == 'x'   ? "0123456789abcdef"[dice[i] % 16]
                 : pattern[i] == 'b' ? base58[dice[i] % 58]
                 : pattern[i] == '#' ? (char)('1' + dice[i] % 9)
                                     : pattern[i];
}

/* ---- times ---- */

struct days {
    int64_t past, future; /* that times up to the sending, and times after it, are moved by */
};

/* Complete days, rounded down. */
static int64_t full_days(int64_t ms)
{
    return ms / MS_PER_DAY - (ms % MS_PER_DAY < 0);
}

static struct days choose_days(const char *text, int64_t now)
{
    int64_t sent, start;
    time_parse(SENT "Z", &sent);
    time_parse(START "Z", &start);
    int64_t days = full_days(now - sent);
    if (strstr(text, SENT))
        return (struct days){days, days + 1};
    /* Without a time of sending: a meeting's own event is today's, a template's booking ahead. */
    bool meeting = strstr(text, "\"triggerEvent\":\"MEETING_");
    days = full_days(now - start + (meeting ? MS_PER_DAY / 2 : 2 * MS_PER_DAY));
    return (struct days){days, days};
}

static bool is_time(const char *text)
{
    static const char form[] = "0000-00-00T00:00:00";
    for (size_t i = 0; i < SECOND_LEN; i++)
        if (form[i] == '0' ? text[i] < '0' || text[i] > '9' : text[i] != form[i])
            return false;
    return true;
}

/* Appends the renewed time at `text`, in its own form, and returns its length in `text`. */
static size_t renew_time(const char *text, const struct days *days, int64_t now, struct buf *out)
{
    char when[TIME_TEXT];
    int64_t midnight;
    if (strncmp(text, SENT, SECOND_LEN) == 0) {
        time_format_ms(now, when);
        size_t fraction = strspn(text + SECOND_LEN, ".0123456789"),
               shown = fraction < 4 ? fraction : 4;
        buf_add(out, when, SECOND_LEN + shown);
        buf_printf(out, "%.*s", (int)(fraction - shown), "000000");
        return SECOND_LEN + fraction;
    }
    /* Moving by entire days changes only the date. */
    snprintf(when, sizeof when, "%.*sT00:00:00Z", DATE_LEN, text);
    if (!time_parse(when, &midnight))
        return 0;
    bool ahead = strncmp(text, SENT, DATE_LEN) > 0;
    time_format(midnight + (ahead ? days->future : days->past) * MS_PER_DAY, when);
    buf_add(out, when, DATE_LEN);
    return DATE_LEN;
}

/* ---- the body ---- */

void sample_renew(
    const struct sample *sample, const struct sample_options *options, struct buf *out)
{
    char random[IDS][SAMPLE_ID_SIZE];
    const char *value[IDS];
    struct buf body = {0};
    buf_add(&body, sample->data, sample->len);
    const char *text = buf_text(&body);
    if (*text != '{') { /* a template may give anything */
        buf_add(out, sample->data, sample->len);
        text = "";
    }
    /* A booking that replaces another is the second one of the samples. */
    bool moved = strstr(text, "\"rescheduleUid\":\"") || strstr(text, "\"old_invitee\":\"");
    enum role own = moved ? SECOND_BOOKING : FIRST_BOOKING;
    for (size_t i = 0; i < IDS; i++) {
        const char *given = ids[i].role == own ? options->uid : options->other;
        make_random_id(ids[i].pattern, random[i]);
        value[i] = given && ids[i].role != OTHER_THING ? given : random[i];
    }
    struct days days = choose_days(text, options->now);
    while (*text) {
        size_t id = 0, len = 0;
        while (id < IDS && strncmp(text, ids[id].text, strlen(ids[id].text)) != 0)
            id++;
        if (id < IDS) {
            buf_puts(out, value[id]);
            len = strlen(ids[id].text);
        } else if (is_time(text))
            len = renew_time(text, &days, options->now, out);
        if (len == 0) {
            buf_putc(out, *text);
            len = 1;
        }
        text += len;
    }
    if (body.failed || out->failed)
        tool_no_memory();
    buf_free(&body);
}
