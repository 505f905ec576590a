/*
 * shim: counts the file and network calls that a program makes, and lets it die
 * at one of them, or fails that one. Preloaded by tests only.
 *
 *   SHIM_AT=N        the call that is meant, from 1; 0 or unset: only count
 *   SHIM_ERRNO=E     fail it with this number; unset: die before it (SIGKILL), as of a power
 *                    switch for the process alone
 *   SHIM_SHORT=1     a write gives half of its bytes to the file, then fails with SHIM_ERRNO
 *   SHIM_LOG=FILE    one line a call: its number, its name, its object
 *
 * Only calls that change something, or whose answer decides something, count: what
 * merely looks (fstat, readdir) cannot leave a half-done state. A call counts in the process and
 * in those it forks.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

/* The next definition of a name, cast to the type of its declaration. */
#define NEXT(name) ((__typeof__(&name))next(#name))

static void *next(const char *name)
{
    return dlsym(RTLD_NEXT, name);
}

static long number(const char *name)
{
    const char *text = getenv(name);
    return text ? atol(text) : 0;
}

/* In shared memory, because senders are forked. */
static _Atomic long *counter(void)
{
    static _Atomic long *shared;
    if (!shared)
        shared =
            mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    return shared;
}

static void note(long count, const char *call, const char *object)
{
    const char *path = getenv("SHIM_LOG");
    char line[512];
    int fd = path ? NEXT(open)(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600) : -1;
    if (fd < 0)
        return;
    int len = snprintf(line, sizeof line, "%ld %s %s\n", count, call, object ? object : "");
    if (NEXT(write)(fd, line, (size_t)len) < 0)
        abort();
    NEXT(close)(fd);
}

/* True: this is the call that fails; errno is set. */
static int meant(const char *call, const char *object)
{
    int saved = errno;
    long count = ++*counter();
    note(count, call, object);
    errno = saved;
    if (count != number("SHIM_AT"))
        return 0;
    if (!number("SHIM_ERRNO"))
        kill(getpid(), SIGKILL);
    errno = (int)number("SHIM_ERRNO");
    return 1;
}

/* Descriptors 0 to 2 are logs and terminals. */
static int counts(int fd)
{
    return fd > STDERR_FILENO;
}

int openat(int dir, const char *path, int flags, ...)
{
    va_list args;
    va_start(args, flags);
    mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(args, mode_t) : 0;
    va_end(args);
    if (meant("openat", path))
        return -1;
    return NEXT(openat)(dir, path, flags, mode);
}

ssize_t write(int fd, const void *data, size_t len)
{
    if (counts(fd) && meant("write", NULL)) {
        int error = errno;
        if (number("SHIM_SHORT") && NEXT(write)(fd, data, len / 2) < 0)
            abort();
        errno = error;
        return -1;
    }
    return NEXT(write)(fd, data, len);
}

int fsync(int fd)
{
    return meant("fsync", NULL) ? -1 : NEXT(fsync)(fd);
}

int syncfs(int fd)
{
    return meant("syncfs", NULL) ? -1 : NEXT(syncfs)(fd);
}

int renameat(int from, const char *name, int to, const char *new_name)
{
    return meant("renameat", new_name) ? -1 : NEXT(renameat)(from, name, to, new_name);
}

int renameat2(int from, const char *name, int to, const char *new_name, unsigned flags)
{
    return meant("renameat2", new_name) ? -1 : NEXT(renameat2)(from, name, to, new_name, flags);
}

int linkat(int from, const char *name, int to, const char *new_name, int flags)
{
    return meant("linkat", new_name) ? -1 : NEXT(linkat)(from, name, to, new_name, flags);
}

int unlinkat(int dir, const char *name, int flags)
{
    return meant("unlinkat", name) ? -1 : NEXT(unlinkat)(dir, name, flags);
}

int fchmod(int fd, mode_t mode)
{
    return meant("fchmod", NULL) ? -1 : NEXT(fchmod)(fd, mode);
}

int fchmodat(int dir, const char *name, mode_t mode, int flags)
{
    return meant("fchmodat", name) ? -1 : NEXT(fchmodat)(dir, name, mode, flags);
}

int futimens(int fd, const struct timespec times[2])
{
    return meant("futimens", NULL) ? -1 : NEXT(futimens)(fd, times);
}

int utimensat(int dir, const char *name, const struct timespec times[2], int flags)
{
    return meant("utimensat", name) ? -1 : NEXT(utimensat)(dir, name, times, flags);
}

int flock(int fd, int operation)
{
    return meant("flock", NULL) ? -1 : NEXT(flock)(fd, operation);
}

int fstatvfs(int fd, struct statvfs *fs)
{
    return meant("fstatvfs", NULL) ? -1 : NEXT(fstatvfs)(fd, fs);
}

ssize_t send(int fd, const void *data, size_t len, int flags)
{
    return meant("send", NULL) ? -1 : NEXT(send)(fd, data, len, flags);
}
