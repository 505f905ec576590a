/* bookspool rebuild: makes the ledger again from the events in done/. */
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
    "rebuild [--add] [--json] [--spool DIR]\n"
    "\n"
    "Rebuilds the ledger from the events in done/, in the order in which they were\n"
    "done. All of it happens in one transaction: until its end, and if it is\n"
    "interrupted, the ledger is the old one. Nothing is mailed. Takes the drain's\n"
    "lock. To see what would change, make another ledger and compare:\n"
    "\n"
    "    BOOKSPOOL_LEDGER=sqlite:/tmp/new.db bookspool rebuild\n"
    "\n"
    "Events older than BOOKSPOOL_RETENTION are no longer in done/, so a rebuilt\n"
    "ledger does not know their bookings.\n"
    "\n"
    "  --add       keep what the ledger knows, and enter only the events that it\n"
    "              does not know: after an older copy of it was put back\n"
    "\n"
    "Exit status: 0 done, 75 a drain is at work: try again.\n";

/* An event in done/. The drain enters the half of a move that waits for the other one twice: when
 * it comes, and when its wait is over. */
struct entry {
    char id[ID_SIZE];
    int64_t done, received;
    bool half;
};

struct rebuild {
    struct tool *tool;
    struct ledger *ledger;
    bool add;            /* to what the ledger knows already */
    struct entry *entry; /* in the order of completion */
    size_t count, left_out, forgotten;
    struct entry **half;    /* in the order of arrival */
    size_t halves, entered; /* how many there are, and how many were entered when they came */
};

/* ---- the events ---- */

static int compare_arrival(const struct entry *a, const struct entry *b)
{
    if (a->received != b->received)
        return a->received > b->received ? 1 : -1;
    return strcmp(a->id, b->id);
}

/* The drain completes events in the order in which it enters them; within a millisecond, arrival
 * decides. */
static int compare_by_completion(const void *left, const void *right)
{
    const struct entry *a = left, *b = right;
    if (a->done != b->done)
        return a->done > b->done ? 1 : -1;
    return compare_arrival(a, b);
}

static int compare_halves(const void *left, const void *right)
{
    return compare_arrival(*(struct entry *const *)left, *(struct entry *const *)right);
}

/* Reads one event; false when it is left out. event_free either way. */
static bool read_done(struct rebuild *r, const char *id, struct event *event)
{
    struct spool_file file;
    *event = (struct event){0};
    if (!spool_read(&r->tool->spool, DIR_DONE, id, &file)) {
        tool_say(r->tool, "done/%s: %s; left out", id, strerror(errno));
        return false;
    }
    const char *wrong = queue_objection(&file, RECORD_EVENT, id);
    bool forgotten = !file.torn && file.record.forgotten;
    r->forgotten += forgotten;
    if (wrong && !forgotten)
        tool_say(r->tool, "done/%s: %s; left out", id, wrong);
    else if (!record_map(&file.record, event))
        tool_no_memory();
    spool_file_free(&file);
    return !wrong;
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
    for (size_t i = 0; i < list.count; i++) {
        struct event event;
        const struct spool_item *item = &list.item[i];
        if (!id_valid(item->name))
            continue;
        if (read_done(r, item->name, &event)) {
            struct entry *entry = &r->entry[r->count++];
            *entry = (struct entry){.done = item->mtime,
                .received = event.received_at,
                .half = rules_is_moved_half(&event)};
            memcpy(entry->id, item->name, ID_SIZE);
        } else
            r->left_out++;
        event_free(&event);
    }
    spool_list_free(&list);
    qsort(r->entry, r->count, sizeof *r->entry, compare_by_completion);
    for (size_t i = 0; i < r->count; i++)
        if (r->entry[i].half)
            r->half[r->halves++] = &r->entry[i];
    qsort(r->half, r->halves, sizeof *r->half, compare_halves);
    return EX_OK;
}

/* ---- entering them ---- */

static int say_ledger_failed(struct rebuild *r)
{
    tool_say(r->tool, "%s", ledger_failure(r->ledger));
    return EX_IOERR;
}

/* `fold` 0: its wait is over; else it has just come. */
static int enter_entry(struct rebuild *r, const struct entry *entry, int64_t fold)
{
    struct event event;
    struct decision decision;
    int code = EX_OK;
    if (read_done(r, entry->id, &event)) {
        if (!ledger_decide(r->ledger, &event, event.received_at, fold, &decision))
            code = say_ledger_failed(r);
        decision_free(&decision);
    }
    event_free(&event);
    return code;
}

static int enter_all(struct rebuild *r)
{
    bool progress = isatty(STDERR_FILENO);
    int code = EX_OK;
    if (!ledger_begin(r->ledger) || (!r->add && !ledger_clear(r->ledger)))
        return say_ledger_failed(r);
    for (size_t i = 0; code == EX_OK && i < r->count; i++) {
        for (; code == EX_OK && r->entered < r->halves &&
               r->half[r->entered]->received < r->entry[i].received;
             r->entered++)
            code = enter_entry(r, r->half[r->entered], 1);
        if (code == EX_OK)
            code = enter_entry(r, &r->entry[i], 0);
        if (progress && ((i + 1) % 1000 == 0 || i + 1 == r->count))
            fprintf(
                stderr, "\r%zu of %zu events%s", i + 1, r->count, i + 1 == r->count ? "\n" : "");
    }
    if (code != EX_OK)
        ledger_rollback(r->ledger);
    else if (!ledger_commit(r->ledger))
        code = say_ledger_failed(r);
    return code;
}

/* ---- the command ---- */

static int run(struct tool *tool, int argc, char **argv)
{
    char **operands;
    struct rebuild r = {.tool = tool};
    struct buf why = {0};
    const struct tool_option options[] = {{"add", &r.add, NULL}, {0}};
    if (tool_parse(tool, argc, argv, options, &operands))
        tool_usage(tool, "takes no operands");
    int code = tool_open(tool);
    if (code == EX_OK &&
        (tool_setting_wrong(tool, SET_LEDGER) || tool_setting_wrong(tool, SET_STATE)))
        code = EX_CONFIG;
    if (code == EX_OK)
        code = tool_lock(tool);
    if (code == EX_OK)
        code = find_entries(&r);
    if (code == EX_OK && !(r.ledger = ledger_open(conf_text(&tool->conf, SET_LEDGER),
                               conf_number(&tool->conf, SET_RESERVE), &why))) {
        tool_say(tool, "%s", buf_text(&why));
        code = EX_CONFIG;
    }
    if (code == EX_OK)
        code = enter_all(&r);
    if (code == EX_OK && tool->json) {
        cJSON *json = json_object();
        json_put_number(json, "events", (int64_t)r.count);
        json_put_number(json, "left_out", (int64_t)(r.left_out - r.forgotten));
        json_put_number(json, "forgotten", (int64_t)r.forgotten);
        json_print(json, JSON_INDENTED);
    } else if (code == EX_OK)
        printf("The ledger was rebuilt from %zu events; %zu were left out, %zu are forgotten.\n",
            r.count, r.left_out - r.forgotten, r.forgotten);
    ledger_close(r.ledger);
    buf_free(&why);
    free(r.entry);
    free(r.half);
    queue_unlock(&tool->spool);
    return code;
}

const struct command command_rebuild = {
    "rebuild", "make the ledger again from the spool", usage, run};
