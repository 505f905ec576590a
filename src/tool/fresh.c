#include "tool/fresh.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/clock.h"
#include "base/json.h"
#include "provider/calcom.h"
#include "tool/tool.h"

enum { SWAPS_MAX = 32, ID_SIZE = 128, DATE_LEN = 10, SECOND_LEN = 19 };

/* One id, and what it becomes. */
struct swap {
    char from[ID_SIZE], to[ID_SIZE];
    bool whole; /* a number: only where it is all of the value */
};

struct fresh {
    const struct fresh_options *options;
    struct swap swap[SWAPS_MAX];
    size_t swaps;
    int64_t pivot; /* the time that the sample's other times are ahead of or behind */
    int64_t days_ahead, days_behind;
};

/* ---- ids ---- */

static void random_text(char *out, const char *pattern)
{
    static const char base58[] = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
    unsigned char dice[64];
    size_t len = strlen(pattern);
    if (getrandom(dice, sizeof dice, 0) != (ssize_t)sizeof dice)
        abort(); /* cannot happen for so few bytes: getrandom(2) */
    for (size_t i = 0; i < len; i++)
        out[i] = pattern[i] == 'x'   ? "0123456789abcdef"[dice[i] % 16]
                 : pattern[i] == 'b' ? base58[dice[i] % 58]
                 : pattern[i] == '#' ? (char)('1' + dice[i] % 9)
                                     : pattern[i];
    out[len] = '\0';
}

#define UUID     "xxxxxxxx-xxxx-4xxx-axxx-xxxxxxxxxxxx"
#define SHORT_ID "bbbbbbbbbbbbbbbbbbbbbb"
#define NUMBER   "#######"

/* `to` NULL: something random after the pattern. The first to name an id decides. */
static void add_swap(
    struct fresh *f, const char *from, size_t len, const char *to, const char *pattern)
{
    if (len == 0 || len >= ID_SIZE || f->swaps == SWAPS_MAX)
        return;
    for (size_t i = 0; i < f->swaps; i++)
        if (strlen(f->swap[i].from) == len && memcmp(f->swap[i].from, from, len) == 0)
            return;
    struct swap *swap = &f->swap[f->swaps++];
    memcpy(swap->from, from, len);
    swap->from[len] = '\0';
    swap->whole = strcmp(pattern, NUMBER) == 0;
    if (to)
        snprintf(swap->to, sizeof swap->to, "%s", to);
    else
        random_text(swap->to, pattern);
}

/* A number is an id only under the names that make it one. */
static bool names_number_id(const char *name)
{
    static const char *const names[] = {"bookingId", "rescheduleId", "paymentId"};
    for (size_t i = 0; name && i < sizeof names / sizeof *names; i++)
        if (strcmp(name, names[i]) == 0)
            return true;
    return false;
}

static void add_number_id(struct fresh *f, const cJSON *item)
{
    char text[32];
    if (cJSON_IsNumber(item))
        snprintf(text, sizeof text, "%.0f", item->valuedouble);
    else if (cJSON_IsString(item) && strlen(item->valuestring) < sizeof text)
        snprintf(text, sizeof text, "%s", item->valuestring);
    else
        return;
    add_swap(f, text, strlen(text), NULL, NUMBER);
}

static void add_calcom_ids(struct fresh *f, const cJSON *item)
{
    const char *name = item->string ? item->string : "";
    if (cJSON_IsString(item)) {
        size_t len = strlen(item->valuestring);
        if (strcmp(name, "uid") == 0)
            add_swap(f, item->valuestring, len, NULL, SHORT_ID);
        if (strcmp(name, "rescheduleUid") == 0)
            add_swap(f, item->valuestring, len, f->options->other, SHORT_ID);
        if (strcmp(name, "uuid") == 0 || strcmp(name, "requestId") == 0)
            add_swap(f, item->valuestring, len, NULL, UUID);
    }
    if (names_number_id(name))
        add_number_id(f, item);
}

/* The ids of one URI: what follows the names of collections that hold one booking's things. */
static void add_uri_ids(struct fresh *f, const char *uri, const char *to)
{
    static const char *const collections[] = {"/scheduled_events/", "/invitees/",
        "/routing_form_submissions/", "/invitee_no_shows/", "/meeting_recaps/", "/contacts/"};
    for (size_t i = 0; i < sizeof collections / sizeof *collections; i++) {
        const char *at = strstr(uri, collections[i]);
        if (at) {
            at += strlen(collections[i]);
            add_swap(f, at, strcspn(at, "/?"), to, UUID);
        }
    }
}

static void add_calendly_ids(struct fresh *f, const cJSON *item)
{
    if (cJSON_IsString(item))
        add_uri_ids(f, item->valuestring, NULL);
}

static void walk(struct fresh *f, cJSON *item, void (*visit)(struct fresh *, const cJSON *))
{
    visit(f, item);
    for (cJSON *child = item->child; child; child = child->next)
        walk(f, child, visit);
}

/* The booking's own uid first: calendars and rooms have one too. */
static void collect_calcom_ids(struct fresh *f, cJSON *root)
{
    static const char *const own[] = {"payload.uid", "payload.bookingUid", "uid"};
    for (size_t i = 0; i < sizeof own / sizeof *own; i++) {
        const char *uid = json_text(root, own[i]);
        if (uid)
            add_swap(f, uid, strlen(uid), f->options->uid, SHORT_ID);
    }
    walk(f, root, add_calcom_ids);
}

static void collect_calendly_ids(struct fresh *f, cJSON *root)
{
    static const char *const others[] = {"payload.old_invitee", "payload.new_invitee"};
    const char *own = json_text(root, "payload.uri");
    if (own)
        add_uri_ids(f, own, f->options->uid);
    for (size_t i = 0; i < 2; i++) {
        const char *other = json_text(root, others[i]);
        if (other)
            add_uri_ids(f, other, f->options->other);
    }
    walk(f, root, add_calendly_ids);
}

static const struct swap *swap_at(const struct fresh *f, const char *text, bool at_start)
{
    for (size_t i = 0; i < f->swaps; i++) {
        const struct swap *swap = &f->swap[i];
        if (swap->whole ? at_start && strcmp(text, swap->from) == 0
                        : strncmp(text, swap->from, strlen(swap->from)) == 0)
            return swap;
    }
    return NULL;
}

static void swap_text(const struct fresh *f, const char *text, struct buf *out)
{
    for (const char *at = text; *at;) {
        const struct swap *swap = swap_at(f, at, at == text);
        if (swap) {
            buf_puts(out, swap->to);
            at += strlen(swap->from);
        } else
            buf_putc(out, *at++);
    }
}

static void swap_number(const struct fresh *f, cJSON *item)
{
    char text[32];
    snprintf(text, sizeof text, "%.0f", item->valuedouble);
    const struct swap *swap = swap_at(f, text, true);
    if (swap)
        cJSON_SetNumberValue(item, strtod(swap->to, NULL));
}

/* ---- times ---- */

static int64_t floor_days(int64_t ms)
{
    return ms / MS_PER_DAY - (ms % MS_PER_DAY < 0);
}

static void find_first_time(struct fresh *f, const cJSON *item)
{
    if (f->pivot == TIME_NONE && cJSON_IsString(item) && !time_parse(item->valuestring, &f->pivot))
        f->pivot = TIME_NONE;
}

static const char *envelope_time(const cJSON *root)
{
    const char *text = json_text(root, "createdAt");
    return text ? text : json_text(root, "created_at");
}

static void choose_days(struct fresh *f, cJSON *root, bool flat)
{
    int64_t now = f->options->now;
    const char *text = flat ? json_text(root, "startTime") : envelope_time(root);
    f->pivot = TIME_NONE;
    if (text && !time_parse(text, &f->pivot))
        f->pivot = TIME_NONE;
    if (f->pivot != TIME_NONE && !flat) {
        f->days_behind = floor_days(now - f->pivot);
        f->days_ahead = f->days_behind + 1;
    } else if (flat && f->pivot != TIME_NONE) {
        f->days_ahead = f->days_behind = floor_days(now - f->pivot + MS_PER_DAY / 2);
    } else {
        walk(f, root, find_first_time);
        if (f->pivot != TIME_NONE)
            f->days_ahead = f->days_behind = floor_days(now - f->pivot) + 2;
    }
}

/* Whole days change nothing but the date, whatever the time's zone and fraction. */
static void move_date(char *text, int64_t days)
{
    char date[TIME_TEXT];
    int64_t midnight;
    snprintf(date, sizeof date, "%.*sT00:00:00Z", DATE_LEN, text);
    if (!time_parse(date, &midnight))
        return;
    time_format(midnight + days * MS_PER_DAY, date);
    memcpy(text, date, DATE_LEN);
}

static bool move_time(const struct fresh *f, char *text)
{
    int64_t when;
    if (!time_parse(text, &when))
        return false;
    move_date(text, when > f->pivot ? f->days_ahead : f->days_behind);
    return true;
}

/* Now, with as many digits behind the second as the sample has. */
static void set_now(const struct fresh *f, cJSON *root, const char *name)
{
    for (cJSON *item = root->child; item; item = item->next) {
        char now[TIME_TEXT], text[TIME_TEXT + 16];
        if (!item->string || strcmp(item->string, name) != 0 || !cJSON_IsString(item))
            continue;
        size_t fraction =
            strspn(item->valuestring + strcspn(item->valuestring, "."), ".0123456789");
        time_format_ms(f->options->now, now);
        size_t shown = fraction > 4 ? 4 : fraction;
        snprintf(text, sizeof text, "%.*s%.*s%.*sZ", SECOND_LEN, now, (int)shown, now + SECOND_LEN,
            (int)(fraction - shown > 8 ? 8 : fraction - shown), "00000000");
        if (!cJSON_SetValuestring(item, text))
            tool_no_memory();
    }
}

/* ---- the body ---- */

static void renew_text(const struct fresh *f, cJSON *item)
{
    struct buf text = {0};
    if (move_time(f, item->valuestring))
        return;
    swap_text(f, item->valuestring, &text);
    if (text.failed || !cJSON_SetValuestring(item, buf_text(&text)))
        tool_no_memory();
    buf_free(&text);
}

/* `is_row`: the item is the flat body itself, a row of bookings whose number is plainly `id`. */
static void renew(const struct fresh *f, cJSON *item, bool is_row)
{
    for (cJSON *child = item->child; child; child = child->next) {
        bool row_id = is_row && child->string && strcmp(child->string, "id") == 0;
        if (cJSON_IsString(child))
            renew_text(f, child);
        else if (cJSON_IsNumber(child) && (row_id || names_number_id(child->string)))
            swap_number(f, child);
        renew(f, child, false);
    }
}

void fresh_body(enum provider provider, const void *body, size_t len,
    const struct fresh_options *options, struct buf *out)
{
    struct fresh f = {.options = options};
    cJSON *root = json_parse(body, len);
    if (!root) {
        buf_add(out, body, len);
        return;
    }
    bool flat = provider == PROVIDER_CALCOM && calcom_is_flat_meeting(root);
    provider == PROVIDER_CALCOM ? collect_calcom_ids(&f, root) : collect_calendly_ids(&f, root);
    choose_days(&f, root, flat);
    renew(&f, root, flat);
    if (!flat) {
        set_now(&f, root, "createdAt");
        set_now(&f, root, "created_at");
    }
    char *text = cJSON_PrintUnformatted(root);
    if (!text)
        tool_no_memory();
    buf_puts(out, text);
    cJSON_free(text);
    cJSON_Delete(root);
}
