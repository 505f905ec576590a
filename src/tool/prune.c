/* bookspool prune: removes now what the drain removes once a day. */
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "spool/prune.h"
#include "spool/queue.h"
#include "tool/output.h"
#include "tool/tool.h"

static const char usage[] =
    "prune [--dry-run] [--json] [--spool DIR]\n"
    "\n"
    "Removes from done/ and sent/ what is older than BOOKSPOOL_RETENTION and\n"
    "BOOKSPOOL_RETENTION_SENT and not in use, and what writers left in tmp/.\n"
    "The drain does this once a day by itself. Takes the drain's lock.\n"
    "\n"
    "  --dry-run   only counts, and takes no lock\n"
    "\n"
    "Exit status: 0 done, 75 a drain is at work: try again.\n";

static int run(struct tool *tool, int argc, char **argv)
{
    bool dry = false;
    char **operands;
    const struct tool_option options[] = {{"dry-run", &dry, NULL}, {0}};
    if (tool_parse(tool, argc, argv, options, &operands))
        tool_usage(tool, "takes no operands");
    int code = tool_open(tool);
    if (code != EX_OK)
        return code;
    if (tool_setting_wrong(tool, SET_RETENTION) || tool_setting_wrong(tool, SET_RETENTION_SENT)) {
        tool_say(tool, "removes nothing until the retention is set right");
        return EX_CONFIG;
    }
    struct prune_result result;
    const struct prune_options prune_options = {
        .now = tool->now,
        .retention = conf_number(&tool->conf, SET_RETENTION),
        .retention_sent = conf_number(&tool->conf, SET_RETENTION_SENT),
        .at_once = true,
        .dry_run = dry,
    };
    code = dry ? EX_OK : tool_lock(tool);
    if (code == EX_OK && !prune(&tool->spool, &prune_options, &result))
        code = tool_spool_failed(tool);
    if (code == EX_OK && tool->json) {
        cJSON *object = json_object();
        json_put_bool(object, "dry_run", dry);
        json_put_number(object, "done", (int64_t)result.done);
        json_put_number(object, "sent", (int64_t)result.sent);
        json_put_number(object, "tmp", (int64_t)result.temp);
        json_print(object, JSON_INDENTED);
    } else if (code == EX_OK)
        printf("%s: done %zu, sent %zu, tmp %zu\n", dry ? "would remove" : "removed", result.done,
            result.sent, result.temp);
    queue_unlock(&tool->spool);
    return code;
}

const struct command command_prune = {
    "prune", "remove now what is older than the retention", usage, run};
