#include "deliver/maildir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/array.h"
#include "base/clock.h"
#include "base/io.h"
#include "deliver/outcome.h"
#include "spool/name.h"

enum { DIR_MODE = 0770, FILE_MODE = 0660, SUFFIX_MAX = 999999 };
enum { UNIQUE_SIZE = MAIL_NAME_SIZE + 24 }; /* NAME.999999.bookspool */

enum { IN_TMP, IN_NEW, IN_CUR, SUBDIRS };
static const char *const subdirs[SUBDIRS] = {"tmp", "new", "cur"};

struct maildir {
    char *path;
    int dir[SUBDIRS]; /* -1 until opened */
    /* what was in cur/ when it was read last */
    bool cur_read;
    struct timespec cur_time; /* its mtime then */
    struct arena names;
    const char **filed; /* unique names, sorted */
    size_t filed_count, filed_room;
};

void *maildir_open(const struct conf *conf, const struct target *target, struct buf *why)
{
    struct maildir *maildir = calloc(1, sizeof *maildir);
    if (maildir && (maildir->path = strdup(target->path))) {
        for (int i = 0; i < SUBDIRS; i++)
            maildir->dir[i] = -1;
        return maildir;
    }
    free(maildir);
    conf_fault(conf, SET_TRANSPORT, why, "out of memory");
    return NULL;
}

static void close_dirs(struct maildir *maildir)
{
    for (int i = 0; i < SUBDIRS; i++) {
        if (maildir->dir[i] >= 0)
            close(maildir->dir[i]);
        maildir->dir[i] = -1;
    }
}

void maildir_close(void *state)
{
    struct maildir *maildir = state;
    close_dirs(maildir);
    arena_free(&maildir->names);
    free(maildir->filed);
    free(maildir->path);
    free(maildir);
}

/*
 * NULL when files can be made in this directory, or it is missing and can be made in its parent;
 * else which of the two is the obstacle, and errno.
 */
static const char *find_obstacle(const char *path, const char *parent)
{
    struct stat st;
    if (stat(path, &st) < 0) {
        if (errno == ENOENT)
            return euidaccess(parent, W_OK | X_OK) < 0 ? parent : NULL;
        return path;
    }
    if (S_ISDIR(st.st_mode))
        return euidaccess(path, W_OK | X_OK) < 0 ? path : NULL;
    errno = ENOTDIR;
    return path;
}

void maildir_check(const struct conf *conf, const struct target *target, struct buf *why)
{
    struct buf parent = {0}, subdir = {0};
    size_t len = (size_t)(strrchr(target->path, '/') - target->path);
    buf_add(&parent, target->path, len ? len : 1);
    const char *obstacle = find_obstacle(target->path, buf_text(&parent));
    struct stat st;
    bool there = !obstacle && stat(target->path, &st) == 0;
    for (int i = 0; there && !obstacle && i < SUBDIRS; i++) {
        buf_clear(&subdir);
        buf_printf(&subdir, "%s/%s", target->path, subdirs[i]);
        obstacle = find_obstacle(buf_text(&subdir), target->path);
    }
    if (obstacle)
        conf_fault(conf, SET_TRANSPORT, why, "Maildir %s cannot be used: %s: %s", target->path,
            obstacle, strerrordesc_np(errno));
    buf_free(&parent);
    buf_free(&subdir);
}

/* ---- directories ---- */

static int make_and_open(int parent, const char *name, bool *made)
{
    if (mkdirat(parent, name, DIR_MODE) == 0)
        *made = true;
    else if (errno != EEXIST)
        return -1;
    return openat(parent, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static bool open_dirs(struct maildir *maildir)
{
    if (maildir->dir[IN_CUR] >= 0)
        return true;
    bool made = false;
    int root = make_and_open(AT_FDCWD, maildir->path, &made);
    if (root < 0)
        return false;
    bool opened = true;
    for (int i = 0; opened && i < SUBDIRS; i++) {
        maildir->dir[i] = make_and_open(root, subdirs[i], &made);
        opened = maildir->dir[i] >= 0;
    }
    if (opened && made) /* or a power cut could remove a new Maildir with its mails */
        opened = syncfs(root) == 0;
    int saved = errno;
    close(root);
    if (!opened)
        close_dirs(maildir);
    errno = saved;
    return opened;
}

/* ---- what is there ---- */

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static bool add_filed(struct maildir *maildir, const char *name)
{
    void *grown = array_room(
        maildir->filed, maildir->filed_count, &maildir->filed_room, sizeof *maildir->filed);
    const char *unique = arena_strndup(&maildir->names, name, strcspn(name, ":"));
    if (!grown || !unique)
        return false;
    maildir->filed = grown;
    maildir->filed[maildir->filed_count++] = unique;
    return true;
}

/*
 * A reader moves mails from new/ to cur/ and may add ":2," and flags, so that they cannot be asked
 * for by name: the directory is read, but only when it has changed, since it may hold years of
 * mail. Its mtime shows that, unless it is so young that a later change may have the same.
 */
static bool read_cur(struct maildir *maildir)
{
    struct stat st;
    const struct timespec *then = &maildir->cur_time, *now = &st.st_mtim;
    if (fstat(maildir->dir[IN_CUR], &st) < 0)
        return false;
    if (maildir->cur_read && then->tv_sec == now->tv_sec && then->tv_nsec == now->tv_nsec)
        return true;
    arena_free(&maildir->names);
    maildir->filed_count = 0;
    maildir->cur_read = false;
    int fd = openat(maildir->dir[IN_CUR], ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    if (!dir) {
        if (fd >= 0)
            close(fd);
        return false;
    }
    bool ok = true;
    struct dirent *entry;
    for (errno = 0; ok && (entry = readdir(dir)); errno = 0)
        ok = !strstr(entry->d_name, ".bookspool") || add_filed(maildir, entry->d_name);
    ok = ok && errno == 0;
    int saved = errno;
    closedir(dir);
    errno = saved;
    if (!ok)
        return false;
    if (maildir->filed_count)
        qsort(maildir->filed, maildir->filed_count, sizeof *maildir->filed, compare_names);
    maildir->cur_read = clock_now() - time_from_timespec(st.st_mtim) > MS_PER_SECOND;
    maildir->cur_time = st.st_mtim;
    return true;
}

/* Is a file of that name in new/ or cur/? False: it cannot be found out. */
static bool find_named(struct maildir *maildir, const char *unique, bool *there)
{
    struct stat st;
    *there = fstatat(maildir->dir[IN_NEW], unique, &st, AT_SYMLINK_NOFOLLOW) == 0;
    if (*there || errno != ENOENT)
        return *there;
    if (!read_cur(maildir))
        return false;
    *there = maildir->filed_count && bsearch(&unique, maildir->filed, maildir->filed_count,
                                         sizeof *maildir->filed, compare_names);
    return true;
}

/*
 * Did the earlier attempt of a mail name its file? Until then the file is in tmp/ (or in neither,
 * after a power cut), and a file of that name in new/ or cur/ is from an earlier delivery: an
 * operator wants the mail once more.
 */
static bool find_attempt(struct maildir *maildir, const char *unique, bool *there)
{
    struct stat st;
    *there = false;
    if (fstatat(maildir->dir[IN_TMP], unique, &st, AT_SYMLINK_NOFOLLOW) == 0) {
        if (st.st_nlink == 1)
            return true;
    } else if (errno != ENOENT) {
        return false;
    }
    return find_named(maildir, unique, there);
}

static void unique_name(const char *name, int suffix, char unique[UNIQUE_SIZE])
{
    if (suffix == 0)
        snprintf(unique, UNIQUE_SIZE, "%.*s.bookspool", MAIL_NAME_SIZE, name);
    else
        snprintf(unique, UNIQUE_SIZE, "%.*s.%d.bookspool", MAIL_NAME_SIZE, name, suffix);
}

/* ---- one file ---- */

/* In tmp/, and synced. */
static bool write_file(int dir, const char *name, const struct buf *content)
{
    unlinkat(dir, name, 0); /* left by a run that died */
    int fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, FILE_MODE);
    if (fd < 0)
        return false;
    bool written = io_write_all(fd, content->data, content->len) && fsync(fd) == 0;
    int saved = errno;
    if (close(fd) < 0 && written) {
        saved = errno;
        written = false;
    }
    errno = saved;
    return written;
}

/* The first free name, starting with the one that a repeat would meet. */
static bool name_in_new(struct maildir *maildir, const char *temp, const char *name)
{
    char unique[UNIQUE_SIZE];
    bool there;
    for (int suffix = 0; suffix <= SUFFIX_MAX; suffix++) {
        unique_name(name, suffix, unique);
        if (find_named(maildir, unique, &there) && there)
            continue; /* where that fails, the rename finds out */
        if (io_rename_new(maildir->dir[IN_TMP], temp, maildir->dir[IN_NEW], unique))
            return true;
        if (errno != EEXIST)
            return false;
    }
    errno = EEXIST;
    return false;
}

/* ---- delivery ---- */

static void set_result(
    struct delivery_result *result, enum outcome outcome, const char *reason, const char *detail)
{
    outcome_set(result, outcome, "%s", reason);
    snprintf(result->detail, sizeof result->detail, "%s", detail);
}

/* What to do about an errno of a file or directory. */
static const char *remedy(int error)
{
    switch (error) {
    case ENOENT:
        return ": make the directory that it is in, or correct BOOKSPOOL_TRANSPORT";
    case ENOTDIR:
        return ": one of its parts is a file; correct BOOKSPOOL_TRANSPORT";
    case EACCES:
    case EPERM:
        return ": the drain's user must be able to write there (chown, chmod)";
    case EROFS:
        return ": it cannot be written (is the unit's ReadWritePaths right?)";
    case ENOSPC:
    case EDQUOT:
        return ": free some space";
    default:
        return "";
    }
}

static void set_result_errno(const struct maildir *maildir, struct delivery_result *result,
    enum outcome outcome, const char *reason)
{
    int error = errno;
    const char *text = strerrordesc_np(error);
    outcome_say(
        result, "Maildir %s: %s%s", maildir->path, text ? text : "unknown error", remedy(error));
    outcome_set(result, outcome, "%s", reason);
    snprintf(result->detail, sizeof result->detail, "%s: %s", maildir->path,
        text ? text : "unknown error");
}

void maildir_send(void *state, const struct delivery *delivery, struct delivery_result *result)
{
    struct maildir *maildir = state;
    char temp[UNIQUE_SIZE];
    bool there = false, named = false;
    *result = (struct delivery_result){0};
    unique_name(delivery->name, 0, temp);
    if (!open_dirs(maildir) || (delivery->repeat && !find_attempt(maildir, temp, &there))) {
        set_result_errno(maildir, result, OUTCOME_BLOCKED, "maildir-open");
        return;
    }
    if (!there) {
        struct buf content = {0};
        buf_printf(&content, "Return-Path: <%s>\nDelivered-To: %s\n", delivery->from, delivery->to);
        delivery_add_local(delivery, &content);
        if (content.failed)
            set_result(result, OUTCOME_RETRY, "maildir-write", "out of memory");
        else if (!write_file(maildir->dir[IN_TMP], temp, &content))
            set_result_errno(maildir, result, OUTCOME_BLOCKED, "maildir-write");
        else if (!delivery->before_end(delivery->context))
            set_result(
                result, OUTCOME_RETRY, "maildir-before-end", "given up before it was complete");
        else if (!name_in_new(maildir, temp, delivery->name))
            set_result_errno(maildir, result, OUTCOME_BLOCKED, "maildir-name");
        else
            named = true;
        buf_free(&content);
        if (!named) {
            unlinkat(maildir->dir[IN_TMP], temp, 0);
            return;
        }
    }
    if (fsync(maildir->dir[IN_NEW]) < 0)
        set_result_errno(maildir, result, OUTCOME_UNKNOWN, "maildir-sync");
    else
        set_result(result, OUTCOME_SENT, there ? "maildir-there" : "maildir-new", maildir->path);
}
