/* bookspool trace: where is this event now, and why. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "spool/queue.h"
#include "tool/attempt_view.h"
#include "tool/find.h"
#include "tool/ledger_view.h"
#include "tool/output.h"

static const char usage[] =
    "trace ID [--json] [--spool DIR]\n"
    "\n"
    "Prints where an event is now, and why: each place of its file and of its mails,\n"
    "when it came, which secret signed it, when the next attempt is, what was wrong,\n"
    "and a summary.\n"
    "\n"
    "Exit status: 0 found, 1 nowhere.\n";

enum { EXIT_NOWHERE = 1 };

/* A place, and what its file says. */
struct trace_file {
    const struct place *place;
    const char *torn; /* NULL: intact */
    int64_t since;    /* Received of an event, Queued of a mail; TIME_NONE when not intact */
    char *why;        /* of the .why beside it; NULL: none */
    const struct attempt_note *error; /* of a mail in out/; NULL: none */
    bool gone;                        /* it was moved between the list and the reading */
};

struct trace {
    struct tool *tool;
    char id[ID_SIZE];
    bool header_read;     /* one of the event could be read */
    struct record header; /* this one, without a body */
    struct trace_file *file;
    size_t count;
    const struct decision *decision; /* of the ledger; NULL: it has none */
    struct attempts attempts;
};

/* ---- gathering ---- */

/* False when the file exists and cannot be read. */
static bool gather_file(struct trace *trace, const struct place *place)
{
    struct tool *tool = trace->tool;
    struct spool_file file;
    struct trace_file *entry = &trace->file[trace->count];
    *entry = (struct trace_file){.place = place, .since = TIME_NONE};
    if (!spool_read(&tool->spool, place->dir, place->name, &file)) {
        entry->gone = errno == ENOENT;
        trace->count += entry->gone;
        return entry->gone;
    }
    entry->torn = file.torn;
    if (!file.torn && file.record.kind == RECORD_MAIL)
        entry->since = file.record.queued;
    else if (!file.torn) {
        entry->since = file.record.received;
        if (!trace->header_read)
            trace->header = file.record;
        trace->header_read = true;
        trace->header.body = NULL;
    }
    if (place->dir == DIR_OUT && place_is_mail(place))
        entry->error = attempt_view_of(&trace->attempts, place->name);
    if (place->dir == DIR_FAILED || place->dir == DIR_BAD)
        entry->why = find_why(tool, place->dir, place->name);
    spool_file_free(&file);
    trace->count++;
    return true;
}

/* ---- the summary ---- */

/* How many mails are where, with the time and reason that matter for each. */
struct mails {
    size_t waiting, unknown, accepted, broken, sent, recipients, failed;
    int64_t next, last_sent;
    const char *why;
    const struct attempt_note *error; /* of the latest attempt */
};

/* The event's file in that directory; NULL: it is not there. */
static const struct trace_file *event_in(const struct trace *trace, enum spool_dir dir)
{
    for (size_t i = 0; i < trace->count; i++)
        if (trace->file[i].place->dir == dir && !trace->file[i].gone &&
            !place_is_mail(trace->file[i].place))
            return &trace->file[i];
    return NULL;
}

/* A replayed event has mailed the same recipient more than once. */
static bool is_first_to(const struct trace *trace, size_t mail)
{
    const char *recipient = trace->file[mail].place->parsed.recipient;
    for (size_t i = 0; i < mail; i++)
        if (trace->file[i].place->dir == DIR_SENT && !trace->file[i].gone &&
            strcmp(trace->file[i].place->parsed.recipient, recipient) == 0)
            return false;
    return true;
}

static struct mails count_mails(const struct trace *trace)
{
    struct mails mails = {.next = TIME_NONE, .last_sent = TIME_NONE};
    for (size_t i = 0; i < trace->count; i++) {
        const struct trace_file *file = &trace->file[i];
        if (!place_is_mail(file->place) || file->gone)
            continue;
        if (file->place->dir == DIR_OUT) {
            mode_t mode = file->place->mode;
            mails.waiting++;
            mails.broken += file->torn != NULL;
            mails.accepted += (mode & QUEUE_SENT) != 0;
            mails.unknown += (mode & QUEUE_UNKNOWN) != 0 && !(mode & QUEUE_SENT);
            if (file->error && (!mails.error || file->error->at > mails.error->at))
                mails.error = file->error;
            if (mails.next == TIME_NONE || file->place->mtime < mails.next)
                mails.next = file->place->mtime;
        }
        if (file->place->dir == DIR_FAILED) {
            mails.failed++;
            mails.why = file->why ? file->why : mails.why;
        }
        if (file->place->dir == DIR_SENT) {
            mails.sent++;
            mails.recipients += is_first_to(trace, i);
            if (file->place->mtime > mails.last_sent)
                mails.last_sent = file->place->mtime;
        }
    }
    return mails;
}

static void begin_part(struct buf *out)
{
    if (out->len)
        buf_puts(out, "; ");
}

static const char *plural(size_t count)
{
    return count == 1 ? "" : "s";
}

static void add_new(const struct trace *trace, const struct trace_file *file, struct buf *out)
{
    char ago[AGE_TEXT];
    int64_t mtime = file->place->mtime;
    begin_part(out);
    output_ago(mtime, trace->tool->now, ago);
    if (event_in(trace, DIR_DONE))
        buf_puts(out, "a late duplicate is in new/: the next drain drops it");
    else if (file->torn)
        buf_printf(out,
            "the file in new/ is not intact (%s): the drain moves it to bad/ after an hour",
            file->torn);
    else if (!tool_due(trace->tool, DIR_NEW, mtime))
        buf_printf(out, "waits for the other half of a move, or to be tried again %s", ago);
    else if (trace->tool->now - mtime > TOOL_WAIT_MAX)
        buf_puts(out, "waits for the drain: is bookspool-drain run by cron or a timer?");
    else
        buf_puts(out, "accepted, and waits for the next run of bookspool-drain");
}

static void add_mails(const struct trace *trace, const struct mails *mails, struct buf *out)
{
    int64_t now = trace->tool->now;
    char ago[AGE_TEXT], next[AGE_TEXT];
    if (mails->sent) {
        output_ago(mails->last_sent, now, ago);
        begin_part(out);
        buf_printf(
            out, "mailed to %zu recipient%s %s", mails->recipients, plural(mails->recipients), ago);
        if (mails->sent > mails->recipients)
            buf_printf(out, ", %zu mails in all", mails->sent);
    }
    if (mails->waiting) {
        output_ago(mails->next, now, next);
        bool due = tool_due(trace->tool, DIR_OUT, mails->next);
        begin_part(out);
        buf_printf(out, "%zu mail%s waiting, next attempt %s", mails->waiting,
            plural(mails->waiting), due ? "with the next drain" : next);
        if (due && now - mails->next > TOOL_WAIT_MAX)
            buf_puts(out, " (is bookspool-drain run by cron or a timer?)");
        if (mails->unknown)
            buf_printf(out, ", %zu with an unknown outcome: it may have arrived, and %s",
                mails->unknown,
                conf_number(&trace->tool->conf, SET_UNKNOWN) == UNKNOWN_PARK
                    ? "is kept for a person; chmod a-x on the file in out/ sends it again"
                    : "another attempt may be a repeat");
        if (mails->accepted)
            buf_printf(
                out, ", %zu accepted already and only to be moved to sent/", mails->accepted);
        if (mails->broken)
            buf_printf(out, ", %zu not intact", mails->broken);
        if (mails->error)
            buf_printf(out, "; last error: %s%s%s", mails->error->reason,
                *mails->error->words ? ": " : "", mails->error->words);
    }
    if (mails->failed) {
        begin_part(out);
        buf_printf(out, "%zu mail%s given up: %s", mails->failed, plural(mails->failed),
            mails->why ? mails->why : "the reason is not there any more");
    }
    if (event_in(trace, DIR_DONE) && mails->sent + mails->waiting + mails->failed == 0) {
        begin_part(out);
        buf_puts(out, "done, and no mail of it is left: it was not mailed, or its mails were "
                      "removed");
    }
}

/* Appends where the event is now, and why, in one sentence or a few. */
static void summarize(const struct trace *trace, struct buf *out)
{
    const struct trace_file *file;
    struct mails mails = count_mails(trace);
    size_t start = out->len;
    if (trace->count == 0) {
        buf_puts(out, "unknown here: never accepted, or older than the retention");
        return;
    }
    if ((file = event_in(trace, DIR_NEW)))
        add_new(trace, file, out);
    if (event_in(trace, DIR_HELD)) {
        begin_part(out);
        if (event_in(trace, DIR_DONE))
            buf_puts(out, "a copy held as stale is left: the next drain drops it");
        else
            buf_printf(out,
                "held: signature right, but outside the replay window; bookspool release %s lets "
                "it go on",
                trace->id);
    }
    if ((file = event_in(trace, DIR_BAD))) {
        begin_part(out);
        buf_printf(out, "set aside in bad/: %s",
            file->why    ? file->why
            : file->torn ? file->torn
                         : "it is intact now");
        if (!file->torn && !event_in(trace, DIR_DONE))
            buf_puts(out, "; the next drain takes it up again");
    }
    if (event_in(trace, DIR_REPLAY)) {
        begin_part(out);
        buf_puts(out, "the next drain mails it again, as an operator asked");
    }
    if ((file = event_in(trace, DIR_DONE)) && trace->header_read && trace->header.forgotten) {
        begin_part(out);
        buf_puts(out, RECORD_FORGOTTEN);
        if (mails.sent + mails.waiting + mails.failed == 0)
            return;
    }
    add_mails(trace, &mails, out);
    if (out->len == start)
        buf_puts(out, "being moved at this moment: ask again");
}

/* ---- for people ---- */

static void print_file(const struct trace *trace, const struct trace_file *file)
{
    char ago[AGE_TEXT];
    const struct place *place = file->place;
    bool event = !place_is_mail(place);
    bool repeated = event && strcmp(place->name, place->parsed.id) == 0; /* the id is above */
    output_ago(place->mtime, trace->tool->now, ago);
    printf("  %s/%s", spool_dir_name(place->dir), repeated ? "" : place->name);
    if (file->gone)
        printf("  was moved meanwhile");
    else if (place->dir == DIR_OUT)
        printf("  next attempt %s", tool_due(trace->tool, DIR_OUT, place->mtime) ? "now" : ago);
    else
        printf("  %s", ago);
    if (file->torn)
        printf("  not intact: %s", file->torn);
    if (!event && place->mode & QUEUE_SENT)
        printf("  accepted, not yet moved");
    else if (!event && place->mode & QUEUE_UNKNOWN)
        printf("  an earlier outcome is unknown");
    putchar('\n');
    if (file->why)
        printf("      why: %s\n", file->why);
    if (file->error) {
        output_ago(file->error->at, trace->tool->now, ago);
        if (attempt_view_is_run(file->error))
            printf("      not tried: the run ended before it, %s: %s\n", ago, file->error->reason);
        else
            printf("      last error %s, %u without success: %s\n", ago, file->error->tries,
                file->error->reason);
        if (*file->error->words)
            printf("      %s\n", file->error->words);
        if (*file->error->detail)
            printf("      in full: %s\n", file->error->detail);
    }
}

static void print_trace(const struct trace *trace, const char *summary)
{
    char when[TIME_TEXT], ago[AGE_TEXT];
    printf("%s", trace->id);
    if (trace->header_read) {
        const struct record *header = &trace->header;
        time_format(header->received, when);
        output_ago(header->received, trace->tool->now, ago);
        printf("  %s %s\nreceived %s (%s), %zu bytes, %s: %s", provider_name(header->provider),
            *header->event ? header->event : "-", when, ago, header->length,
            *header->source ? "source" : "secret used",
            *header->source        ? header->source
            : *header->secret_used ? header->secret_used
                                   : "-");
    }
    putchar('\n');
    for (size_t i = 0; i < trace->count; i++)
        print_file(trace, &trace->file[i]);
    if (trace->decision)
        ledger_view_print(trace->decision);
    printf("%s\n", summary);
}

/* ---- for programs ---- */

static void print_trace_json(const struct trace *trace, const char *summary)
{
    cJSON *object = json_object();
    json_put_text(object, "id", *trace->id ? trace->id : NULL);
    const struct record *header = &trace->header; /* empty texts when it was not read */
    bool known = trace->header_read;
    json_put_text(object, "provider", known ? provider_name(header->provider) : NULL);
    json_put_text(object, "event", *header->event ? header->event : NULL);
    json_put_time(object, "received_at", known ? header->received : TIME_NONE);
    json_put_text(object, "secret_used", *header->secret_used ? header->secret_used : NULL);
    json_put_text(object, "source", *header->source ? header->source : NULL);
    cJSON *files = json_put_array(object, "files");
    for (size_t i = 0; i < trace->count; i++) {
        const struct trace_file *file = &trace->file[i];
        cJSON *one = json_append(files);
        place_put(one, file->place, !file->torn && !file->gone, file->torn, file->since);
        json_put_text(one, "why", file->why);
        if (file->place->dir == DIR_OUT)
            attempt_view_put(one, file->error);
    }
    ledger_view_put(object, trace->decision);
    json_put_text(object, "summary", summary);
    json_print(object, JSON_INDENTED);
}

/* ---- the command ---- */

static void print_all(struct trace *trace)
{
    struct buf summary = {0};
    struct decision decision;
    if (ledger_view_decision(trace->tool, trace->id, &decision))
        trace->decision = &decision;
    summarize(trace, &summary);
    if (trace->tool->json)
        print_trace_json(trace, buf_text(&summary));
    else if (trace->count)
        print_trace(trace, buf_text(&summary));
    trace->decision = NULL;
    decision_free(&decision);
    buf_free(&summary);
}

static int run(struct tool *tool, int argc, char **argv)
{
    char **ids;
    struct places places;
    struct trace trace = {.tool = tool};
    if (tool_parse(tool, argc, argv, NULL, &ids) != 1)
        tool_usage(tool, "name one event or mail");
    int code = tool_look(tool);
    if (code != EX_OK)
        return code;
    struct pattern pattern;
    code = find_one(tool, ids[0], &pattern, &places);
    if (code == EX_OK) { /* all places of the event, also where one mail was named */
        pattern = (struct pattern){0};
        memcpy(pattern.id, places.item[0].parsed.id, ID_SIZE);
        places_free(&places);
        code = find_places(tool, &pattern, &places) ? EX_OK : tool_spool_failed(tool);
    }
    if (code == EX_OK || code == EX_NOINPUT) {
        if (places.count)
            memcpy(trace.id, places.item[0].parsed.id, ID_SIZE);
        trace.file = calloc(places.count + 1, sizeof *trace.file);
        if (!trace.file)
            tool_no_memory();
        size_t i = 0;
        attempt_view_read(tool, &trace.attempts);
        while (i < places.count && gather_file(&trace, &places.item[i]))
            i++;
        if (i < places.count)
            code = tool_spool_failed(tool);
        else {
            print_all(&trace);
            code = trace.count ? EX_OK : EXIT_NOWHERE;
        }
        for (i = 0; i < trace.count; i++)
            free(trace.file[i].why);
        free(trace.file);
        attempts_free(&trace.attempts);
    }
    places_free(&places);
    return code;
}

const struct command command_trace = {"trace", "where an event is now, and why", usage, run};
