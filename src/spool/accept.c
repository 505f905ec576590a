#include "spool/accept.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "spool/survey.h"

void accept_init(struct accept_batch *batch, struct spool *spool, bool fsync_each,
    int64_t reserve_bytes, int64_t reserve_inodes)
{
    *batch = (struct accept_batch){.spool = spool,
        .fsync_each = fsync_each || !spool->syncfs_reports,
        .reserve_bytes = reserve_bytes,
        .reserve_inodes = reserve_inodes};
}

bool accept_full(const struct accept_batch *batch)
{
    return batch->count == ACCEPT_BATCH_MAX;
}

bool accept_has_room(struct accept_batch *batch)
{
    struct spool_space space;
    if (!survey_space(batch->spool, &space))
        return false;
    bool inodes = space.inodes < 0 || space.inodes >= batch->reserve_inodes;
    bool bytes = space.bytes >= batch->reserve_bytes;
    if (inodes && bytes && !space.read_only)
        return true;
    errno = space.read_only ? EROFS : ENOSPC;
    return spool_failed(batch->spool, "keep the reserve for", DIR_NEW, "");
}

static enum accept_result put_event(
    struct accept_batch *batch, enum spool_dir dir, const char *id, const struct buf *file)
{
    struct spool *spool = batch->spool;
    struct accept_file *put = &batch->file[batch->count];
    if (!spool_temp_write(spool, file->data, file->len, &put->temp))
        return ACCEPT_FAILED;
    enum spool_put named = spool_name(spool, &put->temp, dir, id);
    if (named == SPOOL_PUT_FAILED) {
        spool_temp_drop(spool, &put->temp);
        return ACCEPT_FAILED;
    }
    put->dir = dir;
    snprintf(put->id, sizeof put->id, "%s", id);
    put->over = named == SPOOL_PUT_EXISTS;
    batch->replaces |= put->over;
    batch->touched[dir] = true;
    batch->count++;
    return put->over ? ACCEPT_DUPLICATE : ACCEPT_STORED;
}

enum accept_result accept_put(struct accept_batch *batch, const char *id, const struct buf *file)
{
    if (!spool_exists(batch->spool, DIR_DONE, id))
        return put_event(batch, DIR_NEW, id, file);
    /* neither the drain, which renamed it, nor its receiver need have synced it yet */
    batch->touched[DIR_DONE] = batch->touched[DIR_NEW] = true;
    return ACCEPT_DUPLICATE;
}

enum accept_result accept_hold(struct accept_batch *batch, const char *id, const struct buf *file)
{
    struct spool_file met;
    bool intact = false;
    if (spool_read(batch->spool, DIR_NEW, id, &met)) {
        intact = !met.torn;
        spool_file_free(&met);
    }
    if (intact || spool_exists(batch->spool, DIR_DONE, id))
        return ACCEPT_DUPLICATE;
    return put_event(batch, DIR_HELD, id, file);
}

static bool sync_files(struct accept_batch *batch)
{
    bool ok = true;
    for (size_t i = 0; i < batch->count; i++)
        ok = spool_sync_file(batch->spool, batch->file[i].temp.fd) && ok;
    return ok;
}

static bool replace_names(struct accept_batch *batch)
{
    for (size_t i = 0; i < batch->count; i++) {
        struct accept_file *file = &batch->file[i];
        if (file->over && !spool_name_over(batch->spool, &file->temp, file->dir, file->id))
            return false;
        file->over = false;
    }
    return true;
}

static bool sync_batch(struct accept_batch *batch)
{
    bool one_by_one = batch->fsync_each || batch->count <= 1;
    bool ok = one_by_one ? sync_files(batch) : spool_sync_all(batch->spool);
    if (!ok || !replace_names(batch))
        return false;
    for (enum spool_dir dir = 0; dir < SPOOL_DIRS; dir++)
        if (batch->touched[dir] && (one_by_one || batch->replaces))
            ok = spool_sync_dir(batch->spool, dir) && ok;
    return ok;
}

bool accept_sync(struct accept_batch *batch)
{
    bool ok = sync_batch(batch);
    int saved = errno;
    for (size_t i = 0; i < batch->count; i++) {
        struct accept_file *file = &batch->file[i];
        if (file->over)
            spool_temp_drop(batch->spool, &file->temp);
        else
            close(file->temp.fd);
    }
    batch->count = 0;
    batch->replaces = false;
    memset(batch->touched, 0, sizeof batch->touched);
    errno = saved;
    return ok;
}
