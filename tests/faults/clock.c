/*
 * clock: another time of day for a program, preloaded by tests.
 *
 *   CLOCK_AHEAD=S   the seconds by which the machine is ahead (below 0: back): its clock, and the
 *                   times of all files, those that the kernel gives them too. So nothing that a
 *                   program can see contradicts the date
 *   CLOCK_FILE=F    a file that holds the seconds by which the clock alone is further ahead, read
 *                   at each question: a test can let the clock of a running program jump, and the
 *                   files' times stay as they are
 *   CLOCK_SLEEPS=F  a line in this file for each ppoll: "until MS" before it, its limit in
 *                   milliseconds, and "woken N" after it, what it returned. So a test can see what
 *                   a program waits for, and does not have to measure how long
 *
 * The monotonic clock goes on as it is. Each call goes straight to the kernel, so that a second
 * copy of this library does not add to the first, and that one which is preloaded before it and
 * counts calls (shim.c) counts each once.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>
#include <utime.h>

/* What libc calls the same functions for programs that ask for 64-bit file sizes. */
#define ALSO(name) __attribute__((alias(#name)))

static time_t ahead(void)
{
    const char *text = getenv("CLOCK_AHEAD");
    return text ? (time_t)atoll(text) : 0;
}

static time_t further(void)
{
    char text[32] = "";
    const char *path = getenv("CLOCK_FILE");
    int fd = path ? (int)syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC) : -1;
    if (fd < 0)
        return 0;
    ssize_t len = syscall(SYS_read, fd, text, sizeof text - 1);
    syscall(SYS_close, fd);
    return len > 0 ? (time_t)atoll(text) : 0;
}

/* ---- the clock ---- */

static int read_clock(clockid_t clock, struct timespec *ts)
{
    int rc = (int)syscall(SYS_clock_gettime, clock, ts);
    if (rc == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
        ts->tv_sec += ahead() + further();
    return rc;
}

int clock_gettime(clockid_t clock, struct timespec *ts)
{
    return read_clock(clock, ts);
}

time_t time(time_t *out)
{
    struct timespec ts;
    read_clock(CLOCK_REALTIME, &ts);
    if (out)
        *out = ts.tv_sec;
    return ts.tv_sec;
}

int gettimeofday(struct timeval *restrict tv, void *restrict zone)
{
    struct timespec ts;
    (void)zone;
    read_clock(CLOCK_REALTIME, &ts);
    *tv = (struct timeval){.tv_sec = ts.tv_sec, .tv_usec = ts.tv_nsec / 1000};
    return 0;
}

int timespec_get(struct timespec *ts, int base)
{
    return base == TIME_UTC && read_clock(CLOCK_REALTIME, ts) == 0 ? base : 0;
}

/* ---- the times of files, as they are read ---- */

static int read_stat(int dir, const char *path, struct stat *st, int flags)
{
    int rc = (int)syscall(SYS_newfstatat, dir, path, st, flags);
    if (rc == 0) {
        st->st_atim.tv_sec += ahead();
        st->st_mtim.tv_sec += ahead();
        st->st_ctim.tv_sec += ahead();
    }
    return rc;
}

int fstatat(int dir, const char *restrict path, struct stat *restrict st, int flags)
{
    return read_stat(dir, path, st, flags);
}

int stat(const char *restrict path, struct stat *restrict st)
{
    return read_stat(AT_FDCWD, path, st, 0);
}

int lstat(const char *restrict path, struct stat *restrict st)
{
    return read_stat(AT_FDCWD, path, st, AT_SYMLINK_NOFOLLOW);
}

int fstat(int fd, struct stat *st)
{
    return read_stat(fd, "", st, AT_EMPTY_PATH);
}

_Static_assert(sizeof(struct stat) == sizeof(struct stat64), "one form of stat");

int fstatat64(int, const char *restrict, struct stat64 *restrict, int) ALSO(fstatat);
int stat64(const char *restrict, struct stat64 *restrict) ALSO(stat);
int lstat64(const char *restrict, struct stat64 *restrict) ALSO(lstat);
int fstat64(int, struct stat64 *) ALSO(fstat);

int statx(int dir, const char *restrict path, int flags, unsigned mask, struct statx *restrict st)
{
    int rc = (int)syscall(SYS_statx, dir, path, flags, mask, st);
    if (rc == 0) {
        st->stx_atime.tv_sec += ahead();
        st->stx_btime.tv_sec += ahead();
        st->stx_ctime.tv_sec += ahead();
        st->stx_mtime.tv_sec += ahead();
    }
    return rc;
}

/* ---- the times of files, as they are set ---- */

/* As the system calls; path NULL is the file of dir itself. */
static int set_times(int dir, const char *path, const struct timespec times[2], int flags)
{
    struct timespec back[2];
    for (int i = 0; times && i < 2; i++) {
        back[i] = times[i];
        if (times[i].tv_nsec != UTIME_NOW && times[i].tv_nsec != UTIME_OMIT)
            back[i].tv_sec -= ahead();
    }
    return (int)syscall(SYS_utimensat, dir, path, times ? back : NULL, flags);
}

int utimensat(int dir, const char *path, const struct timespec times[2], int flags)
{
    return set_times(dir, path, times, flags);
}

int futimens(int fd, const struct timespec times[2])
{
    return set_times(fd, NULL, times, 0);
}

static int set_timevals(int dir, const char *path, const struct timeval tv[2], int flags)
{
    struct timespec times[2];
    for (int i = 0; tv && i < 2; i++)
        times[i] = (struct timespec){.tv_sec = tv[i].tv_sec, .tv_nsec = tv[i].tv_usec * 1000};
    return set_times(dir, path, tv ? times : NULL, flags);
}

int utimes(const char *path, const struct timeval tv[2])
{
    return set_timevals(AT_FDCWD, path, tv, 0);
}

int lutimes(const char *path, const struct timeval tv[2])
{
    return set_timevals(AT_FDCWD, path, tv, AT_SYMLINK_NOFOLLOW);
}

int futimes(int fd, const struct timeval tv[2])
{
    return set_timevals(fd, NULL, tv, 0);
}

int futimesat(int dir, const char *path, const struct timeval tv[2])
{
    return set_timevals(dir, path, tv, 0);
}

int utime(const char *path, const struct utimbuf *when)
{
    if (!when)
        return set_times(AT_FDCWD, path, NULL, 0);
    struct timespec times[2] = {{.tv_sec = when->actime}, {.tv_sec = when->modtime}};
    return set_times(AT_FDCWD, path, times, 0);
}

/* ---- sleeping ---- */

enum { SLEEPS_FD = 203 };

static int sleeps = -1;

/* Before the program confines itself: then it opens no file that is not its own. */
__attribute__((constructor)) static void open_sleeps(void)
{
    const char *path = getenv("CLOCK_SLEEPS");
    int fd = path ? open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600) : -1;
    if (fd >= 0) {
        sleeps = fcntl(fd, F_DUPFD_CLOEXEC, SLEEPS_FD);
        close(fd);
    }
}

static void note(const char *what, long long number)
{
    char line[64];
    int saved = errno, len = snprintf(line, sizeof line, "%s %lld\n", what, number);
    if (sleeps >= 0 && write(sleeps, line, (size_t)len) != len)
        abort();
    errno = saved;
}

int ppoll(struct pollfd *fds, nfds_t count, const struct timespec *limit, const sigset_t *mask)
{
    struct timespec left = limit ? *limit : (struct timespec){0};
    note("until", limit ? (long long)left.tv_sec * 1000 + left.tv_nsec / 1000000 : -1);
    int rc = (int)syscall(SYS_ppoll, fds, count, limit ? &left : NULL, mask, (size_t)_NSIG / 8);
    note("woken", rc);
    return rc;
}
