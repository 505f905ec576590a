#include "drain/events.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "drain/mailing.h"
#include "drain/settle.h"
#include "drain/waiting.h"
#include "provider/provider.h"
#include "spool/queue.h"
#include "spool/replay.h"

/* A generation is in UTC seconds; a lower number is a person's own name for a copy. */
#define CLAIM_FIRST INT64_C(1000000000)

enum { NAME_SIZE = 256, BATCH = 64, BATCH_BYTES = 4 << 20 };

/* An event that the ledger was told, and that goes to done/ with its batch. */
struct entry {
    enum spool_dir dir;
    char name[NAME_SIZE];
    struct spool_file file;
    struct event event;
    struct decision decision;
    bool composed; /* its mails exist: it may go to done/ */
};

struct batch {
    struct entry entry[BATCH];
    size_t count, bytes;
    bool telling;    /* the ledger's transaction is open */
    bool lost;       /* it was rolled back: what the ledger decided of the batch is not kept */
    struct buf made; /* the names of mails that this batch put into out/, each with its NUL */
    unsigned torn;   /* files in replay/ that are not intact, all in all */
    char first_torn[NAME_SIZE];
    const char *why_torn;
};

static void entry_free(struct entry *entry)
{
    decision_free(&entry->decision);
    event_free(&entry->event);
    spool_file_free(&entry->file);
}

static const char *entry_key(const struct entry *entry)
{
    return entry->file.record.key;
}

/* ---- the ledger ---- */

static enum run_result ledger_failed(struct run *run, struct batch *batch, const char *key)
{
    log_error(
        key, "ledger-failed", "%s; no event moves on until it works", ledger_failure(run->ledger));
    batch->telling = false;
    batch->lost = true;
    return RUN_IO_FAILED;
}

static enum run_result tell(struct run *run, struct entry *entry, struct batch *batch)
{
    enum run_result opened = run_open_ledger(run);
    if (opened != RUN_GOES_ON)
        return opened;
    if (!batch->telling && !(batch->telling = ledger_begin(run->ledger)))
        return ledger_failed(run, batch, entry_key(entry));
    if (!ledger_tell(run->ledger, &entry->event, clock_now(), conf_number(run->conf, SET_MOVE_WAIT),
            &entry->decision))
        return ledger_failed(run, batch, entry_key(entry));
    return RUN_GOES_ON;
}

static enum run_result wait_for_partner(struct run *run, const struct entry *entry)
{
    log_info(entry_key(entry), "waits", "%s", entry->decision.reason);
    bool ok = queue_set_time(&run->spool, entry->dir, entry->name, entry->decision.until);
    return run_unless_gone(run, ok, entry->dir, entry->name, entry_key(entry));
}

/* ---- replay ---- */

/* What was decided of the event once; a replay speaks whatever it was. */
static enum run_result recall(struct run *run, struct entry *entry, struct batch *batch)
{
    bool found;
    enum run_result opened = run_open_ledger(run);
    if (opened != RUN_GOES_ON)
        return opened;
    if (!ledger_recall(run->ledger, entry_key(entry), &entry->decision, &found))
        return ledger_failed(run, batch, entry_key(entry));
    entry->decision.verdict = VERDICT_SPEAKS;
    return RUN_GOES_ON;
}

/* *taken: some recipient has a mail of it. False when it cannot be found out. */
static bool look_for_generation(struct run *run, const struct entry *entry,
    const struct recipient_list *list, int64_t generation, bool *taken)
{
    char event_name[MAIL_NAME_SIZE], name[MAIL_NAME_SIZE];
    *taken = false;
    snprintf(event_name, sizeof event_name, "%s.%lld", entry_key(entry), (long long)generation);
    for (size_t i = 0; !*taken && i < list->count; i++)
        if (!mail_name(event_name, list->item[i].address, name) ||
            !replay_look(&run->spool, name, taken))
            return false;
    return true;
}

/* The first generation, from now on, of which nobody has a mail; 0 when it cannot be found out. */
static int64_t free_generation(struct run *run, const struct entry *entry)
{
    struct recipient_list list;
    int64_t generation = clock_now() / MS_PER_SECOND;
    bool taken = true, ok = recipients_of(run->recipients, &entry->event, &entry->decision, &list);
    if (!ok)
        errno = ENOMEM;
    while (ok && (ok = look_for_generation(run, entry, &list, generation, &taken)) && taken)
        generation++;
    int saved = errno;
    recipient_list_free(&list);
    errno = saved;
    return ok ? generation : 0;
}

/* A claim of a run that did not come to its end is met again, and stays. */
static bool is_claim(const struct entry *entry)
{
    struct spool_name parsed;
    return name_parse(entry->name, &parsed) && parsed.generation >= CLAIM_FIRST &&
           !*parsed.recipient && strcmp(parsed.key, entry_key(entry)) == 0;
}

static enum run_result claim(struct run *run, struct entry *entry)
{
    char claimed[MAIL_NAME_SIZE];
    if (is_claim(entry))
        return RUN_GOES_ON;
    int64_t generation = free_generation(run, entry);
    if (!generation ||
        !replay_claim(&run->spool, entry->name, entry_key(entry), generation, claimed))
        return run_io_failed(run, entry_key(entry));
    memcpy(entry->name, claimed, sizeof claimed);
    return RUN_GOES_ON;
}

static enum run_result take_up_replay(struct run *run, struct entry *entry, struct batch *batch)
{
    enum run_result result = recall(run, entry, batch);
    return result == RUN_GOES_ON ? claim(run, entry) : result;
}

/* ---- one event ---- */

/*
 * Not the event's fault, so it stays where it is, marked; the next attempt comes after its age, as
 * with a mail. A replay's age counts from its claim.
 */
static enum run_result put_off(struct run *run, const struct entry *entry, const char *why)
{
    struct spool_name parsed;
    int64_t now = clock_now(), since = entry->file.record.received;
    if (name_parse(entry->name, &parsed) && parsed.generation >= CLAIM_FIRST)
        since = parsed.generation * MS_PER_SECOND;
    int64_t delay = settle_delay(
        now - since, conf_number(run->conf, SET_RETRY_MIN), conf_number(run->conf, SET_RETRY_MAX));
    log_error(entry_key(entry), "not-composed", "%s/%s: %s; it is composed again in %llds",
        spool_dir_name(entry->dir), entry->name, why, (long long)(delay / MS_PER_SECOND));
    run->totals->uncomposed++;
    bool ok = queue_mark(&run->spool, entry->dir, entry->name, QUEUE_UNCOMPOSED) &&
              queue_set_time(&run->spool, entry->dir, entry->name, now + delay);
    return run_unless_gone(run, ok, entry->dir, entry->name, entry_key(entry));
}

static enum run_result not_whole(struct run *run, const struct spool_item *item, const char *why)
{
    if (!queue_torn_for_good(item->mtime, clock_now())) {
        log_debug(NULL, "not-whole", "new/%s: %s; left for an hour", item->name, why);
        return RUN_GOES_ON;
    }
    log_warn(item->name, "set-aside", "new/%s to bad/: %s", item->name, why);
    run->totals->bad++;
    return run_unless_gone(run, queue_give_up(&run->spool, DIR_NEW, item->name, DIR_BAD, why),
        DIR_NEW, item->name, item->name);
}

static enum run_result late_duplicate(struct run *run, const char *key)
{
    log_info(key, "late-duplicate", "it is in done/ already; to mail it again use replay/");
    return spool_remove(&run->spool, DIR_NEW, key) || errno == ENOENT ? RUN_GOES_ON
                                                                      : run_io_failed(run, key);
}

static enum run_result unreadable(enum spool_dir dir, const char *name)
{
    if (errno != ENOENT) /* a person moved it meanwhile */
        log_warn(NULL, "unreadable", "%s/%s: %s; left where it is", spool_dir_name(dir), name,
            strerror(errno));
    return RUN_GOES_ON;
}

static enum run_result adopt(struct run *run, const struct entry *entry)
{
    if (entry->file.owner == geteuid() ||
        queue_adopt(&run->spool, entry->dir, entry->name, &entry->file))
        return RUN_GOES_ON;
    return run_io_failed(run, entry_key(entry));
}

/* *taken: it goes on with the batch. */
static enum run_result decide(
    struct run *run, struct entry *entry, struct batch *batch, bool *taken)
{
    enum run_result result = adopt(run, entry);
    if (result != RUN_GOES_ON)
        return result;
    if (!record_map(&entry->file.record, &entry->event))
        return put_off(run, entry, "not enough memory to read it");
    result = entry->dir == DIR_REPLAY ? take_up_replay(run, entry, batch) : tell(run, entry, batch);
    if (result == RUN_GOES_ON && entry->decision.verdict == VERDICT_WAITS)
        return wait_for_partner(run, entry);
    *taken = result == RUN_GOES_ON;
    return result;
}

/* Takes over the file. */
static enum run_result consider(struct run *run, enum spool_dir dir, const char *name,
    const struct spool_file *file, struct batch *batch)
{
    struct entry *entry = &batch->entry[batch->count];
    bool taken = false;
    *entry = (struct entry){.dir = dir, .file = *file};
    snprintf(entry->name, sizeof entry->name, "%s", name);
    decision_init(&entry->decision);
    enum run_result result = decide(run, entry, batch, &taken);
    if (taken) {
        batch->count++;
        batch->bytes += entry->file.data.len;
    } else
        entry_free(entry);
    return result;
}

static enum run_result take_new(struct run *run, const struct spool_item *item, struct batch *batch)
{
    struct spool_file file;
    bool done;
    if (!spool_look(&run->spool, DIR_DONE, item->name, &done))
        return run_io_failed(run, item->name);
    if (done)
        return late_duplicate(run, item->name);
    if (!spool_read(&run->spool, DIR_NEW, item->name, &file))
        return unreadable(DIR_NEW, item->name);
    const char *wrong = queue_objection(&file, RECORD_EVENT, item->name);
    if (!wrong)
        return consider(run, DIR_NEW, item->name, &file, batch);
    spool_file_free(&file);
    return not_whole(run, item, wrong);
}

static enum run_result take_replay(
    struct run *run, const struct spool_item *item, struct batch *batch)
{
    struct spool_file file;
    if (!spool_read(&run->spool, DIR_REPLAY, item->name, &file))
        return unreadable(DIR_REPLAY, item->name);
    const char *wrong = queue_objection(&file, RECORD_EVENT, file.record.key);
    if (!wrong)
        return consider(run, DIR_REPLAY, item->name, &file, batch);
    if (!batch->torn++) {
        snprintf(batch->first_torn, sizeof batch->first_torn, "%s", item->name);
        batch->why_torn = wrong;
    }
    spool_file_free(&file);
    return RUN_GOES_ON;
}

/* ---- a batch ---- */

static enum run_result commit(struct run *run, struct batch *batch)
{
    if (batch->telling && !ledger_commit(run->ledger))
        return ledger_failed(run, batch, NULL);
    batch->telling = false;
    return RUN_GOES_ON;
}

/* An event of which some mail cannot be made is put off, and the others go on without it. */
static enum run_result make_mails(struct run *run, struct entry *entry, struct batch *batch)
{
    struct buf why = {0};
    enum run_result result = RUN_GOES_ON;
    const struct mailing mailing = {.record = &entry->file.record,
        .event = &entry->event,
        .decision = &entry->decision,
        .name = entry->name};
    if (entry->decision.verdict == VERDICT_SILENT) {
        log_info(entry_key(entry), "silent", "%s: nobody is mailed", entry->decision.reason);
        entry->composed = true;
        return RUN_GOES_ON;
    }
    switch (mailing_make(run, &mailing, &batch->made, &why)) {
    case MAILING_MADE:
        entry->composed = true;
        break;
    case MAILING_IMPOSSIBLE:
        result = put_off(run, entry, why.len ? buf_text(&why) : "not enough memory for its mails");
        break;
    case MAILING_IO_FAILED:
        result = run_io_failed(run, entry_key(entry));
    }
    buf_free(&why);
    return result;
}

/*
 * After a failed sync the kernel may keep a mail whole in memory, call it clean and never say
 * again that it is not on the disk, so the next run must not meet it and trust it. None of
 * these was sent, since the run ends here, and their events are still where they were.
 */
static enum run_result sync_mails(struct run *run, const struct batch *batch)
{
    if (!batch->count || spool_sync_all(&run->spool))
        return RUN_GOES_ON;
    enum run_result result = run_io_failed(run, NULL);
    mailing_unmake(run, &batch->made);
    return result;
}

/* No two alike: a rebuild tells the ledger what lies in done/ in the order of these times. */
static int64_t completion(struct run *run)
{
    int64_t now = clock_now();
    run->completed = now > run->completed ? now : run->completed + 1;
    return run->completed;
}

static enum run_result to_done(struct run *run, const struct entry *entry)
{
    const char *key = entry_key(entry);
    if (entry->file.mode & QUEUE_UNCOMPOSED)
        queue_mark(&run->spool, entry->dir, entry->name, 0);
    /* the mtime is the completion, from which retention counts; arrival would do as well */
    if (!queue_set_time(&run->spool, entry->dir, entry->name, completion(run)))
        log_debug(key, "time-not-set", "%s: %s", run->spool.step, strerror(errno));
    if (!spool_move(&run->spool, entry->dir, entry->name, DIR_DONE, key) && errno != ENOENT)
        return run_io_failed(run, key);
    run->totals->events++; /* ENOENT: a person moved it meanwhile; its mails are made */
    return RUN_GOES_ON;
}

/*
 * Where making a mail fails, the events before it go on all the same, and no mail that was made
 * stays unsynced.
 */
static enum run_result settle(struct run *run, struct batch *batch)
{
    if (batch->lost || run->spool.sync_failed)
        return RUN_IO_FAILED;
    enum run_result result = commit(run, batch);
    if (result != RUN_GOES_ON)
        return result;
    for (size_t i = 0; result == RUN_GOES_ON && i < batch->count; i++)
        result = make_mails(run, &batch->entry[i], batch);
    enum run_result moved = run->spool.sync_failed ? RUN_IO_FAILED : sync_mails(run, batch);
    for (size_t i = 0; moved == RUN_GOES_ON && i < batch->count; i++)
        if (batch->entry[i].composed)
            moved = to_done(run, &batch->entry[i]);
    return run_worse(result, moved);
}

static void batch_clear(struct run *run, struct batch *batch)
{
    if (batch->telling)
        ledger_rollback(run->ledger);
    for (size_t i = 0; i < batch->count; i++)
        entry_free(&batch->entry[i]);
    buf_clear(&batch->made);
    batch->count = batch->bytes = 0;
    batch->telling = batch->lost = false;
}

/* ---- all of them ---- */

typedef enum run_result take(struct run *, const struct spool_item *, struct batch *);

static enum run_result take_in_batches(
    struct run *run, const struct waiting *waiting, take *take_one, struct batch *batch)
{
    enum run_result result = RUN_GOES_ON;
    for (size_t i = 0; result == RUN_GOES_ON && i < waiting->count && !run_stopping(); i++) {
        result = take_one(run, waiting->due[i].file, batch);
        if (result == RUN_GOES_ON && (batch->count == BATCH || batch->bytes >= BATCH_BYTES)) {
            result = settle(run, batch);
            batch_clear(run, batch);
        }
    }
    result = run_worse(result, settle(run, batch));
    batch_clear(run, batch);
    if (batch->torn)
        log_warn(NULL, "not-whole",
            "replay/: %u files, such as %s: %s; left where they are (bookspool check FILE)",
            batch->torn, batch->first_torn, batch->why_torn);
    return result;
}

static enum run_result take_all(struct run *run, const struct waiting *waiting, take *take_one)
{
    struct batch *batch = waiting->count ? calloc(1, sizeof *batch) : NULL;
    if (!waiting->count)
        return RUN_GOES_ON;
    if (!batch) {
        log_error(NULL, "no-memory", "no memory for a batch of events");
        return RUN_IO_FAILED;
    }
    enum run_result result = take_in_batches(run, waiting, take_one, batch);
    buf_free(&batch->made);
    free(batch);
    return result;
}

enum run_result events_run(struct run *run)
{
    struct waiting waiting = {0}, replays = {0};
    enum run_result result = RUN_GOES_ON;
    bool listed = waiting_find(run, DIR_NEW, &waiting) && waiting_find(run, DIR_REPLAY, &replays);
    if (!listed)
        result = run_io_failed(run, NULL);
    unsigned put_off_before = run->totals->uncomposed;
    if (!spool_sync_all(&run->spool))
        result = run_io_failed(run, NULL);
    if (result == RUN_GOES_ON)
        result = take_all(run, &waiting, take_new);
    if (result == RUN_GOES_ON)
        result = take_all(run, &replays, take_replay);
    run->composing_cut = result != RUN_GOES_ON;
    if (run->totals->uncomposed > put_off_before)
        result = RUN_IO_FAILED;
    waiting_free(&waiting);
    waiting_free(&replays);
    return result;
}
