/* bookspool rebuild: makes the ledger anew. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "ledger/ledger.h"
#include "ledger/rules.h"
#include "provider/provider.h"
#include "spool/queue.h"
#include "tool/output.h"
#include "tool/tool.h"

static const char usage[] =
    "rebuild [--json] [--spool DIR]\n"
    "\n"
    "Makes the ledger anew from the events in done/, in the order in which they were\n"
    "done. All of it happens in one transaction: until its end, and if it is cut\n"
    "short, the ledger is the old one. Nothing is mailed. Takes the drain's lock.\n"
    "To see what would change, make another one, and compare:\n"
    "\n"
    "    BOOKSPOOL_LEDGER=sqlite:/tmp/new.db bookspool rebuild\n"
    "\n"
    "Bookings whose events are older than BOOKSPOOL_RETENTION are not in done/ any\n"
    "more, and a ledger that is made anew does not know them.\n"
    "\n"
    "Exit status: 0 done, 75 a drain is at work: try again.\n";

/* An event in done/. The drain enters the half of a move that waits twice: when it comes, and when
 * its time is over. */
struct entry {
    char id[ID_SIZE];
    int64_t done, received;
    bool half;
};

struct rebuild {
    struct tool *tool;
    struct ledger *ledger;
    struct entry *entry; /* in the order of completion */
    size_t count, left_out;
    struct entry **half; /* in the order of arrival */
    size_t halves, heard;
};

/* ---- the events ---- */

static int compare(int64_t a, int64_t b)
{
    return (a > b) - (a < b);
}

/* The drain completes events in the order in which it enters them; within a millisecond, arrival
 * decides. */
static int by_completion(const void *left, const void *right)
{
    const struct entry *a = left, *b = right;
    int order = compare(a->done, b->done);
    if (order == 0)
        order = compare(a->received, b->received);
    return order ? order : strcmp(a->id, b->id);
}

static int by_arrival(const void *left, const void *right)
{
    const struct entry *a = *(struct entry *const *)left, *b = *(struct entry *const *)right;
    int order = compare(a->received, b->received);
    return order ? order : strcmp(a->id, b->id);
}

/* Reads one event; false when it is left out. event_free either way. */
static bool read_event(struct rebuild *r, const char *id, struct event *event)
{
    struct spool_file file;
    *event = (struct event){0};
    if (!spool_read(&r->tool->spool, DIR_DONE, id, &file)) {
        tool_say(r->tool, "done/%s: %s; left out", id, strerror(errno));
        return false;
    }
    const char *wrong = queue_objection(&file, RECORD_EVENT, id);
    if (wrong)
        tool_say(r->tool, "done/%s: %s; left out", id, wrong);
    else if (!record_map(&file.record, event))
        tool_no_memory();
    spool_file_free(&file);
    return !wrong;
}

static void take_entry(struct rebuild *r, const struct spool_item *item)
{
    struct event event;
    if (!id_valid(item->name))
        return;
    if (read_event(r, item->name, &event)) {
        struct entry *entry = &r->entry[r->count++];
        *entry = (struct entry){.done = item->mtime,
            .received = event.received_at,
            .half = rules_is_moved_half(&event)};
        memcpy(entry->id, item->name, ID_SIZE);
    } else
        r->left_out++;
    event_free(&event);
}

static int find_entries(struct rebuild *r)
{
    struct spool_list list;
    if (!tool_list(r->tool, DIR_DONE, &list))
        return tool_spool_failed(r->tool);
    r->entry = calloc(list.count + 1, sizeof *r->entry);
    r->half = calloc(list.count + 1, sizeof *r->half);
    if (!r->entry || !r->half)
        tool_no_memory();
    for (size_t i = 0; i < list.count; i++)
        take_entry(r, &list.item[i]);
    spool_list_free(&list);
    qsort(r->entry, r->count, sizeof *r->entry, by_completion);
    for (size_t i = 0; i < r->count; i++)
        if (r->entry[i].half)
            r->half[r->halves++] = &r->entry[i];
    qsort(r->half, r->halves, sizeof *r->half, by_arrival);
    return EX_OK;
}

/* ---- entering them ---- */

static int ledger_failed(struct rebuild *r)
{
    tool_say(r->tool, "%s", ledger_failure(r->ledger));
    return EX_IOERR;
}

/* `fold` 0: its time to wait is over; else it has just come. */
static int enter(struct rebuild *r, const struct entry *entry, int64_t fold)
{
    struct event event;
    struct decision decision;
    int code = EX_OK;
    if (read_event(r, entry->id, &event)) {
        if (!ledger_decide(r->ledger, &event, event.received_at, fold, &decision))
            code = ledger_failed(r);
        decision_free(&decision);
    }
    event_free(&event);
    return code;
}

static void show_progress(const struct rebuild *r, size_t done)
{
    if (isatty(STDERR_FILENO) && (done % 1000 == 0 || done == r->count))
        fprintf(stderr, "\r%zu of %zu events%s", done, r->count, done == r->count ? "\n" : "");
}

static int enter_all(struct rebuild *r)
{
    int code = EX_OK;
    for (size_t i = 0; code == EX_OK && i < r->count; i++) {
        for (; code == EX_OK && r->heard < r->halves &&
               r->half[r->heard]->received < r->entry[i].received;
             r->heard++)
            code = enter(r, r->half[r->heard], 1);
        if (code == EX_OK)
            code = enter(r, &r->entry[i], 0);
        show_progress(r, i + 1);
    }
    return code;
}

/* ---- the command ---- */

static int make_anew(struct rebuild *r)
{
    if (!ledger_begin(r->ledger) || !ledger_clear(r->ledger))
        return ledger_failed(r);
    int code = enter_all(r);
    if (code != EX_OK)
        ledger_rollback(r->ledger);
    else if (!ledger_commit(r->ledger))
        code = ledger_failed(r);
    return code;
}

static void report(const struct rebuild *r)
{
    if (r->tool->json) {
        cJSON *json = json_object();
        json_put_number(json, "events", (int64_t)r->count);
        json_put_number(json, "left_out", (int64_t)r->left_out);
        json_print(json, JSON_INDENTED);
    } else
        printf("The ledger was made anew from %zu events; %zu were left out.\n", r->count,
            r->left_out);
}

static int rebuild(struct tool *tool)
{
    struct rebuild r = {.tool = tool};
    struct buf why = {0};
    int code = find_entries(&r);
    if (code == EX_OK && !(r.ledger = ledger_open(conf_text(&tool->conf, SET_LEDGER), &why))) {
        tool_say(tool, "%s", buf_text(&why));
        code = EX_CONFIG;
    }
    if (code == EX_OK)
        code = make_anew(&r);
    if (code == EX_OK)
        report(&r);
    ledger_close(r.ledger);
    buf_free(&why);
    free(r.entry);
    free(r.half);
    return code;
}

static int run(struct tool *tool, int argc, char **argv)
{
    char **operands;
    if (tool_parse(tool, argc, argv, NULL, &operands))
        tool_usage(tool, "takes no operands");
    int code = tool_open(tool);
    if (code == EX_OK && tool_setting_wrong(tool, SET_LEDGER))
        code = EX_CONFIG;
    if (code == EX_OK)
        code = tool_lock(tool);
    if (code == EX_OK)
        code = rebuild(tool);
    queue_unlock(&tool->spool);
    return code;
}

const struct command command_rebuild = {
    "rebuild", "make the ledger anew from the spool", usage, run};
