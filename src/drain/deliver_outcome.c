#include "drain/deliver_outcome.h"

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

int64_t settle_delay(int64_t age, int64_t shortest, int64_t longest)
{
    return age < shortest ? shortest : age > longest ? longest : age;
}

enum run_result settle_sync(struct settle *settle)
{
    struct run *run = settle->run;
    if (!settle->unsynced)
        return RUN_GOES_ON;
    settle->unsynced = 0;
    /* the new name first: a power cut between the two must not lose both */
    if (spool_sync_dir(&run->spool, DIR_SENT) && spool_sync_dir(&run->spool, DIR_OUT))
        return RUN_GOES_ON;
    return run_io_failed(run, NULL);
}

enum run_result settle_sync_due(struct settle *settle)
{
    bool late = clock_monotonic() - settle->first_unsynced >= MS_PER_SECOND;
    return settle->unsynced >= SYNC_EVERY || late ? settle_sync(settle) : RUN_GOES_ON;
}

static enum run_result count_unsynced(struct settle *settle)
{
    if (settle->unsynced++ == 0)
        settle->first_unsynced = clock_monotonic();
    return settle_sync_due(settle);
}

static enum run_result alarm_unsettled(struct settle *settle, const char *name, const char *key)
{
    struct run *run = settle->run;
    run_io_failed(run, key);
    bool marked = queue_mark_durably(&run->spool, DIR_OUT, name, QUEUE_UNKNOWN | QUEUE_SENT);
    log_error(key, "sent-but-not-renamed", "out/%s was accepted, and %s; the run stops", name,
        marked ? "is marked so that it is never sent again"
               : "could not even be marked: move it to sent/ by hand, or it goes out again");
    return RUN_IO_FAILED;
}

/* `owed`: the mail is marked as sent, and the disk must not lose the mark before the old name. */
static enum run_result to_sent(struct settle *settle, const char *name, const char *key, bool owed)
{
    struct spool *spool = &settle->run->spool;
    enum run_result synced = RUN_GOES_ON;
    if (!spool_move(spool, DIR_OUT, name, DIR_SENT, name)) {
        if (!queue_gone(spool, DIR_OUT, name))
            return alarm_unsettled(settle, name, key);
        log_warn(key, "moved-meanwhile", "out/%s was sent, but somebody took it away", name);
        return RUN_GOES_ON;
    }
    settle->unsynced += owed;
    if (owed && (synced = settle_sync(settle)) != RUN_GOES_ON)
        return synced;
    /* the mtime is the completion, from which retention counts */
    if (!queue_mark(spool, DIR_SENT, name, 0) ||
        !queue_set_time(spool, DIR_SENT, name, clock_now()))
        log_debug(key, "mark-failed", "sent/%s", name);
    if (!settle->none_failed)
        queue_remove_why(spool, DIR_FAILED, name); /* of before a person moved it back */
    return owed ? RUN_GOES_ON : count_unsynced(settle);
}

enum run_result settle_marked_sent(struct settle *settle, const char *name, const char *key)
{
    enum run_result result = to_sent(settle, name, key, true);
    if (result == RUN_GOES_ON)
        log_info(key, "renamed-late", "out/%s had been accepted by an earlier run", name);
    return result;
}

enum run_result settle_was_sent(struct settle *settle, const char *name, const char *key)
{
    log_info(
        key, "sent-before", "out/%s is the same file as sent/%s: it is not sent again", name, name);
    return to_sent(settle, name, key, false);
}

/* What settling asks of a mail besides its result; a refusal that waited has the same. */
static struct refusal mail_of(const char *name, const struct spool_file *before, mode_t marks,
    const struct delivery_result *result)
{
    struct refusal mail = {.queued = before->record.queued, .marks = marks, .result = *result};
    snprintf(mail.name, sizeof mail.name, "%s", name);
    memcpy(mail.key, before->record.key, sizeof mail.key);
    memcpy(mail.to, before->record.to, sizeof mail.to);
    return mail;
}

/* The marks go along: a mail whose end is unknown stays so when a person moves it back to out/. */
static enum run_result give_up(
    struct settle *settle, const struct refusal *mail, const char *verdict)
{
    struct run *run = settle->run;
    char why[WHY_SIZE], now[TIME_TEXT];
    time_format(clock_now(), now);
    snprintf(
        why, sizeof why, "%s %s: %s: %s", now, verdict, mail->result.reason, mail->result.detail);
    run->totals->failed++;
    counter_add(COUNT_MAIL_FAILED, 1);
    log_error(mail->key, "given-up", "mail=%s %s: %s", mail->name, verdict, mail->result.reason);
    queue_mark(&run->spool, DIR_OUT, mail->name, mail->marks);
    return run_unless_gone(run, queue_give_up(&run->spool, DIR_OUT, mail->name, DIR_FAILED, why),
        DIR_OUT, mail->name, mail->key);
}

/* Never by a mail about mail: by the log, status and health. */
static void tell_stuck(const struct refusal *mail, int64_t age)
{
    char text[TIME_TEXT];
    time_format_age(age, text);
    counter_set(COUNT_MAIL_STUCK_AT, (uint64_t)clock_now());
    log_error(mail->key, "stuck", "mail=%s could not be sent for %s", mail->name, text);
}

/* The age decides, but for another side that says when it takes mail again. */
static int64_t delay_of(const struct conf *conf, int64_t age, const struct delivery_result *result)
{
    int64_t longest = conf_number(conf, SET_RETRY_MAX);
    int64_t delay = settle_delay(age, conf_number(conf, SET_RETRY_MIN), longest);
    int64_t asked = result->wait_ms < longest ? result->wait_ms : longest;
    return delay > asked ? delay : asked;
}

/* The next attempt, or the end of patience. */
static enum run_result later(struct settle *settle, const struct refusal *mail)
{
    struct run *run = settle->run;
    const struct delivery_result *result = &mail->result;
    int64_t now = clock_now(), age = now - mail->queued;
    bool old = age > conf_number(run->conf, SET_GIVE_UP);
    if (old && run->clock_trusted)
        return give_up(settle, mail, "too old to try again");
    if (old && !settle->clock_doubted)
        log_warn(NULL, "clock-doubted",
            "mails are older than BOOKSPOOL_GIVE_UP, but the clock may have jumped: "
            "none is given up for its age until a day has passed by it");
    settle->clock_doubted |= old;
    int64_t delay = delay_of(run->conf, age, result);
    bool unknown = result->outcome == OUTCOME_UNKNOWN;
    log_warn(mail->key, unknown ? "outcome-unknown" : "retry-later",
        "mail=%s %s%s%s; next attempt in %llds%s", mail->name, result->reason, colon(result),
        words(result), (long long)(delay / MS_PER_SECOND), unknown ? "; it may have arrived" : "");
    if (age > MS_PER_DAY)
        tell_stuck(mail, age);
    bool ok = queue_mark(&run->spool, DIR_OUT, mail->name, mail->marks) &&
              queue_set_time(&run->spool, DIR_OUT, mail->name, now + delay);
    return run_unless_gone(run, ok, DIR_OUT, mail->name, mail->key);
}

static enum run_result put_off(struct settle *settle, const struct refusal *mail)
{
    settle->run->totals->retried++;
    counter_add(COUNT_MAIL_RETRY, 1);
    return later(settle, mail);
}

static enum run_result hold(struct settle *settle, const struct refusal *mail)
{
    const struct delivery_result *result = &mail->result;
    log_error(mail->key, "hold", "%s%s%s; nothing can be sent until this is mended", result->reason,
        colon(result), words(result));
    if (settle->run->progress)
        fprintf(stderr, "In full: %s\n", result->detail);
    queue_mark(&settle->run->spool, DIR_OUT, mail->name, mail->marks);
    return RUN_HOLDS;
}

/* ---- refusals ---- */

/*
 * Every refusal that waits is about its own mail, and so is each from here on. Giving up takes
 * syncs, so when the run is over the rest is put off, which takes none: the next run asks again.
 */
static enum run_result tell_apart(struct settle *settle)
{
    enum run_result result = RUN_GOES_ON;
    for (size_t i = 0; result == RUN_GOES_ON && i < settle->refusals.count; i++) {
        const struct refusal *mail = &settle->refusals.list[i];
        result = run_over(settle->run) ? put_off(settle, mail)
                                       : give_up(settle, mail, "refused for good");
    }
    refusals_free(&settle->refusals);
    settle->refusals.told_apart = true;
    return result;
}

static enum run_result hold_alike(struct settle *settle)
{
    enum run_result result = RUN_GOES_ON;
    log_error(NULL, "refused-alike",
        "%s: so were %zu recipients, and nothing was accepted; this looks like a setting",
        settle->refusals.list[0].result.reason, settle->refusals.recipients);
    for (size_t i = 0; result == RUN_GOES_ON && i < settle->refusals.count; i++)
        result = put_off(settle, &settle->refusals.list[i]);
    refusals_free(&settle->refusals);
    return result == RUN_GOES_ON ? RUN_HOLDS : result;
}

static enum run_result refused(struct settle *settle, const struct refusal *mail)
{
    struct refusals *refusals = &settle->refusals;
    enum run_result result = RUN_GOES_ON;
    if (!refusals_alike(refusals, mail))
        result = tell_apart(settle);
    if (result != RUN_GOES_ON)
        return result;
    if (refusals->told_apart)
        return give_up(settle, mail, "refused for good");
    if (!refusals_add(refusals, mail))
        return put_off(settle, mail);
    queue_mark(&settle->run->spool, DIR_OUT, mail->name, mail->marks);
    return refusals->recipients >= REFUSALS_ALIKE ? hold_alike(settle) : RUN_GOES_ON;
}

enum run_result settle_end(struct settle *settle, enum run_result so_far)
{
    enum run_result told = so_far == RUN_GOES_ON ? tell_apart(settle) : so_far;
    enum run_result synced = settle_sync(settle);
    refusals_free(&settle->refusals);
    return synced == RUN_GOES_ON ? told : synced;
}

/* ---- all outcomes ---- */

static enum run_result accepted(struct settle *settle, const char *name,
    const struct spool_file *before, const struct delivery_result *result)
{
    enum run_result ended = to_sent(settle, name, before->record.key, false);
    settle->run->totals->sent++;
    counter_add(COUNT_MAIL_SENT, 1);
    counter_set(COUNT_MAIL_LAST_AT, (uint64_t)clock_now());
    log_info(before->record.key, "sent", "mail=%s bytes=%zu %s", name, before->record.length,
        result->reason);
    enum run_result told = tell_apart(settle);
    return ended == RUN_GOES_ON ? told : ended;
}

enum run_result settle_mail(struct settle *settle, const char *name,
    const struct spool_file *before, const struct delivery_result *result)
{
    /* a clear no to this attempt says nothing about an earlier one that ended unknown */
    struct refusal mail = mail_of(name, before, before->mode & QUEUE_UNKNOWN, result);
    enum run_result ended;
    switch (result->outcome) {
    case OUTCOME_SENT:
        return accepted(settle, name, before, result);
    case OUTCOME_NEVER:
        return refused(settle, &mail);
    case OUTCOME_BLOCKED:
        return hold(settle, &mail);
    case OUTCOME_UNKNOWN:
        settle->run->totals->unknown++;
        counter_add(COUNT_MAIL_UNKNOWN, 1);
        mail.marks = QUEUE_UNKNOWN;
        return later(settle, &mail);
    case OUTCOME_RETRY:
        break;
    }
    ended = put_off(settle, &mail);
    bool nobody_takes = result->unreachable || result->wait_ms > 0;
    return ended == RUN_GOES_ON && nobody_takes ? RUN_HOLDS : ended;
}
