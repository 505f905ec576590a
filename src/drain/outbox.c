#include "drain/outbox.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/array.h"
#include "base/clock.h"
#include "base/counters.h"
#include "base/incident.h"
#include "base/log.h"
#include "deliver/attempts.h"
#include "spool/queue.h"

enum { SYNC_EVERY = 64, WHY_SIZE = 700, REFUSALS_ALIKE = 3 };

int64_t outbox_delay(int64_t age, int64_t shortest, int64_t longest)
{
    return age < shortest ? shortest : age > longest ? longest : age;
}

static enum run_result sync_renames(struct outbox *outbox)
{
    struct run *run = outbox->run;
    if (!outbox->unsynced)
        return RUN_GOES_ON;
    outbox->unsynced = 0;
    /* sent/ first: a power cut between the two must not lose both names */
    if (spool_sync_dir(&run->spool, DIR_SENT) && spool_sync_dir(&run->spool, DIR_OUT))
        return RUN_GOES_ON;
    return run_io_failed(run, NULL);
}

enum run_result outbox_sync_due(struct outbox *outbox)
{
    bool late = clock_monotonic() - outbox->first_unsynced >= MS_PER_SECOND;
    return outbox->unsynced >= SYNC_EVERY || late ? sync_renames(outbox) : RUN_GOES_ON;
}

static enum run_result alarm_not_renamed(struct outbox *outbox, const char *name, const char *id)
{
    struct run *run = outbox->run;
    run_io_failed(run, id);
    bool marked = queue_mark_durably(&run->spool, DIR_OUT, name, QUEUE_UNKNOWN | QUEUE_SENT);
    log_error(id, "sent-but-not-renamed", "out/%s was accepted, and %s; the run ends", name,
        marked ? "is marked so that it is never sent again"
               : "could not even be marked: move it to sent/ by hand, or it is sent again");
    return RUN_IO_FAILED;
}

/*
 * Renames the mail to sent/. `marked`: it has QUEUE_SENT, and the rename must be durable before the
 * mark goes.
 */
static enum run_result to_sent(struct outbox *outbox, const char *name, const char *id, bool marked)
{
    struct spool *spool = &outbox->run->spool;
    if (!spool_move(spool, DIR_OUT, name, DIR_SENT, name)) {
        if (!queue_gone(spool, DIR_OUT, name))
            return alarm_not_renamed(outbox, name, id);
        log_warn(id, "moved-meanwhile", "out/%s was sent, but its file was moved away", name);
        return RUN_GOES_ON;
    }
    if (outbox->unsynced++ == 0)
        outbox->first_unsynced = clock_monotonic();
    if (marked && sync_renames(outbox) != RUN_GOES_ON)
        return RUN_IO_FAILED;
    /* The mtime is the completion, from which retention counts. In a shared spool the move did it.
     */
    if (!spool->backing && (!queue_mark(spool, DIR_SENT, name, 0) ||
                               !queue_set_time(spool, DIR_SENT, name, clock_now())))
        log_debug(id, "mark-failed", "sent/%s", name);
    if (!outbox->failed_empty)
        queue_remove_why(spool, DIR_FAILED, name); /* left from before an operator moved it back */
    return outbox_sync_due(outbox);
}

enum run_result outbox_finish(struct outbox *outbox, const char *name, const char *id, bool marked)
{
    if (!marked)
        log_info(id, "sent-before", "out/%s is the same file as sent/%s: it is not sent again",
            name, name);
    enum run_result result = to_sent(outbox, name, id, marked);
    if (marked && result == RUN_GOES_ON)
        log_info(id, "renamed-late", "out/%s had been accepted by an earlier run", name);
    return result;
}

/* For people who look at what waits; `run`: no other mail can be sent either. */
static void note_attempt(const struct outbox *outbox, const struct refusal *mail, bool run)
{
    const char *state = conf_text(outbox->run->conf, SET_STATE);
    int64_t now = clock_now();
    attempts_note(state, mail->name, now, &mail->result);
    if (run)
        attempts_note(state, ATTEMPTS_RUN, now, &mail->result);
}

/* The marks stay: an unknown outcome is still known when an operator moves the mail back to out/.
 */
static enum run_result give_up(struct outbox *outbox, const struct refusal *mail, const char *cause)
{
    struct run *run = outbox->run;
    char why[WHY_SIZE], now[TIME_TEXT];
    time_format(clock_now(), now);
    snprintf(
        why, sizeof why, "%s %s: %s: %s", now, cause, mail->result.reason, mail->result.detail);
    run->totals->failed++;
    counter_add(COUNT_MAIL_FAILED, 1);
    incident_cause(mail->result.reason);
    log_error(mail->id, "given-up", "mail=%s %s: %s%s%s", mail->name, cause, mail->result.reason,
        *mail->result.words ? ": " : "", mail->result.words);
    queue_mark(&run->spool, DIR_OUT, mail->name, mail->marks);
    return run_unless_gone(run, queue_give_up(&run->spool, DIR_OUT, mail->name, DIR_FAILED, why),
        DIR_OUT, mail->name, mail->id);
}

/* Sets the next attempt, or gives up a mail that is too old. */
static enum run_result reschedule(struct outbox *outbox, const struct refusal *mail)
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
    int64_t longest = conf_number(run->conf, SET_RETRY_MAX);
    int64_t delay = outbox_delay(age, conf_number(run->conf, SET_RETRY_MIN), longest);
    int64_t asked = result->wait_ms < longest ? result->wait_ms : longest;
    delay = delay > asked ? delay : asked; /* a server may ask for a longer delay, not a shorter */
    if (asked > 0)
        outbox->rest_until = now + asked;
    bool unknown = result->outcome == OUTCOME_UNKNOWN;
    log_warn(mail->id, unknown ? "outcome-unknown" : "retry-later",
        "mail=%s %s%s%s; next attempt in %llds%s", mail->name, result->reason,
        *result->words ? ": " : "", result->words, (long long)(delay / MS_PER_SECOND),
        unknown ? "; it may have arrived" : "");
    if (age > MS_PER_DAY) { /* reported by log, status and health, never by mail */
        char text[TIME_TEXT];
        time_format_age(age, text);
        counter_set(COUNT_MAIL_STUCK_AT, now);
        log_error(mail->id, "stuck", "mail=%s could not be sent for %s", mail->name, text);
    }
    note_attempt(outbox, mail, result->unreachable || result->wait_ms > 0);
    bool ok = queue_mark(&run->spool, DIR_OUT, mail->name, mail->marks) &&
              queue_set_time(&run->spool, DIR_OUT, mail->name, now + delay);
    return run_unless_gone(run, ok, DIR_OUT, mail->name, mail->id);
}

void outbox_rest(struct outbox *outbox, const struct spool_item *item)
{
    /* where that fails, the mail is due and asks once more */
    if (item->mtime < outbox->rest_until)
        queue_set_time(&outbox->run->spool, DIR_OUT, item->name, outbox->rest_until);
}

static enum run_result put_off_mail(struct outbox *outbox, const struct refusal *mail)
{
    outbox->run->totals->retried++;
    counter_add(COUNT_MAIL_RETRY, 1);
    return reschedule(outbox, mail);
}

static enum run_result stop_blocked(struct outbox *outbox, const struct refusal *mail)
{
    const struct delivery_result *result = &mail->result;
    incident_cause(result->reason);
    log_error(mail->id, "blocked", "%s%s%s; nothing can be sent until this is fixed",
        result->reason, *result->words ? ": " : "", result->words);
    if (outbox->run->progress)
        fprintf(stderr, "In full: %s\n", result->detail);
    queue_mark(&outbox->run->spool, DIR_OUT, mail->name, mail->marks);
    note_attempt(outbox, mail, true);
    return RUN_BLOCKED;
}

/* ---- the sender is refused, says the reply to one mail ---- */

/* Another mail was accepted: it concerned its own mail. */
static enum run_result put_off_doubted(struct outbox *outbox)
{
    bool doubting = outbox->doubting;
    outbox->doubting = false;
    return doubting ? put_off_mail(outbox, &outbox->doubt) : RUN_GOES_ON;
}

static enum run_result doubt_mail(struct outbox *outbox, const struct refusal *mail)
{
    if (outbox->run->totals->sent)
        return put_off_mail(outbox, mail);
    if (outbox->doubting)
        return stop_blocked(outbox, mail);
    queue_mark(&outbox->run->spool, DIR_OUT, mail->name, mail->marks);
    outbox->doubting = true;
    outbox->doubt = *mail;
    return RUN_GOES_ON;
}

/* ---- refusals ---- */

/*
 * Now that refusals are known to concern their own mails, gives up those that wait, and later ones
 * at once. Giving up takes syncs, so when the run is over they are put off instead.
 */
static enum run_result give_up_each(struct outbox *outbox)
{
    enum run_result result = RUN_GOES_ON;
    for (size_t i = 0; result == RUN_GOES_ON && i < outbox->refused; i++) {
        const struct refusal *mail = &outbox->refusal[i];
        result = run_over(outbox->run) ? put_off_mail(outbox, mail)
                                       : give_up(outbox, mail, "refused for good");
    }
    outbox->refused = outbox->recipients = 0;
    outbox->refusals_trusted = true;
    return result;
}

static enum run_result put_off_each(struct outbox *outbox)
{
    enum run_result result = RUN_GOES_ON;
    for (size_t i = 0; result == RUN_GOES_ON && i < outbox->refused; i++)
        result = put_off_mail(outbox, &outbox->refusal[i]);
    outbox->refused = outbox->recipients = 0;
    return result == RUN_GOES_ON ? RUN_BLOCKED : result;
}

static enum run_result refuse_mail(struct outbox *outbox, const struct refusal *mail)
{
    enum run_result result = RUN_GOES_ON;
    size_t known = 0;
    if (outbox->refused && strcmp(outbox->refusal[0].result.reason, mail->result.reason) != 0)
        result = give_up_each(outbox);
    if (result != RUN_GOES_ON)
        return result;
    if (outbox->refusals_trusted)
        return give_up(outbox, mail, "refused for good");
    struct refusal *grown = array_room(
        outbox->refusal, outbox->refused, &outbox->refusal_room, sizeof *outbox->refusal);
    if (!grown)
        return put_off_mail(outbox, mail);
    outbox->refusal = grown;
    while (known < outbox->refused && strcasecmp(grown[known].to, mail->to) != 0)
        known++;
    outbox->recipients += known == outbox->refused;
    grown[outbox->refused++] = *mail;
    queue_mark(&outbox->run->spool, DIR_OUT, mail->name, mail->marks);
    if (outbox->recipients < REFUSALS_ALIKE)
        return RUN_GOES_ON;
    log_error(NULL, "refused-alike",
        "%s: %zu recipients were refused alike, and nothing was accepted; check the settings",
        mail->result.reason, outbox->recipients);
    return put_off_each(outbox);
}

enum run_result outbox_end(struct outbox *outbox, enum run_result so_far)
{
    enum run_result result = so_far;
    bool none_sent = !outbox->run->totals->sent;
    bool alone = outbox->shared && outbox->refused && none_sent;
    if (so_far == RUN_GOES_ON && (alone || (outbox->doubting && none_sent)))
        result = put_off_each(outbox);
    else if (so_far == RUN_GOES_ON)
        result = give_up_each(outbox);
    if (so_far == RUN_GOES_ON && !none_sent) /* by another sender */
        result = run_worse(put_off_doubted(outbox), result);
    else if (so_far == RUN_GOES_ON && outbox->doubting && !run_over(outbox->run))
        result = run_worse(stop_blocked(outbox, &outbox->doubt), result);
    enum run_result synced = sync_renames(outbox);
    free(outbox->refusal);
    return synced == RUN_GOES_ON ? result : synced;
}

/* ---- all outcomes ---- */

/* By the reason code, "TRANSPORT-STEP-CODE"; SendGrid's is "sendgrid-STATUS". */
static void count_attempt(const struct delivery_result *result)
{
    char transport[REASON_SIZE] = "", step[REASON_SIZE] = "";
    sscanf(result->reason, "%47[^-]-%47[^-]", transport, step);
    size_t by = counter_label_value(LABEL_TRANSPORT, transport);
    counter_add(counter_at(COUNT_MAIL_ATTEMPTS, by, (size_t)result->outcome), 1);
    counter_set(COUNT_DRAIN_ACTIVE_AT, clock_now());
    if (result->outcome == OUTCOME_SENT)
        return;
    if (strcmp(step, "401") == 0 || strcmp(step, "no") == 0) /* smtp-no-auth */
        strcpy(step, "auth");
    counter_add(counter_at(COUNT_MAIL_FAULTS, by, counter_label_value(LABEL_FAULT, step)), 1);
}

/* A replay is mailed long after its event was accepted, and says nothing about the speed. */
static void count_sent(const char *mail, const struct record *record)
{
    struct spool_name name;
    int64_t now = clock_now();
    counter_set(COUNT_MAIL_LAST_AT, now);
    if (name_parse(mail, &name) && !name.replay_number)
        counter_observe(COUNT_MAILED_TIME, now - record->received);
}

enum run_result outbox_apply(struct outbox *outbox, const char *name,
    const struct spool_file *before, const struct delivery_result *result)
{
    /* a refusal of this attempt says nothing about an earlier one whose outcome is unknown */
    struct refusal mail = {
        .queued = before->record.queued, .marks = before->mode & QUEUE_UNKNOWN, .result = *result};
    snprintf(mail.name, sizeof mail.name, "%s", name);
    memcpy(mail.id, before->record.id, sizeof mail.id);
    memcpy(mail.to, before->record.to, sizeof mail.to);
    enum run_result ended;
    count_attempt(result);
    switch (result->outcome) {
    case OUTCOME_SENT:
        ended = to_sent(outbox, name, mail.id, false);
        outbox->run->totals->sent++;
        count_sent(name, &before->record);
        log_info(
            mail.id, "sent", "mail=%s bytes=%zu %s", name, before->record.length, result->reason);
        if (ended == RUN_GOES_ON)
            ended = put_off_doubted(outbox);
        return ended == RUN_GOES_ON ? give_up_each(outbox) : ended;
    case OUTCOME_NEVER:
        return refuse_mail(outbox, &mail);
    case OUTCOME_BLOCKED:
        return result->doubtful ? doubt_mail(outbox, &mail) : stop_blocked(outbox, &mail);
    case OUTCOME_UNKNOWN:
        outbox->run->totals->unknown++;
        mail.marks = QUEUE_UNKNOWN;
        return reschedule(outbox, &mail);
    case OUTCOME_RETRY:
        break;
    }
    ended = put_off_mail(outbox, &mail);
    bool next_fails_too = result->unreachable || result->wait_ms > 0;
    return ended == RUN_GOES_ON && next_fails_too ? RUN_BLOCKED : ended;
}
