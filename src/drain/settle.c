#include "drain/settle.h"

#include <errno.h>
#include <stdio.h>

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

static enum run_result to_sent(struct settle *settle, const char *name, const char *key)
{
    struct spool *spool = &settle->run->spool;
    if (!spool_move(spool, DIR_OUT, name, DIR_SENT, name)) {
        if (!queue_gone(spool, DIR_OUT, name))
            return alarm_unsettled(settle, name, key);
        log_warn(key, "moved-meanwhile", "out/%s was sent, but somebody took it away", name);
        return RUN_GOES_ON;
    }
    /* the mtime is the completion, from which retention counts */
    if (!queue_mark(spool, DIR_SENT, name, 0) ||
        !queue_set_time(spool, DIR_SENT, name, clock_now()))
        log_debug(key, "mark-failed", "sent/%s", name);
    queue_remove_why(spool, DIR_FAILED, name); /* of an attempt before a person moved it back */
    return count_unsynced(settle);
}

enum run_result settle_marked_sent(struct settle *settle, const char *name, const char *key)
{
    enum run_result result = to_sent(settle, name, key);
    if (result == RUN_GOES_ON)
        log_info(key, "renamed-late", "out/%s had been accepted by an earlier run", name);
    return result;
}

static enum run_result sent(struct settle *settle, const char *name,
    const struct spool_file *before, const struct delivery_result *result)
{
    enum run_result ended = to_sent(settle, name, before->record.key);
    settle->run->totals->sent++;
    counter_add(COUNT_MAIL_SENT, 1);
    counter_set(COUNT_MAIL_LAST_AT, (uint64_t)clock_now());
    log_info(before->record.key, "sent", "mail=%s bytes=%zu %s", name, before->record.length,
        result->reason);
    return ended;
}

/* `marks` go along: a mail whose end is unknown stays so when a person moves it back to out/. */
static enum run_result give_up(struct settle *settle, const char *name,
    const struct spool_file *before, const struct delivery_result *result, mode_t marks,
    const char *verdict)
{
    struct run *run = settle->run;
    char why[WHY_SIZE], now[TIME_TEXT];
    time_format(clock_now(), now);
    snprintf(why, sizeof why, "%s %s: %s: %s", now, verdict, result->reason, result->detail);
    run->totals->failed++;
    counter_add(COUNT_MAIL_FAILED, 1);
    log_error(before->record.key, "given-up", "mail=%s %s: %s", name, verdict, result->reason);
    queue_mark(&run->spool, DIR_OUT, name, marks);
    return run_unless_gone(run, queue_give_up(&run->spool, DIR_OUT, name, DIR_FAILED, why), DIR_OUT,
        name, before->record.key);
}

/* Never by a mail about mail: by the log, status and health. */
static void tell_stuck(const char *key, const char *name, int64_t age)
{
    char text[TIME_TEXT];
    time_format_age(age, text);
    counter_set(COUNT_MAIL_STUCK_AT, (uint64_t)clock_now());
    log_error(key, "stuck", "mail=%s could not be sent for %s", name, text);
}

/* The next attempt, or the end of patience. `marks` stay on the file. */
static enum run_result later(struct settle *settle, const char *name,
    const struct spool_file *before, const struct delivery_result *result, mode_t marks)
{
    struct run *run = settle->run;
    int64_t now = clock_now(), age = now - before->record.queued;
    if (age > conf_number(run->conf, SET_GIVE_UP))
        return give_up(settle, name, before, result, marks, "too old to try again");
    int64_t delay = settle_delay(
        age, conf_number(run->conf, SET_RETRY_MIN), conf_number(run->conf, SET_RETRY_MAX));
    bool unknown = result->outcome == OUTCOME_UNKNOWN;
    log_warn(before->record.key, unknown ? "outcome-unknown" : "retry-later",
        "mail=%s %s%s%s; next attempt in %llds%s", name, result->reason, colon(result),
        words(result), (long long)(delay / MS_PER_SECOND), unknown ? "; it may have arrived" : "");
    if (age > MS_PER_DAY)
        tell_stuck(before->record.key, name, age);
    bool ok = queue_mark(&run->spool, DIR_OUT, name, marks) &&
              queue_set_time(&run->spool, DIR_OUT, name, now + delay);
    return run_unless_gone(run, ok, DIR_OUT, name, before->record.key);
}

static enum run_result hold(struct settle *settle, const char *name,
    const struct spool_file *before, const struct delivery_result *result, mode_t earlier)
{
    log_error(before->record.key, "hold", "%s%s%s; nothing can be sent until this is mended",
        result->reason, colon(result), words(result));
    if (settle->run->progress)
        fprintf(stderr, "In full: %s\n", result->detail);
    queue_mark(&settle->run->spool, DIR_OUT, name, earlier);
    return RUN_HOLDS;
}

enum run_result settle_mail(struct settle *settle, const char *name,
    const struct spool_file *before, const struct delivery_result *result)
{
    /* a clear no to this attempt says nothing about an earlier one that ended unknown */
    mode_t earlier = before->mode & QUEUE_UNKNOWN;
    enum run_result ended;
    switch (result->outcome) {
    case OUTCOME_SENT:
        return sent(settle, name, before, result);
    case OUTCOME_NEVER:
        return give_up(settle, name, before, result, earlier, "refused for good");
    case OUTCOME_HOLD:
        return hold(settle, name, before, result, earlier);
    case OUTCOME_UNKNOWN:
        settle->run->totals->unknown++;
        counter_add(COUNT_MAIL_UNKNOWN, 1);
        return later(settle, name, before, result, QUEUE_UNKNOWN);
    case OUTCOME_RETRY:
        break;
    }
    settle->run->totals->retried++;
    counter_add(COUNT_MAIL_RETRY, 1);
    ended = later(settle, name, before, result, earlier);
    return ended == RUN_GOES_ON && result->unreachable ? RUN_HOLDS : ended;
}
