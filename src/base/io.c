#include "base/io.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { STEP = 4096 };

bool io_rename_new(int from, const char *name, int to, const char *new_name)
{
    if (renameat2(from, name, to, new_name, RENAME_NOREPLACE) == 0)
        return true;
    if ((errno != EINVAL && errno != ENOSYS) || linkat(from, name, to, new_name, 0) < 0)
        return false;
    unlinkat(from, name, 0); /* where this fails, two names of one file remain */
    return true;
}

bool io_write_all(int fd, const void *data, size_t len)
{
    const char *at = data;
    while (len) {
        ssize_t n = write(fd, at, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return false;
        at += n;
        len -= (size_t)n;
    }
    return true;
}

static bool failed(int error)
{
    errno = error;
    return false;
}

bool io_read_all(int fd, struct buf *out, size_t expected, size_t most)
{
    size_t start = out->len;
    for (size_t room = expected + 1;; room = STEP) {
        if (!buf_reserve(out, room))
            return failed(ENOMEM);
        ssize_t n = read(fd, out->data + out->len, out->cap - 1 - out->len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return false;
        out->len += (size_t)n;
        out->data[out->len] = '\0';
        if (n == 0)
            return true;
        if (out->len - start > most)
            return failed(EFBIG);
    }
}

bool io_read_file(int dir, const char *path, struct buf *out, size_t most, struct stat *st)
{
    struct stat own;
    if (!st)
        st = &own;
    int fd = openat(dir, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return false;
    bool ok = fstat(fd, st) == 0 && (S_ISREG(st->st_mode) || failed(EINVAL)) &&
              io_read_all(fd, out, 0, most);
    int saved = errno;
    close(fd);
    errno = saved;
    return ok;
}

bool io_replace_file(const char *path, const void *data, size_t len, mode_t mode)
{
    char new[PATH_MAX];
    if (snprintf(new, sizeof new, "%s.new", path) >= (int)sizeof new)
        return failed(ENAMETOOLONG);
    unlink(new); /* left from a program that died */
    int fd = open(new, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    if (fd < 0)
        return false;
    bool ok = io_write_all(fd, data, len) && fsync(fd) == 0;
    int saved = errno;
    close(fd);
    if (ok && rename(new, path) == 0)
        return true;
    saved = ok ? errno : saved;
    unlink(new);
    return failed(saved);
}

bool io_sync_folder(const char *path)
{
    char folder[PATH_MAX];
    const char *slash = strrchr(path, '/');
    int len = slash ? (int)(slash - path + 1) : 0;
    if (snprintf(folder, sizeof folder, "%.*s.", len, path) >= (int)sizeof folder)
        return failed(ENAMETOOLONG);
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return false;
    bool ok = fsync(fd) == 0;
    int saved = errno;
    close(fd);
    errno = saved;
    return ok;
}

int io_process(pid_t pid)
{
    return (int)syscall(SYS_pidfd_open, pid, 0); /* glibc has a function for it since 2.36 */
}
