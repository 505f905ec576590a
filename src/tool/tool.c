#include "tool/tool.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <grp.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/hex.h"
#include "base/io.h"
#include "base/text.h"
#include "ledger/ledger.h"
#include "shared/shared.h"
#include "spool/queue.h"

/* ---- messages ---- */

static void print_message(const struct tool *tool, const char *format, va_list args)
{
    fprintf(stderr, "bookspool %s: ", tool->command->name);
    vfprintf(stderr, format, args);
}

void tool_say(const struct tool *tool, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    print_message(tool, format, args);
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
    print_message(tool, format, args);
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

/*
 * After '?' of getopt_long. `word` is the one before optind, which is not the word at fault while
 * letters of it are left ("-xj"); optopt is then the letter. Of one letter there is only -h.
 */
static _Noreturn void refuse_option(const struct tool *tool, const char *word)
{
    const char *value = strchr(word, '=');
    if (optopt > ' ')
        tool_usage(tool, "no such option: -%c; options are words, such as --json", optopt);
    else if (optopt && value)
        tool_usage(tool, "%.*s takes no value", (int)(value - word), word);
    else
        tool_usage(tool, "no such option: %s", word);
}

int tool_parse(
    struct tool *tool, int argc, char **argv, const struct tool_option *options, char ***operands)
{
    bool help = false;
    struct tool_option known[TOOL_OPTIONS_MAX] = {
        {"help", &help, NULL}, {"json", &tool->json, NULL}, {"spool", NULL, &tool->spool_path}};
    struct option table[TOOL_OPTIONS_MAX + 1] = {0};
    size_t count = 3;
    while (options && options->name && count < TOOL_OPTIONS_MAX)
        known[count++] = *options++;
    for (size_t i = 0; i < count; i++)
        table[i] = (struct option){.name = known[i].name,
            .has_arg = known[i].value ? required_argument : no_argument,
            .val = (int)i + 1}; /* optopt is 0 for an unknown one */
    int found;
    opterr = 0;
    while ((found = getopt_long(argc, argv, ":h", table, NULL)) != -1) {
        if (found == 'h') {
            help = true;
            continue;
        }
        if (found == ':')
            tool_usage(tool, "%s needs a value", argv[optind - 1]);
        if (found == '?')
            refuse_option(tool, argv[optind - 1]);
        const struct tool_option *option = &known[found - 1];
        if (option->set)
            *option->set = true;
        else
            *option->value = optarg;
    }
    if (help) {
        printf("usage: bookspool %s", tool->command->usage);
        exit(fflush(stdout) == 0 ? EX_OK : EX_IOERR);
    }
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
    if (!conf_load(&tool->conf, CONF_TOOL))
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

/* The exit status for an errno. */
static int exit_status_of(int error)
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
    return exit_status_of(saved);
}

/* ---- providers and their secrets ---- */

enum provider tool_provider(const struct tool *tool, const char *name)
{
    enum provider provider;
    struct buf names = {0};
    if (name && provider_parse(name, &provider))
        return provider;
    provider_list_names(&names);
    if (!name)
        tool_usage(tool, "name the provider: %s", buf_text(&names));
    tool_usage(tool, "%s is not a provider; expected %s", name, buf_text(&names));
}

bool tool_secrets_unread(const struct conf *conf)
{
    return strstr(buf_text(&conf->warnings), "receive.env: cannot be read") != NULL;
}

int tool_sign_by(struct tool *tool, enum provider provider, const char *secret,
    const struct buf *body, int64_t at, char line[SIGNATURE_LINE_SIZE])
{
    char value[SIGNATURE_LINE_SIZE - 64];
    struct hmac *hmac = hmac_open(secret);
    bool ok =
        hmac && provider_sign(provider, hmac, buf_text(body), body->len, at, value, sizeof value);
    hmac_close(hmac);
    if (!ok) {
        tool_say(tool, "libcrypto cannot make HMAC-SHA256");
        return EX_SOFTWARE;
    }
    snprintf(
        line, SIGNATURE_LINE_SIZE, "%s: %s", provider_table[provider]->signature_header, value);
    return EX_OK;
}

int tool_sign(struct tool *tool, enum provider provider, enum secret_choice choice,
    const struct buf *body, int64_t at, char line[SIGNATURE_LINE_SIZE])
{
    unsigned char dice[32];
    char forged[2 * sizeof dice + 1];
    enum setting which = provider_table[provider]->secret[choice == SECRET_SECONDARY];
    const char *secret = choice == SECRET_FORGED ? NULL : conf_text(&tool->conf, which);
    if (choice == SECRET_FORGED && getrandom(dice, sizeof dice, 0) == (ssize_t)sizeof dice) {
        hex_encode(dice, sizeof dice, forged);
        secret = forged;
    }
    if (!secret) {
        tool_say(tool,
            "%s is not set: it belongs in receive.env, or %s_FILE names a file that holds it",
            settings[which].name, settings[which].name);
        if (tool_secrets_unread(&tool->conf))
            tool_say(
                tool, "receive.env cannot be read: run this as root, or as a user who may read it");
        return EX_CONFIG;
    }
    return tool_sign_by(tool, provider, secret, body, at, line);
}

/* ---- the spool ---- */

static bool choose_spool(struct tool *tool)
{
    tool_settings(tool);
    if (tool->spool_path)
        return true;
    tool->spool_path = conf_text(&tool->conf, SET_SPOOL);
    if (tool->spool_path && !tool_setting_wrong(tool, SET_SPOOL))
        return true;
    tool_say(tool, "which spool? Correct the settings, or name it with --spool DIR");
    return false;
}

/* Reports why the spool cannot be used, and where permission is missing, which group has it. */
static int spool_unusable(struct tool *tool, const char *what, int error)
{
    struct stat st;
    tool_say(tool, "%s", what);
    if (error == EACCES || error == EPERM) {
        struct group *group = stat(tool->spool_path, &st) == 0 ? getgrgid(st.st_gid) : NULL;
        tool_say(tool, "run it as root, or as a member of the group %s",
            group && st.st_gid ? group->gr_name : "bookspool");
    }
    return exit_status_of(error);
}

/* The same for one step or directory of it. */
static int step_failed(struct tool *tool, const char *step, const char *between, int error)
{
    char what[SPOOL_STEP_SIZE + 512];
    snprintf(what, sizeof what, "%s%s%s: %s", tool->spool_path, between, step, strerror(error));
    return spool_unusable(tool, what, error);
}

int tool_spool_failed(struct tool *tool)
{
    return step_failed(tool, tool->spool.step, ": ", errno);
}

static int open_failed(struct tool *tool, struct buf *why, int error)
{
    int code = spool_unusable(tool, buf_text(why), error);
    buf_free(why);
    return error == ENOENT || code == EX_NOPERM ? code : EX_CONFIG;
}

/* Is it the spool of several nodes? One that --spool names is a directory. */
static bool spool_is_shared(const struct tool *tool)
{
    const char *ledger = conf_text(&tool->conf, SET_LEDGER),
               *own = conf_text(&tool->conf, SET_SPOOL);
    return ledger && shared_is(ledger) && own && strcmp(own, tool->spool_path) == 0;
}

static int open_shared(struct tool *tool)
{
    struct buf why = {0};
    const char *value = conf_text(&tool->conf, SET_LEDGER);
    struct ledger *ledger = ledger_open_readonly(value, &why); /* it judges the tables */
    bool ok =
        ledger && shared_open(&tool->spool, value, conf_text(&tool->conf, SET_NODE), false, &why);
    ledger_close(ledger);
    if (!ok)
        tool_say(tool, "%s", buf_text(&why));
    buf_free(&why);
    return ok ? EX_OK : EX_CONFIG;
}

int tool_look(struct tool *tool)
{
    struct buf why = {0};
    if (!choose_spool(tool))
        return EX_CONFIG;
    if (spool_is_shared(tool))
        return open_shared(tool);
    errno = 0;
    if (!spool_open_readonly(&tool->spool, tool->spool_path, &why))
        return open_failed(tool, &why, errno);
    /* A directory that does not exist yet is empty; one that may not be read must not look so. */
    for (enum spool_dir dir = 0; dir < SPOOL_DIRS; dir++) {
        const char *name = spool_dir_name(dir);
        errno = 0;
        if (tool->spool.dir[dir] < 0 &&
            (faccessat(tool->spool.root, name, R_OK | X_OK, AT_EACCESS) == 0 || errno != ENOENT))
            return step_failed(tool, name, "/", errno ? errno : ENOTDIR);
    }
    return EX_OK;
}

int tool_open(struct tool *tool)
{
    struct buf why = {0};
    if (!choose_spool(tool))
        return EX_CONFIG;
    if (spool_is_shared(tool))
        return open_shared(tool);
    if (!spool_become_owner(tool->spool_path))
        return step_failed(tool, "become the owner of the spool", ": ", errno);
    errno = 0;
    return spool_open(&tool->spool, tool->spool_path, &why) ? EX_OK
                                                            : open_failed(tool, &why, errno);
}

int tool_lock(struct tool *tool)
{
    switch (queue_lock(&tool->spool)) {
    case QUEUE_LOCKED:
        return EX_OK;
    case QUEUE_BUSY:
        tool_say(tool, "a drain is at work and holds the lock: try again when it has ended");
        return EX_TEMPFAIL;
    default:
        return tool_spool_failed(tool);
    }
}

bool tool_list(struct tool *tool, enum spool_dir dir, struct spool_list *list)
{
    *list = (struct spool_list){0};
    return !spool_has(&tool->spool, dir) || spool_list(&tool->spool, dir, list);
}

/*
 * Taking the lock to see whether it is free would turn away a drain that starts just then, so the
 * kernel's list is read: "1: FLOCK  ADVISORY  WRITE 1234 08:01:131090 0 EOF" (proc_locks(5)).
 * By inode only: btrfs shows another device number there.
 */
bool tool_drain_at_work(const struct tool *tool)
{
    struct stat st;
    char line[256], kind[16];
    uintmax_t inode;
    bool found = false;
    FILE *locks = fopen("/proc/locks", "re");
    if (!locks)
        return false;
    if (fstatat(tool->spool.root, "lock", &st, AT_SYMLINK_NOFOLLOW) == 0)
        while (!found && fgets(line, sizeof line, locks))
            found = sscanf(line, "%*s %15s %*s %*s %*s %*x:%*x:%ju", kind, &inode) == 2 &&
                    strcmp(kind, "FLOCK") == 0 && inode == st.st_ino;
    fclose(locks);
    return found;
}

/* Secrets that may not be read are not missing; and a person is told at once that no drain runs. */
void tool_health(struct tool *tool, bool counted, struct health_facts *facts)
{
    struct health_limits limits;
    struct buf why = {0};
    if (!health_limits_read(&tool->conf, &limits, &why))
        tool_say_lines(tool, "settings: ", &why);
    buf_free(&why);
    limits.secrets_known = !tool_secrets_unread(&tool->conf);
    limits.grace = -1;
    health_gather(&limits, &tool->spool, counted, tool->now, facts);
}

bool tool_due(const struct tool *tool, enum spool_dir dir, int64_t mtime)
{
    enum setting longest = dir == DIR_OUT ? SET_RETRY_MAX : SET_MOVE_WAIT;
    return queue_due(mtime, tool->now, conf_number(&tool->conf, longest));
}
