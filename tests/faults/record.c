/*
 * record: writes down, in one total order over all processes that preload it, each operation by
 * which a program changes files or makes them durable, and each byte that it says to a
 * socket. tests/lib/powercut.py rebuilds from it what a power cut could leave. Tests only.
 *
 *   RECORD_LOG=FILE   made by the test, with its final size: a struct log, then the records
 *   RECORD_ROOT=DIR   only what lies on this directory's file system is recorded
 *
 * The log is mapped, and a lock in it is held from before an operation until it is written down:
 * so the order is the one in which they took effect, and a sandboxed program makes no system call
 * for it that it would not make itself. A process that is killed must not be killed inside: preload
 * a library that kills before this one.
 *
 * A record is one line of words, "WHAT PID ...", and for "write" and "said" as many raw bytes
 * after it as its last word says. Directories, files and sockets are inode numbers, MTIME is in
 * nanoseconds.
 *
 *   start PID PROGRAM
 *   create, mkdir PID DIR NAME INODE
 *   rename, link PID DIR NAME DIR NAME
 *   unlink PID DIR NAME
 *   write PID INODE MTIME OFFSET LENGTH
 *   size PID INODE LENGTH
 *   mode PID INODE MODE
 *   time PID INODE MTIME
 *   sync PID INODE RESULT
 *   syncfs PID RESULT
 *   said PID SOCKET LENGTH
 *
 * Only the syncs tell of failures too; of the others, what failed has changed nothing. "create" is
 * written for every open with O_CREAT: whoever reads knows whether the name was there.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

/* The next definition of a name, cast to the type of its declaration. */
#define NEXT(name) ((__typeof__(&name))next(#name))

enum { LINE_SIZE = 1024 };

struct log {
    atomic_flag busy;
    _Atomic size_t used; /* bytes of records */
    char records[];
};

static struct log *recording;
static size_t room;
static dev_t device;

static void *next(const char *name)
{
    return dlsym(RTLD_NEXT, name);
}

/* ---- the log ---- */

static void add(const char *data, size_t len)
{
    if (len > room - recording->used)
        abort(); /* a recording that lacks its end would prove nothing */
    memcpy(recording->records + recording->used, data, len);
    recording->used += len;
}

__attribute__((format(printf, 1, 2))) static void note(const char *format, ...)
{
    char line[LINE_SIZE];
    va_list args;
    va_start(args, format);
    int len = vsnprintf(line, sizeof line, format, args);
    va_end(args);
    if (len < 0 || len >= LINE_SIZE)
        abort();
    add(line, (size_t)len);
}

static int enter(void)
{
    int saved = errno;
    while (recording && atomic_flag_test_and_set(&recording->busy))
        sched_yield();
    errno = saved;
    return recording != NULL;
}

static void leave(int saved)
{
    if (recording)
        atomic_flag_clear(&recording->busy);
    errno = saved;
}

__attribute__((constructor)) static void start(void)
{
    struct stat log, root;
    const char *path = getenv("RECORD_LOG"), *dir = getenv("RECORD_ROOT");
    int fd = path && dir ? NEXT(open)(path, O_RDWR | O_CLOEXEC) : -1;
    if (fd < 0)
        return;
    if (fstat(fd, &log) < 0 || stat(dir, &root) < 0)
        abort();
    void *mapped = mmap(NULL, (size_t)log.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (mapped == MAP_FAILED)
        abort();
    NEXT(close)(fd);
    device = root.st_dev;
    room = (size_t)log.st_size - sizeof *recording;
    recording = mapped;
    enter();
    note("start %d %s\n", getpid(), program_invocation_short_name);
    leave(0);
}

/* ---- what it is ---- */

static int here(int fd, struct stat *st)
{
    return fstat(fd, st) == 0 && st->st_dev == device;
}

/* The directory that a path goes through, and the name in it; 0: not one of ours. */
static ino_t parent(int dir, const char *path, const char **name)
{
    char folder[LINE_SIZE] = ".";
    struct stat st;
    const char *slash = strrchr(path, '/');
    *name = slash ? slash + 1 : path;
    if (slash && (size_t)(slash - path) < sizeof folder - 1) {
        memcpy(folder, path, (size_t)(slash - path) + 1);
        folder[slash - path + 1] = '\0';
    }
    if (fstatat(dir, folder, &st, 0) < 0 || st.st_dev != device)
        return 0;
    return st.st_ino;
}

/* ---- files ---- */

static void note_open(int fd, int dir, const char *path, int flags)
{
    const char *name;
    struct stat st;
    ino_t folder = fd < 0 ? 0 : parent(dir, path, &name);
    if (!folder || !here(fd, &st))
        return;
    if (flags & O_CREAT)
        note("create %d %lu %s %lu\n", getpid(), folder, name, st.st_ino);
    if (flags & O_TRUNC)
        note("size %d %lu 0\n", getpid(), st.st_ino);
}

#define OPEN(name, first, pass, dir)                                                               \
    int name(first const char *path, int flags, ...)                                               \
    {                                                                                              \
        va_list args;                                                                              \
        va_start(args, flags);                                                                     \
        mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(args, mode_t) : 0;                    \
        va_end(args);                                                                              \
        if (!(flags & (O_CREAT | O_TRUNC)) || !enter())                                            \
            return NEXT(name)(pass path, flags, mode);                                             \
        int fd = NEXT(name)(pass path, flags, mode), saved = errno;                                \
        note_open(fd, dir, path, flags);                                                           \
        leave(saved);                                                                              \
        return fd;                                                                                 \
    }
#define NOTHING
#define FIRST int dir,
#define PASS  dir,

OPEN(open, NOTHING, NOTHING, AT_FDCWD)
OPEN(open64, NOTHING, NOTHING, AT_FDCWD)
OPEN(openat, FIRST, PASS, dir)
OPEN(openat64, FIRST, PASS, dir)

static long long mtime(const struct stat *st)
{
    return (long long)st->st_mtim.tv_sec * 1000000000 + st->st_mtim.tv_nsec;
}

static void note_write(int fd, const void *data, ssize_t len, off_t at)
{
    struct stat st;
    if (len <= 0 || fstat(fd, &st) < 0)
        return;
    if (S_ISSOCK(st.st_mode))
        note("said %d %lu %zd\n", getpid(), st.st_ino, len);
    else if (S_ISREG(st.st_mode) && st.st_dev == device)
        note("write %d %lu %lld %ld %zd\n", getpid(), st.st_ino, mtime(&st),
            at >= 0 ? (long)at : (long)lseek(fd, 0, SEEK_CUR) - len, len);
    else
        return;
    add(data, (size_t)len);
}

ssize_t write(int fd, const void *data, size_t len)
{
    if (!enter())
        return NEXT(write)(fd, data, len);
    ssize_t rc = NEXT(write)(fd, data, len);
    int saved = errno;
    note_write(fd, data, rc, -1);
    leave(saved);
    return rc;
}

#define PWRITE(name, offset)                                                                       \
    ssize_t name(int fd, const void *data, size_t len, offset at)                                  \
    {                                                                                              \
        if (!enter())                                                                              \
            return NEXT(name)(fd, data, len, at);                                                  \
        ssize_t rc = NEXT(name)(fd, data, len, at);                                                \
        int saved = errno;                                                                         \
        note_write(fd, data, rc, at);                                                              \
        leave(saved);                                                                              \
        return rc;                                                                                 \
    }

PWRITE(pwrite, off_t)
PWRITE(pwrite64, off64_t)

ssize_t send(int fd, const void *data, size_t len, int flags)
{
    if (!enter())
        return NEXT(send)(fd, data, len, flags);
    ssize_t rc = NEXT(send)(fd, data, len, flags);
    int saved = errno;
    note_write(fd, data, rc, -1);
    leave(saved);
    return rc;
}

#define FTRUNCATE(name, length)                                                                    \
    int name(int fd, length len)                                                                   \
    {                                                                                              \
        struct stat st;                                                                            \
        if (!enter())                                                                              \
            return NEXT(name)(fd, len);                                                            \
        int rc = NEXT(name)(fd, len), saved = errno;                                               \
        if (rc == 0 && here(fd, &st))                                                              \
            note("size %d %lu %ld\n", getpid(), st.st_ino, (long)len);                             \
        leave(saved);                                                                              \
        return rc;                                                                                 \
    }

FTRUNCATE(ftruncate, off_t)
FTRUNCATE(ftruncate64, off64_t)

/* ---- marks and times ---- */

int fchmod(int fd, mode_t mode)
{
    struct stat st;
    if (!enter())
        return NEXT(fchmod)(fd, mode);
    int rc = NEXT(fchmod)(fd, mode), saved = errno;
    if (rc == 0 && here(fd, &st))
        note("mode %d %lu %o\n", getpid(), st.st_ino, mode);
    leave(saved);
    return rc;
}

int fchmodat(int dir, const char *name, mode_t mode, int flags)
{
    struct stat st;
    if (!enter())
        return NEXT(fchmodat)(dir, name, mode, flags);
    int rc = NEXT(fchmodat)(dir, name, mode, flags), saved = errno;
    if (rc == 0 && fstatat(dir, name, &st, 0) == 0 && st.st_dev == device)
        note("mode %d %lu %o\n", getpid(), st.st_ino, mode);
    leave(saved);
    return rc;
}

static void note_time(const struct stat *st)
{
    if (st->st_dev == device)
        note("time %d %lu %lld\n", getpid(), st->st_ino, mtime(st));
}

int futimens(int fd, const struct timespec times[2])
{
    struct stat st;
    if (!enter())
        return NEXT(futimens)(fd, times);
    int rc = NEXT(futimens)(fd, times), saved = errno;
    if (rc == 0 && fstat(fd, &st) == 0)
        note_time(&st);
    leave(saved);
    return rc;
}

int utimensat(int dir, const char *name, const struct timespec times[2], int flags)
{
    struct stat st;
    if (!enter())
        return NEXT(utimensat)(dir, name, times, flags);
    int rc = NEXT(utimensat)(dir, name, times, flags), saved = errno;
    if (rc == 0 && fstatat(dir, name, &st, flags) == 0)
        note_time(&st);
    leave(saved);
    return rc;
}

/* ---- names ---- */

static void note_two(const char *what, int from, const char *path, int to, const char *new_path)
{
    const char *name, *new_name;
    ino_t a = parent(from, path, &name), b = parent(to, new_path, &new_name);
    if (a && b)
        note("%s %d %lu %s %lu %s\n", what, getpid(), a, name, b, new_name);
}

int renameat2(int from, const char *name, int to, const char *new_name, unsigned flags)
{
    if (!enter())
        return NEXT(renameat2)(from, name, to, new_name, flags);
    int rc = NEXT(renameat2)(from, name, to, new_name, flags), saved = errno;
    if (rc == 0)
        note_two("rename", from, name, to, new_name);
    leave(saved);
    return rc;
}

int renameat(int from, const char *name, int to, const char *new_name)
{
    if (!enter())
        return NEXT(renameat)(from, name, to, new_name);
    int rc = NEXT(renameat)(from, name, to, new_name), saved = errno;
    if (rc == 0)
        note_two("rename", from, name, to, new_name);
    leave(saved);
    return rc;
}

int rename(const char *name, const char *new_name)
{
    if (!enter())
        return NEXT(rename)(name, new_name);
    int rc = NEXT(rename)(name, new_name), saved = errno;
    if (rc == 0)
        note_two("rename", AT_FDCWD, name, AT_FDCWD, new_name);
    leave(saved);
    return rc;
}

int linkat(int from, const char *name, int to, const char *new_name, int flags)
{
    if (!enter())
        return NEXT(linkat)(from, name, to, new_name, flags);
    int rc = NEXT(linkat)(from, name, to, new_name, flags), saved = errno;
    if (rc == 0)
        note_two("link", from, name, to, new_name);
    leave(saved);
    return rc;
}

static void note_unlink(int dir, const char *path)
{
    const char *name;
    ino_t folder = parent(dir, path, &name);
    if (folder)
        note("unlink %d %lu %s\n", getpid(), folder, name);
}

int unlinkat(int dir, const char *path, int flags)
{
    if (!enter())
        return NEXT(unlinkat)(dir, path, flags);
    int rc = NEXT(unlinkat)(dir, path, flags), saved = errno;
    if (rc == 0)
        note_unlink(dir, path);
    leave(saved);
    return rc;
}

int unlink(const char *path)
{
    if (!enter())
        return NEXT(unlink)(path);
    int rc = NEXT(unlink)(path), saved = errno;
    if (rc == 0)
        note_unlink(AT_FDCWD, path);
    leave(saved);
    return rc;
}

static void note_mkdir(int dir, const char *path)
{
    const char *name;
    struct stat st;
    ino_t folder = parent(dir, path, &name);
    if (folder && fstatat(dir, path, &st, 0) == 0)
        note("mkdir %d %lu %s %lu\n", getpid(), folder, name, st.st_ino);
}

int mkdirat(int dir, const char *path, mode_t mode)
{
    if (!enter())
        return NEXT(mkdirat)(dir, path, mode);
    int rc = NEXT(mkdirat)(dir, path, mode), saved = errno;
    if (rc == 0)
        note_mkdir(dir, path);
    leave(saved);
    return rc;
}

int mkdir(const char *path, mode_t mode)
{
    if (!enter())
        return NEXT(mkdir)(path, mode);
    int rc = NEXT(mkdir)(path, mode), saved = errno;
    if (rc == 0)
        note_mkdir(AT_FDCWD, path);
    leave(saved);
    return rc;
}

/* ---- syncs ---- */

static void note_sync(int fd, int rc)
{
    struct stat st;
    if (here(fd, &st))
        note("sync %d %lu %d\n", getpid(), st.st_ino, rc);
}

int fsync(int fd)
{
    if (!enter())
        return NEXT(fsync)(fd);
    int rc = NEXT(fsync)(fd), saved = errno;
    note_sync(fd, rc);
    leave(saved);
    return rc;
}

int fdatasync(int fd)
{
    if (!enter())
        return NEXT(fdatasync)(fd);
    int rc = NEXT(fdatasync)(fd), saved = errno;
    note_sync(fd, rc);
    leave(saved);
    return rc;
}

int syncfs(int fd)
{
    struct stat st;
    if (!enter())
        return NEXT(syncfs)(fd);
    int rc = NEXT(syncfs)(fd), saved = errno;
    if (here(fd, &st))
        note("syncfs %d %d\n", getpid(), rc);
    leave(saved);
    return rc;
}
