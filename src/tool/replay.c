/* bookspool replay: mails an event again, on purpose. */
#include "spool/replay.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/digest.h"
#include "spool/record.h"
#include "tool/find.h"
#include "tool/output.h"
#include "tool/tool.h"

static const char usage[] =
    "replay ID | FILE [--spool DIR]\n"
    "\n"
    "Mails an event again. ID is that of an event in done/, which stays there.\n"
    "FILE is an event file that was edited (an argument that names a file, or holds\n"
    "a slash): its length and digest are computed anew, its id stays. Either is put\n"
    "into replay/; the next drain composes new mails of it for every recipient,\n"
    "whether or not they had one before, and moves it to done/.\n"
    "\n"
    "Exit status: 0 put there, 64 a mail (mv sends it again), 65 not intact, 66\n"
    "nowhere.\n";

static int put_in_replay(struct tool *tool, const char *id, const struct buf *file)
{
    if (!replay_put(&tool->spool, id, file))
        return tool_spool_failed(tool);
    printf("%s is in replay/ now: the next drain mails it to every recipient, also to those who "
           "had it before\n",
        id);
    return EX_OK;
}

/* ---- an id ---- */

/* What to do instead with an event that is not in done/. */
static int say_not_done(struct tool *tool, const struct place *place)
{
    const char *id = place->parsed.id;
    if (place->dir == DIR_NEW)
        tool_say(tool, "%s is not mailed yet: it waits in new/ for the drain", id);
    else if (place->dir == DIR_HELD)
        tool_say(
            tool, "%s is held and was never mailed: bookspool release %s lets it go on", id, id);
    else if (place->dir == DIR_BAD)
        tool_say(tool,
            "%s was set aside in bad/: bookspool trace %s says why; once repaired, "
            "bookspool replay FILE mails it",
            id, id);
    else
        tool_say(tool, "%s waits in replay/ already: the next drain mails it again", id);
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

static int replay_id(struct tool *tool, const char *text)
{
    struct pattern pattern;
    struct places places;
    struct spool_file file = {0};
    int code = find_one(tool, text, &pattern, &places);
    if (code == EX_OK) {
        const struct place *done = places_event(&places, DIR_DONE);
        const struct place *event = places_event(&places, SPOOL_DIRS);
        if (*pattern.recipient)
            code = say_mail(tool, &places.item[0]);
        else if (done && !spool_read(&tool->spool, DIR_DONE, done->name, &file))
            code = tool_spool_failed(tool);
        else if (done && (file.torn || file.record.kind != RECORD_EVENT)) {
            tool_say(tool, "done/%s is not intact: %s", done->name,
                file.torn ? file.torn : "it is a mail");
            code = EX_DATAERR;
        } else if (done && file.record.forgotten) {
            tool_say(tool, "done/%s cannot be mailed again: %s", done->name, RECORD_FORGOTTEN);
            code = EX_DATAERR;
        } else if (done)
            code = put_in_replay(tool, done->parsed.id, &file.data);
        else if (event)
            code = say_not_done(tool, event);
        else {
            tool_say(tool, "only mails of %s are left; mv sent/NAME out/ sends one again",
                places.item[0].parsed.id);
            code = EX_NOINPUT;
        }
    }
    spool_file_free(&file);
    places_free(&places);
    return code;
}

/* ---- a file ---- */

/* Copies the lines of the header that stay; returns the body, or NULL without an empty line. */
static const char *copy_header(const char *data, const char *end, struct buf *out)
{
    static const char *const replaced[] = {"Length:", "Sha256:", "Secret-Used:"};
    const char *newline;
    for (; (newline = memchr(data, '\n', (size_t)(end - data))); data = newline + 1) {
        if (newline == data)
            return newline + 1;
        bool stays = true;
        for (size_t i = 0; i < sizeof replaced / sizeof *replaced; i++)
            if (strncasecmp(data, replaced[i], strlen(replaced[i])) == 0)
                stays = false;
        if (stays)
            buf_add(out, data, (size_t)(newline + 1 - data));
    }
    return NULL;
}

/*
 * Makes an edited event file intact again: Length and Sha256 as its body now is, Secret-Used "-",
 * because no secret signed it so, all other lines of the header as they are. NULL when out is an
 * intact event; else the reason.
 */
static const char *reseal_event(
    const char *data, size_t len, struct buf *out, struct record *record)
{
    char digest[DIGEST_HEX + 1];
    const char *end = data + len, *body = copy_header(data, end, out);
    if (!body)
        return "its header has no end: an empty line must come before the body";
    size_t body_len = (size_t)(end - body);
    if (!digest_hex(&(struct digest_part){body, body_len}, 1, digest))
        return "no SHA-256 could be computed";
    buf_printf(out, "Secret-Used: -\nLength: %zu\nSha256: %s\n\n", body_len, digest);
    buf_add(out, body, body_len);
    if (out->failed)
        return "there is not enough memory";
    return record_decode(buf_text(out), out->len, record);
}

static int replay_file(struct tool *tool, const char *path)
{
    struct record record;
    struct buf data = {0}, sealed = {0};
    const struct buf *event = &data;
    /* Read before the spool is opened: root becomes the spool's owner there. */
    int code = tool_read(tool, path, &data);
    if (code == EX_OK) {
        const char *wrong = record_decode(buf_text(&data), data.len, &record);
        if (wrong) {
            wrong = reseal_event(buf_text(&data), data.len, &sealed, &record);
            event = &sealed;
        }
        if (!wrong && record.kind != RECORD_EVENT)
            wrong = "it is a mail, not an event";
        if (!wrong && record.forgotten)
            wrong = RECORD_FORGOTTEN;
        if (wrong) {
            tool_say(tool, "%s: %s", path, wrong);
            code = EX_DATAERR;
        }
    }
    if (code == EX_OK)
        code = tool_open(tool);
    if (code == EX_OK)
        code = put_in_replay(tool, record.id, event);
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
