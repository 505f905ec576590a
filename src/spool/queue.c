#include "spool/queue.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "spool/backing.h"

#define TORN_WAIT (INT64_C(3600) * MS_PER_SECOND)

enum { WHY_NAME_SIZE = 300 };

enum queue_lock queue_lock(struct spool *spool)
{
    if (spool->backing) /* each file has a holder instead */
        return QUEUE_LOCKED;
    int fd =
        openat(spool->root, "lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, SPOOL_FILE_MODE);
    if (fd < 0) {
        snprintf(spool->step, sizeof spool->step, "open lock");
        return QUEUE_LOCK_FAILED;
    }
    int rc;
    do
        rc = flock(fd, LOCK_EX | LOCK_NB);
    while (rc < 0 && errno == EINTR);
    if (rc == 0) {
        spool->lock = fd;
        return QUEUE_LOCKED;
    }
    int saved = errno;
    close(fd);
    errno = saved;
    if (errno == EWOULDBLOCK)
        return QUEUE_BUSY;
    snprintf(spool->step, sizeof spool->step, "lock");
    return QUEUE_LOCK_FAILED;
}

void queue_unlock(struct spool *spool)
{
    if (spool->lock >= 0)
        close(spool->lock);
    spool->lock = -1;
}

bool queue_hold(struct spool *spool)
{
    return !spool->backing || spool->backing->hold(spool);
}

bool queue_probe(struct spool *spool)
{
    static const char name[] = ".probe";
    struct spool_temp temp;
    if (spool->backing)
        return spool_sync_all(spool);
    if (!spool_temp_write(spool, "probe\n", 6, &temp))
        return false;
    if (!spool_sync_file(spool, temp.fd) || !spool_name_over(spool, &temp, DIR_OUT, name)) {
        spool_temp_drop(spool, &temp);
        return false;
    }
    close(temp.fd);
    return spool_move(spool, DIR_OUT, name, DIR_SENT, name) && spool_remove(spool, DIR_SENT, name);
}

bool queue_due(int64_t mtime, int64_t now, int64_t longest)
{
    return mtime <= now || mtime > now + longest;
}

/* The beginning of the file; its length, or -1. */
static ssize_t read_head(
    struct spool *spool, enum spool_dir dir, const char *name, char head[RECORD_HEADER_MAX])
{
    int fd =
        openat(spool->dir[dir], name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
    ssize_t len = fd < 0 ? -1 : pread(fd, head, RECORD_HEADER_MAX, 0);
    if (fd >= 0)
        close(fd);
    return len;
}

bool queue_queued(
    struct spool *spool, enum spool_dir dir, const struct spool_item *item, int64_t *when)
{
    char head[RECORD_HEADER_MAX];
    *when = item->queued;
    if (spool->backing)
        return item->queued != 0;
    ssize_t len = read_head(spool, dir, item->name, head);
    return len > 0 && record_queued(head, (size_t)len, when);
}

int64_t queue_arrival(struct spool *spool, enum spool_dir dir, const struct spool_item *item)
{
    char head[RECORD_HEADER_MAX];
    int64_t arrival;
    if (spool->backing)
        return item->arrival;
    ssize_t len = read_head(spool, dir, item->name, head);
    if (len > 0 && record_arrival(head, (size_t)len, &arrival))
        return arrival;
    return item->mtime * US_PER_MS;
}

const char *queue_objection(const struct spool_file *file, enum record_kind kind, const char *id)
{
    if (file->torn)
        return file->torn;
    if (file->record.kind != kind)
        return kind == RECORD_MAIL ? "it is an event, not a mail" : "it is a mail, not an event";
    if (file->record.forgotten)
        return RECORD_FORGOTTEN;
    return strcmp(file->record.id, id) == 0 ? NULL : "its Id is not its name";
}

bool queue_torn_for_good(int64_t mtime, int64_t now)
{
    return llabs(now - mtime) >= TORN_WAIT;
}

static bool set_fd_time(int fd, int64_t when)
{
    struct timespec ts = time_to_timespec(when);
    return futimens(fd, (struct timespec[]){ts, ts}) == 0;
}

bool queue_adopt(
    struct spool *spool, enum spool_dir dir, const char *name, const struct spool_file *file)
{
    struct spool_temp temp;
    mode_t marks = file->mode & (QUEUE_UNKNOWN | QUEUE_SENT);
    if (spool->backing) /* nothing is half written there, and a file has no owner */
        return true;
    if (!spool_temp_write(spool, file->data.data, file->data.len, &temp))
        return false;
    if (fchmod(temp.fd, SPOOL_FILE_MODE | marks) == 0 && set_fd_time(temp.fd, file->mtime) &&
        spool_sync_file(spool, temp.fd) && spool_name_over(spool, &temp, dir, name)) {
        close(temp.fd);
        return true;
    }
    spool_temp_drop(spool, &temp);
    return spool_failed(spool, "adopt", dir, name);
}

static bool is_torn(struct spool *spool, enum spool_dir dir, const char *name)
{
    struct spool_file met;
    bool torn = spool_read(spool, dir, name, &met);
    if (torn) {
        torn = met.torn != NULL;
        spool_file_free(&met);
    }
    return torn;
}

static bool queue_copy_to_directory(
    struct spool *spool, enum spool_dir dir, const char *name, const struct spool_file *file)
{
    struct spool_temp temp;
    mode_t marks = file->mode & (QUEUE_UNKNOWN | QUEUE_SENT);
    if (!spool_temp_write(spool, file->data.data, file->data.len, &temp))
        return false;
    bool ok = fchmod(temp.fd, SPOOL_FILE_MODE | marks) == 0 && set_fd_time(temp.fd, file->mtime) &&
              spool_sync_file(spool, temp.fd);
    enum spool_put put = ok ? spool_name(spool, &temp, dir, name) : SPOOL_PUT_FAILED;
    if (put == SPOOL_PUT_EXISTS && is_torn(spool, dir, name) &&
        spool_name_over(spool, &temp, dir, name))
        put = SPOOL_PUT;
    if (put == SPOOL_PUT)
        close(temp.fd);
    else
        spool_temp_drop(spool, &temp);
    return put != SPOOL_PUT_FAILED || spool_failed(spool, "copy", dir, name);
}

bool queue_copy(
    struct spool *spool, enum spool_dir dir, const char *name, const struct spool_file *file)
{
    const struct spool_content content = {.data = file->data.data,
        .len = file->data.len,
        .mtime = file->mtime,
        .marks = file->mode & (QUEUE_UNKNOWN | QUEUE_SENT)};
    if (!spool->backing)
        return queue_copy_to_directory(spool, dir, name, file);
    return spool->backing->put(spool, &content, dir, name, false) != SPOOL_PUT_FAILED;
}

bool queue_mark(struct spool *spool, enum spool_dir dir, const char *name, mode_t marks)
{
    if (spool->backing)
        return spool->backing->mark(spool, dir, name, marks);
    if (fchmodat(spool->dir[dir], name, SPOOL_FILE_MODE | marks, 0) == 0)
        return true;
    return spool_failed(spool, "mark", dir, name);
}

bool queue_mark_durably(struct spool *spool, enum spool_dir dir, const char *name, mode_t marks)
{
    if (spool->backing)
        return spool->backing->mark(spool, dir, name, marks);
    int fd = openat(spool->dir[dir], name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    bool ok = fd >= 0 && fchmod(fd, SPOOL_FILE_MODE | marks) == 0 && spool_sync_file(spool, fd);
    int saved = errno;
    if (fd >= 0)
        close(fd);
    errno = saved;
    return ok || spool_failed(spool, "mark", dir, name);
}

bool queue_set_time(struct spool *spool, enum spool_dir dir, const char *name, int64_t when)
{
    struct timespec ts = time_to_timespec(when);
    if (spool->backing)
        return spool->backing->set_time(spool, dir, name, when);
    if (utimensat(spool->dir[dir], name, (struct timespec[]){ts, ts}, AT_SYMLINK_NOFOLLOW) == 0)
        return true;
    return spool_failed(spool, "set the time of", dir, name);
}

static bool why_name(const char *name, char out[WHY_NAME_SIZE])
{
    return snprintf(out, WHY_NAME_SIZE, "%s.why", name) < WHY_NAME_SIZE;
}

bool queue_is_why(const char *name)
{
    size_t len = strlen(name);
    return len > 4 && strcmp(name + len - 4, ".why") == 0;
}

bool queue_write_why(struct spool *spool, enum spool_dir dir, const char *name, const char *why)
{
    char file[WHY_NAME_SIZE], line[1024];
    struct spool_temp temp;
    size_t len = (size_t)snprintf(line, sizeof line - 1, "%s", why);
    if (len > sizeof line - 2)
        len = sizeof line - 2;
    line[len++] = '\n';
    if (spool->backing)
        return why_name(name, file) && spool_put(spool, dir, file, line, len, true) == SPOOL_PUT &&
               spool_sync_all(spool);
    if (!why_name(name, file) || !spool_temp_write(spool, line, len, &temp))
        return false;
    if (spool_sync_file(spool, temp.fd) && spool_name_over(spool, &temp, dir, file)) {
        close(temp.fd);
        return spool_sync_dir(spool, dir);
    }
    spool_temp_drop(spool, &temp);
    return false;
}

void queue_remove_why(struct spool *spool, enum spool_dir dir, const char *name)
{
    char file[WHY_NAME_SIZE];
    if (!why_name(name, file))
        return;
    if (spool->backing)
        spool_remove(spool, dir, file);
    else
        unlinkat(spool->dir[dir], file, 0);
}

bool queue_was_sent(const struct spool *spool, const char *name)
{
    return spool_same_file(spool, DIR_SENT, name, DIR_OUT, name);
}

void queue_leave_failed(struct spool *spool, const char *name)
{
    if (spool_same_file(spool, DIR_FAILED, name, DIR_OUT, name))
        unlinkat(spool->dir[DIR_FAILED], name, 0);
}

bool queue_gone(const struct spool *spool, enum spool_dir dir, const char *name)
{
    /* of a shared spool it may also be with another drain by now */
    return errno == ENOENT && (spool->backing || !spool_exists(spool, dir, name));
}

bool queue_give_up(
    struct spool *spool, enum spool_dir from, const char *name, enum spool_dir to, const char *why)
{
    if (!queue_write_why(spool, to, name, why))
        return false;
    if (spool_move(spool, from, name, to, name))
        return true;
    int saved = errno;
    if (queue_gone(spool, from, name))
        queue_remove_why(spool, to, name);
    errno = saved;
    return false;
}
