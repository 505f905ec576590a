/* bookspool ledger move-spool: the spool's way from one machine to several, and back. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "shared/shared.h"
#include "spool/queue.h"
#include "tool/ledger.h"
#include "tool/output.h"

enum { BATCH = 64 };

static const char usage[] =
    "ledger move-spool FROM TO [--json]\n"
    "\n"
    "Moves all files of one spool into another: from a machine's directories into\n"
    "PostgreSQL, or back. FROM and TO are a directory and a value of\n"
    "BOOKSPOOL_LEDGER. What is in TO already stays as it is, so a move that was\n"
    "interrupted goes on by the same command. Stop the drains of all machines first.\n"
    "\n"
    "Exit status: 0 done, 69 no server, 74 a step failed, 75 a drain is at work, 78\n"
    "a spool cannot be opened.\n";

/* What recognises a retry or a repeat comes first, and what is still to be mailed last. */
static const enum spool_dir order[] = {
    DIR_DONE, DIR_SENT, DIR_FAILED, DIR_BAD, DIR_HELD, DIR_OUT, DIR_REPLAY, DIR_NEW};

struct moving {
    struct tool *tool;
    struct spool from, to;
    size_t moved;
    bool shown; /* progress, on a terminal */
};

static bool say_step(const struct moving *m, const struct spool *spool)
{
    tool_say(m->tool, "%s: %s", spool->step, strerror(errno));
    return false;
}

/* The id of an event that was mailed is known to all machines. */
static bool put_file(
    struct moving *m, enum spool_dir dir, const char *name, const struct spool_file *file)
{
    bool known;
    if (m->to.backing && dir == DIR_DONE && !queue_is_why(name))
        return shared_forward(&m->to, name, dir, name, file, &known);
    return queue_copy(&m->to, dir, name, file);
}

/* They are durable in TO before they go in FROM. */
static bool move_batch(
    struct moving *m, enum spool_dir dir, const struct spool_item *item, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct spool_file file;
        if (!spool_read(&m->from, dir, item[i].name, &file)) {
            if (errno == ENOENT)
                continue;
            return say_step(m, &m->from);
        }
        bool ok = put_file(m, dir, item[i].name, &file);
        spool_file_free(&file);
        if (!ok)
            return say_step(m, &m->to);
    }
    if (!spool_sync_all(&m->to))
        return say_step(m, &m->to);
    for (size_t i = 0; i < count; i++) {
        if (!spool_remove(&m->from, dir, item[i].name) && errno != ENOENT)
            return say_step(m, &m->from);
        m->moved++;
    }
    if (m->shown)
        fprintf(stderr, "\r%zu files (%s)   ", m->moved, spool_dir_name(dir));
    return true;
}

static bool move_dir(struct moving *m, enum spool_dir dir)
{
    struct spool_list list;
    if (!spool_list(&m->from, dir, &list))
        return say_step(m, &m->from);
    bool ok = true;
    for (size_t i = 0; ok && i < list.count; i += BATCH)
        ok = move_batch(m, dir, &list.item[i], list.count - i < BATCH ? list.count - i : BATCH);
    spool_list_free(&list);
    return ok;
}

static int open_one(struct tool *tool, struct spool *spool, const char *value)
{
    struct buf why = {0};
    bool shared = shared_is(value);
    bool ok = shared ? shared_open(spool, value, conf_text(&tool->conf, SET_NODE), false, &why)
                     : spool_open(spool, value, &why);
    if (!ok)
        tool_say(tool, "%s", buf_text(&why));
    buf_free(&why);
    return ok ? EX_OK : shared ? EX_UNAVAILABLE : EX_CONFIG;
}

static int move_all(struct moving *m)
{
    bool ok = true;
    for (size_t d = 0; ok && d < sizeof order / sizeof *order; d++)
        ok = move_dir(m, order[d]);
    if (m->shown)
        fputc('\n', stderr);
    if (ok && m->tool->json) {
        cJSON *json = json_object();
        json_put_number(json, "moved", (int64_t)m->moved);
        json_print(json, JSON_INDENTED);
    } else if (ok)
        printf("%zu files were moved.\n", m->moved);
    return ok ? EX_OK : EX_IOERR;
}

static int run(struct tool *tool, int argc, char **argv)
{
    char **operands;
    struct moving m = {.tool = tool, .shown = isatty(STDERR_FILENO)};
    if (tool_parse(tool, argc, argv, NULL, &operands) != 2)
        tool_usage(tool, "takes two spools: FROM and TO");
    if (shared_is(operands[0]) == shared_is(operands[1]))
        tool_usage(tool, "one of FROM and TO is a directory, the other postgresql://...");
    const char *directory = operands[shared_is(operands[0])];
    tool_settings(tool);
    if (!spool_become_owner(directory)) {
        tool_say(tool, "%s: cannot become its owner: %s", directory, strerror(errno));
        return EX_NOPERM;
    }
    int code = open_one(tool, &m.from, operands[0]);
    if (code == EX_OK)
        code = open_one(tool, &m.to, operands[1]);
    struct spool *local = m.from.backing ? &m.to : &m.from;
    if (code == EX_OK && queue_lock(local) != QUEUE_LOCKED) {
        tool_say(tool, "a drain is at work in %s: try again when it has ended", directory);
        code = EX_TEMPFAIL;
    }
    return code == EX_OK ? move_all(&m) : code;
}

const struct command action_move_spool = {
    "ledger move-spool", "move the spool into PostgreSQL, or back", usage, run};
