/* bookspool status: is everything well. */
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "base/counters.h"
#include "base/text.h"
#include "deliver/transport.h"
#include "health/health.h"
#include "spool/queue.h"
#include "tool/attempt_view.h"
#include "tool/find.h"
#include "tool/output.h"
#include "tool/tool.h"

static const char usage[] =
    "status [--json] [--spool DIR]\n"
    "\n"
    "Reports whether everything is well: what is in each directory and since when,\n"
    "the last run of the drain, the last mail, when each secret last signed, what was\n"
    "counted, and warnings.\n"
    "\n"
    "Exit status: 0 all is well, 1 there are warnings, 2 the spool cannot be read.\n";

enum { EXIT_WARNINGS = 1, EXIT_TROUBLE = 2 };

struct status {
    struct tool *tool;
    size_t count[SPOOL_DIRS];   /* without .why files */
    int64_t oldest[SPOOL_DIRS]; /* TIME_NONE: empty */
    int64_t next;               /* the earliest attempt of a mail in out/ */
    size_t unknown, accepted;   /* marks in out/ */
    size_t uncomposed;          /* marks in new/ and replay/ */
    bool drain_at_work, counted;
    struct health_facts facts;
    struct health health;
    struct attempts attempts; /* without success, of what is in out/ */
    struct buf warnings;      /* a line each; empty: all is well */
};

/* ---- gathering ---- */

static void take_earlier(int64_t *time, int64_t other)
{
    if (*time == TIME_NONE || other < *time)
        *time = other;
}

/* False, with spool->step: it cannot be read. */
static bool gather_dir(struct status *status, enum spool_dir dir)
{
    struct spool *spool = &status->tool->spool;
    struct spool_list list;
    struct spool_file file;
    status->oldest[dir] = TIME_NONE;
    if (!tool_list(status->tool, dir, &list))
        return false;
    for (size_t i = 0; i < list.count; i++) {
        const struct spool_item *item = &list.item[i];
        int64_t since = item->mtime;
        if (queue_is_why(item->name))
            continue;
        if (dir == DIR_OUT) { /* the mtime is the next attempt; the header has the age */
            take_earlier(&status->next, item->mtime);
            status->accepted += (item->mode & QUEUE_SENT) != 0;
            status->unknown += (item->mode & QUEUE_UNKNOWN) != 0 && !(item->mode & QUEUE_SENT);
            if (spool_read(spool, dir, item->name, &file)) {
                if (!file.torn && file.record.kind == RECORD_MAIL)
                    since = file.record.queued;
                spool_file_free(&file);
            }
        }
        if ((dir == DIR_NEW || dir == DIR_REPLAY) && item->mode & QUEUE_UNCOMPOSED)
            status->uncomposed++;
        status->count[dir]++;
        take_earlier(&status->oldest[dir], since);
    }
    spool_list_free(&list);
    return true;
}

/* From the counters; TIME_NONE for never. */
static int64_t counted_time(const struct status *status, enum counter which)
{
    uint64_t when = status->counted ? counter_get(which) : 0;
    return when ? (int64_t)when : TIME_NONE;
}

/* What was just listed is exact, where the receiver has to estimate. */
static void add_warnings(struct status *s)
{
    struct health_facts *facts = &s->facts;
    const uint64_t waiting[] = {[WAITING_UNKNOWN] = s->unknown, [WAITING_ACCEPTED] = s->accepted};
    uint64_t *value = facts->counters.value;
    for (enum spool_dir dir = 0; dir < SPOOL_DIRS; dir++) {
        facts->survey.count[dir] = (int64_t)s->count[dir];
        facts->survey.oldest[dir] = s->oldest[dir];
    }
    for (size_t i = WAITING_UNKNOWN; i <= WAITING_ACCEPTED; i++)
        value[counter_at(COUNT_OUT_WAITING, i, 0)] = waiting[i];
    value[COUNT_OUT_DUE_AT] = s->next == TIME_NONE ? 0 : (uint64_t)s->next;
    value[COUNT_UNCOMPOSED_NOW] = s->uncomposed;
    facts->drain_at_work = s->drain_at_work;
    health_check_all(facts, &s->health);
    for (size_t i = 0; i < s->health.count; i++) {
        const struct health_check *check = &s->health.check[i];
        if (check->state != HEALTH_PASS && !check->own)
            buf_printf(&s->warnings, "%s: %s\n", check->text, check->advice);
    }
}

/* ---- counters ---- */

static int64_t sent_by_any(enum outcome outcome)
{
    int64_t sum = 0;
    for (size_t t = 0; counter_label_word(LABEL_TRANSPORT, t); t++)
        sum += counter_get_signed(counter_at(COUNT_MAIL_ATTEMPTS, t, (size_t)outcome));
    return sum;
}

static int64_t requests_of(enum provider provider, size_t reason)
{
    return counter_get_signed(counter_at(COUNT_REQUESTS, provider, reason));
}

/* What this program was not written for, of each provider. */
static const struct {
    enum counter first;
    const char *name;
} unknowns[] = {
    {COUNT_UNKNOWN_EVENTS, "unknown_event"}, {COUNT_UNKNOWN_VERSIONS, "unknown_version"}};
enum { UNKNOWNS = sizeof unknowns / sizeof *unknowns };

/* Of all providers together. */
struct other {
    const char *name;
    int64_t value;
};
enum { OTHERS = 8 };

static void get_others(struct other other[OTHERS])
{
    const struct other found[OTHERS] = {
        {"other_requests", counter_get_signed(COUNT_OTHER_REQUESTS)},
        {"broken_connections", counter_get_signed(COUNT_BROKEN_CONNECTIONS)},
        {"mail_sent", sent_by_any(OUTCOME_SENT)},
        {"mail_retry", counter_get_signed(COUNT_MAIL_RETRY)},
        {"mail_failed", counter_get_signed(COUNT_MAIL_FAILED)},
        {"mail_unknown", sent_by_any(OUTCOME_UNKNOWN)},
        {"blocked_runs", counter_get_signed(counter_at(COUNT_DRAIN_RUNS, RESULT_BLOCKED, 0))},
        {"drain_runs", (int64_t)counter_sum(COUNT_DRAIN_RUNS, 0, LABEL_RESULT)},
    };
    memcpy(other, found, sizeof found);
}

static int64_t secret_time(const struct status *status, enum provider provider, int slot)
{
    return counted_time(status, counter_at(COUNT_SECRET_USED_AT, provider, (size_t)slot));
}

/* ---- for people ---- */

/* Goes on in the next line where the name and value do not fit any more. */
static void print_counter(int *column, const char *name, int64_t value)
{
    enum { WIDTH = 78 };
    char text[64];
    int len = snprintf(text, sizeof text, " %s %lld", name, (long long)value);
    if (value == 0)
        return;
    if (*column + len > WIDTH)
        *column = printf("\n ") - 1;
    *column += printf("%s", text);
}

static void print_counters(void)
{
    struct other other[OTHERS];
    const char *reason;
    for (enum provider p = 0; p < PROVIDERS; p++) {
        int column = printf("%s:", provider_name(p));
        for (size_t i = 0; (reason = counter_label_word(LABEL_REASON, i)); i++)
            print_counter(&column, reason, requests_of(p, i));
        for (size_t i = 0; i < UNKNOWNS; i++)
            print_counter(
                &column, unknowns[i].name, counter_get_signed(counter_at(unknowns[i].first, p, 0)));
        putchar('\n');
    }
    get_others(other);
    int column = printf("all:");
    for (size_t i = 0; i < OTHERS; i++)
        print_counter(&column, other[i].name, other[i].value);
    putchar('\n');
}

static void print_status(const struct status *status)
{
    const struct conf *conf = &status->tool->conf;
    int64_t now = status->tool->now;
    char age[TIME_TEXT], ago[AGE_TEXT];
    for (enum spool_dir dir = 0; dir < SPOOL_DIRS; dir++) {
        printf("%-7s %6zu", spool_dir_name(dir), status->count[dir]);
        if (status->oldest[dir] != TIME_NONE) {
            time_format_age(now - status->oldest[dir], age);
            printf("  oldest %s", age);
        }
        putchar('\n');
    }
    output_ago(counted_time(status, COUNT_DRAIN_LAST_AT), now, ago);
    printf(
        "last drain that ended well: %s%s\n", ago, status->drain_at_work ? "; one is at work" : "");
    output_ago(counted_time(status, COUNT_MAIL_LAST_AT), now, ago);
    printf("last mail sent: %s\n", ago);
    attempt_view_reasons(&status->attempts, NULL);
    for (enum provider p = 0; p < PROVIDERS; p++)
        for (int slot = 0; slot < 2; slot++) {
            int64_t used = secret_time(status, p, slot);
            if (used == TIME_NONE && !conf_text(conf, provider_table[p]->secret[slot]))
                continue;
            output_ago(used, now, ago);
            printf("%s secret of %s last used %s\n", slot ? "secondary" : "primary",
                provider_name(p), ago);
        }
    if (status->counted)
        print_counters();
    else
        puts("nothing was counted yet");
    int len;
    for (const char *line, *at = buf_text(&status->warnings); (line = text_line(&at, &len));)
        printf("warning: %.*s\n", len, line);
    if (!status->warnings.len)
        puts("all is well");
}

/* ---- for programs ---- */

static void print_status_json(const struct status *status)
{
    cJSON *object = json_object();
    json_put_bool(object, "well", status->warnings.len == 0);
    cJSON *warnings = json_put_array(object, "warnings");
    int len;
    for (const char *line, *at = buf_text(&status->warnings); (line = text_line(&at, &len));)
        json_append_text(warnings, line, len);
    cJSON *spool = json_put_object(object, "spool");
    for (enum spool_dir dir = 0; dir < SPOOL_DIRS; dir++) {
        cJSON *one = json_put_object(spool, spool_dir_name(dir));
        json_put_number(one, "count", (int64_t)status->count[dir]);
        json_put_time(one, "oldest", status->oldest[dir]);
    }
    json_put_number(object, "out_unknown", (int64_t)status->unknown);
    json_put_number(object, "out_accepted", (int64_t)status->accepted);
    json_put_bool(object, "drain_at_work", status->drain_at_work);
    json_put_time(object, "last_drain_at", counted_time(status, COUNT_DRAIN_LAST_AT));
    json_put_time(object, "last_mail_at", counted_time(status, COUNT_MAIL_LAST_AT));
    attempt_view_reasons(&status->attempts, json_put_array(object, "out_errors"));
    for (enum provider p = 0; p < PROVIDERS; p++) {
        cJSON *one = json_put_object(object, provider_name(p));
        json_put_time(one, "secret_primary_at", secret_time(status, p, 0));
        json_put_time(one, "secret_secondary_at", secret_time(status, p, 1));
        for (size_t i = 0; counter_label_word(LABEL_REASON, i); i++)
            json_put_number(one, counter_label_word(LABEL_REASON, i), requests_of(p, i));
        for (size_t i = 0; i < UNKNOWNS; i++)
            json_put_number(
                one, unknowns[i].name, counter_get_signed(counter_at(unknowns[i].first, p, 0)));
    }
    cJSON *counters = json_put_object(object, "counters");
    struct other other[OTHERS];
    get_others(other);
    for (size_t i = 0; i < OTHERS; i++)
        json_put_number(counters, other[i].name, other[i].value);
    json_print(object, JSON_INDENTED);
}

static int run(struct tool *tool, int argc, char **argv)
{
    char **operands;
    static struct status status; /* static: it is large */
    status = (struct status){.tool = tool, .next = TIME_NONE};
    if (tool_parse(tool, argc, argv, NULL, &operands))
        tool_usage(tool, "takes no operands");
    if (tool_look(tool) != EX_OK)
        return EXIT_TROUBLE;
    for (enum spool_dir dir = 0; dir < SPOOL_DIRS; dir++)
        if (!gather_dir(&status, dir)) {
            tool_spool_failed(tool);
            return EXIT_TROUBLE;
        }
    const char *state = conf_text(&tool->conf, SET_STATE);
    if (status.count[DIR_OUT])
        attempt_view_read(tool, &status.attempts);
    status.counted = state && counters_open_readonly(state);
    status.drain_at_work = tool_drain_at_work(tool);
    tool_health(tool, status.counted, &status.facts);
    add_warnings(&status);
    if (status.warnings.failed)
        tool_no_memory();
    tool->json ? print_status_json(&status) : print_status(&status);
    int code = status.warnings.len ? EXIT_WARNINGS : EX_OK;
    buf_free(&status.warnings);
    attempts_free(&status.attempts);
    return code;
}

const struct command command_status = {"status", "is everything well", usage, run};
