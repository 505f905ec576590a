/* bookspool replay: mails an event again, on purpose. */
#include "spool/replay.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "tool/find.h"
#include "tool/output.h"
#include "tool/reseal.h"
#include "tool/tool.h"

static const char usage[] =
    "replay ID | FILE [--spool DIR]\n"
    "\n"
    "Mails an event again. ID is that of an event in done/, which stays there.\n"
    "FILE is an event file that was edited (an argument that names a file, or holds\n"
    "a slash): its length and digest are computed anew, its id stays. Either goes\n"
    "to replay/; the next drain makes new mails of it for every recipient, whether\n"
    "or not they had one before, and ends with it in done/.\n"
    "\n"
    "Exit status: 0 put there, 64 a mail (mv sends it again), 65 not intact, 66\n"
    "nowhere.\n";

static int put(struct tool *tool, const char *id, const struct buf *file)
{
    if (!replay_put(&tool->spool, id, file))
        return tool_spool_failed(tool);
    printf("%s lies in replay/ now: the next drain mails it again to every recipient; whether or "
           "not they had it before, on purpose\n",
        id);
    return EX_OK;
}

/* ---- a id ---- */

static int say_instead(struct tool *tool, const struct place *place)
{
    const char *id = place->parsed.id;
    switch (place->dir) {
    case DIR_NEW:
        tool_say(tool, "%s is not mailed yet: it waits in new/ for the drain", id);
        break;
    case DIR_HELD:
        tool_say(
            tool, "%s is held and was never mailed: bookspool release %s lets it go on", id, id);
        break;
    case DIR_BAD:
        tool_say(tool,
            "%s was set aside in bad/: bookspool trace %s says why; once repaired, "
            "bookspool replay FILE mails it",
            id, id);
        break;
    default:
        tool_say(tool, "%s waits in replay/ already: the next drain mails it again", id);
    }
    return EX_NOINPUT;
}

static int say_mail(struct tool *tool, const struct place *place)
{
    if (place->dir == DIR_SENT || place->dir == DIR_FAILED)
        tool_say(tool, "%s is one mail: mv %s/%s/%s %s/out/ sends it again", place->name,
            tool->spool_path, spool_dir_name(place->dir), place->name, tool->spool_path);
    else
        tool_say(tool, "%s is one mail, and waits in out/ already", place->name);
    return EX_USAGE;
}

static const struct place *place_in(const struct places *places, enum spool_dir dir)
{
    for (size_t i = 0; i < places->count; i++)
        if (places->item[i].dir == dir && !place_is_mail(&places->item[i]))
            return &places->item[i];
    return NULL;
}

static int replay_done(struct tool *tool, const struct place *place)
{
    struct spool_file file;
    int code;
    if (!spool_read(&tool->spool, DIR_DONE, place->name, &file))
        return tool_spool_failed(tool);
    if (file.torn || file.record.kind != RECORD_EVENT) {
        tool_say(
            tool, "done/%s is not intact: %s", place->name, file.torn ? file.torn : "it is a mail");
        code = EX_DATAERR;
    } else
        code = put(tool, place->parsed.id, &file.data);
    spool_file_free(&file);
    return code;
}

static int replay_id(struct tool *tool, const char *text)
{
    struct pattern pattern;
    struct places places;
    int code = find_one(tool, text, &pattern, &places);
    if (code == EX_OK) {
        const struct place *done = place_in(&places, DIR_DONE), *event = places_event(&places);
        if (*pattern.recipient)
            code = say_mail(tool, &places.item[0]);
        else if (done)
            code = replay_done(tool, done);
        else if (event)
            code = say_instead(tool, event);
        else {
            tool_say(tool, "only mails of %s are left; mv sent/NAME out/ sends one again",
                places.item[0].parsed.id);
            code = EX_NOINPUT;
        }
    }
    places_free(&places);
    return code;
}

/* ---- a file ---- */

static int seal_file(struct tool *tool, const char *path, const struct buf *data,
    struct buf *sealed, char id[ID_SIZE])
{
    struct record record;
    const char *wrong = record_decode(buf_text(data), data->len, &record);
    if (wrong) {
        wrong = reseal_event(buf_text(data), data->len, sealed);
        if (!wrong)
            wrong = record_decode(buf_text(sealed), sealed->len, &record);
    } else if (record.kind == RECORD_EVENT)
        buf_add(sealed, data->data, data->len);
    else
        wrong = "it is a mail, not an event";
    if (sealed->failed)
        tool_no_memory();
    if (wrong) {
        tool_say(tool, "%s: %s", path, wrong);
        return EX_DATAERR;
    }
    memcpy(id, record.id, ID_SIZE);
    return EX_OK;
}

static int replay_file(struct tool *tool, const char *path)
{
    char id[ID_SIZE];
    struct buf data = {0}, sealed = {0};
    /* Read before the spool is opened: root becomes the spool's owner there. */
    int code = tool_read(tool, path, &data);
    if (code == EX_OK)
        code = seal_file(tool, path, &data, &sealed, id);
    if (code == EX_OK)
        code = tool_open(tool);
    if (code == EX_OK)
        code = put(tool, id, &sealed);
    buf_free(&data);
    buf_free(&sealed);
    return code;
}

static int run(struct tool *tool, int argc, char **argv)
{
    char **operands;
    struct pattern pattern;
    if (tool_parse(tool, argc, argv, NULL, &operands) != 1)
        tool_usage(tool, "name one event, or one file");
    const char *what = operands[0];
    if (strchr(what, '/') || (!pattern_parse(what, &pattern) && access(what, F_OK) == 0))
        return replay_file(tool, what);
    int code = tool_open(tool);
    return code == EX_OK ? replay_id(tool, what) : code;
}

const struct command command_replay = {"replay", "mail an event again, on purpose", usage, run};
