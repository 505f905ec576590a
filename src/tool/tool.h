/*
 * tool: what all subcommands of the operator's tool share: command lines, messages, settings,
 * and the spool.
 *
 * A subcommand is one file with one `const struct command`; its run() returns the exit status of
 * sysexits(3). Messages go to standard error, one line each, after "bookspool NAME: ".
 * A wrong command line and a lack of memory end the program at once.
 *
 * A subcommand needs only some settings, so an error in the settings is reported, and stops only
 * the subcommands that use the setting.
 */
#ifndef TOOL_TOOL_H
#define TOOL_TOOL_H

#include <stdbool.h>

#include "base/conf.h"
#include "health/facts.h"
#include "provider/provider.h"
#include "spool/spool.h"

struct tool;

struct command {
    const char *name;
    const char *summary; /* for the list of subcommands */
    const char *usage;   /* what follows "usage: bookspool ", with its options and exit status */
    int (*run)(struct tool *tool, int argc, char **argv);
};

extern const struct command command_list, command_show, command_trace, command_render,
    command_replay, command_release, command_prune, command_rebuild, command_status, command_check,
    command_metrics, command_sign, command_post, command_agenda, command_embed, command_forget,
    command_calcom, command_calendly, command_reconcile, command_ledger;

struct tool {
    const struct command *command;
    struct conf conf;
    const char *spool_path; /* --spool, else the setting */
    bool json;
    struct spool spool;
    int64_t now;
};

/* ---- the command line ---- */

/* A long option: one without an argument sets `set`, one with an argument stores it in `value`. */
struct tool_option {
    const char *name;
    bool *set;
    const char **value;
};

enum { TOOL_OPTIONS_MAX = 16 };

/*
 * Reads the options of a subcommand (NULL: it has none; an entry without a name ends them), and
 * --help (-h), --json and --spool; they may come before, between and after the operands. Returns
 * the number of operands and sets *operands to the first. Ends the program for --help and for what
 * is no option.
 */
int tool_parse(
    struct tool *tool, int argc, char **argv, const struct tool_option *options, char ***operands);

/* The integer that is the value of an option; ends the program with EX_USAGE when it is none. */
int64_t tool_number(
    const struct tool *tool, const char *option, const char *text, int64_t low, int64_t high);

void tool_say(const struct tool *tool, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* One message for each line. */
void tool_say_lines(const struct tool *tool, const char *label, const struct buf *lines);
_Noreturn void tool_usage(const struct tool *tool, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
_Noreturn void tool_no_memory(void);

/* ---- settings ---- */

/* Loads them and reports what is wrong with them. */
void tool_settings(struct tool *tool);
/* True when this setting, or the file that would hold it, could not be understood. */
bool tool_setting_wrong(const struct tool *tool, enum setting which);

/* ---- providers and their secrets ---- */

enum secret_choice {
    SECRET_PRIMARY,
    SECRET_SECONDARY,
    SECRET_FORGED /* random: a signature that must be refused */
};

/* Was receive.env not readable? */
bool tool_secrets_unread(const struct conf *conf);

enum { SIGNATURE_LINE_SIZE = 256 };

/*
 * The header line "Name: value" that signs the body at that time. The settings must be loaded.
 * EX_OK, or the exit status after a message (EX_CONFIG: there is no such secret).
 */
int tool_sign(struct tool *tool, enum provider provider, enum secret_choice choice,
    const struct buf *body, int64_t at, char line[SIGNATURE_LINE_SIZE]);

/* The same with this secret. */
int tool_sign_by(struct tool *tool, enum provider provider, const char *secret,
    const struct buf *body, int64_t at, char line[SIGNATURE_LINE_SIZE]);

/* The provider that an operand names; ends the program when it names none or is missing (NULL). */
enum provider tool_provider(const struct tool *tool, const char *name);

/* ---- the spool ---- */

/*
 * Opens the spool of --spool or the settings for reading: nothing is created or locked, and a
 * directory that does not exist yet stays at -1. EX_OK, or the exit status after a message.
 */
int tool_look(struct tool *tool);

/* Opens it for changes. Root becomes the owner of the spool first, so that it leaves no file of
 * root there. */
int tool_open(struct tool *tool);

/* Takes the lock of the drain, until queue_unlock or the end of the program; EX_TEMPFAIL after a
 * message when a drain has it. */
int tool_lock(struct tool *tool);

/* Reports the step of the spool that failed, by errno; the exit status. */
int tool_spool_failed(struct tool *tool);

/* spool_list, but a directory that does not exist is empty. */
bool tool_list(struct tool *tool, enum spool_dir dir, struct spool_list *list);

/* Does a drain hold the lock? Does not take it, so a drain that starts meanwhile gets it. */
bool tool_drain_at_work(const struct tool *tool);

/*
 * The facts of health/facts.h for a spool that tool_look has opened. `counted`: the counters were
 * opened. A setting that cannot be understood is reported.
 */
void tool_health(struct tool *tool, bool counted, struct health_facts *facts);

/* A drain runs every minute; what waits longer than this is late. */
#define TOOL_WAIT_MAX (INT64_C(5) * 60 * MS_PER_SECOND)

/* Would a drain take a file of new/ or out/ with that mtime now? */
bool tool_due(const struct tool *tool, enum spool_dir dir, int64_t mtime);

/* Of several results the worst counts: the exit status with the higher number. */
int tool_worse(int one, int other);

/* ---- files ---- */

/* Appends a file, or standard input for "-"; EX_OK, or the exit status after a message. */
int tool_read(struct tool *tool, const char *path, struct buf *data);

#endif
