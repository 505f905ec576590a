#include "spool/prune.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/array.h"
#include "base/clock.h"

#define STAMP     ".pruned"
#define RENEWED   S_IXUSR /* on the stamp: the last visit did not trust the clock */
#define TEMP_LIFE (INT64_C(3600) * MS_PER_SECOND)

/* ---- the stamp ---- */

/* Made anew, because only the owner may set a file's time, and operators prune too. */
static bool renew_stamp(struct spool *spool, int64_t now, mode_t marks)
{
    unlinkat(spool->root, STAMP, 0);
    int fd = openat(
        spool->root, STAMP, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, SPOOL_FILE_MODE | marks);
    struct timespec ts = time_to_timespec(now);
    bool ok = fd >= 0 && futimens(fd, (struct timespec[]){ts, ts}) == 0;
    int saved = errno;
    if (fd >= 0)
        close(fd);
    errno = saved;
    return ok || spool_failed(spool, "stamp", DIR_DONE, "");
}

bool prune_trusts_clock(const struct spool *spool, int64_t now)
{
    struct stat st;
    if (fstatat(spool->root, STAMP, &st, AT_SYMLINK_NOFOLLOW) < 0 || st.st_mode & RENEWED)
        return false;
    int64_t age = now - time_from_timespec(st.st_mtim);
    return age >= 0 && age <= 2 * MS_PER_DAY;
}

enum visit { VISIT_NOT_DUE, VISIT_RENEW, VISIT_PRUNE };

static enum visit choose_visit(struct spool *spool, const struct prune_options *options)
{
    struct stat st;
    if (options->at_once)
        return VISIT_PRUNE;
    if (fstatat(spool->root, STAMP, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return VISIT_RENEW;
    int64_t age = options->now - time_from_timespec(st.st_mtim);
    if (age < 0 || age > 2 * MS_PER_DAY)
        return VISIT_RENEW;
    return age < MS_PER_DAY ? VISIT_NOT_DUE : VISIT_PRUNE;
}

/* ---- ids in play ---- */

struct ids {
    char (*id)[ID_SIZE];
    size_t count, room;
};

static bool add_id(struct ids *ids, const char *id)
{
    void *grown = array_room(ids->id, ids->count, &ids->room, sizeof *ids->id);
    if (!grown)
        return false;
    ids->id = grown;
    memcpy(ids->id[ids->count], id, ID_LEN);
    ids->id[ids->count++][ID_LEN] = '\0';
    return true;
}

/* Gone, not readable for us, or a file that no drain would ever read. */
static bool never_readable(int error)
{
    return error == ENOENT || error == EACCES || error == ELOOP || error == EINVAL ||
           error == EFBIG;
}

struct id_search {
    struct spool *spool;
    enum spool_dir dir;
    struct ids *ids;
};

/*
 * A file in replay/ may have any name: its header names the event. A file without an id protects
 * nothing; if a file cannot be read for a passing reason (EMFILE, EIO), nothing may be removed.
 */
static bool add_id_in_play(void *context, const struct spool_item *item)
{
    const struct id_search *search = context;
    struct spool_name parsed;
    struct spool_file file;
    if (name_parse(item->name, &parsed))
        return add_id(search->ids, parsed.id);
    if (search->dir != DIR_REPLAY)
        return true;
    if (!spool_read(search->spool, search->dir, item->name, &file))
        return never_readable(errno);
    bool ok = !id_valid(file.record.id) || add_id(search->ids, file.record.id);
    spool_file_free(&file);
    return ok;
}

static int compare_ids(const void *a, const void *b)
{
    return strcmp(a, b);
}

static bool find_in_play(struct spool *spool, struct ids *ids)
{
    static const enum spool_dir dirs[] = {
        DIR_NEW, DIR_REPLAY, DIR_HELD, DIR_OUT, DIR_FAILED, DIR_BAD};
    for (size_t i = 0; i < sizeof dirs / sizeof *dirs; i++)
        if (!spool_walk(spool, dirs[i], add_id_in_play, &(struct id_search){spool, dirs[i], ids}))
            return false;
    if (ids->count)
        qsort(ids->id, ids->count, sizeof *ids->id, compare_ids);
    return true;
}

static bool in_play(const struct ids *ids, const char *id)
{
    return ids->count && bsearch(id, ids->id, ids->count, sizeof *ids->id, compare_ids);
}

/* ---- pruning ---- */

struct sweep {
    struct spool *spool;
    enum spool_dir dir;
    int64_t before;
    const struct ids *ids; /* NULL: any name is removed */
    bool dry_run;
    size_t count;
};

static bool remove_old(void *context, const struct spool_item *item)
{
    struct sweep *sweep = context;
    struct spool_name parsed;
    if (item->mtime >= sweep->before)
        return true;
    if (sweep->ids && (!name_parse(item->name, &parsed) || in_play(sweep->ids, parsed.id)))
        return true;
    bool ok = sweep->dry_run || spool_remove(sweep->spool, sweep->dir, item->name);
    sweep->count += ok;
    return ok;
}

static bool sweep_dir(struct spool *spool, enum spool_dir dir, int64_t retention,
    const struct prune_options *options, const struct ids *ids, size_t *count)
{
    struct sweep sweep = {.spool = spool,
        .dir = dir,
        .before = options->now - retention,
        .ids = ids,
        .dry_run = options->dry_run};
    bool ok = spool_walk(spool, dir, remove_old, &sweep);
    *count = sweep.count;
    return ok;
}

bool prune(struct spool *spool, const struct prune_options *options, struct prune_result *result)
{
    *result = (struct prune_result){0};
    enum visit visit = choose_visit(spool, options);
    if (visit == VISIT_NOT_DUE)
        return true;
    if (visit == VISIT_RENEW)
        return options->dry_run || renew_stamp(spool, options->now, RENEWED);
    struct ids ids = {0};
    result->visited = true;
    bool ok = find_in_play(spool, &ids) &&
              sweep_dir(spool, DIR_DONE, options->retention, options, &ids, &result->done) &&
              sweep_dir(spool, DIR_SENT, options->retention_sent, options, &ids, &result->sent) &&
              sweep_dir(spool, DIR_TMP, TEMP_LIFE, options, NULL, &result->temp) &&
              (options->dry_run || renew_stamp(spool, options->now, 0));
    free(ids.id);
    return ok;
}
