#include "spool/forget.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "spool/backing.h"
#include "spool/queue.h"

bool forget_begin(struct spool *spool)
{
    return spool_sync_all(spool);
}

bool forget_body(struct spool *spool, const char *id, const struct spool_file *file, int64_t now)
{
    struct record record = file->record;
    struct spool_temp temp;
    struct buf data = {0};
    /* With the secret, a signature would confirm a guessed body. */
    *record.signature = *record.content_type = *record.sha256 = '\0';
    record.forgotten = now;
    record.body = "";
    record.length = 0;
    struct timespec ts = time_to_timespec(file->mtime);
    bool ok = record_encode(&record, &data);
    if (ok && spool->backing) {
        const struct spool_content content = {data.data, data.len, file->mtime, 0};
        ok = spool->backing->put(spool, &content, DIR_DONE, id, true) == SPOOL_PUT;
        buf_free(&data);
        return ok;
    }
    ok = ok && spool_temp_write(spool, data.data, data.len, &temp);
    buf_free(&data);
    if (!ok)
        return spool_failed(spool, "rewrite", DIR_DONE, id);
    if (futimens(temp.fd, (struct timespec[]){ts, ts}) == 0 && spool_sync_file(spool, temp.fd) &&
        spool_name_over(spool, &temp, DIR_DONE, id))
        return close(temp.fd) == 0;
    spool_temp_drop(spool, &temp);
    return false;
}

bool forget_file(struct spool *spool, enum spool_dir dir, const char *name)
{
    queue_remove_why(spool, dir, name);
    return spool_remove(spool, dir, name) || errno == ENOENT;
}

bool forget_end(struct spool *spool)
{
    static const enum spool_dir dirs[] = {DIR_DONE, DIR_SENT, DIR_FAILED, DIR_HELD, DIR_BAD};
    for (size_t i = 0; i < sizeof dirs / sizeof *dirs; i++)
        if (!spool_sync_dir(spool, dirs[i]))
            return false;
    return true;
}
