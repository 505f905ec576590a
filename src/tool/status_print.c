/* What bookspool status prints. Contract: tool/status.h. */
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "tool/output.h"
#include "tool/sign.h"
#include "tool/status.h"

struct counter_name {
    int which;
    const char *name;
};

static const struct counter_name requests[] = {
    {COUNT_ACCEPTED, "accepted"},
    {COUNT_DUPLICATE, "duplicate"},
    {COUNT_PONG, "pong"},
    {COUNT_MALFORMED, "malformed"},
    {COUNT_SIGNATURE, "signature"},
    {COUNT_STALE, "stale"},
    {COUNT_HELD, "held"},
    {COUNT_REFUSED, "refused"},
    {COUNT_UNAVAILABLE, "unavailable"},
    {COUNT_SECRET_PRIMARY, "secret_primary"},
    {COUNT_SECRET_SECONDARY, "secret_secondary"},
};
enum { REQUESTS = sizeof requests / sizeof *requests };

static const struct counter_name others[] = {
    {COUNT_OTHER_REQUESTS, "other_requests"},
    {COUNT_BROKEN_CONNECTIONS, "broken_connections"},
    {COUNT_MAIL_SENT, "mail_sent"},
    {COUNT_MAIL_RETRY, "mail_retry"},
    {COUNT_MAIL_FAILED, "mail_failed"},
    {COUNT_MAIL_UNKNOWN, "mail_unknown"},
    {COUNT_MAIL_BLOCKED_RUNS, "held_runs"},
    {COUNT_DRAIN_RUNS, "drain_runs"},
};
enum { OTHERS = sizeof others / sizeof *others };

static const char *const slots[] = {"primary", "secondary"};

static int64_t key_time(const struct status *status, enum provider provider, int slot)
{
    enum counter_request which = slot ? COUNT_SECRET_SECONDARY_AT : COUNT_SECRET_PRIMARY_AT;
    return status_time(status, counter_in_row((int)provider, which));
}

/* ---- for people ---- */

static void print_directories(const struct status *status)
{
    for (enum spool_dir dir = 0; dir < SPOOL_DIRS; dir++) {
        char age[TIME_TEXT];
        printf("%-7s %6zu", spool_dir_name(dir), status->count[dir]);
        if (status->oldest[dir] != TIME_NONE) {
            time_format_age(status->tool->now - status->oldest[dir], age);
            printf("  oldest %s", age);
        }
        putchar('\n');
    }
}

/* A id that is neither set nor was ever used is not worth a line. */
static void print_id(const struct status *status, enum provider provider, int slot)
{
    char ago[AGE_TEXT];
    int64_t when = key_time(status, provider, slot);
    enum secret_choice choice = slot ? SECRET_SECONDARY : SECRET_PRIMARY;
    bool set = conf_text(&status->tool->conf, secret_setting(provider, choice)) != NULL;
    if (when == TIME_NONE && !set)
        return;
    output_ago(when, status->tool->now, ago);
    printf("%s secret of %s last used %s\n", slots[slot], provider_name(provider), ago);
}

static void print_counters(
    const char *label, const struct counter_name *names, size_t count, enum counter first)
{
    enum { WIDTH = 78 };
    int column = printf("%s:", label);
    for (size_t i = 0; i < count; i++) {
        char text[64];
        unsigned long long value = counter_get((enum counter)((int)first + names[i].which));
        int len = snprintf(text, sizeof text, " %s %llu", names[i].name, value);
        if (value == 0)
            continue;
        if (column + len > WIDTH)
            column = printf("\n ") - 1;
        column += printf("%s", text);
    }
    putchar('\n');
}

void status_print(const struct status *status)
{
    char ago[AGE_TEXT];
    print_directories(status);
    output_ago(status_time(status, COUNT_DRAIN_LAST_AT), status->tool->now, ago);
    printf(
        "last drain that ended well: %s%s\n", ago, status->drain_at_work ? "; one is at work" : "");
    output_ago(status_time(status, COUNT_MAIL_LAST_AT), status->tool->now, ago);
    printf("last mail sent: %s\n", ago);
    for (enum provider p = 0; p < PROVIDERS; p++)
        for (int slot = 0; slot < 2; slot++)
            print_id(status, p, slot);
    if (status->counted) {
        for (enum provider p = 0; p < PROVIDERS; p++)
            print_counters(provider_name(p), requests, REQUESTS, counter_in_row((int)p, 0));
        print_counters("all", others, OTHERS, 0);
    } else
        puts("nothing was counted yet");
    int len;
    for (const char *line, *at = buf_text(&status->warnings); (line = text_line(&at, &len));)
        printf("warning: %.*s\n", len, line);
    if (!status->warnings.len)
        puts("all is well");
}

/* ---- for programs ---- */

static void put_directories(cJSON *object, const struct status *status)
{
    for (enum spool_dir dir = 0; dir < SPOOL_DIRS; dir++) {
        cJSON *one = json_put_object(object, spool_dir_name(dir));
        json_put_number(one, "count", (int64_t)status->count[dir]);
        json_put_time(one, "oldest", status->oldest[dir]);
    }
}

static void put_counters(cJSON *object, const struct status *status,
    const struct counter_name *names, size_t count, enum counter first)
{
    for (size_t i = 0; i < count; i++)
        json_put_number(object, names[i].name,
            status->counted ? (int64_t)counter_get((enum counter)((int)first + names[i].which))
                            : 0);
}

static void put_provider(cJSON *object, const struct status *status, enum provider provider)
{
    cJSON *one = json_put_object(object, provider_name(provider));
    for (int slot = 0; slot < 2; slot++) {
        char name[32];
        snprintf(name, sizeof name, "secret_%s_at", slots[slot]);
        json_put_time(one, name, key_time(status, provider, slot));
    }
    put_counters(one, status, requests, REQUESTS, counter_in_row((int)provider, 0));
}

static void put_warnings(cJSON *array, const char *lines)
{
    int len;
    for (const char *line; (line = text_line(&lines, &len));) {
        char text[512];
        snprintf(text, sizeof text, "%.*s", len, line);
        cJSON *item = cJSON_CreateString(text);
        if (!item || !cJSON_AddItemToArray(array, item))
            tool_no_memory();
    }
}

void status_print_json(const struct status *status)
{
    cJSON *object = json_object();
    json_put_bool(object, "well", status->warnings.len == 0);
    put_warnings(json_put_array(object, "warnings"), buf_text(&status->warnings));
    put_directories(json_put_object(object, "spool"), status);
    json_put_number(object, "out_unknown", (int64_t)status->unknown);
    json_put_number(object, "out_accepted", (int64_t)status->accepted);
    json_put_bool(object, "drain_at_work", status->drain_at_work);
    json_put_time(object, "last_drain_at", status_time(status, COUNT_DRAIN_LAST_AT));
    json_put_time(object, "last_mail_at", status_time(status, COUNT_MAIL_LAST_AT));
    for (enum provider p = 0; p < PROVIDERS; p++)
        put_provider(object, status, p);
    put_counters(json_put_object(object, "counters"), status, others, OTHERS, 0);
    json_print(object, JSON_INDENTED);
}
