#include "spool/replay.h"

#include <stdio.h>
#include <unistd.h>

enum { TRIES = 1000 };

bool replay_put(struct spool *spool, const char *id, const struct buf *file)
{
    struct spool_temp temp;
    char name[ID_SIZE + 8];
    enum spool_put put = SPOOL_PUT_EXISTS;
    if (!spool->backing && !spool_temp_write(spool, file->data, file->len, &temp))
        return false;
    bool ok = spool->backing || spool_sync_file(spool, temp.fd);
    for (int i = 1; ok && put == SPOOL_PUT_EXISTS && i < TRIES; i++) {
        if (i == 1)
            snprintf(name, sizeof name, "%s", id);
        else
            snprintf(name, sizeof name, "%s_%d", id, i);
        put = spool->backing ? spool_put(spool, DIR_REPLAY, name, file->data, file->len, false)
                             : spool_name(spool, &temp, DIR_REPLAY, name);
    }
    if (put == SPOOL_PUT) {
        if (!spool->backing)
            close(temp.fd);
        return spool_sync_dir(spool, DIR_REPLAY);
    }
    if (!spool->backing)
        spool_temp_drop(spool, &temp);
    return false;
}

bool replay_claim(struct spool *spool, const char *name, const char *id, int64_t replay_number,
    char claimed[MAIL_NAME_SIZE])
{
    enum spool_put put = SPOOL_PUT_EXISTS;
    for (int i = 0; put == SPOOL_PUT_EXISTS && i < TRIES; i++) {
        snprintf(claimed, MAIL_NAME_SIZE, "%s.%lld", id, (long long)replay_number + i);
        put = spool_move_new(spool, DIR_REPLAY, name, DIR_REPLAY, claimed);
    }
    return put == SPOOL_PUT && spool_sync_dir(spool, DIR_REPLAY);
}
