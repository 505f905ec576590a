#include "deliver/maildir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/io.h"
#include "spool/name.h"

enum {
    DIR_MODE = 0770,
    FILE_MODE = 0660,
    /* NAME.999999.bookspool */
    UNIQUE_SIZE = MAIL_NAME_SIZE + 24,
    SUFFIX_MAX = 999999
};

enum { IN_TMP, IN_NEW, IN_CUR, SUBDIRS };
static const char *const subdirs[SUBDIRS] = {"tmp", "new", "cur"};

struct maildir {
    char *path;
    int dir[SUBDIRS]; /* -1 until opened */
    bool cur_read;
    struct timespec cur_time; /* cur/'s mtime when it was read */
    char **filed;             /* sorted: unique names that were in cur/ then */
    size_t filed_count, filed_room;
};

void *maildir_open(const struct conf *conf, const struct target *target, struct buf *why)
{
    struct maildir *maildir = malloc(sizeof *maildir);
    char *copy = strdup(target->path);
    if (!maildir || !copy) {
        conf_fault(conf, SET_TRANSPORT, why, "out of memory");
        free(maildir);
        free(copy);
        return NULL;
    }
    *maildir = (struct maildir){.path = copy, .dir = {-1, -1, -1}};
    return maildir;
}

static void close_dirs(struct maildir *maildir)
{
    for (int i = 0; i < SUBDIRS; i++) {
        if (maildir->dir[i] >= 0)
            close(maildir->dir[i]);
        maildir->dir[i] = -1;
    }
}

static void forget_cur(struct maildir *maildir)
{
    for (size_t i = 0; i < maildir->filed_count; i++)
        free(maildir->filed[i]);
    free(maildir->filed);
    maildir->filed = NULL;
    maildir->filed_count = maildir->filed_room = 0;
    maildir->cur_read = false;
}

void maildir_close(void *state)
{
    struct maildir *maildir = state;
    close_dirs(maildir);
    forget_cur(maildir);
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

static int compare(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool add_filed(struct maildir *maildir, const char *name)
{
    if (maildir->filed_count == maildir->filed_room) {
        size_t room = maildir->filed_room ? 2 * maildir->filed_room : 64;
        char **grown = reallocarray(maildir->filed, room, sizeof *grown);
        if (!grown)
            return false;
        maildir->filed = grown;
        maildir->filed_room = room;
    }
    char *unique = strndup(name, strcspn(name, ":"));
    if (unique)
        maildir->filed[maildir->filed_count++] = unique;
    return unique != NULL;
}

/* The mtime says so, unless it is so young that a change after the reading may have the same. */
static bool is_as_read(const struct maildir *maildir, const struct stat *now)
{
    const struct timespec *a = &maildir->cur_time, *b = &now->st_mtim;
    return maildir->cur_read && a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

/*
 * A reader moves mails from new/ to cur/ and may add ":2," and flags, so that they cannot be asked
 * for by name: the directory is read, but only when it has changed, since it may hold years of
 * mail.
 */
static bool read_cur(struct maildir *maildir)
{
    struct stat st;
    if (fstat(maildir->dir[IN_CUR], &st) < 0)
        return false;
    if (is_as_read(maildir, &st))
        return true;
    forget_cur(maildir);
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
    if (ok && maildir->filed_count)
        qsort(maildir->filed, maildir->filed_count, sizeof *maildir->filed, compare);
    maildir->cur_read = ok && clock_now() - time_from_timespec(st.st_mtim) > MS_PER_SECOND;
    maildir->cur_time = st.st_mtim;
    if (!ok)
        forget_cur(maildir);
    errno = saved;
    return ok;
}

/* False: it cannot be found out. */
static bool look(struct maildir *maildir, const char *unique, bool *there)
{
    struct stat st;
    *there = fstatat(maildir->dir[IN_NEW], unique, &st, AT_SYMLINK_NOFOLLOW) == 0;
    if (*there || errno != ENOENT)
        return *there;
    if (!read_cur(maildir))
        return false;
    *there = maildir->filed_count && bsearch(&unique, maildir->filed, maildir->filed_count,
                                         sizeof *maildir->filed, compare);
    return true;
}

/*
 * Was the earlier attempt of a mail named? While it is not, its file is in tmp/ (or in neither,
 * after a power cut), and a file of that name in new/ or cur/ is of a delivery before: an operator
 * wants it once more.
 */
static bool look_for_attempt(struct maildir *maildir, const char *unique, bool *there)
{
    struct stat st;
    *there = false;
    if (fstatat(maildir->dir[IN_TMP], unique, &st, AT_SYMLINK_NOFOLLOW) == 0) {
        if (st.st_nlink == 1)
            return true;
    } else if (errno != ENOENT)
        return false;
    return look(maildir, unique, there);
}

static void unique_name(const char *name, int suffix, char unique[UNIQUE_SIZE])
{
    if (suffix == 0)
        snprintf(unique, UNIQUE_SIZE, "%.*s.bookspool", MAIL_NAME_SIZE, name);
    else
        snprintf(unique, UNIQUE_SIZE, "%.*s.%d.bookspool", MAIL_NAME_SIZE, name, suffix);
}

/* ---- one file ---- */

/* The message as a Maildir reader expects it: local line ends, after the envelope. */
static bool local_form(const struct delivery *delivery, struct buf *out)
{
    buf_printf(out, "Return-Path: <%s>\nDelivered-To: %s\n", delivery->from, delivery->to);
    delivery_add_local(delivery, out);
    return !out->failed;
}

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
        if (look(maildir, unique, &there) && there) /* if it cannot be found out, the rename will */
            continue;
        if (io_rename_new(maildir->dir[IN_TMP], temp, maildir->dir[IN_NEW], unique))
            return true;
        if (errno != EEXIST)
            return false;
    }
    errno = EEXIST;
    return false;
}

/* ---- delivery ---- */

static void report(
    struct delivery_result *result, enum outcome outcome, const char *reason, const char *detail)
{
    *result = (struct delivery_result){.outcome = outcome};
    snprintf(result->reason, sizeof result->reason, "%s", reason);
    snprintf(result->detail, sizeof result->detail, "%s", detail);
}

static void report_errno(const struct maildir *maildir, struct delivery_result *result,
    enum outcome outcome, const char *reason)
{
    char detail[DETAIL_SIZE_MAX];
    const char *words = strerrordesc_np(errno);
    snprintf(detail, sizeof detail, "%s: %s", maildir->path, words ? words : "unknown error");
    report(result, outcome, reason, detail);
    result->words = words;
}

static void settle(const struct maildir *maildir, struct delivery_result *result,
    const char *reason, const char *unique)
{
    if (fsync(maildir->dir[IN_NEW]) < 0)
        report_errno(maildir, result, OUTCOME_UNKNOWN, "maildir-sync");
    else
        report(result, OUTCOME_SENT, reason, unique);
}

static void deliver(struct maildir *maildir, const struct delivery *delivery, const char *temp,
    struct delivery_result *result)
{
    struct buf content = {0};
    if (!local_form(delivery, &content))
        report(result, OUTCOME_RETRY, "maildir-write", "out of memory");
    else if (!write_file(maildir->dir[IN_TMP], temp, &content))
        report_errno(maildir, result, OUTCOME_BLOCKED, "maildir-write");
    else if (!delivery->before_end(delivery->context))
        report(result, OUTCOME_RETRY, "maildir-before-end", "given up before it was complete");
    else if (!name_in_new(maildir, temp, delivery->name))
        report_errno(maildir, result, OUTCOME_BLOCKED, "maildir-name");
    else
        settle(maildir, result, "maildir-new", maildir->path);
    buf_free(&content);
    if (result->outcome == OUTCOME_BLOCKED || result->outcome == OUTCOME_RETRY)
        unlinkat(maildir->dir[IN_TMP], temp, 0);
}

void maildir_send(void *state, const struct delivery *delivery, struct delivery_result *result)
{
    struct maildir *maildir = state;
    char unique[UNIQUE_SIZE];
    unique_name(delivery->name, 0, unique);
    bool there = false;
    if (!open_dirs(maildir) || (delivery->repeat && !look_for_attempt(maildir, unique, &there)))
        report_errno(maildir, result, OUTCOME_BLOCKED, "maildir-open");
    else if (there)
        settle(maildir, result, "maildir-there", maildir->path);
    else
        deliver(maildir, delivery, unique, result);
}
