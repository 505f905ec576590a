/* bookspool agenda: a day's bookings, open requests and changes. */
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "ledger/agenda.h"
#include "mail/day.h"
#include "mail/schedule.h"
#include "tool/ledger_view.h"
#include "tool/output.h"
#include "tool/tool.h"

static const char usage[] =
    "agenda [DAY] [--json]\n"
    "\n"
    "Prints what is booked on a day, which requests wait for an answer, and what\n"
    "changed since the day before. DAY is today, tomorrow or a date such as\n"
    "2027-01-18, by the clocks of BOOKSPOOL_TIMEZONE, else of the system; without\n"
    "it, today. BOOKSPOOL_AGENDA has the same mailed once a day.\n"
    "\n"
    "Exit status: 0, 64 there is no such day, 66 the ledger cannot be read, 78 a\n"
    "setting is wrong.\n";

struct printing {
    struct tool *tool;
    struct zone zone;
    day_number day;
    struct agenda_span span;
};

static const char *const change_names[AGENDA_CHANGES] = {[AGENDA_NEW] = "new",
    [AGENDA_MOVED] = "moved",
    [AGENDA_CHANGED] = "changed",
    [AGENDA_CANCELLED] = "cancelled",
    [AGENDA_DECLINED] = "declined"};

static void set_span(struct printing *printing)
{
    int64_t now = printing->tool->now;
    day_number today = printing->day;
    day_of(&printing->zone, now, &today);
    printing->span = (struct agenda_span){.start = day_instant(&printing->zone, printing->day, 0),
        .end = day_instant(&printing->zone, printing->day + 1, 0),
        .now = now,
        .since = day_instant(&printing->zone, today - 1, 0)};
}

/* ---- for people ---- */

enum { CLOCK_TEXT = 48 };

/* "15:00", with the date where it is of another day. */
static void put_clock(const struct printing *printing, int64_t when, char out[CLOCK_TEXT])
{
    struct zone_time at;
    day_number day;
    if (when == TIME_NONE || !zone_local(&printing->zone, when, &at) ||
        !day_of(&printing->zone, when, &day))
        snprintf(out, CLOCK_TEXT, "-");
    else if (day == printing->day)
        snprintf(out, CLOCK_TEXT, "%02d:%02d", at.hour, at.minute);
    else
        snprintf(out, CLOCK_TEXT, "%04d-%02d-%02d %02d:%02d", at.year, at.month, at.day, at.hour,
            at.minute);
}

static void print_item(const struct printing *printing, const struct agenda_item *item)
{
    char from[CLOCK_TEXT], to[CLOCK_TEXT], before[CLOCK_TEXT];
    struct buf line = {0};
    put_clock(printing, item->start, from);
    put_clock(printing, item->end, to);
    buf_puts(&line, "  ");
    if (item->change != AGENDA_CHANGES)
        buf_printf(&line, "%-10s", change_names[item->change]);
    buf_printf(&line, "%s", from);
    if (item->end != TIME_NONE)
        buf_printf(&line, " - %s", to);
    buf_printf(&line, "  %s", item->who ? item->who : "(no name)");
    if (item->others)
        buf_printf(&line, " and %zu more", item->others);
    if (item->title)
        buf_printf(&line, ", %s", item->title);
    if (item->place)
        buf_printf(&line, "\n      %s", item->place);
    if (item->link && (!item->place || strcmp(item->place, item->link) != 0))
        buf_printf(&line, "\n      %s", item->link);
    if (item->organizer)
        buf_printf(&line, "\n      host: %s", item->organizer);
    if (item->previous_start != TIME_NONE) {
        put_clock(printing, item->previous_start, before);
        buf_printf(&line, "\n      previously: %s", before);
    }
    if (item->request)
        buf_puts(&line, "\n      ! a request: it waits for a yes or no");
    if (item->overlaps)
        buf_puts(&line, "\n      ! overlaps another booking");
    buf_putc(&line, '\n');
    output_bytes(buf_text(&line), line.len);
    buf_free(&line);
}

static void print_list(
    const struct printing *printing, const char *title, const struct agenda_list *list)
{
    if (list->count)
        printf("\n%s\n", title);
    for (size_t i = 0; i < list->count; i++)
        print_item(printing, &list->item[i]);
}

static void print_for_people(const struct printing *printing, const struct agenda *agenda)
{
    static const char *const names[] = {
        "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"};
    char day[DAY_TEXT], since[CLOCK_TEXT + 16], date[DAY_TEXT];
    day_number yesterday = printing->day;
    day_format(printing->day, day);
    day_of(&printing->zone, printing->span.since, &yesterday);
    day_format(yesterday, date);
    snprintf(since, sizeof since, "Changes since %s", date);
    printf("%s, %s (%s)\n", names[day_weekday(printing->day) - 1], day, printing->zone.name);
    if (!agenda->bookings.count)
        puts("\n  No bookings.");
    else
        putchar('\n');
    for (size_t i = 0; i < agenda->bookings.count; i++)
        print_item(printing, &agenda->bookings.item[i]);
    print_list(printing, "Open requests", &agenda->requests);
    print_list(printing, since, &agenda->changes);
}

/* ---- for programs ---- */

static void put_items(const struct agenda_list *list, cJSON *array)
{
    for (size_t i = 0; i < list->count; i++) {
        const struct agenda_item *item = &list->item[i];
        cJSON *object = json_append(array);
        bool change = item->change != AGENDA_CHANGES;
        if (change)
            json_put_text(object, "change", change_names[item->change]);
        json_put_text(object, "provider", item->provider);
        json_put_text(object, "uid", item->uid);
        json_put_time(object, "start", item->start);
        json_put_time(object, "end", item->end);
        json_put_text(object, "title", item->title);
        json_put_text(object, "who", item->who);
        json_put_number(object, "others", (int64_t)item->others);
        json_put_text(object, "place", item->place);
        json_put_text(object, "join_url", item->link);
        json_put_text(object, "organizer", item->organizer);
        if (change)
            json_put_time(object, "previous_start", item->previous_start);
        json_put_bool(object, "request", item->request);
        json_put_bool(object, "overlaps", item->overlaps);
    }
}

static void print_json(const struct printing *printing, const struct agenda *agenda)
{
    cJSON *json = json_object();
    char day[DAY_TEXT];
    day_format(printing->day, day);
    json_put_text(json, "day", day);
    json_put_text(json, "timezone", printing->zone.name);
    json_put_time(json, "start", printing->span.start);
    json_put_time(json, "end", printing->span.end);
    json_put_time(json, "since", printing->span.since);
    put_items(&agenda->bookings, json_put_array(json, "bookings"));
    put_items(&agenda->requests, json_put_array(json, "requests"));
    put_items(&agenda->changes, json_put_array(json, "changes"));
    json_print(json, JSON_INDENTED);
}

static void add_rows(struct table *table, const char *kind, const struct agenda_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        const struct agenda_item *item = &list->item[i];
        char start[TIME_TEXT] = "-", end[TIME_TEXT] = "-";
        if (item->start != TIME_NONE)
            time_format(item->start, start);
        if (item->end != TIME_NONE)
            time_format(item->end, end);
        const char *marks = item->request && item->overlaps ? "request,overlaps"
                            : item->request                 ? "request"
                            : item->overlaps                ? "overlaps"
                                                            : "-";
        table_add(table,
            (const char *[]){item->change != AGENDA_CHANGES ? change_names[item->change] : kind,
                start, end, item->who, item->title, item->place ? item->place : item->link,
                item->organizer, marks});
    }
}

static void print_table(const struct agenda *agenda)
{
    struct table table = {.columns = 8};
    add_rows(&table, "booking", &agenda->bookings);
    add_rows(&table, "open", &agenda->requests);
    add_rows(&table, NULL, &agenda->changes);
    table_print(
        &table, (const char *[]){"WHAT", "START", "END", "WHO", "TITLE", "PLACE", "HOST", "MARKS"});
}

/* ---- the command ---- */

static void read_day(struct printing *printing, const char *text)
{
    day_number today;
    if (!day_of(&printing->zone, printing->tool->now, &today))
        tool_usage(printing->tool, "the clock shows no day");
    if (!text || strcmp(text, "today") == 0)
        printing->day = today;
    else if (strcmp(text, "tomorrow") == 0)
        printing->day = today + 1;
    else if (!day_parse(text, &printing->day))
        tool_usage(printing->tool,
            "\"%s\" is no day; name today, tomorrow or a date such as 2027-01-18", text);
}

static int run(struct tool *tool, int argc, char **argv)
{
    char **operands;
    int count = tool_parse(tool, argc, argv, NULL, &operands);
    struct printing printing = {.tool = tool};
    struct ledger *ledger;
    struct agenda agenda = {0};
    if (count > 1)
        tool_usage(tool, "name one day");
    tool_settings(tool);
    day_zone_open(&printing.zone, conf_text(&tool->conf, SET_TIMEZONE));
    read_day(&printing, count ? operands[0] : NULL);
    set_span(&printing);
    int code = ledger_view_open(tool, &ledger);
    if (code == EX_OK && ledger && !ledger_agenda(ledger, &printing.span, &agenda)) {
        tool_say(tool, "%s", ledger_failure(ledger));
        code = EX_IOERR;
    } else if (code == EX_OK && tool->json)
        print_json(&printing, &agenda);
    else if (code == EX_OK && output_is_terminal())
        print_for_people(&printing, &agenda);
    else if (code == EX_OK)
        print_table(&agenda);
    agenda_free(&agenda);
    ledger_close(ledger);
    zone_close(&printing.zone);
    return code;
}

const struct command command_agenda = {
    "agenda", "a day's bookings, requests and changes", usage, run};
