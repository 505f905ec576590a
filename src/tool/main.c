/* bookspool: the operator's tool. Manual: bookspool.1. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>

#include "base/clock.h"
#include "base/version.h"
#include "tool/output.h"
#include "tool/tool.h"

static const struct command *const commands[] = {
    &command_list,
    &command_show,
    &command_trace,
    &command_render,
    &command_agenda,
    &command_status,
    &command_metrics,
    &command_check,
    &command_replay,
    &command_release,
    &command_prune,
    &command_forget,
    &command_rebuild,
    &command_ledger,
    &command_reconcile,
    &command_post,
    &command_sign,
    &command_embed,
    &command_calcom,
    &command_calendly,
};
enum { COMMANDS = sizeof commands / sizeof *commands };

static void list_commands(FILE *out)
{
    fputs("usage: bookspool COMMAND [ARGUMENT...] [--spool DIR] [--json]\n"
          "       bookspool -h | --help | -V | --version\n\n",
        out);
    for (size_t i = 0; i < COMMANDS; i++)
        fprintf(out, "  %-9s %s\n", commands[i]->name, commands[i]->summary);
    fputs("\nbookspool COMMAND --help describes one. An ID is an event's name, or at\n"
          "least 4 digits of its beginning. Settings: bookspool.conf(5).\n",
        out);
}

int main(int argc, char **argv)
{
    umask(007);
    if (argc < 2) {
        list_commands(stderr);
        return EX_USAGE;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
        strcmp(argv[1], "help") == 0) {
        list_commands(stdout);
        return output_finish() ? EX_OK : EX_IOERR;
    }
    if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-V") == 0) {
        puts("bookspool " BOOKSPOOL_VERSION);
        return output_finish() ? EX_OK : EX_IOERR;
    }
    size_t i = 0;
    while (i < COMMANDS && strcmp(commands[i]->name, argv[1]) != 0)
        i++;
    if (i == COMMANDS) {
        fprintf(stderr, "bookspool: no such command: %s; bookspool --help lists them\n", argv[1]);
        return EX_USAGE;
    }
    static struct tool tool; /* static: what is never freed is no leak to a sanitizer */
    tool = (struct tool){.command = commands[i], .now = clock_now()};
    int code = commands[i]->run(&tool, argc - 1, argv + 1);
    if (!output_finish()) {
        tool_say(&tool, "standard output: %s", strerror(errno));
        code = EX_IOERR;
    }
    conf_free(&tool.conf);
    return code;
}
