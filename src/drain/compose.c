#include "drain/compose.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/counters.h"
#include "base/log.h"
#include "base/notify.h"
#include "drain/enrich.h"
#include "drain/mail_file.h"
#include "drain/outbox.h"
#include "drain/waiting.h"
#include "ledger/known.h"
#include "mail/compose.h"
#include "mail/reading.h"
#include "spool/queue.h"
#include "spool/replay.h"
#include "spool/survey.h"

enum { NAME_SIZE = 256, BATCH = 64, BATCH_BYTES = 4 << 20 };

/* A replay number is in UTC seconds; a lower number is an operator's own name for a copy. */
#define CLAIM_FIRST INT64_C(1000000000)

/* An event that goes to done/ with its batch, when its mails exist. */
struct entry {
    enum spool_dir dir;
    char name[NAME_SIZE]; /* ID, or ID.n once it is claimed; the names of its mails begin with it */
    struct spool_file file;
    struct event event;
    struct event full; /* completed by the provider's API, for the decision; else empty */
    struct decision decision;
    bool composed; /* its mails exist */
};

struct batch {
    struct entry entry[BATCH];
    struct enrich *enrich; /* NULL: BOOKSPOOL_ENRICH=no */
    size_t count, bytes;
    bool deciding;   /* the ledger's transaction is open */
    bool lost;       /* it was rolled back: the decisions on the batch are not stored */
    struct buf made; /* the names of mails that this batch put into out/, each with its NUL */
    unsigned torn;   /* files in replay/ that are not intact, in the whole run */
    char first_torn[NAME_SIZE];
    const char *why_torn;
};

static void entry_free(struct entry *entry)
{
    decision_free(&entry->decision);
    event_free(&entry->full);
    event_free(&entry->event);
    spool_file_free(&entry->file);
}

static void batch_clear(struct run *run, struct batch *batch)
{
    if (batch->deciding)
        ledger_rollback(run->ledger);
    for (size_t i = 0; i < batch->count; i++)
        entry_free(&batch->entry[i]);
    buf_reuse(&batch->made);
    batch->made.failed = false;
    batch->count = batch->bytes = 0;
    batch->deciding = batch->lost = false;
}

static enum run_result report_ledger_failure(struct run *run, struct batch *batch, const char *id)
{
    log_error(
        id, "ledger-failed", "%s; no event moves on until it works", ledger_failure(run->ledger));
    batch->deciding = false;
    batch->lost = true;
    return RUN_IO_FAILED;
}

/* ---- one event, read and decided ---- */

/* The replay number of a claimed event; 0: the name is not one of a claim. */
static int64_t claim_number(const char *name)
{
    struct spool_name parsed;
    bool is_claim =
        name_parse(name, &parsed) && parsed.replay_number >= CLAIM_FIRST && !*parsed.recipient;
    return is_claim ? parsed.replay_number : 0;
}

/*
 * An event that cannot be composed stays where it is, marked. As with a mail, the delay to the next
 * attempt is its age; a replay's age counts from its claim.
 */
static enum run_result put_off_event(struct run *run, const struct entry *entry, const char *why)
{
    const char *id = entry->file.record.id;
    int64_t now = clock_now(), claimed = claim_number(entry->name);
    int64_t age = now - (claimed ? claimed * MS_PER_SECOND : entry->file.record.received);
    int64_t delay = outbox_delay(
        age, conf_number(run->conf, SET_RETRY_MIN), conf_number(run->conf, SET_RETRY_MAX));
    log_error(id, "not-composed", "%s/%s: %s; it is composed again in %llds",
        spool_dir_name(entry->dir), entry->name, why, (long long)(delay / MS_PER_SECOND));
    run->totals->uncomposed++;
    bool ok = queue_mark(&run->spool, entry->dir, entry->name, QUEUE_UNCOMPOSED) &&
              queue_set_time(&run->spool, entry->dir, entry->name, now + delay);
    return run_unless_gone(run, ok, entry->dir, entry->name, id);
}

static enum run_result leave_torn_event(struct run *run, struct batch *batch, enum spool_dir dir,
    const struct spool_item *item, const char *why)
{
    if (dir == DIR_REPLAY) { /* any name is allowed there: it may not be an event at all */
        if (!batch->torn++) {
            snprintf(batch->first_torn, sizeof batch->first_torn, "%s", item->name);
            batch->why_torn = why;
        }
        return RUN_GOES_ON;
    }
    if (!queue_torn_for_good(item->mtime, clock_now())) {
        log_debug(NULL, "torn", "new/%s: %s; left for an hour", item->name, why);
        return RUN_GOES_ON;
    }
    log_warn(item->name, "set-aside", "new/%s to bad/: %s", item->name, why);
    run->totals->bad++;
    survey_taken();
    return run_unless_gone(run, queue_give_up(&run->spool, DIR_NEW, item->name, DIR_BAD, why),
        DIR_NEW, item->name, item->name);
}

/*
 * Renames a file in replay/ to ID.n, durably, under a replay number of which no recipient has a
 * mail. The claim of a run that died keeps its number, so its mails are the same. entry->name
 * becomes the new name. False: errno and the step of the spool.
 */
static bool claim_replay(struct run *run, struct entry *entry)
{
    struct recipient_list list;
    char event_name[MAIL_NAME_SIZE], name[MAIL_NAME_SIZE], claimed[MAIL_NAME_SIZE];
    const char *id = entry->event.id;
    int64_t number = clock_now() / MS_PER_SECOND;
    bool taken = true;
    if (claim_number(entry->name) && strncmp(entry->name, id, ID_LEN) == 0)
        return true;
    bool ok = recipients_of(run->recipients, &entry->event, &entry->decision, &list);
    if (!ok) {
        spool_failed(&run->spool, "claim", DIR_REPLAY, entry->name);
        errno = ENOMEM;
    }
    for (; ok && taken; number += taken) {
        taken = false;
        snprintf(event_name, sizeof event_name, "%s.%lld", id, (long long)number);
        for (size_t i = 0; ok && !taken && i < list.count; i++)
            ok = name_of_mail(event_name, list.item[i].address, name) &&
                 spool_look(&run->spool, DIR_OUT, name, &taken) &&
                 (taken || mail_file_look(run, name, &taken));
    }
    int saved = errno;
    recipient_list_free(&list);
    errno = saved;
    if (!ok || !replay_claim(&run->spool, entry->name, id, number, claimed))
        return false;
    memcpy(entry->name, claimed, sizeof claimed);
    return true;
}

/*
 * Cal.com sends the occurrences of a series one after the other, and those that are decided in one
 * batch are one mail (ledger/rules.h). A watch would have a batch for each. It waits for the next
 * multiple of SERIES_GATHER that is SERIES_REST away: the others of the series wait for the same
 * moment, most likely.
 */
static bool is_gathered(const struct run *run, const struct event *event, int64_t *until)
{
    enum { SERIES_GATHER = 5000, SERIES_REST = 2000 };
    int64_t arrived = event->received_at, now = clock_now();
    bool begins = event->kind == KIND_CREATED || event->kind == KIND_REQUESTED;
    *until = (arrived + SERIES_REST + SERIES_GATHER - 1) / SERIES_GATHER * SERIES_GATHER;
    return run->watching && begins && event->booking.in_series && now < *until && arrived <= now;
}

/*
 * A replay is mailed whatever the ledger decided before, and the ledger is not changed.
 * *taken: the event goes on with the batch.
 */
static enum run_result decide_event(
    struct run *run, struct entry *entry, struct batch *batch, bool *taken)
{
    const char *id = entry->file.record.id;
    bool replay = entry->dir == DIR_REPLAY, found, ok;
    if (entry->file.owner != geteuid() &&
        !queue_adopt(&run->spool, entry->dir, entry->name, &entry->file))
        return run_io_failed(run, id);
    if (!record_map(&entry->file.record, &entry->event))
        return put_off_event(run, entry, "not enough memory to read it");
    if (run_open_ledger(run) != RUN_GOES_ON)
        return RUN_IO_FAILED;
    int64_t until;
    if (!replay && is_gathered(run, &entry->event, &until)) {
        log_info(id, "deferred", "series-awaited");
        ok = queue_set_time(&run->spool, entry->dir, entry->name, until);
        return run_unless_gone(run, ok, entry->dir, entry->name, id);
    }
    if (replay)
        ok = ledger_recall(run->ledger, id, &entry->decision, &found);
    else
        ok = (batch->deciding || (batch->deciding = ledger_begin(run->ledger))) &&
             ledger_decide(run->ledger, enrich_event(batch->enrich, &entry->event, &entry->full),
                 clock_now(), conf_number(run->conf, SET_MOVE_WAIT), &entry->decision);
    if (!ok)
        return report_ledger_failure(run, batch, id);
    ledger_complete(&entry->decision, &entry->event);
    if (replay) {
        entry->decision.result = DECISION_NOTIFY;
        if (!claim_replay(run, entry))
            return run_io_failed(run, id);
    }
    if (entry->decision.result == DECISION_DEFER) {
        log_info(id, "deferred", "%s", entry->decision.reason);
        ok = (!(entry->file.mode & QUEUE_UNCOMPOSED) ||
                 queue_mark(&run->spool, entry->dir, entry->name, 0)) &&
             queue_set_time(&run->spool, entry->dir, entry->name, entry->decision.until);
        return run_unless_gone(run, ok, entry->dir, entry->name, id);
    }
    *taken = true;
    return RUN_GOES_ON;
}

static enum run_result handle_event(
    struct run *run, enum spool_dir dir, const struct spool_item *item, struct batch *batch)
{
    struct entry *entry = &batch->entry[batch->count];
    bool done = false, taken = false;
    if (dir == DIR_NEW && !spool_look(&run->spool, DIR_DONE, item->name, &done))
        return run_io_failed(run, item->name);
    if (done) {
        log_info(
            item->name, "late-duplicate", "it is in done/ already; to mail it again use replay/");
        if (!spool_remove(&run->spool, DIR_NEW, item->name) && errno != ENOENT)
            return run_io_failed(run, item->name);
        survey_taken();
        return RUN_GOES_ON;
    }
    *entry = (struct entry){.dir = dir};
    snprintf(entry->name, sizeof entry->name, "%s", item->name);
    if (!spool_read(&run->spool, dir, item->name, &entry->file)) {
        if (errno != ENOENT) /* ENOENT: an operator moved it meanwhile */
            log_warn(NULL, "unreadable", "%s/%s: %s; left where it is", spool_dir_name(dir),
                item->name, strerror(errno));
        return RUN_GOES_ON;
    }
    const char *wrong = queue_objection(
        &entry->file, RECORD_EVENT, dir == DIR_NEW ? item->name : entry->file.record.id);
    if (wrong) {
        spool_file_free(&entry->file);
        return leave_torn_event(run, batch, dir, item, wrong);
    }
    decision_init(&entry->decision);
    enum run_result result = decide_event(run, entry, batch, &taken);
    if (taken) {
        batch->count++;
        batch->bytes += entry->file.data.len;
    } else
        entry_free(entry);
    return result;
}

/* ---- its mails ---- */

static bool compose_notice(const struct run *run, const struct entry *entry, const char *name,
    const struct recipient *recipient, struct buf *out, struct buf *why)
{
    bool ok = compose_message(&run->composer,
        &(struct notice){.event = &entry->event,
            .decision = &entry->decision,
            .record = &entry->file.record,
            .name = name,
            .recipient = recipient->address,
            .audience = recipient->audience},
        out, why);
    if (ok && why->len) {
        log_warn(entry->file.record.id, "mail-cut", "%s: %s", name, buf_text(why));
        buf_clear(why);
    }
    return ok;
}

static enum made make_mail(struct run *run, const struct entry *entry,
    const struct recipient *recipient, struct buf *made, struct buf *why)
{
    const struct record *event = &entry->file.record;
    char name[MAIL_NAME_SIZE];
    struct buf message = {0};
    bool known;
    if (!name_of_mail(entry->name, recipient->address, name))
        return IMPOSSIBLE;
    if (!mail_file_find(run, name, event->id, &known))
        return IO_FAILED;
    if (known)
        return MADE;
    enum made result = IMPOSSIBLE;
    if (compose_notice(run, entry, name, recipient, &message, why))
        result = mail_file_put(run,
            &(struct mail_file){name, event->id, recipient->address, event->received_us, &message},
            made);
    buf_free(&message);
    return result;
}

/* If one recipient's mail cannot be composed, the others get theirs and the event is put off. */
static enum run_result make_mails(struct run *run, struct entry *entry, struct batch *batch)
{
    const char *id = entry->file.record.id, *number = strchr(entry->name, '.');
    struct recipient_list list = {0};
    struct buf why = {0};
    enum made worst = MADE;
    if (entry->decision.result == DECISION_SUPPRESS) {
        log_info(id, "suppressed", "%s: no mail is made", entry->decision.reason);
        entry->composed = true;
        return RUN_GOES_ON;
    }
    if (!recipients_of(run->recipients, &entry->event, &entry->decision, &list))
        worst = IMPOSSIBLE;
    if (list.unmailable)
        log_warn(id, "customer-not-mailed",
            "%zu of the customers: no mail can go to such an address", list.unmailable);
    for (size_t i = 0; worst != IO_FAILED && i < list.count; i++) {
        struct buf more = {0};
        enum made made =
            make_mail(run, entry, &list.item[i], &batch->made, worst == MADE ? &why : &more);
        buf_free(&more);
        if (made != MADE)
            worst = made;
    }
    enum run_result result = RUN_GOES_ON;
    entry->composed = worst == MADE;
    if (worst == MADE)
        log_info(id, "mails-made", "kind=%s event=%s recipients=%zu %s%s%s",
            event_kind_name(entry->event.kind), entry->file.record.event, list.count,
            entry->decision.reason, number ? " replay=" : "", number ? number + 1 : "");
    else if (worst == IMPOSSIBLE)
        result =
            put_off_event(run, entry, why.len ? buf_text(&why) : "not enough memory for its mails");
    else
        result = run_io_failed(run, id);
    recipient_list_free(&list);
    buf_free(&why);
    return result;
}

/* ---- a batch ---- */

/* Once for each event, however often it is put off or mailed again. */
static void count_unknown(const struct entry *entry)
{
    const struct record *record = &entry->file.record;
    const struct event *event = &entry->event;
    if (entry->dir != DIR_NEW)
        return;
    if (event->name && !event->known) {
        counter_add(counter_at(COUNT_UNKNOWN_EVENTS, record->provider, 0), 1);
        log_warn(record->id, "unknown-event", "%s of %s is not known here", event->name,
            provider_title(event->provider));
    }
    if (!provider_version_known(record->provider, record->version)) {
        counter_add(counter_at(COUNT_UNKNOWN_VERSIONS, record->provider, 0), 1);
        log_warn(record->id, "unknown-version",
            "version %s of the payloads of %s is not known here", record->version,
            provider_title(event->provider));
    }
}

static enum run_result move_to_done(struct run *run, const struct entry *entry)
{
    const char *id = entry->file.record.id;
    int64_t now = clock_now();
    /* Each time differs: `bookspool rebuild` gives the files of done/ to the ledger in this order.
     */
    run->completed = now > run->completed ? now : run->completed + 1;
    if (entry->file.mode & QUEUE_UNCOMPOSED)
        queue_mark(&run->spool, entry->dir, entry->name, 0);
    /* The mtime is the completion, from which retention counts; without it, the arrival serves. */
    if (!queue_set_time(&run->spool, entry->dir, entry->name, run->completed))
        log_debug(id, "time-not-set", "%s: %s", run->spool.step, strerror(errno));
    if (!spool_move(&run->spool, entry->dir, entry->name, DIR_DONE, id) && errno != ENOENT)
        return run_io_failed(run, id);
    counter_add(counter_at(COUNT_EVENTS, entry->file.record.provider, entry->event.kind), 1);
    counter_add(COUNT_OVERLAPS, entry->decision.overlap_count > 0);
    if (entry->dir == DIR_NEW)
        survey_taken();
    count_unknown(entry);
    run->totals->events++; /* ENOENT: an operator moved it meanwhile; its mails are made */
    return RUN_GOES_ON;
}

/* The decision about the first occurrence of a series grew with those that came after it. */
static bool recall_series(struct run *run, struct batch *batch)
{
    bool ok = true, found;
    for (size_t i = 0; batch->deciding && ok && i < batch->count; i++) {
        struct decision *decision = &batch->entry[i].decision;
        if (!decision->occurrence_count || batch->entry[i].dir == DIR_REPLAY)
            continue;
        decision_free(decision);
        ok = ledger_recall(run->ledger, batch->entry[i].file.record.id, decision, &found);
    }
    return ok;
}

/*
 * Commits the decisions, makes the mails, syncs them, moves the events. If a mail cannot be made,
 * the mails before it are still synced and their events moved.
 */
static enum run_result finish_batch(struct run *run, struct batch *batch)
{
    if (batch->lost || run->spool.sync_failed)
        return RUN_IO_FAILED;
    if (batch->deciding && !ledger_commit(run->ledger))
        return report_ledger_failure(run, batch, NULL);
    if (!recall_series(run, batch))
        return report_ledger_failure(run, batch, NULL);
    batch->deciding = false;
    enum run_result result = RUN_GOES_ON, moved = RUN_GOES_ON;
    for (size_t i = 0; result == RUN_GOES_ON && i < batch->count; i++)
        result = make_mails(run, &batch->entry[i], batch);
    bool reported = run->spool.sync_failed;
    if (reported || (batch->count && !spool_sync_all(&run->spool))) {
        moved = reported ? RUN_IO_FAILED : run_io_failed(run, NULL);
        mail_file_remove(run, &batch->made);
    }
    for (size_t i = 0; moved == RUN_GOES_ON && i < batch->count; i++)
        if (batch->entry[i].composed)
            moved = move_to_done(run, &batch->entry[i]);
    return run_worse(result, moved);
}

static enum run_result compose_due(
    struct run *run, enum spool_dir dir, const struct waiting *waiting, struct batch *batch)
{
    enum run_result result = RUN_GOES_ON;
    for (size_t i = 0; result == RUN_GOES_ON && i < waiting->count && !run_stopping(); i++) {
        if (batch->enrich && dir == DIR_NEW && !batch->deciding)
            enrich_ahead(batch->enrich, run, waiting, i);
        result = handle_event(run, dir, waiting->due[i].file, batch);
        if (result == RUN_GOES_ON && (batch->count == BATCH || batch->bytes >= BATCH_BYTES)) {
            result = finish_batch(run, batch);
            batch_clear(run, batch);
            counter_set(COUNT_DRAIN_ACTIVE_AT, clock_now());
            notify_alive();
            if (dir == DIR_NEW && i + 1 < waiting->count) /* the oldest that waits now */
                counter_set(COUNT_QUEUE_SINCE, waiting->due[i + 1].arrival / US_PER_MS);
        }
    }
    result = run_worse(result, finish_batch(run, batch));
    batch_clear(run, batch);
    return result;
}

enum run_result compose_run(struct run *run)
{
    static const enum spool_dir dirs[] = {DIR_NEW, DIR_REPLAY};
    enum { DIRS = sizeof dirs / sizeof *dirs };
    struct waiting waiting[DIRS] = {{.count = 0}};
    struct batch *batch = calloc(1, sizeof *batch);
    enum run_result result = RUN_GOES_ON;
    if (!batch) {
        log_error(NULL, "no-memory", "no memory for a batch of events");
        result = RUN_IO_FAILED;
    }
    for (size_t d = 0; result == RUN_GOES_ON && d < DIRS; d++)
        if (!waiting_find(run, dirs[d], &waiting[d]))
            result = run_io_failed(run, NULL);
    if (batch)
        batch->enrich = enrich_open(run);
    unsigned put_off_before = run->totals->uncomposed;
    if (!spool_sync_all(&run->spool)) /* also for the mails that an earlier run left in out/ */
        result = run_io_failed(run, NULL);
    for (size_t d = 0; result == RUN_GOES_ON && d < DIRS; d++)
        result = compose_due(run, dirs[d], &waiting[d], batch);
    if (batch && batch->torn)
        log_warn(NULL, "torn",
            "replay/: %u files, such as %s: %s; left where they are (bookspool check FILE)",
            batch->torn, batch->first_torn, batch->why_torn);
    run->composing_cut = result != RUN_GOES_ON;
    if (run->totals->uncomposed > put_off_before)
        result = RUN_IO_FAILED;
    for (size_t d = 0; d < DIRS; d++)
        waiting_free(&waiting[d]);
    if (batch) {
        enrich_close(batch->enrich);
        buf_free(&batch->made);
    }
    free(batch);
    return result;
}

/* ---- preview ---- */

static void print_mail(const char *name, const char *recipient, const char *message, size_t len)
{
    struct buf text = {0};
    if (message_preview(message, len, &text))
        printf("--- %s\nTo: %s\n%s\n", name, recipient, buf_text(&text));
    else
        printf("--- %s\nTo: %s\n%.*s\n", name, recipient, (int)len, message);
    buf_free(&text);
}

/* Prints the mails of an event that do not exist yet. */
static void preview_event(struct run *run, const struct spool_file *file)
{
    struct entry entry = {.file = *file};
    struct recipient_list list = {0};
    bool found;
    decision_init(&entry.decision);
    bool ok =
        record_map(&file->record, &entry.event) &&
        (!run->ledger || ledger_recall(run->ledger, file->record.id, &entry.decision, &found));
    if (ok)
        ledger_complete(&entry.decision, &entry.event);
    ok = ok && recipients_of(run->recipients, &entry.event, &entry.decision, &list);
    for (size_t i = 0; ok && i < list.count; i++) {
        char mail[MAIL_NAME_SIZE];
        struct buf message = {0}, why = {0};
        struct spool_file met;
        bool there = false; /* also when it cannot be found out */
        if (!name_of_mail(file->record.id, list.item[i].address, mail))
            continue;
        if (mail_file_read(run, mail, file->record.id, &met, &there) && there)
            spool_file_free(&met);
        if (!there && !(mail_file_look(run, mail, &there) && there)) {
            bool composed = compose_notice(run, &entry, mail, &list.item[i], &message, &why);
            if (composed)
                print_mail(mail, list.item[i].address, buf_text(&message), message.len);
            else
                printf("--- %s\nTo: %s\nNot composed: %s\n\n", mail, list.item[i].address,
                    buf_text(&why));
        }
        buf_free(&message);
        buf_free(&why);
    }
    recipient_list_free(&list);
    decision_free(&entry.decision);
    event_free(&entry.event);
}

static void preview_file(struct run *run, enum spool_dir dir, const char *name)
{
    struct spool_file file;
    if ((dir == DIR_NEW && spool_exists(&run->spool, DIR_DONE, name)) ||
        !spool_read(&run->spool, dir, name, &file))
        return;
    const char *wrong = file.torn || !file.record.forgotten ? file.torn : RECORD_FORGOTTEN;
    if (wrong)
        printf("--- %s/%s: %s\n\n", spool_dir_name(dir), name, wrong);
    else if (file.record.kind == RECORD_EVENT)
        preview_event(run, &file);
    else
        print_mail(name, file.record.to, file.record.body, file.record.length);
    spool_file_free(&file);
}

void compose_preview(struct run *run)
{
    static const enum spool_dir waiting[] = {DIR_NEW, DIR_REPLAY, DIR_OUT};
    for (size_t d = 0; d < sizeof waiting / sizeof *waiting; d++) {
        struct spool_list list;
        if (!spool_list(&run->spool, waiting[d], &list))
            continue;
        for (size_t i = 0; i < list.count; i++)
            preview_file(run, waiting[d], list.item[i].name);
        spool_list_free(&list);
    }
}
