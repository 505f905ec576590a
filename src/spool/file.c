/* Files of the spool: writing, naming, reading, listing, syncing. Contract: spool/spool.h. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/array.h"
#include "base/io.h"
#include "spool/backing.h"

bool spool_exists(const struct spool *spool, enum spool_dir dir, const char *name)
{
    struct stat st;
    bool there;
    if (spool->backing)
        return spool->backing->look((struct spool *)spool, dir, name, &there) && there;
    return fstatat(spool->dir[dir], name, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

bool spool_look(struct spool *spool, enum spool_dir dir, const char *name, bool *there)
{
    if (spool->backing)
        return spool->backing->look(spool, dir, name, there);
    *there = spool_exists(spool, dir, name);
    return *there || errno == ENOENT || spool_failed(spool, "look for", dir, name);
}

bool spool_same_file(const struct spool *spool, enum spool_dir dir, const char *name,
    enum spool_dir other_dir, const char *other_name)
{
    struct stat a, b;
    return !spool->backing && fstatat(spool->dir[dir], name, &a, AT_SYMLINK_NOFOLLOW) == 0 &&
           fstatat(spool->dir[other_dir], other_name, &b, AT_SYMLINK_NOFOLLOW) == 0 &&
           a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

/* ---- writing and naming ---- */

static int create_temp(struct spool *spool, struct spool_temp *temp)
{
    int fd;
    do {
        snprintf(temp->name, sizeof temp->name, "%08x.%u", spool->temp_salt, ++spool->temp_count);
        fd = openat(spool->dir[DIR_TMP], temp->name,
            O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, SPOOL_FILE_MODE);
    } while (fd < 0 && (errno == EEXIST || errno == EINTR));
    return fd;
}

bool spool_temp_write(struct spool *spool, const void *data, size_t len, struct spool_temp *temp)
{
    temp->fd = create_temp(spool, temp);
    if (temp->fd < 0)
        return spool_failed(spool, "create", DIR_TMP, temp->name);
    if (io_write_all(temp->fd, data, len))
        return true;
    spool_failed(spool, "write", DIR_TMP, temp->name);
    spool_temp_drop(spool, temp);
    return false;
}

void spool_temp_drop(struct spool *spool, struct spool_temp *temp)
{
    int saved = errno;
    if (temp->fd >= 0)
        close(temp->fd);
    temp->fd = -1;
    unlinkat(spool->dir[DIR_TMP], temp->name, 0);
    errno = saved;
}

enum spool_put spool_move_new(struct spool *spool, enum spool_dir from, const char *name,
    enum spool_dir to, const char *new_name)
{
    if (spool->backing)
        return spool->backing->move(spool, from, name, to, new_name, false);
    if (io_rename_new(spool->dir[from], name, spool->dir[to], new_name))
        return SPOOL_PUT;
    if (errno == EEXIST) {
        if (from == DIR_TMP || !spool_same_file(spool, from, name, to, new_name))
            return SPOOL_PUT_EXISTS;
        return spool_remove(spool, from, name) ? SPOOL_PUT : SPOOL_PUT_FAILED;
    }
    spool_failed(spool, "name", to, new_name);
    return SPOOL_PUT_FAILED;
}

/*
 * Renames between two names of one file, which rename(2) leaves as they are. The old name is
 * removed. But in new/ a receiver may put another file under the name at any moment, and answer 200
 * for it: there the new name is removed instead, and the rename takes what is in new/.
 */
static bool move_same_file(struct spool *spool, enum spool_dir from, const char *name,
    enum spool_dir to, const char *new_name)
{
    if (from != DIR_NEW)
        return spool_remove(spool, from, name);
    return spool_remove(spool, to, new_name) &&
           (renameat(spool->dir[from], name, spool->dir[to], new_name) == 0 ||
               spool_failed(spool, "rename to", to, new_name));
}

bool spool_move(struct spool *spool, enum spool_dir from, const char *name, enum spool_dir to,
    const char *new_name)
{
    if (spool->backing)
        return spool->backing->move(spool, from, name, to, new_name, true) == SPOOL_PUT;
    if (renameat(spool->dir[from], name, spool->dir[to], new_name) < 0)
        return spool_failed(spool, "rename to", to, new_name);
    if (from == DIR_TMP || !spool_same_file(spool, from, name, to, new_name))
        return true; /* names in tmp/ are this process's own */
    return move_same_file(spool, from, name, to, new_name);
}

enum spool_put spool_name(
    struct spool *spool, struct spool_temp *temp, enum spool_dir dir, const char *name)
{
    return spool_move_new(spool, DIR_TMP, temp->name, dir, name);
}

bool spool_name_over(
    struct spool *spool, struct spool_temp *temp, enum spool_dir dir, const char *name)
{
    return spool_move(spool, DIR_TMP, temp->name, dir, name);
}

enum spool_put spool_put(struct spool *spool, enum spool_dir dir, const char *name,
    const void *data, size_t len, bool over)
{
    const struct spool_content content = {.data = data, .len = len, .mtime = TIME_NONE};
    return spool->backing->put(spool, &content, dir, name, over);
}

bool spool_remove(struct spool *spool, enum spool_dir dir, const char *name)
{
    if (spool->backing)
        return spool->backing->remove(spool, dir, name);
    if (unlinkat(spool->dir[dir], name, 0) == 0)
        return true;
    return spool_failed(spool, "remove", dir, name);
}

/* ---- reading ---- */

static bool check_file(struct spool_file *file)
{
    file->torn = record_decode(buf_text(&file->data), file->data.len, &file->record);
    if (!file->torn || strcmp(file->torn, RECORD_NO_DIGEST) != 0)
        return true;
    errno = ENOMEM; /* not the file's fault */
    return false;
}

static bool read_from(int fd, struct spool_file *file)
{
    struct stat st;
    if (fstat(fd, &st) < 0)
        return false;
    if (!S_ISREG(st.st_mode) || st.st_size > SPOOL_FILE_MAX) {
        errno = S_ISREG(st.st_mode) ? EFBIG : EINVAL;
        return false;
    }
    file->mode = st.st_mode;
    file->owner = st.st_uid;
    file->mtime = time_from_timespec(st.st_mtim);
    return io_read_all(fd, &file->data, (size_t)st.st_size, SPOOL_FILE_MAX) && check_file(file);
}

bool spool_read(struct spool *spool, enum spool_dir dir, const char *name, struct spool_file *file)
{
    *file = (struct spool_file){0};
    if (spool->backing)
        return spool->backing->read(spool, dir, name, file) && check_file(file);
    int fd =
        openat(spool->dir[dir], name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return spool_failed(spool, "open", dir, name);
    bool ok = read_from(fd, file);
    int saved = errno;
    close(fd);
    if (!ok) {
        spool_file_free(file);
        errno = saved;
        return spool_failed(spool, "read", dir, name);
    }
    return true;
}

void spool_file_free(struct spool_file *file)
{
    buf_free(&file->data);
}

/* ---- listing ---- */

static bool visit_all(DIR *stream, int fd, const char *start, spool_visit *visit, void *context)
{
    struct dirent *entry;
    for (errno = 0; (entry = readdir(stream)); errno = 0) {
        struct stat st;
        if (entry->d_name[0] == '.' || strncmp(entry->d_name, start, strlen(start)) != 0)
            continue;
        if (fstatat(fd, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0) {
            if (errno == ENOENT) /* it was moved during the listing */
                continue;
            return false;
        }
        const struct spool_item item = {.name = entry->d_name,
            .mtime = time_from_timespec(st.st_mtim),
            .size = st.st_size,
            .mode = st.st_mode,
            .owner = st.st_uid};
        if (S_ISREG(st.st_mode) && !visit(context, &item))
            return false;
    }
    return errno == 0;
}

static bool walk_dir(
    struct spool *spool, enum spool_dir dir, const char *start, spool_visit *visit, void *context)
{
    spool_failed(spool, "list", dir, "");
    if (spool->backing)
        return spool->backing->walk(spool, dir, start, visit, context);
    int fd = openat(spool->dir[dir], ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *stream = fd < 0 ? NULL : fdopendir(fd);
    bool ok = stream && visit_all(stream, fd, start, visit, context);
    int saved = errno;
    if (stream)
        closedir(stream);
    else if (fd >= 0)
        close(fd);
    errno = saved;
    return ok;
}

bool spool_walk(struct spool *spool, enum spool_dir dir, spool_visit *visit, void *context)
{
    return walk_dir(spool, dir, "", visit, context);
}

static bool not_empty(void *context, const struct spool_item *item)
{
    (void)context;
    (void)item;
    return false;
}

bool spool_is_empty(struct spool *spool, enum spool_dir dir)
{
    return spool_walk(spool, dir, not_empty, NULL);
}

static int by_age(const void *a, const void *b)
{
    const struct spool_item *x = a, *y = b;
    if (x->mtime != y->mtime)
        return x->mtime < y->mtime ? -1 : 1;
    return strcmp(x->name, y->name);
}

bool spool_list_add(struct spool_list *list, const struct spool_item *item)
{
    void *grown = array_room(list->item, list->count, &list->room, sizeof *list->item);
    if (!grown)
        return false;
    list->item = grown;
    char *copy = strdup(item->name);
    if (!copy)
        return false;
    list->item[list->count] = *item;
    list->item[list->count++].name = copy;
    return true;
}

static bool add_to_list(void *context, const struct spool_item *item)
{
    return spool_list_add(context, item);
}

bool spool_list(struct spool *spool, enum spool_dir dir, struct spool_list *list)
{
    return spool_list_start(spool, dir, "", list);
}

bool spool_list_start(
    struct spool *spool, enum spool_dir dir, const char *start, struct spool_list *list)
{
    *list = (struct spool_list){0};
    if (walk_dir(spool, dir, start, add_to_list, list)) {
        if (list->count)
            qsort(list->item, list->count, sizeof *list->item, by_age);
        return true;
    }
    int saved = errno;
    spool_list_free(list);
    errno = saved;
    return false;
}

void spool_list_free(struct spool_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        free(list->item[i].name);
    free(list->item);
    *list = (struct spool_list){0};
}

/* ---- syncing: never again after a failure, which the kernel reports only once ---- */

static int sync_retrying(int (*sync)(int), int fd)
{
    int rc;
    do
        rc = sync(fd);
    while (rc < 0 && errno == EINTR);
    return rc;
}

bool spool_sync_file(struct spool *spool, int fd)
{
    int rc = sync_retrying(fsync, fd);
    spool->sync_failed |= rc < 0;
    return rc == 0 || spool_failed(spool, "sync a file of", DIR_TMP, "");
}

bool spool_sync_dir(struct spool *spool, enum spool_dir dir)
{
    if (spool->backing)
        return spool_sync_all(spool);
    int rc = sync_retrying(fsync, spool->dir[dir]);
    if (rc < 0 && errno == EINVAL) /* some network file systems have nothing to sync here */
        return true;
    spool->sync_failed |= rc < 0;
    return rc == 0 || spool_failed(spool, "sync", dir, "");
}

bool spool_sync_all(struct spool *spool)
{
    int rc = spool->backing ? spool->backing->sync(spool) - 1 : sync_retrying(syncfs, spool->root);
    if (rc == 0)
        return true;
    spool->sync_failed = true;
    if (!spool->backing)
        snprintf(spool->step, sizeof spool->step, "sync the file system of the spool");
    return false;
}
