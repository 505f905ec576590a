/* bookspool release: lets stale events go on. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "spool/queue.h"
#include "tool/find.h"
#include "tool/output.h"
#include "tool/tool.h"

static const char usage[] =
    "release ID... [--spool DIR]\n"
    "       bookspool release --all\n"
    "\n"
    "Lets events go on that were held because their signed time was outside the\n"
    "replay window: moves held/ID to new/ID, from where the next drain mails them.\n"
    "Look at them first, with bookspool show: their signature was right, but they\n"
    "may be recordings that were sent again.\n"
    "\n"
    "Exit status: 0 released (or known already), 65 not intact, 66 not held.\n";

static int release_id(struct tool *tool, const char *id)
{
    struct spool *spool = &tool->spool;
    struct spool_file file;
    if (!spool_read(spool, DIR_HELD, id, &file)) {
        if (errno != ENOENT)
            return tool_spool_failed(tool);
        tool_say(tool, "%s is not held", id);
        return EX_NOINPUT;
    }
    int code = EX_OK;
    enum spool_put put = SPOOL_PUT_FAILED;
    const char *wrong = queue_objection(&file, RECORD_EVENT, id);
    /*
     * The sync of what is in held/ may have failed, or not have happened yet; what is released is
     * promised to be mailed. So a synced copy of it is moved.
     */
    if (wrong) {
        tool_say(tool, "held/%s is not intact: %s", id, wrong);
        code = EX_DATAERR;
    } else if (spool_exists(spool, DIR_DONE, id))
        printf("%s is in done/ already: left in held/, the drain drops it there\n", id);
    else if (!queue_adopt(spool, DIR_HELD, id, &file) ||
             (put = spool_move_new(spool, DIR_HELD, id, DIR_NEW, id)) == SPOOL_PUT_FAILED)
        code = tool_spool_failed(tool);
    else if (put == SPOOL_PUT_EXISTS)
        printf("%s is in new/ already: left in held/, the drain drops it there\n", id);
    /* The new name is synced first: a power cut between the two must not lose both. */
    else if (!spool_sync_dir(spool, DIR_NEW) || !spool_sync_dir(spool, DIR_HELD))
        code = tool_spool_failed(tool);
    else
        printf("%s released: the next drain mails it\n", id);
    spool_file_free(&file);
    return code;
}

/* Only names in held/ count: the same beginning elsewhere does not make it ambiguous. */
static int release_text(struct tool *tool, const char *text)
{
    struct pattern pattern;
    struct spool_list list;
    const char *found = NULL;
    bool several = false;
    if (!pattern_parse(text, &pattern) || *pattern.replay_number || *pattern.recipient)
        tool_usage(tool, "%s is not an id", text);
    if (!spool_list(&tool->spool, DIR_HELD, &list))
        return tool_spool_failed(tool);
    for (size_t i = 0; i < list.count; i++)
        if (strncmp(list.item[i].name, pattern.id, strlen(pattern.id)) == 0 &&
            id_valid(list.item[i].name)) {
            several = found != NULL;
            found = list.item[i].name;
        }
    int code = EX_DATAERR;
    if (several)
        tool_say(tool, "%s is the beginning of more than one id in held/", text);
    else
        code = release_id(tool, found ? found : pattern.id);
    spool_list_free(&list);
    return code;
}

static int run(struct tool *tool, int argc, char **argv)
{
    bool all = false;
    char **ids;
    const struct tool_option options[] = {{"all", &all, NULL}, {0}};
    int count = tool_parse(tool, argc, argv, options, &ids);
    if (all == (count > 0))
        tool_usage(tool, "name the events, or --all");
    int code = tool_open(tool);
    if (code != EX_OK)
        return code;
    for (int i = 0; i < count; i++)
        code = tool_worse(code, release_text(tool, ids[i]));
    struct spool_list list = {0};
    if (all && !spool_list(&tool->spool, DIR_HELD, &list))
        return tool_spool_failed(tool);
    for (size_t i = 0; i < list.count; i++)
        if (id_valid(list.item[i].name))
            code = tool_worse(code, release_id(tool, list.item[i].name));
    if (all && list.count == 0)
        puts("Nothing is held.");
    spool_list_free(&list);
    return code;
}

const struct command command_release = {"release", "let held events go on", usage, run};
