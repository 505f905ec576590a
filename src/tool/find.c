#include "tool/find.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "base/array.h"
#include "base/text.h"
#include "spool/queue.h"
#include "tool/output.h"

/* Events first. */
static const enum spool_dir search[] = {
    DIR_HELD, DIR_BAD, DIR_REPLAY, DIR_NEW, DIR_DONE, DIR_OUT, DIR_FAILED, DIR_SENT};
enum { SEARCHED = sizeof search / sizeof *search, EVENT_DIRS = 5 };

static const char HEX[] = "0123456789abcdef", DECIMAL[] = "0123456789";

/* Copies the run of `allowed` characters at *text, `max` at most, and moves on. */
static size_t take_run(const char **text, const char *allowed, char *out, size_t max)
{
    size_t len = strspn(*text, allowed);
    if (len > max)
        return 0;
    memcpy(out, *text, len);
    out[len] = '\0';
    *text += len;
    return len;
}

bool pattern_parse(const char *text, struct pattern *pattern)
{
    *pattern = (struct pattern){0};
    if (take_run(&text, HEX, pattern->id, ID_LEN) < PATTERN_MIN)
        return false;
    if (*text == '.' && text++ &&
        !take_run(&text, DECIMAL, pattern->replay_number, REPLAY_NUMBER_LEN))
        return false;
    if (*text == '-' && text++ && !take_run(&text, HEX, pattern->recipient, RECIPIENT_LEN))
        return false;
    return !*text;
}

static bool begins(const char *text, const char *start)
{
    return strncmp(text, start, strlen(start)) == 0;
}

/* ID means all replays of an event, but ID-r is the name of one mail. */
static bool matches(const struct pattern *pattern, const struct spool_name *name)
{
    char replay_number[REPLAY_NUMBER_LEN + 1] = "";
    bool given = *pattern->replay_number, any = !given && !*pattern->recipient;
    if (name->replay_number)
        snprintf(replay_number, sizeof replay_number, "%lld", (long long)name->replay_number);
    return begins(name->id, pattern->id) && begins(name->recipient, pattern->recipient) &&
           (any || (given ? begins(replay_number, pattern->replay_number) : !*replay_number));
}

/* A file in replay/ may have any name; its header gives the id. */
static bool parse_item(
    struct tool *tool, enum spool_dir dir, const char *name, struct spool_name *parsed)
{
    struct spool_file file;
    if (name_parse(name, parsed))
        return true;
    if (dir != DIR_REPLAY || !spool_read(&tool->spool, dir, name, &file))
        return false;
    *parsed = (struct spool_name){0};
    memcpy(parsed->id, file.record.id, ID_SIZE);
    spool_file_free(&file);
    return *parsed->id;
}

static void append_place(struct places *places, enum spool_dir dir, const struct spool_item *item,
    const struct spool_name *parsed)
{
    void *grown = array_room(places->item, places->count, &places->room, sizeof *places->item);
    if (!grown)
        tool_no_memory();
    places->item = grown;
    struct place *place = &places->item[places->count++];
    *place = (struct place){.dir = dir,
        .name = strdup(item->name),
        .parsed = *parsed,
        .mode = item->mode,
        .mtime = item->mtime};
    if (!place->name)
        tool_no_memory();
}

static bool find_in_dirs(struct tool *tool, const struct pattern *pattern, size_t first, size_t end,
    struct places *places)
{
    char *id = (char *)pattern->id;
    for (size_t d = first; d < end; d++) {
        enum spool_dir dir = search[d];
        struct spool_list list;
        struct spool_file file;
        struct spool_name parsed;
        if (!spool_has(&tool->spool, dir))
            continue;
        /* In these directories an event's name is its id. */
        if (strlen(id) == ID_LEN && (dir == DIR_HELD || dir == DIR_NEW || dir == DIR_DONE)) {
            if (spool_read(&tool->spool, dir, id, &file)) {
                struct spool_item item = {.name = id, .mode = file.mode, .mtime = file.mtime};
                if (name_parse(id, &parsed) && matches(pattern, &parsed))
                    append_place(places, dir, &item, &parsed);
                spool_file_free(&file);
            } else if (errno != ENOENT)
                return false;
            continue;
        }
        /* A directory may hold hundreds of thousands of names, and only those that match are
         * examined. In replay/, which is nearly empty, a name need not match, so every file is. */
        if (!spool_list_start(&tool->spool, dir, dir == DIR_REPLAY ? "" : id, &list))
            return false;
        for (size_t i = 0; i < list.count; i++)
            if (parse_item(tool, dir, list.item[i].name, &parsed) && matches(pattern, &parsed))
                append_place(places, dir, &list.item[i], &parsed);
        spool_list_free(&list);
    }
    return true;
}

bool find_places(struct tool *tool, const struct pattern *pattern, struct places *places)
{
    *places = (struct places){0};
    return find_in_dirs(tool, pattern, 0, SEARCHED, places);
}

void places_free(struct places *places)
{
    for (size_t i = 0; i < places->count; i++)
        free(places->item[i].name);
    free(places->item);
    *places = (struct places){0};
}

/* EX_OK when all places are of one id; else EX_DATAERR after a message that names them. */
static int check_one_id(struct tool *tool, const char *text, const struct places *places)
{
    enum { SHOWN = 10 };
    const char *last = places->item[0].parsed.id;
    size_t i = 0, shown = 0;
    while (i < places->count && strcmp(places->item[i].parsed.id, last) == 0)
        i++;
    if (i == places->count)
        return EX_OK;
    tool_say(tool, "%s is the beginning of more than one id:", text);
    for (i = 0, last = ""; i < places->count && shown < SHOWN; i++) {
        const struct place *place = &places->item[i];
        if (strcmp(last, place->parsed.id) != 0) {
            fprintf(stderr, "  %s (%s)\n", place->parsed.id, spool_dir_name(place->dir));
            shown++;
        }
        last = place->parsed.id;
    }
    return EX_DATAERR;
}

int find_one(struct tool *tool, const char *text, struct pattern *pattern, struct places *places)
{
    *places = (struct places){0};
    if (!pattern_parse(text, pattern))
        tool_usage(tool,
            "%s is not an id: give its 32 hex digits, or at least %d of its "
            "beginning, or a mail's name ID-r",
            text, PATTERN_MIN);
    bool event_only = strlen(pattern->id) == ID_LEN && !*pattern->recipient;
    if (!find_in_dirs(tool, pattern, 0, EVENT_DIRS, places) ||
        (!(event_only && places->count) &&
            !find_in_dirs(tool, pattern, EVENT_DIRS, SEARCHED, places)))
        return tool_spool_failed(tool);
    if (places->count == 0) {
        tool_say(tool, "%s is not in %s: never accepted, or removed after the retention", text,
            tool->spool_path);
        return EX_NOINPUT;
    }
    return check_one_id(tool, text, places);
}

bool place_is_mail(const struct place *place)
{
    return *place->parsed.recipient;
}

void place_put(
    cJSON *object, const struct place *place, bool intact, const char *wrong, int64_t since)
{
    bool out = place->dir == DIR_OUT;
    json_put_text(object, "dir", spool_dir_name(place->dir));
    json_put_text(object, "name", place->name);
    json_put_bool(object, "mail", place_is_mail(place));
    json_put_bool(object, "intact", intact);
    json_put_text(object, "wrong", wrong);
    json_put_time(object, "since", since);
    json_put_time(object, "changed", place->mtime);
    json_put_time(object, "next_attempt", out ? place->mtime : TIME_NONE);
    json_put_bool(object, "unknown", out && place->mode & QUEUE_UNKNOWN);
    json_put_bool(object, "accepted", out && place->mode & QUEUE_SENT);
}

const struct place *places_event(const struct places *places, enum spool_dir dir)
{
    for (size_t i = 0; i < places->count; i++)
        if (!place_is_mail(&places->item[i]) && (dir == SPOOL_DIRS || places->item[i].dir == dir))
            return &places->item[i];
    return NULL;
}

bool find_event(struct tool *tool, const char *id, struct spool_file *file)
{
    for (size_t d = 0; d < EVENT_DIRS; d++) {
        if (!spool_has(&tool->spool, search[d]))
            continue;
        if (spool_read(&tool->spool, search[d], id, file)) {
            if (!file->torn && file->record.kind == RECORD_EVENT)
                return true;
            spool_file_free(file);
        } else if (errno != ENOENT)
            return false;
    }
    errno = ENOENT;
    return false;
}

char *find_why(struct tool *tool, enum spool_dir dir, const char *name)
{
    char path[300];
    struct spool_file file;
    if (!spool_has(&tool->spool, dir) ||
        snprintf(path, sizeof path, "%s.why", name) >= (int)sizeof path ||
        !spool_read(&tool->spool, dir, path, &file))
        return NULL;
    char *why = strndup(buf_text(&file.data), strcspn(buf_text(&file.data), "\n"));
    if (!why)
        tool_no_memory();
    text_mask(why);
    spool_file_free(&file);
    return why;
}
