#include "drain/forward.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/notify.h"
#include "shared/shared.h"
#include "spool/queue.h"
#include "spool/survey.h"

enum { BATCH = 64, KEY_SIZE = 400, NAME_SIZE = 256 };

/* The files of a batch that are in the shared spool now, or were before. */
struct forwarded {
    const char *name[BATCH];
    size_t count, known;
};

static enum run_result local_failed(struct run *run, const char *name)
{
    log_error(name, "spool-failed", "%s: %s", run->local.step, strerror(errno));
    return RUN_IO_FAILED;
}

static enum run_result leave_torn(
    struct run *run, enum spool_dir dir, const struct spool_item *item, const char *why)
{
    bool ours = dir == DIR_NEW || dir == DIR_OUT; /* no person put it there */
    if (!ours || !queue_torn_for_good(item->mtime, clock_now())) {
        log_debug(NULL, "torn", "%s/%s: %s; it is left", spool_dir_name(dir), item->name, why);
        return RUN_GOES_ON;
    }
    log_warn(NULL, "set-aside", "%s/%s to bad/: %s", spool_dir_name(dir), item->name, why);
    run->totals->bad++;
    if (dir == DIR_NEW)
        survey_taken();
    bool ok = queue_give_up(&run->local, dir, item->name, DIR_BAD, why);
    return ok || queue_gone(&run->local, dir, item->name) ? RUN_GOES_ON
                                                          : local_failed(run, item->name);
}

/* In replay/ a file may have any name that the server takes as a text. */
static bool name_fits(enum spool_dir dir, const char *name)
{
    struct spool_name parsed;
    if (dir == DIR_REPLAY) {
        while (*name > ' ' && *name <= '~')
            name++;
        return *name == '\0';
    }
    return dir == DIR_OUT ? name_parse(name, &parsed) && *parsed.recipient : id_valid(name);
}

/*
 * Two nodes may replay under one name, and neither replaces the other's file. A claim, ID.n, keeps
 * its name: its mails may have been made.
 */
static void make_name(
    enum spool_dir dir, const char *name, const char *node, char shared[NAME_SIZE])
{
    struct spool_name parsed;
    bool claim = name_parse(name, &parsed) && parsed.replay_number;
    bool told_apart = dir == DIR_REPLAY && !claim;
    snprintf(shared, NAME_SIZE, "%.180s%s%s", name, told_apart ? "@" : "", told_apart ? node : "");
}

/*
 * An event is known by its id, on whichever node it arrived. Any other file is known by its place
 * and time too: the same event may be replayed again.
 */
static void make_key(enum spool_dir dir, const struct spool_item *item, const struct record *record,
    const char *node, char key[KEY_SIZE])
{
    if (dir == DIR_NEW)
        snprintf(key, KEY_SIZE, "%s", record->id);
    else
        snprintf(key, KEY_SIZE, "%s %s/%s %lld", node, spool_dir_name(dir), item->name,
            (long long)item->mtime);
}

static enum run_result forward_file(
    struct run *run, enum spool_dir dir, const struct spool_item *item, struct forwarded *forwarded)
{
    struct spool_file file;
    struct spool_name parsed;
    char key[KEY_SIZE], name[NAME_SIZE];
    bool known = false;
    if (!name_fits(dir, item->name)) {
        if (!queue_is_why(item->name))
            log_warn(NULL, "unknown-name", "%s/%.80s does not belong there; it is left",
                spool_dir_name(dir), item->name);
        return RUN_GOES_ON;
    }
    if (!spool_read(&run->local, dir, item->name, &file))
        return errno == ENOENT ? RUN_GOES_ON : local_failed(run, item->name);
    const char *id = dir == DIR_REPLAY                 ? file.record.id
                     : name_parse(item->name, &parsed) ? parsed.id
                                                       : "";
    const char *wrong = queue_objection(&file, dir == DIR_OUT ? RECORD_MAIL : RECORD_EVENT, id);
    enum run_result result = RUN_GOES_ON;
    if (wrong)
        result = leave_torn(run, dir, item, wrong);
    else {
        make_key(dir, item, &file.record, shared_node(&run->spool), key);
        make_name(dir, item->name, shared_node(&run->spool), name);
        if (!shared_forward(&run->spool, key, dir, name, &file, &known))
            result = run_io_failed(run, file.record.id);
        forwarded->name[forwarded->count++] = item->name;
        forwarded->known += known;
    }
    spool_file_free(&file);
    return result;
}

/* A file without content takes the name in done/. It needs no sync: the shared spool knows the id.
 */
static bool keep_name(struct spool *local, const char *id)
{
    struct spool_temp temp;
    if (!spool_temp_write(local, "", 0, &temp))
        return false;
    if (!spool_name_over(local, &temp, DIR_DONE, id)) {
        spool_temp_drop(local, &temp);
        return false;
    }
    close(temp.fd);
    return true;
}

/* After the commit. */
static enum run_result settle_file(struct run *run, enum spool_dir dir, const char *name)
{
    bool ok = dir != DIR_NEW || keep_name(&run->local, name);
    ok = ok && (spool_remove(&run->local, dir, name) || errno == ENOENT);
    if (dir == DIR_NEW)
        survey_taken();
    return ok ? RUN_GOES_ON : local_failed(run, name);
}

static enum run_result forward_batch(struct run *run, enum spool_dir dir,
    const struct spool_list *list, size_t from, struct forwarded *forwarded)
{
    enum run_result result = RUN_GOES_ON;
    *forwarded = (struct forwarded){.count = 0};
    if (!shared_begin(&run->spool))
        return run_io_failed(run, NULL);
    for (size_t i = from; result == RUN_GOES_ON && i < list->count && i < from + BATCH; i++)
        result = forward_file(run, dir, &list->item[i], forwarded);
    if (result != RUN_GOES_ON) {
        shared_rollback(&run->spool);
        return result;
    }
    if (!shared_commit(&run->spool))
        return run_io_failed(run, NULL);
    for (size_t i = 0; result == RUN_GOES_ON && i < forwarded->count; i++)
        result = settle_file(run, dir, forwarded->name[i]);
    return result;
}

enum run_result forward_run(struct run *run)
{
    static const enum spool_dir dirs[] = {DIR_OUT, DIR_NEW, DIR_HELD, DIR_REPLAY};
    enum run_result result = RUN_GOES_ON;
    size_t count = 0, known = 0;
    for (size_t d = 0; result == RUN_GOES_ON && d < sizeof dirs / sizeof *dirs; d++) {
        struct spool_list list;
        if (!spool_list(&run->local, dirs[d], &list))
            return local_failed(run, NULL);
        for (size_t i = 0; result == RUN_GOES_ON && i < list.count && !run_over(run); i += BATCH) {
            struct forwarded forwarded;
            result = forward_batch(run, dirs[d], &list, i, &forwarded);
            count += forwarded.count;
            known += forwarded.known;
            notify_alive();
        }
        spool_list_free(&list);
    }
    if (count)
        log_info(NULL, "forwarded", "files=%zu known=%zu", count, known);
    return result;
}
