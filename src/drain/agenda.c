#include "drain/agenda.h"

#include <string.h>
#include <strings.h>

#include "base/log.h"
#include "drain/mail_file.h"
#include "ledger/agenda.h"
#include "mail/agenda.h"

/* In place of an address: the mark of all organizers together. */
#define ORGANIZERS "organizer"

/* One mailing, and what is known of it. */
struct issue {
    struct run *run;
    struct zone zone;
    struct mailing mailing;
    char day[DAY_TEXT]; /* that it is about */
    int64_t now;
    struct buf made;    /* the names of the mails that were put into out/ */
    struct buf marks;   /* the readers to mark, each with its NUL */
    const char *result; /* what is marked */
    size_t mailed;
};

static enum run_result report_ledger_failure(const struct issue *issue)
{
    log_error(
        NULL, "ledger-failed", "agenda of %s: %s", issue->day, ledger_failure(issue->run->ledger));
    return RUN_IO_FAILED;
}

/* Adds the reader to the marks unless it has one. */
static bool find_unmarked(struct issue *issue, const char *reader)
{
    char id[ID_SIZE];
    bool known = false;
    bool ok =
        agenda_id(issue->day, reader, id) && ledger_agenda_known(issue->run->ledger, id, &known);
    if (ok && !known)
        buf_add(&issue->marks, reader, strlen(reader) + 1);
    return ok && !issue->marks.failed;
}

/* ---- the mails ---- */

static enum made make_mail(struct issue *issue, const struct agenda *agenda, const char *reader)
{
    struct run *run = issue->run;
    char id[ID_SIZE], name[MAIL_NAME_SIZE];
    struct buf message = {0}, why = {0};
    bool known;
    if (!agenda_id(issue->day, reader, id) || !name_of_mail(id, reader, name))
        return IMPOSSIBLE;
    if (!mail_file_find(run, name, id, &known))
        return IO_FAILED;
    if (known)
        return MADE;
    const struct agenda_mail mail = {.agenda = agenda,
        .zone = &issue->zone,
        .day = issue->mailing.day,
        .since = issue->mailing.before,
        .date = issue->mailing.due,
        .name = name,
        .id = id,
        .recipient = reader};
    enum made made = IMPOSSIBLE;
    if (agenda_compose(&run->composer, &mail, &message, &why))
        made = mail_file_put(run,
            &(struct mail_file){name, id, reader, issue->mailing.due * US_PER_MS, &message},
            &issue->made);
    if (made == MADE && why.len)
        log_warn(id, "mail-cut", "%s: %s", name, buf_text(&why));
    issue->mailed += made == MADE;
    buf_free(&message);
    buf_free(&why);
    return made;
}

static bool is_empty(const struct agenda *agenda)
{
    return !agenda->bookings.count && !agenda->requests.count && !agenda->changes.count;
}

static bool read_agenda(struct issue *issue, struct agenda *agenda)
{
    const struct agenda_span span = {.start = day_instant(&issue->zone, issue->mailing.day, 0),
        .end = day_instant(&issue->zone, issue->mailing.day + 1, 0),
        .now = issue->now,
        .since = issue->mailing.before};
    return ledger_agenda(issue->run->ledger, &span, agenda);
}

static bool is_known(const struct buf *known, const char *address, size_t len)
{
    const char *at = buf_text(known), *end = at + known->len;
    while (at < end && (strlen(at) != len || memcmp(at, address, len) != 0))
        at += strlen(at) + 1;
    return at < end;
}

/* One host of the agenda after another; NULL: there is no other. `known` are NUL-terminated. */
static const char *next_host(const struct agenda *agenda, struct buf *known)
{
    const struct agenda_list *lists[] = {&agenda->bookings, &agenda->requests, &agenda->changes};
    for (size_t l = 0; l < sizeof lists / sizeof *lists; l++)
        for (size_t i = 0; i < lists[l]->count; i++) {
            const char *one = lists[l]->item[i].hosts;
            for (size_t len; one && *one; one += len + (one[len] == ' ')) {
                len = strcspn(one, " ");
                if (is_known(known, one, len))
                    continue;
                size_t begin = known->len;
                buf_add(known, one, len);
                buf_add(known, "", 1);
                return known->failed ? NULL : buf_text(known) + begin;
            }
        }
    return NULL;
}

/* A host who is a reader too gets all of it, as a reader. */
static bool is_reader(const struct schedule *schedule, const char *address)
{
    for (size_t i = 0; i < schedule->reader_count; i++)
        if (strcasecmp(schedule->readers[i], address) == 0)
            return true;
    return false;
}

static enum made make_for_organizers(struct issue *issue, const struct agenda *all)
{
    struct buf known = {0};
    enum made made = MADE;
    for (const char *host; made == MADE && (host = next_host(all, &known));) {
        struct agenda own;
        if (is_reader(&issue->run->schedule, host))
            continue;
        made = agenda_of_organizer(all, host, &own) ? make_mail(issue, &own, host) : IMPOSSIBLE;
        agenda_free(&own);
    }
    if (known.failed)
        made = IMPOSSIBLE;
    buf_free(&known);
    return made;
}

/* For all whose marks are missing. */
static enum run_result make_mails(struct issue *issue)
{
    struct run *run = issue->run;
    struct agenda agenda;
    enum made made = MADE;
    if (!read_agenda(issue, &agenda)) {
        agenda_free(&agenda);
        return report_ledger_failure(issue);
    }
    issue->result = "mailed";
    if (is_empty(&agenda) && !run->schedule.always)
        issue->result = "empty";
    else
        for (const char *at = issue->marks.data, *end = at + issue->marks.len;
             made == MADE && at < end; at += strlen(at) + 1)
            made = strcmp(at, ORGANIZERS) == 0 ? make_for_organizers(issue, &agenda)
                                               : make_mail(issue, &agenda, at);
    agenda_free(&agenda);
    bool synced = !run->spool.sync_failed && (!issue->made.len || spool_sync_all(&run->spool));
    if (!synced)
        mail_file_remove(run, &issue->made);
    if (!synced || made == IO_FAILED)
        return run_io_failed(run, NULL);
    if (made == IMPOSSIBLE)
        log_error(NULL, "not-composed", "agenda of %s: not enough memory", issue->day);
    return made == MADE ? RUN_GOES_ON : RUN_IO_FAILED;
}

/* ---- the marks ---- */

static bool write_marks(struct issue *issue)
{
    struct ledger *ledger = issue->run->ledger;
    const char *at = issue->marks.data, *end = at + issue->marks.len;
    char id[ID_SIZE];
    for (; at < end; at += strlen(at) + 1)
        if (!agenda_id(issue->day, at, id) ||
            !ledger_agenda_mark(ledger, id, issue->day, issue->result, issue->now))
            return false;
    return ledger_commit(ledger);
}

static enum run_result make_and_mark(struct issue *issue)
{
    struct run *run = issue->run;
    bool late = issue->now - issue->mailing.due > AGENDA_LATE;
    enum run_result result = RUN_GOES_ON;
    if (!ledger_begin(run->ledger))
        return report_ledger_failure(issue);
    issue->result = "late";
    if (!late)
        result = make_mails(issue);
    if (result != RUN_GOES_ON) {
        ledger_rollback(run->ledger);
        return result;
    }
    if (!write_marks(issue))
        return report_ledger_failure(issue);
    if (late)
        log_warn(NULL, "agenda-late",
            "the agenda of %s is not mailed: its time was more than six hours ago", issue->day);
    else
        log_info(NULL, strcmp(issue->result, "empty") == 0 ? "agenda-empty" : "agenda-made",
            "day=%s mails=%zu", issue->day, issue->mailed);
    return RUN_GOES_ON;
}

enum run_result agenda_run(struct run *run)
{
    const struct schedule *schedule = &run->schedule;
    struct issue issue = {.run = run, .now = clock_now()};
    enum run_result result = RUN_GOES_ON;
    if (!schedule->on || run->composing_cut)
        return RUN_GOES_ON;
    day_zone_open(&issue.zone, run->composer.timezone);
    if (schedule_latest(schedule, &issue.zone, issue.now, &issue.mailing) &&
        issue.mailing.due != run->agenda_done) {
        day_format(issue.mailing.day, issue.day);
        result = run_open_ledger(run);
        bool ok = true;
        for (size_t i = 0; result == RUN_GOES_ON && ok && i < schedule->reader_count; i++)
            ok = find_unmarked(&issue, schedule->readers[i]);
        if (result == RUN_GOES_ON && ok && schedule->organizers)
            ok = find_unmarked(&issue, ORGANIZERS);
        if (!ok)
            result = report_ledger_failure(&issue);
        else if (result == RUN_GOES_ON && issue.marks.len)
            result = make_and_mark(&issue);
        if (result == RUN_GOES_ON)
            run->agenda_done = issue.mailing.due;
    }
    zone_close(&issue.zone);
    buf_free(&issue.made);
    buf_free(&issue.marks);
    return result;
}
