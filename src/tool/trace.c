/* bookspool trace: where is this event now, and why. */
#include "tool/trace.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "spool/queue.h"
#include "tool/ledger_view.h"
#include "tool/output.h"

static const char usage[] =
    "trace ID [--json] [--spool DIR]\n"
    "\n"
    "Says where an event is now, and why: every place of its file and of its mails,\n"
    "when it came, which secret signed it, when the next attempt is, what was wrong,\n"
    "and a summary.\n"
    "\n"
    "Exit status: 0 found, 1 nowhere.\n";

enum { EXIT_NOWHERE = 1 };

static void take_header(struct trace *trace, const struct record *record)
{
    if (trace->header_read || record->kind != RECORD_EVENT)
        return;
    trace->header_read = true;
    trace->provider = record->provider;
    trace->received = record->received;
    trace->bytes = record->length;
    memcpy(trace->event, record->event, sizeof trace->event);
    memcpy(trace->secret_used, record->secret_used, sizeof trace->secret_used);
}

/* False when the file is there and cannot be read. */
static bool look_at(struct tool *tool, struct trace *trace, const struct place *place)
{
    struct spool_file file;
    struct trace_file *entry = &trace->file[trace->count];
    *entry = (struct trace_file){.place = place, .since = TIME_NONE};
    if (!spool_read(&tool->spool, place->dir, place->name, &file)) {
        entry->gone = errno == ENOENT;
        trace->count += entry->gone;
        return entry->gone;
    }
    entry->torn = file.torn;
    if (!file.torn) {
        take_header(trace, &file.record);
        entry->since = file.record.kind == RECORD_MAIL ? file.record.queued : file.record.received;
    }
    if (place->dir == DIR_FAILED || place->dir == DIR_BAD)
        entry->why = find_why(tool, place->dir, place->name);
    spool_file_free(&file);
    trace->count++;
    return true;
}

static bool look(struct tool *tool, struct trace *trace, const struct places *places)
{
    trace->now = tool->now;
    trace->conf = &tool->conf;
    trace->park = conf_number(&tool->conf, SET_UNKNOWN) == UNKNOWN_PARK;
    memcpy(trace->id, places->count ? places->item[0].parsed.id : "", places->count ? ID_SIZE : 1);
    trace->file = calloc(places->count + 1, sizeof *trace->file);
    if (!trace->file)
        tool_no_memory();
    for (size_t i = 0; i < places->count; i++)
        if (!look_at(tool, trace, &places->item[i]))
            return false;
    return true;
}

static void forget(struct trace *trace)
{
    for (size_t i = 0; i < trace->count; i++)
        free(trace->file[i].why);
    free(trace->file);
}

/* ---- for people ---- */

static void print_header(const struct trace *trace)
{
    char when[TIME_TEXT], ago[AGE_TEXT];
    printf("%s", trace->id);
    if (trace->header_read) {
        time_format(trace->received, when);
        output_ago(trace->received, trace->now, ago);
        printf("  %s %s\nreceived %s (%s), %zu bytes, secret used: %s",
            provider_name(trace->provider), *trace->event ? trace->event : "-", when, ago,
            trace->bytes, *trace->secret_used ? trace->secret_used : "-");
    }
    putchar('\n');
}

static void print_file(const struct trace *trace, const struct trace_file *file)
{
    char ago[AGE_TEXT], path[300];
    const struct place *place = file->place;
    bool event = !place_is_mail(place);
    /* The line of an event need not repeat the id above it. */
    bool plain = event && strcmp(place->name, place->parsed.id) == 0;
    snprintf(path, sizeof path, "%s/%s", spool_dir_name(place->dir), plain ? "" : place->name);
    output_ago(place->mtime, trace->now, ago);
    printf("  %s", path);
    if (file->gone)
        printf("  has moved on meanwhile");
    else if (place->dir == DIR_OUT)
        printf("  next attempt %s",
            tool_due(trace->conf, DIR_OUT, place->mtime, trace->now) ? "now" : ago);
    else
        printf("  %s", ago);
    if (file->torn)
        printf("  not intact: %s", file->torn);
    if (place->mode & QUEUE_SENT)
        printf("  accepted, not yet moved");
    else if (place->mode & QUEUE_UNKNOWN)
        printf("  an earlier outcome is unknown");
    putchar('\n');
    if (file->why)
        printf("      why: %s\n", file->why);
}

static void print(const struct trace *trace, const char *summary)
{
    print_header(trace);
    for (size_t i = 0; i < trace->count; i++)
        print_file(trace, &trace->file[i]);
    if (trace->decision)
        ledger_view_print(trace->decision);
    printf("%s\n", summary);
}

/* ---- for programs ---- */

static void put_file(cJSON *list, const struct trace_file *file)
{
    const struct place *place = file->place;
    cJSON *object = json_append(list);
    json_put_text(object, "dir", spool_dir_name(place->dir));
    json_put_text(object, "name", place->name);
    json_put_bool(object, "mail", place_is_mail(place));
    json_put_bool(object, "whole", !file->torn && !file->gone);
    json_put_text(object, "wrong", file->torn);
    json_put_time(object, "since", file->since);
    json_put_time(object, "changed", place->mtime);
    json_put_time(object, "next_attempt", place->dir == DIR_OUT ? place->mtime : TIME_NONE);
    json_put_bool(object, "unknown", place->mode & QUEUE_UNKNOWN);
    json_put_bool(object, "accepted", place->mode & QUEUE_SENT);
    json_put_text(object, "why", file->why);
}

static void print_json(const struct trace *trace, const char *summary)
{
    cJSON *object = json_object();
    json_put_text(object, "id", *trace->id ? trace->id : NULL);
    json_put_text(object, "provider", trace->header_read ? provider_name(trace->provider) : NULL);
    json_put_text(object, "event", trace->header_read && *trace->event ? trace->event : NULL);
    json_put_time(object, "received_at", trace->header_read ? trace->received : TIME_NONE);
    json_put_text(object, "secret_used",
        trace->header_read && *trace->secret_used ? trace->secret_used : NULL);
    cJSON *files = json_put_array(object, "files");
    for (size_t i = 0; i < trace->count; i++)
        put_file(files, &trace->file[i]);
    ledger_view_put(object, trace->decision);
    json_put_text(object, "summary", summary);
    json_print(object, JSON_INDENTED);
}

/* ---- the command ---- */

/* All places of the event, also where one mail was named. */
static int find_all(struct tool *tool, const char *text, struct places *places)
{
    struct pattern pattern;
    int code = find_one(tool, text, &pattern, places);
    if (code != EX_OK)
        return code;
    pattern = (struct pattern){0};
    memcpy(pattern.id, places->item[0].parsed.id, ID_SIZE);
    places_free(places);
    return find_places(tool, &pattern, places) ? EX_OK : tool_spool_failed(tool);
}

static void report(struct tool *tool, struct trace *trace)
{
    struct buf summary = {0};
    struct decision decision;
    if (ledger_view_decision(tool, trace->id, &decision))
        trace->decision = &decision;
    trace_summary(trace, &summary);
    if (tool->json)
        print_json(trace, buf_text(&summary));
    else if (trace->count)
        print(trace, buf_text(&summary));
    trace->decision = NULL;
    decision_free(&decision);
    buf_free(&summary);
}

static int trace(struct tool *tool, const char *text)
{
    struct places places;
    struct trace trace = {0};
    int code = find_all(tool, text, &places);
    if (code == EX_NOINPUT || code == EX_OK) {
        if (!look(tool, &trace, &places))
            code = tool_spool_failed(tool);
        else {
            report(tool, &trace);
            code = trace.count ? EX_OK : EXIT_NOWHERE;
        }
        forget(&trace);
    }
    places_free(&places);
    return code;
}

static int run(struct tool *tool, int argc, char **argv)
{
    char **ids;
    if (tool_parse(tool, argc, argv, NULL, &ids) != 1)
        tool_usage(tool, "name one event or mail");
    int code = tool_look(tool);
    return code == EX_OK ? trace(tool, ids[0]) : code;
}

const struct command command_trace = {"trace", "where an event is now, and why", usage, run};
