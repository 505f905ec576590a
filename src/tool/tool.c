#include "tool/tool.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/io.h"
#include "base/text.h"
#include "spool/queue.h"

/* ---- messages ---- */

static void say(const struct tool *tool, const char *format, va_list args)
{
    fprintf(stderr, "bookspool %s: ", tool->command->name);
    vfprintf(stderr, format, args);
}

void tool_say(const struct tool *tool, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    say(tool, format, args);
    va_end(args);
    fputc('\n', stderr);
}

void tool_say_lines(const struct tool *tool, const char *label, const struct buf *lines)
{
    int len;
    for (const char *line, *at = buf_text(lines); (line = text_line(&at, &len));)
        tool_say(tool, "%s%.*s", label, len, line);
}

_Noreturn void tool_usage(const struct tool *tool, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    say(tool, format, args);
    va_end(args);
    fprintf(stderr, "; bookspool %s --help describes it\n", tool->command->name);
    exit(EX_USAGE);
}

_Noreturn void tool_no_memory(void)
{
    fputs("bookspool: out of memory\n", stderr);
    exit(EX_OSERR);
}

/* ---- the command line ---- */

static _Noreturn void print_help(const struct tool *tool)
{
    printf("usage: bookspool %s", tool->command->usage);
    exit(fflush(stdout) == 0 ? EX_OK : EX_IOERR);
}

static void store(const struct tool_option *option)
{
    if (option->set)
        *option->set = true;
    if (option->value)
        *option->value = optarg;
}

int tool_parse(
    struct tool *tool, int argc, char **argv, const struct tool_option *options, char ***operands)
{
    bool help = false;
    struct tool_option known[TOOL_OPTIONS_MAX] = {
        {"help", &help, NULL}, {"json", &tool->json, NULL}, {"spool", NULL, &tool->spool_path}};
    struct option table[TOOL_OPTIONS_MAX + 1] = {0};
    size_t count = 3;
    while (options->name && count < TOOL_OPTIONS_MAX)
        known[count++] = *options++;
    for (size_t i = 0; i < count; i++)
        table[i] = (struct option){.name = known[i].name,
            .has_arg = known[i].value ? required_argument : no_argument,
            .val = (int)i};
    int found;
    opterr = 0;
    while ((found = getopt_long(argc, argv, ":", table, NULL)) != -1) {
        if (found == ':')
            tool_usage(tool, "%s needs a value", argv[optind - 1]);
        if (found == '?')
            tool_usage(tool, "no such option: %s", argv[optind - 1]);
        store(&known[found]);
    }
    if (help)
        print_help(tool);
    *operands = argv + optind;
    return argc - optind;
}

int64_t tool_number(
    const struct tool *tool, const char *option, const char *text, int64_t low, int64_t high)
{
    char *end;
    errno = 0;
    long long value = strtoll(text, &end, 10);
    if (errno || end == text || *end || value < low || value > high)
        tool_usage(tool, "--%s must be a whole number from %lld to %lld", option, (long long)low,
            (long long)high);
    return value;
}

/* ---- settings ---- */

void tool_settings(struct tool *tool)
{
    if (conf_load(&tool->conf, CONF_TOOL))
        return;
    tool_say_lines(tool, "settings: ", &tool->conf.errors);
}

bool tool_setting_wrong(const struct tool *tool, enum setting which)
{
    char name[80];
    const char *errors = buf_text(&tool->conf.errors);
    snprintf(name, sizeof name, "%s: ", settings[which].name);
    return tool->conf.incomplete || strstr(errors, name);
}

/* ---- results ---- */

int tool_worse(int one, int other)
{
    return one > other ? one : other;
}

int tool_status_of(int error)
{
    switch (error) {
    case EACCES:
    case EPERM:
        return EX_NOPERM;
    case ENOENT:
    case ENOTDIR:
    case EISDIR:
        return EX_NOINPUT;
    case EIO:
    case ENOSPC:
    case EDQUOT:
    case EROFS:
        return EX_IOERR;
    case EFBIG:
    case EINVAL:
        return EX_DATAERR;
    default:
        return EX_OSERR;
    }
}

/* ---- files ---- */

int tool_read(struct tool *tool, const char *path, struct buf *data)
{
    bool input = strcmp(path, "-") == 0;
    int fd = input ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    bool ok = fd >= 0 && io_read_all(fd, data, 0, SPOOL_FILE_MAX);
    int saved = errno;
    if (fd >= 0 && !input)
        close(fd);
    if (ok)
        return EX_OK;
    tool_say(tool, "%s: %s", input ? "standard input" : path, strerror(saved));
    return tool_status_of(saved);
}

bool tool_due(const struct conf *conf, enum spool_dir dir, int64_t mtime, int64_t now)
{
    return queue_due(mtime, now, conf_number(conf, dir == DIR_OUT ? SET_RETRY_MAX : SET_MOVE_WAIT));
}
