#include "spool/survey.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/clock.h"
#include "spool/queue.h"

bool survey_covers(enum spool_dir dir)
{
    return dir == DIR_NEW || dir == DIR_REPLAY || dir == DIR_OUT || dir == DIR_FAILED ||
           dir == DIR_HELD || dir == DIR_BAD;
}

static size_t label_of(enum spool_dir dir)
{
    return counter_label_value(LABEL_DIRECTORY, spool_dir_name(dir));
}

static uint64_t answers(const struct counters *counters, const char *reason)
{
    size_t which = counter_label_value(LABEL_REASON, reason);
    uint64_t sum = 0;
    for (size_t p = 0; counter_label_word(LABEL_PROVIDER, p); p++)
        sum += counters->value[counter_at(COUNT_REQUESTS, p, which)];
    return sum;
}

/* ---- the drain counts ---- */

struct tally {
    struct spool *spool;
    enum spool_dir dir;
    int64_t now, oldest;
    size_t count, read;
    /* of out/ */
    size_t waiting[ROOM_WAITING];
    int64_t waiting_since[ROOM_WAITING];
    int64_t due;
};

static void take_earlier(int64_t *time, int64_t other)
{
    if (*time == 0 || other < *time)
        *time = other;
}

/* A mail that was put off has a next attempt that is later than the time at which it was queued. */
static int64_t tally_mail(struct tally *tally, const struct spool_item *item)
{
    int64_t queued = item->mtime;
    if (tally->read++ < SURVEY_READ_MAX)
        queue_queued(tally->spool, DIR_OUT, item, &queued);
    enum counter_waiting why = WAITING_FIRST;
    if (item->mode & QUEUE_SENT)
        why = WAITING_ACCEPTED;
    else if (item->mode & QUEUE_UNKNOWN)
        why = WAITING_UNKNOWN;
    else if (item->mtime - queued >= MS_PER_SECOND)
        why = WAITING_RETRY;
    tally->waiting[why]++;
    take_earlier(&tally->waiting_since[why], queued);
    take_earlier(&tally->due, item->mtime);
    return queued;
}

static bool tally_file(void *context, const struct spool_item *item)
{
    struct tally *tally = context;
    bool mails = tally->dir == DIR_OUT || tally->dir == DIR_FAILED;
    if (queue_is_why(item->name) || (mails && id_is_alarm(item->name)))
        return true;
    int64_t since = tally->dir == DIR_OUT ? tally_mail(tally, item) : item->mtime;
    tally->count++;
    take_earlier(&tally->oldest, since);
    return true;
}

static bool survey_dir(struct spool *spool, enum spool_dir dir, int64_t now)
{
    struct tally tally = {.spool = spool, .dir = dir, .now = now};
    if (!spool_walk(spool, dir, tally_file, &tally))
        return false;
    counter_set(counter_at(COUNT_FILES, label_of(dir), 0), (int64_t)tally.count);
    counter_set(counter_at(COUNT_OLDEST_AT, label_of(dir), 0), tally.oldest);
    if (dir == DIR_NEW && tally.oldest)
        counter_set(COUNT_QUEUE_SINCE, tally.oldest);
    for (size_t i = 0; dir == DIR_OUT && counter_label_word(LABEL_WAITING, i); i++) {
        counter_set(counter_at(COUNT_OUT_WAITING, i, 0), (int64_t)tally.waiting[i]);
        counter_set(counter_at(COUNT_OUT_OLDEST_AT, i, 0), tally.waiting_since[i]);
    }
    if (dir == DIR_OUT)
        counter_set(COUNT_OUT_DUE_AT, tally.due);
    return true;
}

/* What is accepted during the walk is counted twice rather than not at all. */
bool survey_take(struct spool *spool, int64_t now)
{
    struct counters before;
    bool ok = true;
    counters_copy(&before);
    counter_set(COUNT_QUEUE_SINCE, 0);
    for (enum spool_dir dir = 0; dir < SPOOL_DIRS; dir++)
        if (survey_covers(dir))
            ok = survey_dir(spool, dir, now) && ok;
    counter_set(COUNT_SURVEY_ACCEPTED, (int64_t)answers(&before, "accepted"));
    counter_set(COUNT_SURVEY_HELD, (int64_t)answers(&before, "held"));
    counter_set(COUNT_SURVEY_TAKEN, (int64_t)before.value[COUNT_TAKEN]);
    counter_set(COUNT_SPOOL_SHARED, spool->backing != NULL);
    counter_set(COUNT_SURVEY_AT, now);
    return ok;
}

/* ---- the receiver estimates ---- */

void survey_accepted(int64_t now)
{
    counter_set_first(COUNT_QUEUE_SINCE, now);
}

void survey_taken(void)
{
    counter_add(COUNT_TAKEN, 1);
}

static int64_t time_of(const struct counters *counters, enum counter which)
{
    return counters->value[which] ? (int64_t)counters->value[which] : TIME_NONE;
}

void survey_estimate(struct spool *spool, const struct counters *counters, struct survey *survey)
{
    const uint64_t *value = counters->value;
    for (enum spool_dir dir = 0; dir < SPOOL_DIRS; dir++) {
        survey->count[dir] = 0;
        survey->oldest[dir] = TIME_NONE;
        if (!survey_covers(dir) || !spool_has(spool, dir))
            continue;
        int64_t count = (int64_t)value[counter_at(COUNT_FILES, label_of(dir), 0)];
        int64_t oldest = time_of(counters, counter_at(COUNT_OLDEST_AT, label_of(dir), 0));
        if (dir == DIR_NEW) {
            count += (int64_t)(answers(counters, "accepted") - value[COUNT_SURVEY_ACCEPTED]) -
                     (int64_t)(value[COUNT_TAKEN] - value[COUNT_SURVEY_TAKEN]);
            oldest = time_of(counters, COUNT_QUEUE_SINCE);
        }
        if (dir == DIR_HELD)
            count += (int64_t)(answers(counters, "held") - value[COUNT_SURVEY_HELD]);
        bool local = !value[COUNT_SPOOL_SHARED];
        if (local && (count || dir == DIR_NEW) && spool_is_empty(spool, dir))
            continue;
        if (local && dir == DIR_NEW && count < 1)
            count = 1; /* the counters were lost, or somebody put a file there */
        survey->count[dir] = count < 0 ? 0 : count;
        survey->oldest[dir] = count > 0 ? oldest : TIME_NONE;
    }
}

/* ---- can events be stored? ---- */

bool survey_space(struct spool *spool, struct spool_space *space)
{
    struct statvfs fs;
    if (fstatvfs(spool->root, &fs) < 0)
        return spool_failed(spool, "look at the free space of", DIR_NEW, "");
    space->bytes = (int64_t)(fs.f_bavail * fs.f_frsize);
    space->inodes = fs.f_files == 0 /* btrfs and others */ ? -1 : (int64_t)fs.f_favail;
    space->read_only = fs.f_flag & ST_RDONLY;
    return true;
}

bool survey_writable(struct spool *spool)
{
    static const enum spool_dir dirs[] = {DIR_TMP, DIR_NEW, DIR_HELD};
    for (size_t i = 0; i < sizeof dirs / sizeof *dirs; i++) {
        int made = spool->dir[dirs[i]]; /* else the receiver makes it when it starts */
        if (faccessat(made < 0 ? spool->root : made, ".", W_OK | X_OK, AT_EACCESS) < 0)
            return spool_failed(spool, "look at", dirs[i], "");
    }
    return true;
}
