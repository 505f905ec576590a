/* bookspool ledger: its tables on a server, and its way from one place to another. */
#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "ledger/server.h"
#include "ledger/transfer.h"
#include "spool/queue.h"
#include "tool/actions.h"
#include "tool/ledger.h"
#include "tool/output.h"

static const char usage[] = "ledger ACTION [ARGUMENT...]\n"; /* actions_run has the list */

/* ---- migrate ---- */

static const char migrate_usage[] =
    "ledger migrate [URI] [--json]\n"
    "\n"
    "Makes bookspool's tables in PostgreSQL, or brings them up to date. URI: as\n"
    "BOOKSPOOL_LEDGER, which it is without one, but with the role that owns the\n"
    "tables. The programs themselves never make or change a table.\n"
    "\n"
    "Exit status: 0 done, 75 no server, 78 not possible so.\n";

static int run_migrate(struct tool *tool, int argc, char **argv)
{
    char **operands;
    struct buf why = {0}, name = {0};
    int before = 0;
    int count = tool_parse(tool, argc, argv, NULL, &operands);
    if (count > 1)
        tool_usage(tool, "takes one URI");
    tool_settings(tool);
    const char *value = count ? operands[0] : conf_text(&tool->conf, SET_LEDGER);
    if (!value || (!count && tool_setting_wrong(tool, SET_LEDGER)))
        return EX_CONFIG;
    if (!ledger_is_on_server(value)) {
        tool_say(tool, "a ledger of SQLite is made and brought up to date by the drain; name a URI "
                       "such as postgresql://OWNER@HOST/DATABASE");
        return EX_CONFIG;
    }
    bool ok = ledger_migrate(value, &before, &why);
    ledger_name(value, &name);
    if (!ok)
        tool_say(tool, "%s", buf_text(&why));
    else if (tool->json) {
        cJSON *json = json_object();
        json_put_text(json, "ledger", buf_text(&name));
        json_put_number(json, "before", before);
        json_print(json, JSON_INDENTED);
    } else
        printf("%s has the tables of this version%s.\n", buf_text(&name),
            before ? "" : "; they are new");
    buf_free(&why);
    buf_free(&name);
    return ok ? EX_OK : EX_CONFIG;
}

static const struct command action_migrate = {
    "ledger migrate", "make or update its tables in PostgreSQL", migrate_usage, run_migrate};

/* ---- copy ---- */

static const char copy_usage[] =
    "ledger copy FROM TO [--json] [--spool DIR]\n"
    "\n"
    "Copies all of a ledger into another one: from SQLite to PostgreSQL, or back.\n"
    "FROM and TO are values of BOOKSPOOL_LEDGER. TO is empty, or has a part of the\n"
    "same rows, as after a copy that was interrupted: the same command goes on. At\n"
    "the end both are compared. Takes the drain's lock; stop the drains of other\n"
    "machines, and set BOOKSPOOL_LEDGER to TO before they start again.\n"
    "\n"
    "Exit status: 0 done, 65 TO has other data, 74 a ledger failed, 75 a drain is\n"
    "at work, 78 a ledger cannot be opened.\n";

static void show_progress(void *context, const char *table, int64_t rows)
{
    (void)context;
    fprintf(stderr, "\r%lld rows (%s)          ", (long long)rows, table);
}

static int copy_all(struct tool *tool, const char *from_value, const char *to_value)
{
    struct buf why = {0};
    struct transfer result = {0};
    int64_t reserve = conf_number(&tool->conf, SET_RESERVE);
    bool shown = isatty(STDERR_FILENO);
    int code = EX_CONFIG;
    struct ledger *from = ledger_open(from_value, reserve, &why);
    struct ledger *to = from ? ledger_open(to_value, reserve, &why) : NULL;
    if (to) {
        bool ok = ledger_transfer(from, to, shown ? show_progress : NULL, NULL, &result, &why);
        code = ok ? EX_OK : strstr(buf_text(&why), "has other data") ? EX_DATAERR : EX_IOERR;
        if (shown)
            fputc('\n', stderr);
    }
    if (code != EX_OK)
        tool_say(tool, "%s", buf_text(&why));
    else if (tool->json) {
        cJSON *json = json_object();
        json_put_number(json, "rows", result.rows);
        json_put_number(json, "written", result.written);
        json_print(json, JSON_INDENTED);
    } else
        printf("%lld rows are the same in both; %lld of them were written now.\n",
            (long long)result.rows, (long long)result.written);
    ledger_close(to);
    ledger_close(from);
    buf_free(&why);
    return code;
}

static int run_copy(struct tool *tool, int argc, char **argv)
{
    char **operands;
    if (tool_parse(tool, argc, argv, NULL, &operands) != 2)
        tool_usage(tool, "takes two ledgers: FROM and TO");
    if (strcmp(operands[0], operands[1]) == 0)
        tool_usage(tool, "FROM and TO are the same");
    int code = tool_open(tool);
    if (code == EX_OK)
        code = tool_lock(tool);
    if (code == EX_OK)
        code = copy_all(tool, operands[0], operands[1]);
    queue_unlock(&tool->spool);
    return code;
}

static const struct command action_copy = {
    "ledger copy", "copy it from SQLite to PostgreSQL, or back", copy_usage, run_copy};

/* ---- the command ---- */

static int run(struct tool *tool, int argc, char **argv)
{
    static const struct command *const actions[] = {
        &action_migrate, &action_copy, &action_move_spool, NULL};
    return actions_run(tool, argc, argv, actions);
}

const struct command command_ledger = {
    "ledger", "tables of a ledger in PostgreSQL; copy a ledger", usage, run};
