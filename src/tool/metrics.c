/* bookspool metrics: the counters for Prometheus, as the receiver's /metrics has them. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>

#include "base/counters.h"
#include "base/io.h"
#include "health/present.h"
#include "tool/tool.h"

static const char usage[] =
    "metrics [--output FILE] [--spool DIR]\n"
    "\n"
    "Prints the counters and the state of each check in Prometheus' text format.\n"
    "\n"
    "  --output FILE   write them to FILE, which is replaced at once: for the textfile\n"
    "                  collector of the node exporter, whose files end in .prom\n"
    "\n"
    "Exit status: 0 printed, 66 there is no spool, 73 FILE cannot be written.\n";

static int run(struct tool *tool, int argc, char **argv)
{
    static struct health_facts facts; /* static: they are large */
    static struct health health;
    const char *output = NULL;
    const struct tool_option options[] = {{.name = "output", .value = &output}, {.name = NULL}};
    char **operands;
    struct buf text = {0};
    if (tool_parse(tool, argc, argv, options, &operands))
        tool_usage(tool, "takes no operands");
    if (tool->json)
        tool_usage(tool, "has no --json: bookspool status --json has the same facts");
    int code = tool_look(tool);
    if (code != EX_OK)
        return code;
    const char *state = conf_text(&tool->conf, SET_STATE);
    tool_health(tool, state && counters_open_readonly(state), &facts);
    health_check_all(&facts, &health);
    present_metrics(&facts, &health, &text);
    if (text.failed)
        tool_no_memory();
    umask(022); /* the node exporter runs as a user of its own */
    if (!output) {
        fwrite(text.data, 1, text.len, stdout);
    } else if (!io_replace_file(output, text.data, text.len, 0644)) {
        tool_say(tool, "%s: %s", output, strerror(errno));
        code = EX_CANTCREAT;
    }
    buf_free(&text);
    return code;
}

const struct command command_metrics = {"metrics", "print the counters for Prometheus", usage, run};
