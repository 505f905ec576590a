/* bookspool status: is everything well. */
#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/counters.h"
#include "base/text.h"
#include "deliver/transport.h"
#include "report/overview.h"
#include "report/page.h"
#include "report/plot.h"
#include "spool/queue.h"
#include "tool/attempt_view.h"
#include "tool/find.h"
#include "tool/ledger_view.h"
#include "tool/output.h"
#include "tool/tool.h"

static const char usage[] =
    "status [--watch] [--json] [--spool DIR]\n"
    "       bookspool status --html FILE [--spool DIR]\n"
    "\n"
    "Reports whether everything is well, and what to do where it is not: checks,\n"
    "rates of the last hour, day and week, what is in each directory and since when,\n"
    "the last use of each secret, uses of API tokens, what was counted, what failed,\n"
    "the next bookings.\n"
    "\n"
    "  --watch       again every 5 seconds, until interrupted\n"
    "  --html FILE   write the status page there instead, as the drain does to\n"
    "                BOOKSPOOL_STATUS_PAGE\n"
    "\n"
    "Exit status: 0 all is well, 1 there are warnings, 2 the spool cannot be read.\n";

enum { EXIT_WARNINGS = 1, EXIT_TROUBLE = 2, WATCH_SECONDS = 5 };

struct status {
    struct tool *tool;
    bool colour;
    size_t count[SPOOL_DIRS];   /* without .why files */
    int64_t oldest[SPOOL_DIRS]; /* TIME_NONE: empty */
    int64_t next;               /* the earliest attempt of a mail in out/ */
    size_t unknown, accepted;   /* marks in out/ */
    size_t uncomposed;          /* marks in new/ and replay/ */
    bool drain_at_work, counted;
    struct overview overview;
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

/* What was just listed is exact, where the receiver and the drain have to estimate. */
static void put_exact_numbers(struct status *s)
{
    struct health_facts *facts = &s->overview.facts;
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
}

/* EX_OK, or EXIT_TROUBLE after a message. */
static int gather(struct status *status)
{
    struct tool *tool = status->tool;
    const char *state = conf_text(&tool->conf, SET_STATE);
    for (enum spool_dir dir = 0; dir < SPOOL_DIRS; dir++)
        if (!gather_dir(status, dir)) {
            tool_spool_failed(tool);
            return EXIT_TROUBLE;
        }
    if (status->count[DIR_OUT])
        attempt_view_read(tool, &status->attempts);
    status->counted = state && counters_open_readonly(state);
    status->drain_at_work = tool_drain_at_work(tool);
    tool_health(tool, status->counted, &status->overview.facts);
    put_exact_numbers(status);
    ledger_view_become(tool);
    overview_gather(&status->overview, &tool->conf, &tool->spool, tool->now);
    for (size_t i = 0; i < status->overview.checks; i++) {
        const struct health_check *check = &status->overview.check[i];
        if (check->state != HEALTH_PASS && !check->own)
            buf_printf(&status->warnings, "%s: %s\n", check->text, check->advice);
    }
    if (status->warnings.failed)
        tool_no_memory();
    return EX_OK;
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

static int64_t token_uses(const struct status *status, enum provider provider, size_t slot)
{
    return status->counted ? counter_get_signed(counter_at(COUNT_TOKEN_USES, provider, slot)) : 0;
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

static const char *colour_of(const struct status *status, enum health_state state)
{
    static const char *const codes[] = {"\033[32m", "\033[33m", "\033[31m"};
    return status->colour ? codes[state] : "";
}

enum { CHECK_INDENT = 6 }; /* "fail", and two blanks */

static void print_checks(const struct status *status)
{
    const struct overview *o = &status->overview;
    const char *end = status->colour ? "\033[0m" : "";
    size_t passed = 0;
    for (enum health_state state = HEALTH_FAIL; state > HEALTH_PASS; state--)
        for (size_t i = 0; i < o->checks; i++) {
            const struct health_check *check = &o->check[i];
            if (check->state != state || check->own)
                continue;
            printf("%s%s%s  ", colour_of(status, state), health_state_name(state), end);
            output_folded(check->text, CHECK_INDENT, CHECK_INDENT);
            printf("%*s", CHECK_INDENT, "");
            output_folded(check->advice, CHECK_INDENT, CHECK_INDENT);
        }
    for (size_t i = 0; i < o->checks; i++)
        passed += o->check[i].state == HEALTH_PASS;
    printf("%spass%s  %zu checks\n", colour_of(status, HEALTH_PASS), end, passed);
}

/* A row of bars, and the sums. */
static void print_rate(const char *label, const struct overview_span *span, size_t count,
    const struct overview_span *total)
{
    struct plot_point point[OVERVIEW_WEEK] = {0};
    struct buf bars = {0};
    for (size_t i = 0; i < count; i++)
        point[i].value[0] = span[i].known ? (double)span[i].accepted : -1;
    plot_blocks(point, count, &bars);
    printf("%-10s %s%*s %6llu accepted %6llu mailed", label, buf_text(&bars),
        (int)(OVERVIEW_WEEK - count), "", (unsigned long long)total->accepted,
        (unsigned long long)total->sent);
    if (total->given_up)
        printf(", %llu given up", (unsigned long long)total->given_up);
    if (total->refused)
        printf(", %llu refused", (unsigned long long)total->refused);
    putchar('\n');
    buf_free(&bars);
}

static void print_rates(const struct overview *o)
{
    char within[TIME_TEXT];
    int64_t half = overview_mailed_within(o, 50);
    if (!o->history_known) {
        puts("rates: not known yet; the drain keeps a history from its next run on");
        return;
    }
    print_rate("last hour", o->hour, OVERVIEW_HOUR, &o->total[0]);
    print_rate("last day", o->day, OVERVIEW_DAY, &o->total[1]);
    print_rate("last week", o->week, OVERVIEW_WEEK, &o->total[2]);
    if (overview_success(&o->total[3]) >= 0)
        printf("in 30 days %.4g %% of mails arrived", overview_success(&o->total[3]));
    if (half > 0 && half != INT64_MAX) {
        time_format_age(half, within);
        printf("; half of them within %s of the webhook", within);
    }
    putchar('\n');
}

static void print_directories(const struct status *status)
{
    char age[TIME_TEXT];
    for (enum spool_dir dir = 0; dir < SPOOL_DIRS; dir++) {
        printf("%-7s %6zu", spool_dir_name(dir), status->count[dir]);
        if (status->oldest[dir] != TIME_NONE) {
            time_format_age(status->tool->now - status->oldest[dir], age);
            printf("  oldest %s", age);
        }
        putchar('\n');
    }
}

static void print_uses(const struct status *status)
{
    int64_t now = status->tool->now;
    char ago[AGE_TEXT];
    output_ago(counted_time(status, COUNT_DRAIN_LAST_AT), now, ago);
    printf(
        "last drain that ended well: %s%s\n", ago, status->drain_at_work ? "; one is at work" : "");
    output_ago(counted_time(status, COUNT_MAIL_LAST_AT), now, ago);
    printf("last mail sent: %s\n", ago);
    attempt_view_reasons(&status->attempts, NULL);
    for (enum provider p = 0; p < PROVIDERS; p++)
        for (int slot = 0; slot < 2; slot++) {
            int64_t used = secret_time(status, p, slot);
            if (used == TIME_NONE &&
                !conf_text(&status->tool->conf, provider_table[p]->secret[slot]))
                continue;
            output_ago(used, now, ago);
            printf("%s secret of %s last used %s\n", slot ? "secondary" : "primary",
                provider_name(p), ago);
        }
    for (enum provider p = 0; p < PROVIDERS; p++)
        for (size_t slot = 0; status->counted && slot < ROOM_TOKEN; slot++) {
            uint64_t mark = counter_get(counter_at(COUNT_TOKEN_MARK, p, slot));
            if (mark)
                printf("%s token of %s, %08llx: %lld requests\n",
                    counter_label_word(LABEL_TOKEN, slot), provider_name(p),
                    (unsigned long long)mark, (long long)token_uses(status, p, slot));
        }
}

static void print_troubles(const struct overview *o)
{
    struct table table = {.columns = 4};
    for (size_t i = 0; i < o->troubles; i++) {
        const struct overview_trouble *trouble = &o->trouble[i];
        char ago[AGE_TEXT];
        output_ago(trouble->since, o->now, ago);
        table_add(&table, (const char *[]){spool_dir_name(trouble->dir), trouble->name, ago,
                              *trouble->reason ? trouble->reason : "-"});
    }
    if (!o->troubles)
        return;
    puts("\nset aside for you:");
    table_print(&table, (const char *[]){"DIR", "NAME", "SINCE", "WHY"});
    if (o->more_troubles)
        printf("and %zu more: bookspool list\n", o->more_troubles);
}

static void add_booking_row(
    struct table *table, const struct overview *o, const struct overview_booking *booking)
{
    char when[64];
    struct zone_time at;
    if (!zone_local(&o->zone, booking->start, &at))
        return;
    snprintf(when, sizeof when, "%04d-%02d-%02d %02d:%02d %s", at.year, at.month, at.day, at.hour,
        at.minute, at.abbreviation);
    table_add(table,
        (const char *[]){when, booking->who, booking->title, provider_title(booking->provider)});
}

static void print_bookings(const struct overview *o)
{
    static const char *const heading[] = {"START", "WHO", "TITLE", "PLATFORM"};
    struct table next = {.columns = 4}, pairs = {.columns = 4};
    for (size_t i = 0; i < o->bookings; i++)
        add_booking_row(&next, o, &o->next[i]);
    for (size_t i = 0; i < o->pairs; i++) {
        add_booking_row(&pairs, o, &o->pair[i].first);
        add_booking_row(&pairs, o, &o->pair[i].second);
    }
    if (o->ledger_trouble)
        printf("\nthe ledger cannot be read: %s\n", o->ledger_trouble);
    if (o->bookings) {
        puts("\nnext bookings:");
        table_print(&next, heading);
    }
    if (o->pairs) {
        puts("\noverlapping, two and two:");
        table_print(&pairs, heading);
    }
}

static void print_status(const struct status *status)
{
    const struct overview *o = &status->overview;
    char time[TIME_TEXT];
    time_format(o->now, time);
    printf("%s%s%s%*s%s\n\n", colour_of(status, o->state), page_headline(o->state),
        status->colour ? "\033[0m" : "", 58 - (int)strlen(page_headline(o->state)), "", time);
    print_checks(status);
    putchar('\n');
    print_rates(o);
    putchar('\n');
    print_directories(status);
    putchar('\n');
    print_uses(status);
    if (status->counted)
        print_counters();
    else
        puts("nothing was counted yet");
    print_troubles(o);
    print_bookings(o);
}

/* ---- for programs ---- */

static void put_booking(cJSON *object, const struct overview_booking *booking)
{
    json_put_text(object, "provider", booking->provider);
    json_put_text(object, "title", booking->title);
    json_put_text(object, "who", booking->who);
    json_put_time(object, "start", booking->start);
    json_put_time(object, "end", booking->end);
}

static void put_rate(cJSON *object, const char *name, const struct overview_span *span)
{
    cJSON *rate = json_put_object(object, name);
    json_put_number(rate, "accepted", (int64_t)span->accepted);
    json_put_number(rate, "refused", (int64_t)span->refused);
    for (size_t k = 0; k < KIND_GROUPS; k++)
        json_put_number(rate, overview_kind_name((enum overview_kind)k), (int64_t)span->events[k]);
    json_put_number(rate, "sent", (int64_t)span->sent);
    json_put_number(rate, "given_up", (int64_t)span->given_up);
}

static void put_overview(cJSON *object, const struct overview *o)
{
    static const char *const spans[] = {"hour", "day", "week", "month"};
    json_put_text(object, "state", health_state_name(o->state));
    cJSON *checks = json_put_array(object, "checks");
    for (size_t i = 0; i < o->checks; i++) {
        const struct health_check *check = &o->check[i];
        cJSON *one = json_append(checks);
        json_put_text(one, "name", check->name);
        json_put_text(
            one, "provider", check->provider == PROVIDERS ? NULL : provider_name(check->provider));
        json_put_text(one, "state", health_state_name(check->state));
        json_put_text(one, "reason", check->reason);
        json_put_text(one, "text", check->text);
        json_put_text(one, "advice", check->advice);
    }
    cJSON *rates = json_put_object(object, "rates");
    for (size_t i = 0; o->history_known && i < 4; i++)
        put_rate(rates, spans[i], &o->total[i]);
    cJSON *troubles = json_put_array(object, "set_aside");
    for (size_t i = 0; i < o->troubles; i++) {
        cJSON *one = json_append(troubles);
        json_put_text(one, "dir", spool_dir_name(o->trouble[i].dir));
        json_put_text(one, "name", o->trouble[i].name);
        json_put_time(one, "since", o->trouble[i].since);
        json_put_text(one, "reason", *o->trouble[i].reason ? o->trouble[i].reason : NULL);
    }
    cJSON *next = json_put_array(object, "next_bookings");
    for (size_t i = 0; i < o->bookings; i++)
        put_booking(json_append(next), &o->next[i]);
    cJSON *pairs = json_put_array(object, "overlaps");
    for (size_t i = 0; i < o->pairs; i++) {
        cJSON *both = json_put_array(json_append(pairs), "bookings");
        put_booking(json_append(both), &o->pair[i].first);
        put_booking(json_append(both), &o->pair[i].second);
    }
}

static void print_status_json(const struct status *status, enum json_form form)
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
        json_put_number(one, "token_primary_uses", token_uses(status, p, 0));
        json_put_number(one, "token_secondary_uses", token_uses(status, p, 1));
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
    put_overview(object, &status->overview);
    json_print(object, form);
}

/* ---- the command ---- */

static int write_page(struct status *status, const char *path)
{
    struct buf why = {0};
    bool ok = page_save(&status->overview, path, &why);
    if (!ok)
        tool_say(status->tool, "%s", buf_text(&why));
    buf_free(&why);
    return ok ? EX_OK : EX_CANTCREAT;
}

/* Once; the exit status. */
static int show(struct tool *tool, const char *html, bool watch)
{
    static struct status status; /* static: it is large */
    status = (struct status){.tool = tool, .next = TIME_NONE, .colour = output_has_colour()};
    int code = gather(&status);
    if (code != EX_OK)
        return code;
    if (watch && !tool->json && output_is_terminal())
        fputs("\033[H\033[2J", stdout);
    if (html)
        code = write_page(&status, html);
    else if (tool->json)
        print_status_json(&status, watch ? JSON_LINE : JSON_INDENTED);
    else
        print_status(&status);
    if (code == EX_OK && !html && status.warnings.len)
        code = EXIT_WARNINGS;
    overview_free(&status.overview);
    attempts_free(&status.attempts);
    buf_free(&status.warnings);
    return code;
}

static int run(struct tool *tool, int argc, char **argv)
{
    char **operands;
    bool watch = false;
    const char *html = NULL;
    const struct tool_option options[] = {{"watch", &watch, NULL}, {"html", NULL, &html}, {0}};
    if (tool_parse(tool, argc, argv, options, &operands))
        tool_usage(tool, "takes no operands");
    if (html && (watch || tool->json))
        tool_usage(tool, "--html goes with neither --watch nor --json");
    if (tool_look(tool) != EX_OK)
        return EXIT_TROUBLE;
    int code = show(tool, html, watch);
    while (watch && code <= EXIT_WARNINGS && output_finish()) {
        sleep(WATCH_SECONDS);
        tool->now = clock_now();
        code = show(tool, html, watch);
    }
    return code;
}

const struct command command_status = {"status", "is everything well", usage, run};
