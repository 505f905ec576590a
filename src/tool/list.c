/* bookspool list: what is in which directory. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "spool/queue.h"
#include "tool/attempt_view.h"
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
    "are in done and sent.\n"
    "\n"
    "  --all         done and sent too\n"
    "  --conflicts   bookings of one organizer that overlap, of either provider\n"
    "  --json        an object with `items` and `counts`, or with `conflicts`\n"
    "\n"
    "A mail in out/ shows when it is tried next, and the last error if there was one;\n"
    "\"unknown\": an earlier attempt may have arrived; \"accepted\": it was accepted and\n"
    "is only to be moved to sent/.\n"
    "\n"
    "Exit status: 0 listed; 74, 77 and so on: what could not be read is named.\n";

static const enum spool_dir order[] = {
    DIR_TMP, DIR_NEW, DIR_REPLAY, DIR_OUT, DIR_HELD, DIR_BAD, DIR_FAILED, DIR_DONE, DIR_SENT};

struct listing {
    struct tool *tool;
    bool chosen[SPOOL_DIRS];
    struct table table;
    struct attempts attempts;
    cJSON *items; /* NULL: a table */
    int code;     /* says that something could not be read */
};

/* One line: what the file's name, its header and its marks say. */
struct line {
    struct place place; /* its name is the item's */
    int64_t size;
    const char *wrong; /* why it is not intact */
    bool unreadable;
    bool forgotten;
    bool known; /* provider and event are */
    enum provider provider;
    char event[65];
    int64_t since; /* arrival or queueing; the file's mtime when that is not known */
    const struct attempt_note *error; /* of a mail in out/; NULL: none */
};

/* A failure is reported, and the listing goes on; the exit status gives it in the end. */
static void note_failure(struct listing *listing)
{
    listing->code = tool_worse(listing->code, tool_spool_failed(listing->tool));
}

static void take_event_name(struct line *line, const struct record *record)
{
    line->known = true;
    line->provider = record->provider;
    memcpy(line->event, record->event, sizeof line->event);
}

static void make_note(const struct tool *tool, const struct attempts *attempts,
    const struct line *line, char *out, size_t size)
{
    char next[AGE_TEXT];
    const struct place *place = &line->place;
    const char *mark = place->mode & QUEUE_SENT      ? ", accepted"
                       : place->mode & QUEUE_UNKNOWN ? ", unknown"
                                                     : "";
    bool due = tool_due(tool, place->dir, place->mtime);
    output_ago(place->mtime, tool->now, next);
    if (line->unreadable)
        snprintf(out, size, "cannot be read");
    else if (line->wrong)
        snprintf(out, size, "not intact");
    else if (line->forgotten)
        snprintf(out, size, "forgotten");
    else if (place->dir == DIR_OUT && !line->error)
        snprintf(out, size, "%s%s", due ? "due" : next, mark);
    else if (place->dir == DIR_OUT && output_is_terminal()) /* what it is follows the table */
        snprintf(out, size, "%s%s, error %zu", due ? "due" : next, mark,
            attempt_view_number(attempts, line->error));
    else if (place->dir == DIR_OUT)
        snprintf(out, size, "%s%s, %s%s%s", due ? "due" : next, mark, line->error->reason,
            *line->error->words ? ": " : "", line->error->words);
    else if (place->dir == DIR_NEW && !due)
        snprintf(out, size, "waits, %s", next);
    else
        *out = '\0';
}

/* A terminal has 80 columns; the beginning of a name is enough for the other commands. */
static void make_name(const struct place *place, char *out, size_t size)
{
    enum { ID_SHOWN = 12, RECIPIENT_SHOWN = 6 };
    const struct spool_name *parsed = &place->parsed;
    char replay_number[REPLAY_NUMBER_LEN + 2] = "";
    if (!output_is_terminal() || !*parsed->id) {
        snprintf(out, size, "%s", place->name);
        return;
    }
    if (parsed->replay_number)
        snprintf(replay_number, sizeof replay_number, ".%lld", (long long)parsed->replay_number);
    snprintf(out, size, "%.*s%s%s%.*s", ID_SHOWN, parsed->id, replay_number,
        *parsed->recipient ? "-" : "", RECIPIENT_SHOWN, parsed->recipient);
}

static void add_line(struct listing *listing, const struct line *line)
{
    const char *provider = line->known ? provider_name(line->provider) : NULL;
    const char *event = line->known && *line->event ? line->event : NULL;
    if (listing->items) {
        cJSON *object = json_append(listing->items);
        place_put(object, &line->place, !line->wrong, line->wrong, line->since);
        json_put_number(object, "bytes", line->size);
        json_put_bool(object, "forgotten", line->forgotten);
        json_put_text(object, "provider", provider);
        json_put_text(object, "event", event);
        if (line->place.dir == DIR_OUT)
            attempt_view_put(object, line->error);
        return;
    }
    char name[300], age[TIME_TEXT], note[AGE_TEXT + REASON_SIZE + WORDS_SIZE + 32];
    make_name(&line->place, name, sizeof name);
    make_note(listing->tool, &listing->attempts, line, note, sizeof note);
    time_format_age(listing->tool->now - line->since, age);
    table_add(&listing->table,
        (const char *[]){spool_dir_name(line->place.dir), name, age, provider, event, note});
}

/* A file that is gone was moved while it was listed. */
static void list_file(struct listing *listing, enum spool_dir dir, const struct spool_item *item)
{
    struct tool *tool = listing->tool;
    struct spool_file file = {0}, event;
    struct line line = {
        .place = {.dir = dir, .name = item->name, .mode = item->mode, .mtime = item->mtime},
        .size = item->size,
        .since = item->mtime};
    if (!name_parse(item->name, &line.place.parsed))
        line.place.parsed = (struct spool_name){0};
    if (dir == DIR_OUT)
        line.error = attempt_view_of(&listing->attempts, item->name);
    if (!spool_read(&tool->spool, dir, item->name, &file)) {
        if (errno == ENOENT)
            return;
        line.unreadable = true;
        line.wrong = strerror(errno);
        note_failure(listing);
    } else if (file.torn)
        line.wrong = file.torn;
    else if (file.record.kind == RECORD_EVENT) {
        line.since = file.record.received;
        line.forgotten = file.record.forgotten != 0;
        take_event_name(&line, &file.record);
    } else {
        line.since = file.record.queued;
        /* A mail's header does not name its event's kind; the event does, while it is there. */
        if (find_event(tool, file.record.id, &event)) {
            take_event_name(&line, &event.record);
            spool_file_free(&event);
        } else if (errno != ENOENT)
            note_failure(listing);
    }
    add_line(listing, &line);
    spool_file_free(&file);
}

/* Adds the files of a directory that is chosen; of done/ and sent/ the count is always needed. */
static size_t add_dir(struct listing *listing, enum spool_dir dir)
{
    struct spool_list list;
    bool chosen = listing->chosen[dir];
    if (!chosen && dir != DIR_DONE && dir != DIR_SENT)
        return 0;
    if (!tool_list(listing->tool, dir, &list))
        note_failure(listing);
    for (size_t i = 0; chosen && i < list.count; i++)
        if (!queue_is_why(list.item[i].name))
            list_file(listing, dir, &list.item[i]);
    size_t count = list.count;
    spool_list_free(&list);
    return count;
}

static void choose_dirs(struct listing *listing, int count, char **names, bool all)
{
    for (enum spool_dir dir = 0; dir < SPOOL_DIRS; dir++)
        listing->chosen[dir] =
            dir == DIR_DONE || dir == DIR_SENT ? all : count == 0 && dir != DIR_TMP;
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

static int run(struct tool *tool, int argc, char **argv)
{
    bool all = false, conflicts = false;
    char **names;
    size_t count[SPOOL_DIRS];
    const struct tool_option options[] = {
        {"all", &all, NULL}, {"conflicts", &conflicts, NULL}, {0}};
    int operands = tool_parse(tool, argc, argv, options, &names);
    if (conflicts && (operands || all))
        tool_usage(tool, "--conflicts goes with no directory");
    if (conflicts)
        return ledger_view_conflicts(tool);
    struct listing listing = {.tool = tool, .table = {.columns = 6}};
    choose_dirs(&listing, operands, names, all);
    int code = tool_look(tool);
    if (code != EX_OK)
        return code;
    attempt_view_read(tool, &listing.attempts);
    cJSON *json = tool->json ? json_object() : NULL;
    listing.items = json ? json_put_array(json, "items") : NULL;
    for (size_t i = 0; i < sizeof order / sizeof *order; i++)
        count[order[i]] = add_dir(&listing, order[i]);
    if (json) {
        cJSON *counts = json_put_object(json, "counts");
        json_put_number(counts, "done", (int64_t)count[DIR_DONE]);
        json_put_number(counts, "sent", (int64_t)count[DIR_SENT]);
        json_print(json, JSON_INDENTED);
        attempts_free(&listing.attempts);
        return listing.code;
    }
    bool summary = operands == 0 && !all;
    if (summary && listing.table.cells == 0 && output_is_terminal())
        puts("Nothing waits or needs attention.");
    table_print(
        &listing.table, (const char *[]){"DIR", "NAME", "AGE", "PROVIDER", "EVENT", "NOTE"});
    if (listing.chosen[DIR_OUT] && output_is_terminal())
        attempt_view_reasons(&listing.attempts, NULL);
    attempts_free(&listing.attempts);
    if (summary)
        printf("done\t%zu\nsent\t%zu\n", count[DIR_DONE], count[DIR_SENT]);
    return listing.code;
}

const struct command command_list = {"list", "what is where in the spool", usage, run};
