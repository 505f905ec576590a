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
    &command_status,
    &command_check,
    &command_replay,
    &command_release,
    &command_prune,
    &command_rebuild,
    &command_post,
    &command_sign,
};
enum { COMMANDS = sizeof commands / sizeof *commands };

static const char *const later[] = {"forget", "calcom", "calendly", "reconcile", "ledger"};

static void print_help(FILE *out)
{
    fputs("usage: bookspool COMMAND [ARGUMENT...] [--spool DIR] [--json]\n"
          "       bookspool --help | --version\n\n",
        out);
    for (size_t i = 0; i < COMMANDS; i++)
        fprintf(out, "  %-9s %s\n", commands[i]->name, commands[i]->summary);
    fputs("\nbookspool COMMAND --help describes one. An ID is an event's name, or at\n"
          "least 4 digits of its beginning. Settings: bookspool.conf(5).\n",
        out);
}

static const struct command *find(const char *name)
{
    for (size_t i = 0; i < COMMANDS; i++)
        if (strcmp(commands[i]->name, name) == 0)
            return commands[i];
    return NULL;
}

static int not_found(const char *name)
{
    for (size_t i = 0; i < sizeof later / sizeof *later; i++)
        if (strcmp(later[i], name) == 0) {
            fprintf(
                stderr, "bookspool %s: is not available in version %s\n", name, BOOKSPOOL_VERSION);
            return EX_UNAVAILABLE;
        }
    fprintf(stderr, "bookspool: no such command: %s; bookspool --help lists them\n", name);
    return EX_USAGE;
}

static int run(const struct command *command, int argc, char **argv)
{
    static struct tool tool;
    tool = (struct tool){.command = command, .now = clock_now()};
    int code = command->run(&tool, argc, argv);
    if (!output_finish()) {
        tool_say(&tool, "standard output: %s", strerror(errno));
        code = EX_IOERR;
    }
    conf_free(&tool.conf);
    return code;
}

int main(int argc, char **argv)
{
    umask(007);
    if (argc < 2) {
        print_help(stderr);
        return EX_USAGE;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "help") == 0) {
        print_help(stdout);
        return output_finish() ? EX_OK : EX_IOERR;
    }
    if (strcmp(argv[1], "--version") == 0) {
        puts("bookspool " BOOKSPOOL_VERSION);
        return output_finish() ? EX_OK : EX_IOERR;
    }
    const struct command *command = find(argv[1]);
    return command ? run(command, argc - 1, argv + 1) : not_found(argv[1]);
}
