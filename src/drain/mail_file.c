#include "drain/mail_file.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/counters.h"
#include "spool/queue.h"

bool mail_file_look(struct run *run, const char *name, bool *there)
{
    return spool_look(&run->spool, DIR_SENT, name, there) &&
           (*there || spool_look(&run->spool, DIR_FAILED, name, there));
}

bool mail_file_read(
    struct run *run, const char *name, const char *id, struct spool_file *file, bool *there)
{
    *there = false;
    if (!spool_read(&run->spool, DIR_OUT, name, file))
        return errno == ENOENT;
    *there = !queue_objection(file, RECORD_MAIL, id);
    if (!*there)
        spool_file_free(file);
    return true;
}

static enum made count_made(struct run *run, const char *name, struct buf *made)
{
    buf_add(made, name, strlen(name) + 1);
    run->totals->made++;
    counter_add(COUNT_MAILS_MADE, 1);
    return MADE;
}

static enum made name_in_shared_out(
    struct run *run, const char *name, const struct buf *file, struct buf *made)
{
    bool ok = spool_put(&run->spool, DIR_OUT, name, file->data, file->len, true) == SPOOL_PUT;
    return ok ? count_made(run, name, made) : IO_FAILED;
}

/*
 * The file may be closed before the batch is synced: syncfs reports its errors all the same, but
 * before Linux 5.8, where each file is synced by itself.
 */
static enum made name_in_out(
    struct run *run, const char *name, const struct buf *file, struct buf *made)
{
    struct spool_temp temp;
    if (!buf_reserve(made, MAIL_NAME_SIZE))
        return IMPOSSIBLE;
    if (run->spool.backing)
        return name_in_shared_out(run, name, file, made);
    if (!spool_temp_write(&run->spool, file->data, file->len, &temp))
        return IO_FAILED;
    if ((!run->spool.syncfs_reports && !spool_sync_file(&run->spool, temp.fd)) ||
        !spool_name_over(&run->spool, &temp, DIR_OUT, name)) {
        spool_temp_drop(&run->spool, &temp);
        return IO_FAILED;
    }
    close(temp.fd);
    return count_made(run, name, made);
}

bool mail_file_find(struct run *run, const char *name, const char *id, bool *known)
{
    struct spool_file met;
    bool there;
    if (!mail_file_read(run, name, id, &met, &there))
        return false;
    if (there && queue_was_sent(&run->spool, name)) { /* a copy would be another file */
        spool_file_free(&met);
        return *known = true;
    }
    if (there) {
        queue_leave_failed(&run->spool, name);
        bool renewed = queue_adopt(&run->spool, DIR_OUT, name, &met);
        spool_file_free(&met);
        *known = renewed;
        return renewed;
    }
    return mail_file_look(run, name, known);
}

enum made mail_file_put(struct run *run, const struct mail_file *mail, struct buf *made)
{
    struct buf file = {0};
    struct record record = {.kind = RECORD_MAIL,
        .received_us = mail->received_us,
        .received = mail->received_us / US_PER_MS,
        .queued = clock_now(),
        .body = buf_text(mail->message),
        .length = mail->message->len};
    memcpy(record.id, mail->id, ID_SIZE);
    snprintf(record.from, sizeof record.from, "%s", run->composer.from);
    snprintf(record.to, sizeof record.to, "%s", mail->recipient);
    enum made result = IMPOSSIBLE;
    if (record_encode(&record, &file))
        result = name_in_out(run, mail->name, &file, made);
    buf_free(&file);
    return result;
}

/*
 * The kernel may go on showing a mail intact that is not on the disk, and does not report it again,
 * so the next run must not find it. It was not sent, since the run ends here.
 */
void mail_file_remove(struct run *run, const struct buf *made)
{
    const char *name = made->data, *end = name + made->len;
    for (; name < end; name += strlen(name) + 1)
        spool_remove(&run->spool, DIR_OUT, name);
}
