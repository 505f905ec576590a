/*
 * shim: counts the file, network and process calls that a program makes, and lets it die at one
 * of them, or fails that one. Preloaded by tests only; tests/lib/faults.py is its other half and
 * says by which errors each call can really fail.
 *
 *   SHIM_AT=N        the call that is meant, from 1; 0 or unset: only count
 *   SHIM_CALL=NAME   count only calls of this name for SHIM_AT; unset: all. How often a library
 *                    polls depends on the moment; the third recv is the third recv in every run
 *   SHIM_ERRNO=E     fail it with this number; unset: die before it (SIGKILL), as of a power
 *                    switch for the process alone. Below 0: getaddrinfo's own codes
 *   SHIM_SHORT=1     half of the bytes go through, then the call fails with SHIM_ERRNO
 *   SHIM_SHORT=2     half of the bytes go through, and the call says so
 *   SHIM_WITHOUT=renameat2   this one always fails with EINVAL, as on a file system that cannot
 *                    rename without replacing
 *   SHIM_LOG=FILE    counting: one line a call, its number, its name, its place, its object;
 *                    otherwise the line of the call that was met, with 0 for the place, or nothing.
 *                    Calls of one place come from the same line of code by way of the same callers
 *
 * Counted from the start of main on, in the process and in those that it forks, whoever calls:
 * our code or a library. Names tell apart what fails differently: openat, openat/creat and
 * openat/excl, write and write/socket; the 64-bit names of libraries are those of their plain
 * brothers.
 *
 * Not counted, because no answer of theirs decides anything:
 *   close        but for files that were written, where NFS tells of lost bytes (close/written)
 *   write        to standard output and error: logs and terminals are no part of the promise
 *   fcntl        but for locks and F_DUPFD: the others cannot fail on an open descriptor
 *   lseek, munmap, getsockopt, setsockopt, getsockname, getpeername, shutdown, sigaction, umask,
 *   clocks, uname, isatty, getpid and the like: with right arguments these cannot fail, or their
 *   callers go on the same way
 *   setuid and its kind: only root with another user's spool comes to them, which no test is
 *   what libc does inside of one of its calls (fopen's own open): the outer call counts
 */
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* The next definition of a name, cast to the type of its declaration, and looked up once. */
#define NEXT(name)                                                                                 \
    (__extension__({                                                                               \
        static __typeof__(&name) real;                                                             \
        if (!real)                                                                                 \
            real = (__typeof__(&name))dlsym(RTLD_NEXT, #name);                                     \
        real;                                                                                      \
    }))

enum { HALF_THEN_FAIL = 1, HALF = 2, LOG_FD = 200, FRAMES = 100 };

static struct {
    const char *call, *without;
    long at, error, half;
    int log;
    _Atomic long *count; /* in shared memory, because senders are forked */
} shim = {.log = -1};

static long number(const char *name)
{
    const char *text = getenv(name);
    return text ? atol(text) : 0;
}

static unsigned long place(void)
{
    void *frame[FRAMES];
    int count = backtrace(frame, FRAMES);
    unsigned long hash = 5381;
    for (int i = 0; i < count; i++)
        hash = hash * 33 + (unsigned long)frame[i];
    return hash;
}

/* A preloaded library starts after all others: what their starting does is not counted. */
__attribute__((constructor)) static void start(void)
{
    const char *path = getenv("SHIM_LOG");
    int fd =
        path ? (int)syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_CREAT | O_APPEND, 0600) : -1;
    if (fd >= 0) {
        shim.log = (int)syscall(SYS_fcntl, fd, F_DUPFD_CLOEXEC, LOG_FD);
        syscall(SYS_close, fd);
    }
    shim.call = getenv("SHIM_CALL");
    shim.without = getenv("SHIM_WITHOUT");
    shim.at = number("SHIM_AT");
    shim.error = number("SHIM_ERRNO");
    shim.half = number("SHIM_SHORT");
    if (!shim.at)
        place(); /* backtrace loads a library when it is first called: not later, in a sandbox */
    void *shared = NEXT(mmap)(
        NULL, sizeof *shim.count, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared != MAP_FAILED)
        shim.count = shared;
}

static void note(long count, const char *call, const char *object, int fd)
{
    char line[512], link[32], path[300] = "";
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    if (!object && syscall(SYS_readlinkat, AT_FDCWD, link, path, sizeof path - 1) > 0)
        object = path;
    int len = snprintf(line, sizeof line, "%ld %s %lx %s\n", count, call, shim.at ? 0 : place(),
        object ? object : "");
    if (shim.log >= 0 && syscall(SYS_write, shim.log, line, (size_t)len) < 0)
        abort();
}

/* True: this is the call that fails; errno is set. The object is a name or a descriptor. */
static int meant_of(const char *call, const char *object, int fd)
{
    int saved = errno;
    if (!shim.count || (shim.call && strcmp(shim.call, call) != 0))
        return 0;
    long count = ++*shim.count;
    if (!shim.at || count == shim.at)
        note(count, call, object, fd);
    errno = saved;
    if (count != shim.at)
        return 0;
    if (!shim.error && shim.half != HALF)
        kill(getpid(), SIGKILL);
    errno = (int)shim.error;
    return 1;
}

static int meant(const char *call, const char *object)
{
    return meant_of(call, object, -1);
}

static int meant_fd(const char *call, int fd)
{
    return meant_of(call, NULL, fd);
}

/* For calls that fail with -1 and leave nothing half done. */
#define COUNTED(type, name, label, object, parameters, arguments)                                  \
    type name parameters                                                                           \
    {                                                                                              \
        return meant(label, object) ? (type)-1 : NEXT(name) arguments;                             \
    }

/* The same for a call whose first parameter is a descriptor, fd. */
#define COUNTED_FD(type, name, label, parameters, arguments)                                       \
    type name parameters                                                                           \
    {                                                                                              \
        return meant_fd(label, fd) ? (type)-1 : NEXT(name) arguments;                              \
    }

/* A peer cannot be full, and a disk does not hang up. */
static const char *writing(int fd)
{
    struct stat st;
    return NEXT(fstat)(fd, &st) == 0 && S_ISSOCK(st.st_mode) ? "write/socket" : "write";
}

/* A connection that was reset is dead for all that follows, such as libcurl's QUIT. */
static void cut(int fd, int error)
{
    if (error == ECONNRESET || error == EPIPE)
        NEXT(shutdown)(fd, SHUT_RDWR);
}

/*
 * For calls that move `len` bytes: none moved, half moved and then the error, or half moved. One
 * byte cannot be halved. Descriptors 0 to 2 are logs and terminals.
 */
#define MOVES(name, label, parameters, whole, part)                                                \
    ssize_t name parameters                                                                        \
    {                                                                                              \
        if (fd <= STDERR_FILENO || !meant_fd(label, fd))                                           \
            return NEXT(name) whole;                                                               \
        int error = errno;                                                                         \
        size_t half = len > 1 ? len / 2 : len;                                                     \
        ssize_t moved = shim.half ? NEXT(name) part : -1;                                          \
        if (shim.half == HALF)                                                                     \
            return moved;                                                                          \
        cut(fd, error);                                                                            \
        errno = error;                                                                             \
        return -1;                                                                                 \
    }

/* ---- opening ---- */

static const char *opening(const char *call, int flags)
{
    static _Thread_local char name[32];
    snprintf(name, sizeof name, "%s%s", call,
        flags & O_EXCL    ? "/excl"
        : flags & O_CREAT ? "/creat"
                          : "");
    return name;
}

static mode_t mode_of(int flags, va_list args)
{
    return flags & (O_CREAT | O_TMPFILE) ? va_arg(args, mode_t) : 0;
}

#define OPENS(name)                                                                                \
    int name(const char *path, int flags, ...)                                                     \
    {                                                                                              \
        va_list args;                                                                              \
        va_start(args, flags);                                                                     \
        mode_t mode = mode_of(flags, args);                                                        \
        va_end(args);                                                                              \
        return meant(opening("open", flags), path) ? -1 : NEXT(name)(path, flags, mode);           \
    }

#define OPENS_AT(name)                                                                             \
    int name(int dir, const char *path, int flags, ...)                                            \
    {                                                                                              \
        va_list args;                                                                              \
        va_start(args, flags);                                                                     \
        mode_t mode = mode_of(flags, args);                                                        \
        va_end(args);                                                                              \
        return meant(opening("openat", flags), path) ? -1 : NEXT(name)(dir, path, flags, mode);    \
    }

OPENS(open)
OPENS(open64)
OPENS_AT(openat)
OPENS_AT(openat64)

FILE *fopen(const char *path, const char *mode)
{
    return meant("fopen", path) ? NULL : NEXT(fopen)(path, mode);
}

/* The descriptor is gone in any case; only the news is bad. */
int close(int fd)
{
    struct stat st;
    int saved = errno, flags = (int)syscall(SYS_fcntl, fd, F_GETFL);
    int written = flags >= 0 && (flags & O_ACCMODE) != O_RDONLY && NEXT(fstat)(fd, &st) == 0 &&
                  S_ISREG(st.st_mode);
    errno = saved;
    if (!written || !meant_fd("close/written", fd))
        return NEXT(close)(fd);
    int error = errno;
    NEXT(close)(fd);
    errno = error;
    return -1;
}

/* ---- bytes of files ---- */

MOVES(read, "read", (int fd, void *data, size_t len), (fd, data, len), (fd, data, half))
MOVES(write, writing(fd), (int fd, const void *data, size_t len), (fd, data, len), (fd, data, half))

#define MOVES_AT(name, label, type)                                                                \
    MOVES(name, label, (int fd, type data, size_t len, off_t at), (fd, data, len, at),             \
        (fd, data, half, at))

MOVES_AT(pread, "pread", void *)
MOVES_AT(pread64, "pread", void *)
MOVES_AT(pwrite, "pwrite", const void *)
MOVES_AT(pwrite64, "pwrite", const void *)

COUNTED_FD(int, fsync, "fsync", (int fd), (fd))
COUNTED_FD(int, fdatasync, "fdatasync", (int fd), (fd))
COUNTED_FD(int, syncfs, "syncfs", (int fd), (fd))
COUNTED_FD(int, ftruncate, "ftruncate", (int fd, off_t len), (fd, len))
COUNTED_FD(int, ftruncate64, "ftruncate", (int fd, off64_t len), (fd, len))

#define MAPS(name)                                                                                 \
    void *name(void *near, size_t len, int protection, int flags, int fd, off_t at)                \
    {                                                                                              \
        return meant_fd("mmap", fd) ? MAP_FAILED                                                   \
                                    : NEXT(name)(near, len, protection, flags, fd, at);            \
    }

MAPS(mmap)
MAPS(mmap64)

/* ---- names ---- */

COUNTED(int, renameat, "renameat", new_name,
    (int from, const char *name, int to, const char *new_name), (from, name, to, new_name))

int renameat2(int from, const char *name, int to, const char *new_name, unsigned flags)
{
    if (shim.without && strcmp(shim.without, "renameat2") == 0) {
        errno = EINVAL;
        return -1;
    }
    return meant("renameat2", new_name) ? -1 : NEXT(renameat2)(from, name, to, new_name, flags);
}

COUNTED(int, linkat, "linkat", new_name,
    (int from, const char *name, int to, const char *new_name, int flags),
    (from, name, to, new_name, flags))
COUNTED(int, unlinkat, "unlinkat", name, (int dir, const char *name, int flags), (dir, name, flags))
COUNTED(int, unlink, "unlink", name, (const char *name), (name))
COUNTED(int, mkdirat, "mkdirat", name, (int dir, const char *name, mode_t mode), (dir, name, mode))
COUNTED(int, mkdir, "mkdir", name, (const char *name, mode_t mode), (name, mode))
COUNTED_FD(int, fchmod, "fchmod", (int fd, mode_t mode), (fd, mode))
COUNTED(int, fchmodat, "fchmodat", name, (int dir, const char *name, mode_t mode, int flags),
    (dir, name, mode, flags))
COUNTED_FD(int, fchown, "fchown", (int fd, uid_t user, gid_t group), (fd, user, group))
COUNTED_FD(int, futimens, "futimens", (int fd, const struct timespec times[2]), (fd, times))
COUNTED(int, utimensat, "utimensat", name,
    (int dir, const char *name, const struct timespec times[2], int flags),
    (dir, name, times, flags))

/* ---- looking ---- */

COUNTED_FD(int, fstat, "fstat", (int fd, struct stat *st), (fd, st))
COUNTED_FD(int, fstat64, "fstat", (int fd, struct stat64 *st), (fd, st))
COUNTED(int, fstatat, "fstatat", name, (int dir, const char *name, struct stat *st, int flags),
    (dir, name, st, flags))
COUNTED(int, stat, "stat", path, (const char *path, struct stat *st), (path, st))
COUNTED(int, stat64, "stat", path, (const char *path, struct stat64 *st), (path, st))
COUNTED(int, lstat, "lstat", path, (const char *path, struct stat *st), (path, st))
COUNTED(int, lstat64, "lstat", path, (const char *path, struct stat64 *st), (path, st))
COUNTED(int, access, "access", path, (const char *path, int mode), (path, mode))
COUNTED(int, faccessat, "faccessat", path, (int dir, const char *path, int mode, int flags),
    (dir, path, mode, flags))
COUNTED_FD(int, fstatvfs, "fstatvfs", (int fd, struct statvfs *fs), (fd, fs))

DIR *fdopendir(int fd)
{
    return meant_fd("fdopendir", fd) ? NULL : NEXT(fdopendir)(fd);
}

struct dirent *readdir(DIR *dir)
{
    return meant_fd("readdir", dirfd(dir)) ? NULL : NEXT(readdir)(dir);
}

/* ---- locks and descriptors ---- */

COUNTED_FD(int, flock, "flock", (int fd, int operation), (fd, operation))

static const char *fcntl_name(int command)
{
    switch (command) {
    case F_SETLK:
    case F_SETLKW:
    case F_GETLK:
        return "fcntl/lock";
    case F_DUPFD:
    case F_DUPFD_CLOEXEC:
        return "fcntl/dup";
    default:
        return NULL;
    }
}

#define CONTROLS(name)                                                                             \
    int name(int fd, int command, ...)                                                             \
    {                                                                                              \
        va_list args;                                                                              \
        va_start(args, command);                                                                   \
        void *argument = va_arg(args, void *);                                                     \
        va_end(args);                                                                              \
        const char *call = fcntl_name(command);                                                    \
        return call && meant_fd(call, fd) ? -1 : NEXT(name)(fd, command, argument);                \
    }

CONTROLS(fcntl)
CONTROLS(fcntl64)

COUNTED_FD(int, dup2, "dup2", (int fd, int as), (fd, as))
COUNTED(int, memfd_create, "memfd_create", name, (const char *name, unsigned flags), (name, flags))
COUNTED(ssize_t, getrandom, "getrandom", NULL, (void *out, size_t len, unsigned flags),
    (out, len, flags))

/* ---- the network ---- */

MOVES(send, "send", (int fd, const void *data, size_t len, int flags), (fd, data, len, flags),
    (fd, data, half, flags))
MOVES(recv, "recv", (int fd, void *data, size_t len, int flags), (fd, data, len, flags),
    (fd, data, half, flags))

COUNTED(int, socket, "socket", NULL, (int domain, int type, int protocol), (domain, type, protocol))
COUNTED(int, socketpair, "socketpair", NULL, (int domain, int type, int protocol, int pair[2]),
    (domain, type, protocol, pair))
COUNTED_FD(
    int, connect, "connect", (int fd, const struct sockaddr *to, socklen_t len), (fd, to, len))
COUNTED_FD(int, bind, "bind", (int fd, const struct sockaddr *to, socklen_t len), (fd, to, len))
COUNTED_FD(int, listen, "listen", (int fd, int backlog), (fd, backlog))
COUNTED_FD(int, accept4, "accept4", (int fd, struct sockaddr *from, socklen_t *len, int flags),
    (fd, from, len, flags))
COUNTED(int, poll, "poll", NULL, (struct pollfd * fds, nfds_t count, int wait), (fds, count, wait))
COUNTED(int, epoll_create1, "epoll_create1", NULL, (int flags), (flags))
COUNTED_FD(int, epoll_ctl, "epoll_ctl", (int fd, int what, int of, struct epoll_event *event),
    (fd, what, of, event))
COUNTED_FD(int, epoll_wait, "epoll_wait", (int fd, struct epoll_event *event, int most, int wait),
    (fd, event, most, wait))
COUNTED_FD(int, signalfd, "signalfd", (int fd, const sigset_t *set, int flags), (fd, set, flags))

int getaddrinfo(
    const char *host, const char *service, const struct addrinfo *hints, struct addrinfo **found)
{
    return meant("getaddrinfo", host) ? errno : NEXT(getaddrinfo)(host, service, hints, found);
}

/* ---- processes ---- */

COUNTED(pid_t, fork, "fork", NULL, (void), ())
COUNTED(
    pid_t, waitpid, "waitpid", NULL, (pid_t pid, int *status, int options), (pid, status, options))
