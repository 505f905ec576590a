/* bookspool status: is everything well. */
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "base/counters.h"
#include "base/text.h"
#include "spool/queue.h"
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

#define MAIL_MAX  (INT64_C(60) * 60 * MS_PER_SECOND)
#define DRAIN_MAX MS_PER_DAY

struct status {
    struct tool *tool;
    size_t count[SPOOL_DIRS];   /* without .why files */
    int64_t oldest[SPOOL_DIRS]; /* TIME_NONE: empty */
    int64_t next;               /* the earliest attempt of a mail in out/ */
    size_t unknown, accepted;   /* marks in out/ */
    size_t uncomposed;          /* marks in new/ and replay/ */
    bool drain_at_work, counted;
    struct buf warnings; /* a line each; empty: all is well */
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

/* ---- warnings ---- */

static void warn_of_late(
    struct status *s, const char *what, int64_t when, int64_t max, const char *advice)
{
    char age[TIME_TEXT];
    if (when == TIME_NONE || s->tool->now - when <= max)
        return;
    time_format_age(s->tool->now - when, age);
    buf_printf(&s->warnings, "%s %s%s\n", what, age, advice);
}

/* What waits for a person: how many, how long, and what to do. */
static void warn_of_waiting(struct status *s, enum spool_dir dir, const char *advice)
{
    char age[TIME_TEXT];
    if (s->count[dir] == 0)
        return;
    time_format_age(s->tool->now - s->oldest[dir], age);
    buf_printf(&s->warnings, "%s/ holds %zu, the oldest for %s: %s\n", spool_dir_name(dir),
        s->count[dir], age, advice);
}

static void add_warnings(struct status *s)
{
    int64_t well = counted_time(s, COUNT_DRAIN_LAST_AT),
            blocked = counted_time(s, COUNT_DRAIN_BLOCKED_AT);
    if (well == TIME_NONE && blocked == TIME_NONE)
        buf_puts(
            &s->warnings, "no drain has run yet: is bookspool-drain run by cron or a timer?\n");
    else if (blocked != TIME_NONE && blocked > well)
        buf_puts(&s->warnings, "the last run of the drain could not do its work: see its log, "
                               "or run it by hand\n");
    const char *drain = s->drain_at_work ? ", though a drain is at work"
                                         : ": is bookspool-drain run by cron or a timer?";
    warn_of_late(
        s, "new/: the oldest event has waited for", s->oldest[DIR_NEW], TOOL_WAIT_MAX, drain);
    warn_of_late(
        s, "replay/: an event has waited for", s->oldest[DIR_REPLAY], TOOL_WAIT_MAX, drain);
    warn_of_late(s, "out/: a mail has been due for", s->next, TOOL_WAIT_MAX, drain);
    warn_of_late(s, "out/: a mail could not be sent for", s->oldest[DIR_OUT], MAIL_MAX,
        ": see the log of bookspool-drain");
    warn_of_late(s, "no drain has ended well for", well, DRAIN_MAX,
        ": is bookspool-drain run by cron or a timer?");
    warn_of_waiting(s, DIR_HELD,
        "signed, but outside the replay window; bookspool show prints one, bookspool release ID "
        "lets it go on");
    warn_of_waiting(s, DIR_BAD,
        "not mailed, because not intact or not composable; bookspool list bad names them, "
        "bookspool trace ID says why, bookspool replay FILE mails a repaired one");
    warn_of_waiting(s, DIR_FAILED,
        "given up; bookspool trace ID says why, mv failed/NAME out/ tries one again");
    if (s->uncomposed)
        buf_printf(&s->warnings,
            "%zu events wait because their mails could not be composed: the line not-composed in "
            "the log of bookspool-drain says why\n",
            s->uncomposed);
    if (s->unknown)
        buf_printf(&s->warnings,
            "out/: the outcome of %zu is unknown: they may have arrived, and another attempt may "
            "be a repeat\n",
            s->unknown);
    if (s->accepted)
        buf_printf(&s->warnings,
            "out/: %zu were accepted, but could not be moved to sent/: the next drain does that\n",
            s->accepted);
}

/* ---- counters ---- */

struct counter_name {
    int which;
    const char *name;
};

/* Of each provider, and of all together. */
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

static const struct counter_name others[] = {
    {COUNT_OTHER_REQUESTS, "other_requests"},
    {COUNT_BROKEN_CONNECTIONS, "broken_connections"},
    {COUNT_MAIL_SENT, "mail_sent"},
    {COUNT_MAIL_RETRY, "mail_retry"},
    {COUNT_MAIL_FAILED, "mail_failed"},
    {COUNT_MAIL_UNKNOWN, "mail_unknown"},
    {COUNT_MAIL_BLOCKED_RUNS, "blocked_runs"},
    {COUNT_DRAIN_RUNS, "drain_runs"},
};

static int64_t secret_time(const struct status *status, enum provider provider, int slot)
{
    enum counter_request which = slot ? COUNT_SECRET_SECONDARY_AT : COUNT_SECRET_PRIMARY_AT;
    return counted_time(status, counter_in_row((int)provider, which));
}

/* ---- for people ---- */

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
    for (enum provider p = 0; p < PROVIDERS; p++)
        for (int slot = 0; slot < 2; slot++) {
            int64_t used = secret_time(status, p, slot);
            if (used == TIME_NONE && !conf_text(conf, provider_table[p]->secret[slot]))
                continue;
            output_ago(used, now, ago);
            printf("%s secret of %s last used %s\n", slot ? "secondary" : "primary",
                provider_name(p), ago);
        }
    if (status->counted) {
        for (enum provider p = 0; p < PROVIDERS; p++)
            print_counters(provider_name(p), requests, sizeof requests / sizeof *requests,
                counter_in_row((int)p, 0));
        print_counters("all", others, sizeof others / sizeof *others, 0);
    } else
        puts("nothing was counted yet");
    int len;
    for (const char *line, *at = buf_text(&status->warnings); (line = text_line(&at, &len));)
        printf("warning: %.*s\n", len, line);
    if (!status->warnings.len)
        puts("all is well");
}

/* ---- for programs ---- */

static void put_counters(cJSON *object, const struct status *status,
    const struct counter_name *names, size_t count, enum counter first)
{
    for (size_t i = 0; i < count; i++)
        json_put_number(object, names[i].name,
            status->counted ? (int64_t)counter_get((enum counter)((int)first + names[i].which))
                            : 0);
}

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
    for (enum provider p = 0; p < PROVIDERS; p++) {
        cJSON *one = json_put_object(object, provider_name(p));
        json_put_time(one, "secret_primary_at", secret_time(status, p, 0));
        json_put_time(one, "secret_secondary_at", secret_time(status, p, 1));
        put_counters(
            one, status, requests, sizeof requests / sizeof *requests, counter_in_row((int)p, 0));
    }
    put_counters(
        json_put_object(object, "counters"), status, others, sizeof others / sizeof *others, 0);
    json_print(object, JSON_INDENTED);
}

static int run(struct tool *tool, int argc, char **argv)
{
    char **operands;
    struct status status = {.tool = tool, .next = TIME_NONE};
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
    status.counted = state && counters_open_readonly(state);
    status.drain_at_work = tool_drain_at_work(tool);
    add_warnings(&status);
    if (status.warnings.failed)
        tool_no_memory();
    tool->json ? print_status_json(&status) : print_status(&status);
    int code = status.warnings.len ? EXIT_WARNINGS : EX_OK;
    buf_free(&status.warnings);
    return code;
}

const struct command command_status = {"status", "is everything well", usage, run};
