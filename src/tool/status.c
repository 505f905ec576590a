/* bookspool status: is everything well. */
#include "tool/status.h"

#include <sysexits.h>

#include "spool/queue.h"
#include "tool/find.h"

static const char usage[] =
    "status [--json] [--spool DIR]\n"
    "\n"
    "Says whether everything is well: what lies in each directory and since when,\n"
    "the last run of the drain, the last mail, when each secret last signed, what was\n"
    "counted, and warnings.\n"
    "\n"
    "Exit status: 0 all is well, 1 there are warnings, 2 the spool cannot be read.\n";

enum { EXIT_WARNINGS = 1, EXIT_TROUBLE = 2 };

#define MINUTE (INT64_C(60) * MS_PER_SECOND)
/* A drain runs every minute: what waits longer than this is late. */
#define WAIT_MAX  (5 * MINUTE)
#define MAIL_MAX  (60 * MINUTE)
#define DRAIN_MAX MS_PER_DAY

/* ---- gathering ---- */

/* The mtime of a mail in out/ is its next attempt; its header has its age. */
static int64_t since(struct tool *tool, enum spool_dir dir, const struct spool_item *item)
{
    struct spool_file file;
    int64_t when = item->mtime;
    if (dir != DIR_OUT || !spool_read(&tool->spool, dir, item->name, &file))
        return when;
    if (!file.torn && file.record.kind == RECORD_MAIL)
        when = file.record.queued;
    spool_file_free(&file);
    return when;
}

static void earliest(int64_t *time, int64_t other)
{
    if (*time == TIME_NONE || other < *time)
        *time = other;
}

static bool gather_dir(struct status *status, enum spool_dir dir)
{
    struct spool_list list;
    status->oldest[dir] = TIME_NONE;
    if (!tool_list(status->tool, dir, &list))
        return false;
    for (size_t i = 0; i < list.count; i++) {
        const struct spool_item *item = &list.item[i];
        if (queue_is_why(item->name))
            continue;
        status->count[dir]++;
        earliest(&status->oldest[dir], since(status->tool, dir, item));
        if (dir == DIR_OUT) {
            earliest(&status->next, item->mtime);
            status->accepted += (item->mode & QUEUE_SENT) != 0;
            status->unknown += (item->mode & QUEUE_UNKNOWN) != 0 && !(item->mode & QUEUE_SENT);
        }
    }
    spool_list_free(&list);
    return true;
}

int64_t status_time(const struct status *status, enum counter which)
{
    uint64_t when = status->counted ? counter_get(which) : 0;
    return when ? (int64_t)when : TIME_NONE;
}

/* ---- warnings ---- */

static void warn_of_late(
    struct status *s, const char *what, int64_t when, int64_t max, const char *advice)
{
    char age[TIME_TEXT];
    if (when == TIME_NONE || s->tool->now - when <= max)
        return;
    time_format_age(s->tool->now - when, age);
    buf_printf(&s->warnings, "%s %s%s\n", what, age, advice);
}

/* What waits for a person: how many, how long, and what to do. */
static void warn_of_waiting(struct status *s, enum spool_dir dir, const char *advice)
{
    char age[TIME_TEXT];
    if (s->count[dir] == 0)
        return;
    time_format_age(s->tool->now - s->oldest[dir], age);
    buf_printf(&s->warnings, "%s/ holds %zu, the oldest for %s: %s\n", spool_dir_name(dir),
        s->count[dir], age, advice);
}

static void warn_of_drain(struct status *s)
{
    int64_t well = status_time(s, COUNT_DRAIN_LAST_AT),
            held = status_time(s, COUNT_DRAIN_BLOCKED_AT);
    if (well == TIME_NONE && held == TIME_NONE)
        buf_puts(
            &s->warnings, "no drain has run yet: is bookspool-drain run by cron or a timer?\n");
    else if (held != TIME_NONE && held > well)
        buf_puts(&s->warnings, "the last run of the drain could not do its work: its log says why, "
                               "or run it by hand\n");
}

static void warn(struct status *s)
{
    warn_of_drain(s);
    const char *drain = s->drain_at_work ? ", though a drain is at work"
                                         : ": is bookspool-drain run by cron or a timer?";
    warn_of_late(s, "new/: the oldest event has waited for", s->oldest[DIR_NEW], WAIT_MAX, drain);
    warn_of_late(s, "replay/: an event has waited for", s->oldest[DIR_REPLAY], WAIT_MAX, drain);
    warn_of_late(s, "out/: a mail has been due for", s->next, WAIT_MAX, drain);
    warn_of_late(s, "out/: a mail could not be sent for", s->oldest[DIR_OUT], MAIL_MAX,
        ": see the log of bookspool-drain");
    warn_of_late(s, "no drain has ended well for", status_time(s, COUNT_DRAIN_LAST_AT), DRAIN_MAX,
        ": is bookspool-drain run by cron or a timer?");
    warn_of_waiting(s, DIR_HELD,
        "signed, but outside the replay window; bookspool show prints one, bookspool release ID "
        "lets it go on");
    warn_of_waiting(s, DIR_BAD,
        "not mailed, because not intact or not to be made into mail; bookspool list bad names "
        "them, "
        "bookspool trace ID says why, bookspool replay FILE mails a repaired one");
    warn_of_waiting(s, DIR_FAILED,
        "given up; bookspool trace ID says why, mv failed/NAME out/ tries one again");
    if (s->unknown)
        buf_printf(&s->warnings,
            "out/: the outcome of %zu is unknown: they may have arrived, and another attempt may "
            "be a repeat\n",
            s->unknown);
    if (s->accepted)
        buf_printf(&s->warnings,
            "out/: %zu were accepted, but could not be moved to sent/: the next drain does that\n",
            s->accepted);
}

bool status_gather(struct tool *tool, struct status *status)
{
    const char *state = conf_text(&tool->conf, SET_STATE);
    *status = (struct status){.tool = tool, .next = TIME_NONE};
    for (enum spool_dir dir = 0; dir < SPOOL_DIRS; dir++)
        if (!gather_dir(status, dir))
            return false;
    status->counted = state && counters_open_readonly(state);
    status->drain_at_work = tool_drain_at_work(tool);
    warn(status);
    if (status->warnings.failed)
        tool_no_memory();
    return true;
}

static int run(struct tool *tool, int argc, char **argv)
{
    char **operands;
    struct status status;
    if (tool_parse(tool, argc, argv, NULL, &operands))
        tool_usage(tool, "takes no operands");
    if (tool_look(tool) != EX_OK)
        return EXIT_TROUBLE;
    if (!status_gather(tool, &status)) {
        tool_spool_failed(tool);
        return EXIT_TROUBLE;
    }
    tool->json ? status_print_json(&status) : status_print(&status);
    int code = status.warnings.len ? EXIT_WARNINGS : EX_OK;
    buf_free(&status.warnings);
    return code;
}

const struct command command_status = {"status", "is everything well", usage, run};
