/* bookspool list: what is in which directory. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "spool/queue.h"
#include "tool/find.h"
#include "tool/ledger_view.h"
#include "tool/output.h"
#include "tool/tool.h"

static const char usage[] =
    "list [DIR...] [--all] [--json] [--spool DIR]\n"
    "       bookspool list --conflicts [--json]\n"
    "\n"
    "Lists events and mails, one a line. DIR is one of new replay out held bad\n"
    "failed done sent tmp. Without any: what waits or needs attention, and how many\n"
    "lie in done and sent.\n"
    "\n"
    "  --all         done and sent too\n"
    "  --conflicts   bookings of one organizer that overlap, of either provider\n"
    "  --json        an object with `items` and `counts`, or with `conflicts`\n"
    "\n"
    "A mail in out/ shows when it is tried next; \"unknown\": an earlier attempt may\n"
    "have arrived; \"accepted\": it was taken over and is only to be moved to sent/.\n"
    "\n"
    "Exit status: 0 listed; 74, 77 and so on: what could not be read is named.\n";

static const enum spool_dir attention[] = {
    DIR_NEW, DIR_REPLAY, DIR_OUT, DIR_HELD, DIR_BAD, DIR_FAILED};
static const enum spool_dir settled[] = {DIR_DONE, DIR_SENT};

enum { COLUMNS = 6 };
static const char *const heading[COLUMNS] = {"DIR", "NAME", "AGE", "PROVIDER", "EVENT", "NOTE"};

struct listing {
    struct tool *tool;
    bool chosen[SPOOL_DIRS];
    struct table table;
    cJSON *items; /* NULL: a table */
    int code;     /* says that something could not be read */
};

/* One line: what the file's name, its header and its marks say. */
struct line {
    enum spool_dir dir;
    const struct spool_item *item;
    const char *torn;
    bool unreadable;
    bool known; /* provider and event are */
    bool is_mail;
    enum provider provider;
    char event[65];
    int64_t since; /* arrival or queueing; the file's mtime when that is not known */
};

static void take_event(struct line *line, const struct record *record)
{
    line->known = true;
    line->provider = record->provider;
    memcpy(line->event, record->event, sizeof line->event);
}

/* What cannot be read is reported, and the listing goes on; the exit status says so in the end. */
static void complain(struct listing *listing)
{
    listing->code = tool_worse(listing->code, tool_spool_failed(listing->tool));
}

/* A mail's header does not say what it is about; its event does, as long as it can be read. */
static void take_record(struct listing *listing, struct line *line, const struct record *record)
{
    struct spool_file event;
    line->is_mail = record->kind == RECORD_MAIL;
    line->since = line->is_mail ? record->queued : record->received;
    if (!line->is_mail)
        take_event(line, record);
    else if (find_event(listing->tool, record->id, &event)) {
        take_event(line, &event.record);
        spool_file_free(&event);
    } else if (errno != ENOENT)
        complain(listing);
}

static void make_note(const struct tool *tool, const struct line *line, char *out, size_t size)
{
    int64_t now = tool->now;
    char next[AGE_TEXT];
    const char *mark = line->item->mode & QUEUE_SENT      ? ", accepted"
                       : line->item->mode & QUEUE_UNKNOWN ? ", unknown"
                                                          : "";
    bool due = tool_due(&tool->conf, line->dir, line->item->mtime, now);
    output_ago(line->item->mtime, now, next);
    if (line->unreadable)
        snprintf(out, size, "cannot be read");
    else if (line->torn)
        snprintf(out, size, "not intact");
    else if (line->dir == DIR_OUT)
        snprintf(out, size, "%s%s", due ? "due" : next, mark);
    else
        snprintf(out, size, "%s%s", line->dir == DIR_NEW && !due ? "waits, " : "",
            line->dir == DIR_NEW && !due ? next : "");
}

/* A terminal has 80 columns; the beginning of a name is enough to ask for it. */
static void make_name(const struct spool_item *item, char *out, size_t size)
{
    enum { KEY_SHOWN = 12, RECIPIENT_SHOWN = 6 };
    struct spool_name parsed;
    char replay_number[GENERATION_LEN + 2] = "";
    if (!output_is_terminal() || !name_parse(item->name, &parsed)) {
        snprintf(out, size, "%s", item->name);
        return;
    }
    if (parsed.replay_number)
        snprintf(replay_number, sizeof replay_number, ".%lld", (long long)parsed.replay_number);
    snprintf(out, size, "%.*s%s%s%.*s", KEY_SHOWN, parsed.id, replay_number,
        *parsed.recipient ? "-" : "", RECIPIENT_SHOWN, parsed.recipient);
}

static void add_row(struct listing *listing, const struct line *line)
{
    char name[300], age[TIME_TEXT], note[AGE_TEXT + 32];
    make_name(line->item, name, sizeof name);
    make_note(listing->tool, line, note, sizeof note);
    time_format_age(listing->tool->now - line->since, age);
    table_add(&listing->table, (const char *[]){spool_dir_name(line->dir), name, age,
                                   line->known ? provider_name(line->provider) : "-",
                                   line->known && *line->event ? line->event : "-", note});
}

static void add_object(struct listing *listing, const struct line *line)
{
    cJSON *object = json_append(listing->items);
    const struct spool_item *item = line->item;
    bool out = line->dir == DIR_OUT;
    json_put_text(object, "dir", spool_dir_name(line->dir));
    json_put_text(object, "name", item->name);
    json_put_bool(object, "mail", line->is_mail);
    json_put_bool(object, "whole", !line->torn);
    json_put_text(object, "wrong", line->torn);
    json_put_number(object, "bytes", item->size);
    json_put_time(object, "since", line->since);
    json_put_time(object, "changed", item->mtime);
    json_put_text(object, "provider", line->known ? provider_name(line->provider) : NULL);
    json_put_text(object, "event", line->known && *line->event ? line->event : NULL);
    json_put_time(object, "next_attempt", out ? item->mtime : TIME_NONE);
    json_put_bool(object, "unknown", out && item->mode & QUEUE_UNKNOWN);
    json_put_bool(object, "accepted", out && item->mode & QUEUE_SENT);
}

/* A file that is gone has moved on while it was listed. */
static void add_item(struct listing *listing, enum spool_dir dir, const struct spool_item *item)
{
    struct spool_file file = {0};
    struct line line = {.dir = dir, .item = item, .since = item->mtime};
    if (spool_read(&listing->tool->spool, dir, item->name, &file)) {
        line.torn = file.torn;
        if (!file.torn)
            take_record(listing, &line, &file.record);
    } else if (errno == ENOENT) {
        return;
    } else {
        line.unreadable = true;
        line.torn = strerror(errno);
        complain(listing);
    }
    listing->items ? add_object(listing, &line) : add_row(listing, &line);
    spool_file_free(&file);
}

static void add_dir(struct listing *listing, enum spool_dir dir)
{
    struct spool_list list;
    if (!tool_list(listing->tool, dir, &list))
        complain(listing);
    for (size_t i = 0; i < list.count; i++)
        if (!queue_is_why(list.item[i].name))
            add_item(listing, dir, &list.item[i]);
    spool_list_free(&list);
}

static size_t count_dir(struct listing *listing, enum spool_dir dir)
{
    struct spool_list list;
    if (!tool_list(listing->tool, dir, &list))
        complain(listing);
    size_t count = list.count;
    spool_list_free(&list);
    return count;
}

static void choose(struct listing *listing, int count, char **names, bool all)
{
    for (size_t i = 0; count == 0 && i < sizeof attention / sizeof *attention; i++)
        listing->chosen[attention[i]] = true;
    for (size_t i = 0; all && i < sizeof settled / sizeof *settled; i++)
        listing->chosen[settled[i]] = true;
    for (; count > 0; count--, names++) {
        size_t len = strcspn(*names, "/");
        enum spool_dir dir = 0;
        while (dir < SPOOL_DIRS && (strlen(spool_dir_name(dir)) != len ||
                                       strncmp(spool_dir_name(dir), *names, len) != 0))
            dir++;
        if (dir == SPOOL_DIRS)
            tool_usage(listing->tool, "%s is no directory of the spool", *names);
        listing->chosen[dir] = true;
    }
}

static void collect(struct listing *listing)
{
    static const enum spool_dir order[] = {
        DIR_TMP, DIR_NEW, DIR_REPLAY, DIR_OUT, DIR_HELD, DIR_BAD, DIR_FAILED, DIR_DONE, DIR_SENT};
    for (size_t i = 0; i < sizeof order / sizeof *order; i++)
        if (listing->chosen[order[i]])
            add_dir(listing, order[i]);
}

static void print(struct listing *listing, cJSON *json, const size_t *count, bool summary)
{
    if (json) {
        cJSON *counts = json_put_object(json, "counts");
        for (size_t i = 0; i < 2; i++)
            json_put_number(counts, spool_dir_name(settled[i]), (int64_t)count[i]);
        json_print(json, JSON_INDENTED);
        return;
    }
    if (summary && listing->table.cells == 0 && output_is_terminal())
        puts("Nothing waits or needs attention.");
    table_print(&listing->table, heading);
    if (summary)
        printf("done\t%zu\nsent\t%zu\n", count[0], count[1]);
}

static int run(struct tool *tool, int argc, char **argv)
{
    bool all = false, conflicts = false;
    char **names;
    size_t count[2] = {0};
    const struct tool_option options[] = {
        {"all", &all, NULL}, {"conflicts", &conflicts, NULL}, {0}};
    int operands = tool_parse(tool, argc, argv, options, &names);
    if (conflicts && (operands || all))
        tool_usage(tool, "--conflicts goes with no directory");
    if (conflicts)
        return ledger_view_conflicts(tool);
    struct listing listing = {.tool = tool, .table = {.columns = COLUMNS}};
    choose(&listing, operands, names, all);
    int code = tool_look(tool);
    if (code != EX_OK)
        return code;
    cJSON *json = tool->json ? json_object() : NULL;
    listing.items = json ? json_put_array(json, "items") : NULL;
    collect(&listing);
    for (size_t i = 0; i < 2; i++)
        count[i] = count_dir(&listing, settled[i]);
    print(&listing, json, count, operands == 0 && !all);
    return listing.code;
}

const struct command command_list = {"list", "what lies where in the spool", usage, run};
