#include "tool/ledger_view.h"

#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "ledger/server.h"
#include "mail/zone.h"
#include "spool/spool.h"
#include "tool/output.h"

void ledger_view_become(struct tool *tool)
{
    const char *ledger = conf_text(&tool->conf, SET_LEDGER),
               *spool = tool->spool_path ? tool->spool_path : conf_text(&tool->conf, SET_SPOOL);
    if (ledger && spool && ledger_is_on_server(ledger))
        spool_become_owner(spool);
}

int ledger_view_open(struct tool *tool, struct ledger **ledger)
{
    struct buf why = {0};
    *ledger = NULL;
    if (tool_setting_wrong(tool, SET_LEDGER) || tool_setting_wrong(tool, SET_STATE) ||
        !conf_text(&tool->conf, SET_LEDGER))
        return EX_CONFIG;
    ledger_view_become(tool);
    *ledger = ledger_open_readonly(conf_text(&tool->conf, SET_LEDGER), &why);
    bool wrong = buf_text(&why)[0] != '\0';
    if (wrong)
        tool_say(tool, "%s", buf_text(&why));
    buf_free(&why);
    return wrong ? EX_NOINPUT : EX_OK;
}

/* ---- one event ---- */

bool ledger_view_decision(struct tool *tool, const char *id, struct decision *decision)
{
    struct ledger *ledger;
    bool found = false;
    decision_init(decision);
    if (ledger_view_open(tool, &ledger) == EX_OK && ledger &&
        !ledger_recall(ledger, id, decision, &found))
        tool_say(tool, "%s", ledger_failure(ledger));
    ledger_close(ledger);
    return found;
}

void ledger_view_print(const struct decision *d)
{
    char when[TIME_TEXT];
    printf(
        "ledger: %s (%s)", d->result == DECISION_NOTIFY ? "notified" : "not notified", d->reason);
    if (d->meaning != KINDS)
        printf(", as %s", event_kind_name(d->meaning));
    if (d->previous_start != TIME_NONE) {
        time_format(d->previous_start, when);
        printf(", from %s", when);
    }
    if (d->calendar != CALENDAR_UNTOUCHED)
        printf(", calendar entry %s with sequence %lld", calendar_change_name(d->calendar),
            (long long)d->sequence);
    if (d->occurrence_count > 1)
        printf(", %zu occurrences of a series", d->occurrence_count);
    if (d->calendar_written)
        printf(", calendar written by the platform");
    if (d->overlap_count)
        printf(", overlaps %zu other%s", d->overlap_count, d->overlap_count == 1 ? "" : "s");
    putchar('\n');
}

static void put_entries(
    cJSON *ledger, const char *name, const struct calendar_entry *entries, size_t count)
{
    cJSON *list = json_put_array(ledger, name);
    for (size_t i = 0; i < count; i++) {
        cJSON *entry = json_append(list);
        json_put_text(entry, "booking", entries[i].uid);
        json_put_text(entry, "calendar", calendar_change_name(entries[i].calendar));
        json_put_text(entry, "calendar_uid", entries[i].calendar_uid);
        json_put_number(entry, "sequence", entries[i].sequence);
        json_put_time(entry, "start", entries[i].start);
    }
}

void ledger_view_put(cJSON *object, const struct decision *d)
{
    if (!d) {
        json_put_text(object, "ledger", NULL);
        return;
    }
    cJSON *ledger = json_put_object(object, "ledger");
    json_put_text(ledger, "decision", decision_result_name(d->result));
    json_put_text(ledger, "reason", d->reason);
    json_put_text(ledger, "meaning", d->meaning != KINDS ? event_kind_name(d->meaning) : NULL);
    json_put_bool(ledger, "late", d->late);
    json_put_time(ledger, "previous_start", d->previous_start);
    json_put_time(ledger, "previous_end", d->previous_end);
    json_put_text(ledger, "calendar", calendar_change_name(d->calendar));
    json_put_text(ledger, "calendar_uid", d->calendar_uid);
    if (d->calendar != CALENDAR_UNTOUCHED)
        json_put_number(ledger, "sequence", d->sequence);
    else
        json_put_text(ledger, "sequence", NULL);
    json_put_number(ledger, "overlaps", (int64_t)d->overlap_count);
    json_put_bool(ledger, "calendar_written", d->calendar_written);
    put_entries(ledger, "occurrences", d->occurrences, d->occurrence_count);
    put_entries(ledger, "other_entries", d->others, d->other_count);
}

/* ---- conflicts ---- */

struct conflicts {
    struct table table;
    struct zone zone;
    cJSON *list; /* NULL: a table */
    int count;
};

/* The start is "2026-11-24 16:00 CET" for people, UTC for programs. */
static void add_booking_row(
    struct conflicts *conflicts, const struct overlap *booking, const char *organizer)
{
    char number[16], minutes[24] = "-", start[64], utc[TIME_TEXT];
    struct zone_time at;
    snprintf(number, sizeof number, "%d", conflicts->count);
    if (booking->end != TIME_NONE)
        snprintf(
            minutes, sizeof minutes, "%lld", (long long)((booking->end - booking->start) / 60000));
    time_format(booking->start, utc);
    if (output_is_terminal() && zone_local(&conflicts->zone, booking->start, &at))
        snprintf(start, sizeof start, "%04d-%02d-%02d %02d:%02d %s", at.year, at.month, at.day,
            at.hour, at.minute, at.abbreviation);
    else
        snprintf(start, sizeof start, "%s", utc);
    table_add(&conflicts->table, (const char *[]){number, start, minutes, booking->provider,
                                     booking->who, booking->title, organizer});
}

static void append_booking(cJSON *list, const struct overlap *booking)
{
    cJSON *object = json_append(list);
    json_put_text(object, "provider", booking->provider);
    json_put_text(object, "uid", booking->uid);
    json_put_text(object, "title", booking->title);
    json_put_text(object, "who", booking->who);
    json_put_time(object, "start", booking->start);
    json_put_time(object, "end", booking->end);
}

static bool add_conflict(void *context, const struct ledger_conflict *conflict)
{
    struct conflicts *conflicts = context;
    conflicts->count++;
    if (!conflicts->list) {
        add_booking_row(conflicts, &conflict->first, conflict->organizer);
        add_booking_row(conflicts, &conflict->second, conflict->organizer);
        return true;
    }
    cJSON *object = json_append(conflicts->list);
    json_put_text(object, "organizer", conflict->organizer);
    cJSON *bookings = json_put_array(object, "bookings");
    append_booking(bookings, &conflict->first);
    append_booking(bookings, &conflict->second);
    return true;
}

int ledger_view_conflicts(struct tool *tool)
{
    struct ledger *ledger;
    struct conflicts conflicts = {.table = {.columns = 7}};
    tool_settings(tool);
    int code = ledger_view_open(tool, &ledger);
    if (code != EX_OK)
        return code;
    cJSON *json = tool->json ? json_object() : NULL;
    conflicts.list = json ? json_put_array(json, "conflicts") : NULL;
    zone_open(&conflicts.zone, conf_text(&tool->conf, SET_TIMEZONE));
    if (ledger && !ledger_conflicts(ledger, tool->now, add_conflict, &conflicts)) {
        tool_say(tool, "%s", ledger_failure(ledger));
        code = EX_IOERR;
        cJSON_Delete(json);
    } else if (json)
        json_print(json, JSON_INDENTED);
    else if (conflicts.count == 0 && output_is_terminal())
        puts(ledger ? "No bookings overlap."
                    : "There is no ledger yet: the first drain creates it.");
    table_print(&conflicts.table,
        (const char *[]){"NO", "START", "MINUTES", "PLATFORM", "WHO", "TITLE", "ORGANIZER"});
    zone_close(&conflicts.zone);
    ledger_close(ledger);
    return code;
}
