#include "drain/events.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "mail/compose.h"
#include "provider/provider.h"
#include "spool/queue.h"
#include "spool/replay.h"

/* A generation is in UTC seconds; a lower number is a person's own name for a copy. */
#define CLAIM_FIRST INT64_C(1000000000)

enum { BATCH = 64 };

/* Events whose mails are made, and wait for the sync before they may move to done/. */
struct batch {
    struct {
        enum spool_dir dir;
        char name[MAIL_NAME_SIZE];
        char key[KEY_SIZE];
    } event[BATCH];
    size_t count;
    struct buf made; /* the names of mails that this batch put into out/, each with its NUL */
};

/* ---- mails of one event ---- */

/*
 * The mail exists, whole where it could still be torn: a power cut spares sent/ and failed/, whose
 * mails were synced before they were sent.
 */
static bool mail_exists(struct run *run, const char *name, const char *key)
{
    struct spool_file file;
    if (spool_read(&run->spool, DIR_OUT, name, &file)) {
        bool there = !queue_objection(&file, RECORD_MAIL, key);
        spool_file_free(&file);
        if (there)
            return true;
    }
    return spool_exists(&run->spool, DIR_SENT, name) || spool_exists(&run->spool, DIR_FAILED, name);
}

static bool encode_mail(const struct run *run, const char *key, const char *recipient,
    const struct buf *message, struct buf *out)
{
    struct record mail = {.kind = RECORD_MAIL,
        .queued = clock_now(),
        .body = buf_text(message),
        .length = message->len};
    memcpy(mail.key, key, KEY_SIZE);
    snprintf(mail.from, sizeof mail.from, "%s", run->from);
    snprintf(mail.to, sizeof mail.to, "%s", recipient);
    return record_encode(&mail, out);
}

enum made { MADE, MADE_NOT, MADE_IO_FAILED };

static enum made put_mail(
    struct run *run, const char *name, const struct buf *file, struct batch *batch)
{
    struct spool_temp temp;
    if (!buf_reserve(&batch->made, MAIL_NAME_SIZE))
        return MADE_NOT;
    if (!spool_temp_write(&run->spool, file->data, file->len, &temp))
        return MADE_IO_FAILED;
    if (!spool_name_over(&run->spool, &temp, DIR_OUT, name)) {
        spool_temp_drop(&run->spool, &temp);
        return MADE_IO_FAILED;
    }
    close(temp.fd); /* the batch is synced by file system, which tells of errors without it */
    buf_add(&batch->made, name, strlen(name) + 1);
    run->totals->made++;
    return MADE;
}

static enum made make_mail(struct run *run, const struct event *event, const struct record *record,
    const char *event_name, const char *recipient, struct batch *batch)
{
    char name[MAIL_NAME_SIZE];
    struct buf message = {0}, file = {0};
    enum made made = MADE_NOT;
    if (!mail_name(event_name, recipient, name))
        return MADE_NOT;
    if (mail_exists(run, name, record->key))
        return MADE;
    if (compose_message(run, event, record, name, recipient, &message) &&
        encode_mail(run, record->key, recipient, &message, &file))
        made = put_mail(run, name, &file, batch);
    buf_free(&message);
    buf_free(&file);
    return made;
}

static enum made make_mails(
    struct run *run, const struct record *record, const char *event_name, struct batch *batch)
{
    struct event event;
    enum made made = provider_map(record, &event) ? MADE : MADE_NOT;
    /* The ledger is told here, and its commit is durable before the event moves on: what it
     * decides (fold, hold back for a partner, recognise a repeated fact) decides which mails are
     * made. */
    for (size_t i = 0; made == MADE && compose_wanted(event.kind) && i < run->recipients.count; i++)
        made = make_mail(run, &event, record, event_name, run->recipients.address[i], batch);
    if (made == MADE)
        log_info(record->key, "mails-made", "kind=%s event=%s recipients=%zu%s%s",
            event_kind_name(event.kind), record->event,
            compose_wanted(event.kind) ? run->recipients.count : 0,
            strcmp(event_name, record->key) ? " replay=" : "",
            strcmp(event_name, record->key) ? event_name + KEY_LEN + 1 : "");
    event_free(&event);
    return made;
}

/* ---- one event ---- */

static enum run_result set_aside(
    struct run *run, enum spool_dir dir, const char *name, const char *key, const char *why)
{
    log_warn(key, "set-aside", "%s/%s to bad/: %s", spool_dir_name(dir), name, why);
    return run_unless_gone(
        run, queue_give_up(&run->spool, dir, name, DIR_BAD, why), dir, name, key);
}

static enum run_result not_whole(struct run *run, const struct spool_item *item, const char *why)
{
    if (!queue_torn_for_good(item->mtime, clock_now())) {
        log_debug(NULL, "not-whole", "new/%s: %s; left for an hour", item->name, why);
        return RUN_GOES_ON;
    }
    return set_aside(run, DIR_NEW, item->name, item->name, why);
}

static void enlist(struct batch *batch, enum spool_dir dir, const char *name, const char *key)
{
    batch->event[batch->count].dir = dir;
    snprintf(batch->event[batch->count].name, MAIL_NAME_SIZE, "%s", name);
    snprintf(batch->event[batch->count].key, KEY_SIZE, "%s", key);
    batch->count++;
}

static enum run_result make(struct run *run, enum spool_dir dir, const char *name,
    const struct spool_file *file, struct batch *batch)
{
    const char *key = file->record.key;
    if (file->owner != geteuid() && !queue_adopt(&run->spool, dir, name, file))
        return run_io_failed(run, key);
    switch (make_mails(run, &file->record, name, batch)) {
    case MADE:
        enlist(batch, dir, name, key);
        return RUN_GOES_ON;
    case MADE_NOT:
        return set_aside(run, dir, name, key, "no mail could be made of it (out of memory?)");
    case MADE_IO_FAILED:
        break;
    }
    return run_io_failed(run, key);
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

static enum run_result take_new(struct run *run, const struct spool_item *item, struct batch *batch)
{
    struct spool_file file;
    if (!key_valid(item->name)) {
        log_warn(
            NULL, "unknown-name", "new/%.80s is not named by a key; left where it is", item->name);
        return RUN_GOES_ON;
    }
    if (!queue_due(item->mtime, clock_now(), conf_number(run->conf, SET_FOLD)))
        return RUN_GOES_ON;
    if (spool_exists(&run->spool, DIR_DONE, item->name))
        return late_duplicate(run, item->name);
    if (!spool_read(&run->spool, DIR_NEW, item->name, &file))
        return unreadable(DIR_NEW, item->name);
    const char *wrong = queue_objection(&file, RECORD_EVENT, item->name);
    enum run_result result =
        wrong ? not_whole(run, item, wrong) : make(run, DIR_NEW, item->name, &file, batch);
    spool_file_free(&file);
    return result;
}

/* ---- replay ---- */

/* The first generation, from now on, of which no recipient has a mail. */
static int64_t free_generation(struct run *run, const char *key)
{
    for (int64_t g = clock_now() / MS_PER_SECOND;; g++) {
        bool taken = false;
        for (size_t i = 0; !taken && i < run->recipients.count; i++) {
            char event_name[MAIL_NAME_SIZE], name[MAIL_NAME_SIZE];
            snprintf(event_name, sizeof event_name, "%s.%lld", key, (long long)g);
            taken = mail_name(event_name, run->recipients.address[i], name) &&
                    replay_mail_exists(&run->spool, name);
        }
        if (!taken)
            return g;
    }
}

static enum run_result claim(struct run *run, const char *name, const char *key, char claimed[])
{
    struct spool_name parsed;
    if (name_parse(name, &parsed) && parsed.generation >= CLAIM_FIRST && !*parsed.recipient &&
        strcmp(parsed.key, key) == 0) { /* by a run that did not come to its end */
        snprintf(claimed, MAIL_NAME_SIZE, "%s", name);
        return RUN_GOES_ON;
    }
    if (replay_claim(&run->spool, name, key, free_generation(run, key), claimed))
        return RUN_GOES_ON;
    return run_io_failed(run, key);
}

static enum run_result take_replay(
    struct run *run, const struct spool_item *item, struct batch *batch)
{
    struct spool_file file;
    char claimed[MAIL_NAME_SIZE];
    enum run_result result = RUN_GOES_ON;
    if (!spool_read(&run->spool, DIR_REPLAY, item->name, &file))
        return unreadable(DIR_REPLAY, item->name);
    const char *wrong = queue_objection(&file, RECORD_EVENT, file.record.key);
    if (wrong)
        log_warn(NULL, "not-whole", "replay/%.80s: %s; left where it is (bookspool check FILE)",
            item->name, wrong);
    else if ((result = claim(run, item->name, file.record.key, claimed)) == RUN_GOES_ON)
        result = make(run, DIR_REPLAY, claimed, &file, batch);
    spool_file_free(&file);
    return result;
}

/* ---- batches ---- */

/*
 * After a failed sync the kernel may keep a mail whole in memory, call it clean and never say
 * again that it is not on the disk, so the next run must not meet it and trust it. None of
 * these was sent, since the run ends here, and their events are still where they were.
 */
static void unmake(struct run *run, const struct batch *batch)
{
    const char *name = batch->made.data, *end = name + batch->made.len;
    for (; name < end; name += strlen(name) + 1)
        spool_remove(&run->spool, DIR_OUT, name);
}

static enum run_result to_done(
    struct run *run, enum spool_dir dir, const char *name, const char *key)
{
    /* the mtime is the completion, from which retention counts; arrival would do as well */
    if (!queue_set_time(&run->spool, dir, name, clock_now()))
        log_debug(key, "time-not-set", "%s: %s", run->spool.step, strerror(errno));
    if (!spool_move(&run->spool, dir, name, DIR_DONE, key) && errno != ENOENT)
        return run_io_failed(run, key);
    run->totals->events++; /* ENOENT: a person moved it meanwhile; its mails are made */
    return RUN_GOES_ON;
}

static enum run_result settle(struct run *run, struct batch *batch)
{
    enum run_result result = RUN_GOES_ON;
    if (batch->count && !spool_sync_all(&run->spool)) {
        result = run_io_failed(run, NULL);
        unmake(run, batch);
    }
    for (size_t i = 0; result == RUN_GOES_ON && i < batch->count; i++)
        result = to_done(run, batch->event[i].dir, batch->event[i].name, batch->event[i].key);
    batch->count = 0;
    buf_clear(&batch->made);
    return result;
}

typedef enum run_result take(struct run *, const struct spool_item *, struct batch *);

static enum run_result take_all(struct run *run, const struct spool_list *list, take *take_one)
{
    struct batch batch = {0};
    enum run_result result = RUN_GOES_ON;
    for (size_t i = 0; result == RUN_GOES_ON && i < list->count && !run_stopping(); i++) {
        result = take_one(run, &list->item[i], &batch);
        if (result == RUN_GOES_ON && batch.count == BATCH)
            result = settle(run, &batch);
    }
    if (result == RUN_GOES_ON)
        result = settle(run, &batch);
    buf_free(&batch.made);
    return result;
}

enum run_result events_run(struct run *run)
{
    struct spool_list waiting = {0}, replays = {0};
    enum run_result result;
    if (!spool_list(&run->spool, DIR_NEW, &waiting) ||
        !spool_list(&run->spool, DIR_REPLAY, &replays) || !spool_sync_all(&run->spool))
        result = run_io_failed(run, NULL);
    else
        result = take_all(run, &waiting, take_new);
    if (result == RUN_GOES_ON)
        result = take_all(run, &replays, take_replay);
    spool_list_free(&waiting);
    spool_list_free(&replays);
    return result;
}

/* ---- preview ---- */

static void preview_mails(struct run *run, const struct record *record)
{
    struct event event;
    bool mapped = provider_map(record, &event);
    for (size_t i = 0; mapped && compose_wanted(event.kind) && i < run->recipients.count; i++) {
        char name[MAIL_NAME_SIZE];
        struct buf message = {0};
        const char *recipient = run->recipients.address[i];
        if (mail_name(record->key, recipient, name) && !mail_exists(run, name, record->key) &&
            compose_message(run, &event, record, name, recipient, &message))
            printf("--- %s to %s\n%s\n", name, recipient, buf_text(&message));
        buf_free(&message);
    }
    event_free(&event);
}

static void preview_dir(struct run *run, enum spool_dir dir)
{
    struct spool_list list;
    if (!spool_list(&run->spool, dir, &list))
        return;
    for (size_t i = 0; i < list.count; i++) {
        struct spool_file file;
        const char *name = list.item[i].name;
        if ((dir == DIR_NEW && spool_exists(&run->spool, DIR_DONE, name)) ||
            !spool_read(&run->spool, dir, name, &file))
            continue;
        if (file.not_whole)
            printf("--- %s/%s: %s\n", spool_dir_name(dir), name, file.not_whole);
        else if (file.record.kind == RECORD_EVENT)
            preview_mails(run, &file.record);
        else
            printf("--- %s to %s\n%.*s\n", name, file.record.to, (int)file.record.length,
                file.record.body);
        spool_file_free(&file);
    }
    spool_list_free(&list);
}

enum run_result events_preview(struct run *run)
{
    preview_dir(run, DIR_NEW);
    preview_dir(run, DIR_REPLAY);
    preview_dir(run, DIR_OUT);
    return RUN_GOES_ON;
}
