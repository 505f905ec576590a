#include "spool/prune.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "spool/backing.h"
#include "spool/ids.h"

#define STAMP     ".pruned"
#define RENEWED   S_IXUSR /* on the stamp: the last visit did not trust the clock */
#define TEMP_LIFE (INT64_C(3600) * MS_PER_SECOND)

/* ---- the stamp ---- */

/* Made anew, because only the owner may set a file's time, and operators prune too. */
static bool renew_stamp(struct spool *spool, int64_t now, mode_t marks)
{
    if (spool->backing)
        return spool->backing->set_stamp(spool, now, marks);
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

/* False: there is none, or it cannot be read. */
static bool read_stamp(const struct spool *spool, int64_t *when, mode_t *marks)
{
    struct stat st;
    if (spool->backing)
        return spool->backing->get_stamp((struct spool *)spool, when, marks);
    if (fstatat(spool->root, STAMP, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return false;
    *when = time_from_timespec(st.st_mtim);
    *marks = st.st_mode;
    return true;
}

bool prune_trusts_clock(const struct spool *spool, int64_t now)
{
    int64_t last;
    mode_t marks;
    if (!read_stamp(spool, &last, &marks) || marks & RENEWED)
        return false;
    int64_t age = now - last;
    return age >= 0 && age <= 2 * MS_PER_DAY;
}

enum visit { VISIT_NOT_DUE, VISIT_RENEW, VISIT_PRUNE };

static enum visit choose_visit(struct spool *spool, const struct prune_options *options)
{
    int64_t last;
    mode_t marks;
    if (options->at_once)
        return VISIT_PRUNE;
    if (!read_stamp(spool, &last, &marks))
        return VISIT_RENEW;
    int64_t age = options->now - last;
    if (age < 0 || age > 2 * MS_PER_DAY)
        return VISIT_RENEW;
    return age < MS_PER_DAY ? VISIT_NOT_DUE : VISIT_PRUNE;
}

/* ---- ids in play ---- */

static bool find_in_play(struct spool *spool, struct ids *ids)
{
    static const enum spool_dir dirs[] = {
        DIR_NEW, DIR_REPLAY, DIR_HELD, DIR_OUT, DIR_FAILED, DIR_BAD};
    for (size_t i = 0; i < sizeof dirs / sizeof *dirs; i++)
        if (!ids_add_dir(ids, spool, dirs[i]))
            return false;
    ids_sort(ids);
    return true;
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
    if (sweep->ids && (!name_parse(item->name, &parsed) || ids_have(sweep->ids, parsed.id)))
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
    ids_free(&ids);
    return ok;
}
