#include "drain/outbox.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/counters.h"
#include "base/log.h"
#include "spool/queue.h"

enum { SYNC_EVERY = 64, WHY_SIZE = 700 };

static const char *words(const struct delivery_result *result)
{
    return result->words ? result->words : "";
}

static const char *colon(const struct delivery_result *result)
{
    return result->words ? ": " : "";
}

int64_t retry_delay(int64_t age, int64_t shortest, int64_t longest)
{
    return age < shortest ? shortest : age > longest ? longest : age;
}

enum run_result outbox_sync(struct outbox *outbox)
{
    struct run *run = outbox->run;
    if (!outbox->unsynced)
        return RUN_GOES_ON;
    outbox->unsynced = 0;
    /* the new name first: a power cut between the two must not lose both */
    if (spool_sync_dir(&run->spool, DIR_SENT) && spool_sync_dir(&run->spool, DIR_OUT))
        return RUN_GOES_ON;
    return run_io_failed(run, NULL);
}

enum run_result outbox_sync_due(struct outbox *outbox)
{
    bool late = clock_monotonic() - outbox->first_unsynced >= MS_PER_SECOND;
    return outbox->unsynced >= SYNC_EVERY || late ? outbox_sync(outbox) : RUN_GOES_ON;
}

static enum run_result count_unsynced(struct outbox *outbox)
{
    if (outbox->unsynced++ == 0)
        outbox->first_unsynced = clock_monotonic();
    return outbox_sync_due(outbox);
}

static enum run_result alarm_not_renamed(struct outbox *outbox, const char *name, const char *id)
{
    struct run *run = outbox->run;
    run_io_failed(run, id);
    bool marked = queue_mark_durably(&run->spool, DIR_OUT, name, QUEUE_UNKNOWN | QUEUE_SENT);
    log_error(id, "sent-but-not-renamed", "out/%s was accepted, and %s; the run stops", name,
        marked ? "is marked so that it is never sent again"
               : "could not even be marked: move it to sent/ by hand, or it goes out again");
    return RUN_IO_FAILED;
}

/* `owed`: the mail is marked as sent, and the disk must not lose the mark before the old name. */
static enum run_result to_sent(struct outbox *outbox, const char *name, const char *id, bool owed)
{
    struct spool *spool = &outbox->run->spool;
    enum run_result synced = RUN_GOES_ON;
    if (!spool_move(spool, DIR_OUT, name, DIR_SENT, name)) {
        if (!queue_gone(spool, DIR_OUT, name))
            return alarm_not_renamed(outbox, name, id);
        log_warn(id, "moved-meanwhile", "out/%s was sent, but somebody took it away", name);
        return RUN_GOES_ON;
    }
    outbox->unsynced += owed;
    if (owed && (synced = outbox_sync(outbox)) != RUN_GOES_ON)
        return synced;
    /* the mtime is the completion, from which retention counts */
    if (!queue_mark(spool, DIR_SENT, name, 0) ||
        !queue_set_time(spool, DIR_SENT, name, clock_now()))
        log_debug(id, "mark-failed", "sent/%s", name);
    if (!outbox->none_failed)
        queue_remove_why(spool, DIR_FAILED, name); /* of before a person moved it back */
    return owed ? RUN_GOES_ON : count_unsynced(outbox);
}

enum run_result outbox_finish_rename(struct outbox *outbox, const char *name, const char *id)
{
    enum run_result result = to_sent(outbox, name, id, true);
    if (result == RUN_GOES_ON)
        log_info(id, "renamed-late", "out/%s had been accepted by an earlier run", name);
    return result;
}

enum run_result outbox_drop_sent(struct outbox *outbox, const char *name, const char *id)
{
    log_info(
        id, "sent-before", "out/%s is the same file as sent/%s: it is not sent again", name, name);
    return to_sent(outbox, name, id, false);
}

/* What settling asks of a mail besides its result; a refusal that waited has the same. */
static struct refusal mail_of(const char *name, const struct spool_file *before, mode_t marks,
    const struct delivery_result *result)
{
    struct refusal mail = {.queued = before->record.queued, .marks = marks, .result = *result};
    snprintf(mail.name, sizeof mail.name, "%s", name);
    memcpy(mail.id, before->record.id, sizeof mail.id);
    memcpy(mail.to, before->record.to, sizeof mail.to);
    return mail;
}

/* The marks go along: a mail whose end is unknown stays so when a person moves it back to out/. */
static enum run_result give_up(
    struct outbox *outbox, const struct refusal *mail, const char *verdict)
{
    struct run *run = outbox->run;
    char why[WHY_SIZE], now[TIME_TEXT];
    time_format(clock_now(), now);
    snprintf(
        why, sizeof why, "%s %s: %s: %s", now, verdict, mail->result.reason, mail->result.detail);
    run->totals->failed++;
    counter_add(COUNT_MAIL_FAILED, 1);
    log_error(mail->id, "given-up", "mail=%s %s: %s", mail->name, verdict, mail->result.reason);
    queue_mark(&run->spool, DIR_OUT, mail->name, mail->marks);
    return run_unless_gone(run, queue_give_up(&run->spool, DIR_OUT, mail->name, DIR_FAILED, why),
        DIR_OUT, mail->name, mail->id);
}

/* Never by a mail about mail: by the log, status and health. */
static void report_stuck(const struct refusal *mail, int64_t age)
{
    char text[TIME_TEXT];
    time_format_age(age, text);
    counter_set(COUNT_MAIL_STUCK_AT, (uint64_t)clock_now());
    log_error(mail->id, "stuck", "mail=%s could not be sent for %s", mail->name, text);
}

/* The age decides, but for another side that says when it takes mail again. */
static int64_t delay_of(const struct conf *conf, int64_t age, const struct delivery_result *result)
{
    int64_t longest = conf_number(conf, SET_RETRY_MAX);
    int64_t delay = retry_delay(age, conf_number(conf, SET_RETRY_MIN), longest);
    int64_t asked = result->wait_ms < longest ? result->wait_ms : longest;
    return delay > asked ? delay : asked;
}

/* The next attempt, or the end of patience. */
static enum run_result later(struct outbox *outbox, const struct refusal *mail)
{
    struct run *run = outbox->run;
    const struct delivery_result *result = &mail->result;
    int64_t now = clock_now(), age = now - mail->queued;
    bool old = age > conf_number(run->conf, SET_GIVE_UP);
    if (old && run->clock_trusted)
        return give_up(outbox, mail, "too old to try again");
    if (old && !outbox->clock_doubted)
        log_warn(NULL, "clock-doubted",
            "mails are older than BOOKSPOOL_GIVE_UP, but the clock may have jumped: "
            "none is given up for its age until a day has passed by it");
    outbox->clock_doubted |= old;
    int64_t delay = delay_of(run->conf, age, result);
    bool unknown = result->outcome == OUTCOME_UNKNOWN;
    log_warn(mail->id, unknown ? "outcome-unknown" : "retry-later",
        "mail=%s %s%s%s; next attempt in %llds%s", mail->name, result->reason, colon(result),
        words(result), (long long)(delay / MS_PER_SECOND), unknown ? "; it may have arrived" : "");
    if (age > MS_PER_DAY)
        report_stuck(mail, age);
    bool ok = queue_mark(&run->spool, DIR_OUT, mail->name, mail->marks) &&
              queue_set_time(&run->spool, DIR_OUT, mail->name, now + delay);
    return run_unless_gone(run, ok, DIR_OUT, mail->name, mail->id);
}

static enum run_result put_off(struct outbox *outbox, const struct refusal *mail)
{
    outbox->run->totals->retried++;
    counter_add(COUNT_MAIL_RETRY, 1);
    return later(outbox, mail);
}

static enum run_result hold(struct outbox *outbox, const struct refusal *mail)
{
    const struct delivery_result *result = &mail->result;
    log_error(mail->id, "blocked", "%s%s%s; nothing can be sent until this is mended",
        result->reason, colon(result), words(result));
    if (outbox->run->progress)
        fprintf(stderr, "In full: %s\n", result->detail);
    queue_mark(&outbox->run->spool, DIR_OUT, mail->name, mail->marks);
    return RUN_BLOCKED;
}

/* ---- refusals ---- */

/*
 * Every refusal that waits is about its own mail, and so is each from here on. Giving up takes
 * syncs, so when the run is over the rest is put off, which takes none: the next run asks again.
 */
static enum run_result give_up_each(struct outbox *outbox)
{
    enum run_result result = RUN_GOES_ON;
    for (size_t i = 0; result == RUN_GOES_ON && i < outbox->refusals.count; i++) {
        const struct refusal *mail = &outbox->refusals.list[i];
        result = run_over(outbox->run) ? put_off(outbox, mail)
                                       : give_up(outbox, mail, "refused for good");
    }
    refusals_free(&outbox->refusals);
    outbox->refusals.each_by_itself = true;
    return result;
}

static enum run_result put_off_alike(struct outbox *outbox)
{
    enum run_result result = RUN_GOES_ON;
    log_error(NULL, "refused-alike",
        "%s: so were %zu recipients, and nothing was accepted; this looks like a setting",
        outbox->refusals.list[0].result.reason, outbox->refusals.recipients);
    for (size_t i = 0; result == RUN_GOES_ON && i < outbox->refusals.count; i++)
        result = put_off(outbox, &outbox->refusals.list[i]);
    refusals_free(&outbox->refusals);
    return result == RUN_GOES_ON ? RUN_BLOCKED : result;
}

static enum run_result refused(struct outbox *outbox, const struct refusal *mail)
{
    struct refusals *refusals = &outbox->refusals;
    enum run_result result = RUN_GOES_ON;
    if (!refusals_alike(refusals, mail))
        result = give_up_each(outbox);
    if (result != RUN_GOES_ON)
        return result;
    if (refusals->each_by_itself)
        return give_up(outbox, mail, "refused for good");
    if (!refusals_add(refusals, mail))
        return put_off(outbox, mail);
    queue_mark(&outbox->run->spool, DIR_OUT, mail->name, mail->marks);
    return refusals->recipients >= REFUSALS_ALIKE ? put_off_alike(outbox) : RUN_GOES_ON;
}

enum run_result outbox_end(struct outbox *outbox, enum run_result so_far)
{
    enum run_result told = so_far == RUN_GOES_ON ? give_up_each(outbox) : so_far;
    enum run_result synced = outbox_sync(outbox);
    refusals_free(&outbox->refusals);
    return synced == RUN_GOES_ON ? told : synced;
}

/* ---- all outcomes ---- */

static enum run_result accepted(struct outbox *outbox, const char *name,
    const struct spool_file *before, const struct delivery_result *result)
{
    enum run_result ended = to_sent(outbox, name, before->record.id, false);
    outbox->run->totals->sent++;
    counter_add(COUNT_MAIL_SENT, 1);
    counter_set(COUNT_MAIL_LAST_AT, (uint64_t)clock_now());
    log_info(before->record.id, "sent", "mail=%s bytes=%zu %s", name, before->record.length,
        result->reason);
    enum run_result told = give_up_each(outbox);
    return ended == RUN_GOES_ON ? told : ended;
}

enum run_result outbox_apply(struct outbox *outbox, const char *name,
    const struct spool_file *before, const struct delivery_result *result)
{
    /* a clear no to this attempt says nothing about an earlier one that ended unknown */
    struct refusal mail = mail_of(name, before, before->mode & QUEUE_UNKNOWN, result);
    enum run_result ended;
    switch (result->outcome) {
    case OUTCOME_SENT:
        return accepted(outbox, name, before, result);
    case OUTCOME_NEVER:
        return refused(outbox, &mail);
    case OUTCOME_BLOCKED:
        return hold(outbox, &mail);
    case OUTCOME_UNKNOWN:
        outbox->run->totals->unknown++;
        counter_add(COUNT_MAIL_UNKNOWN, 1);
        mail.marks = QUEUE_UNKNOWN;
        return later(outbox, &mail);
    case OUTCOME_RETRY:
        break;
    }
    ended = put_off(outbox, &mail);
    bool nobody_takes = result->unreachable || result->wait_ms > 0;
    return ended == RUN_GOES_ON && nobody_takes ? RUN_BLOCKED : ended;
}
