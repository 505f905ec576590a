/*
 * calls: what a unit asked of the kernel that a power cut could undo, in order. The definitions
 * here come before the C library's, write down each call, and do it.
 *
 *     sync new/ID        fsync or fdatasync of a file     sync new    fsync of a directory
 *     sync all            syncfs                 remove held/ID
 *     move tmp/x new/ID  renameat, which replaces what is there
 *     name tmp/x new/ID  renameat2 or linkat, which do not
 *     mode 0760 out/NAME  fchmodat
 *
 * Names are told from the scratch directory on; a private name in tmp/ is always x. Include it in
 * one file of a program.
 */
#ifndef TESTS_CALLS_H
#define TESTS_CALLS_H

#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <stdarg.h>
#include <sys/syscall.h>

#include "scratch.h"

enum { CALLS_SIZE = 1 << 18, CALL_SIZE = 600 };

static struct {
    char text[CALLS_SIZE]; /* a line each */
    size_t len;
    const char *failing; /* a pattern: the call that fails with EIO */
    unsigned spared;     /* so many of them succeed first, and all after the one that fails */
    unsigned open;       /* files of new/ and tmp/ that were open at the last syncfs */
    unsigned slow;       /* microseconds that each syncfs takes longer */
} calls;

static inline void calls_clear(void)
{
    memset(&calls, 0, sizeof calls);
}

/* True: this one fails. */
__attribute__((format(printf, 1, 2))) static inline bool called(const char *format, ...)
{
    char line[CALL_SIZE];
    va_list args;
    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    if (calls.len + strlen(line) + 2 < sizeof calls.text)
        calls.len += (size_t)sprintf(calls.text + calls.len, "%s\n", line);
    if (!calls.failing || fnmatch(calls.failing, line, 0) != 0)
        return false;
    if (calls.spared > 0) {
        calls.spared--;
        return false;
    }
    calls.failing = NULL;
    errno = EIO;
    return true;
}

/* The path of an open file or directory, from the scratch directory on. */
static inline const char *calls_path(int fd, const char *name, char out[256])
{
    char link[64], path[128] = "";
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t len = readlink(link, path, sizeof path - 1);
    path[len < 0 ? 0 : len] = '\0';
    const char *in = strstr(path, "/bookspool-unit-");
    in = in ? strchr(in + 1, '/') : NULL;
    snprintf(out, 256, "%s%s%s", in ? in + 1 : ".", name ? "/" : "", name ? name : "");
    if (strncmp(out, "tmp/", 4) == 0)
        strcpy(out + 4, "x");
    return out;
}

int fsync(int fd)
{
    char path[256];
    return called("sync %s", calls_path(fd, NULL, path)) ? -1 : (int)syscall(SYS_fsync, fd);
}

int fdatasync(int fd)
{
    char path[256];
    return called("sync %s", calls_path(fd, NULL, path)) ? -1 : (int)syscall(SYS_fdatasync, fd);
}

int syncfs(int fd)
{
    char path[256];
    calls.open = 0;
    for (int i = 0; i < 64; i++)
        calls.open += !fnmatch("new/*", calls_path(i, NULL, path), 0) || !fnmatch("tmp/*", path, 0);
    usleep(calls.slow);
    return called("sync all") ? -1 : (int)syscall(SYS_syncfs, fd);
}

int renameat(int from, const char *name, int to, const char *new_name)
{
    char a[256], b[256];
    if (called("move %s %s", calls_path(from, name, a), calls_path(to, new_name, b)))
        return -1;
    return (int)syscall(SYS_renameat2, from, name, to, new_name, 0);
}

int renameat2(int from, const char *name, int to, const char *new_name, unsigned flags)
{
    char a[256], b[256];
    const char *verb = flags ? "name" : "move";
    if (called("%s %s %s", verb, calls_path(from, name, a), calls_path(to, new_name, b)))
        return -1;
    return (int)syscall(SYS_renameat2, from, name, to, new_name, flags);
}

int linkat(int from, const char *name, int to, const char *new_name, int flags)
{
    char a[256], b[256];
    if (called("name %s %s", calls_path(from, name, a), calls_path(to, new_name, b)))
        return -1;
    return (int)syscall(SYS_linkat, from, name, to, new_name, flags);
}

int unlinkat(int dir, const char *name, int flags)
{
    char path[256];
    if (called("remove %s", calls_path(dir, name, path)))
        return -1;
    return (int)syscall(SYS_unlinkat, dir, name, flags);
}

int fchmodat(int dir, const char *name, mode_t mode, int flags)
{
    char path[256];
    if (called("mode %04o %s", mode & 07777, calls_path(dir, name, path)))
        return -1;
    (void)flags;
    return (int)syscall(SYS_fchmodat, dir, name, mode);
}

/* ---- what must hold ---- */

/* The line after `from` that fits the pattern; NULL: there is none. */
static inline const char *calls_find(const char *from, const char *pattern)
{
    char line[CALL_SIZE];
    while (*from) {
        size_t len = strcspn(from, "\n");
        snprintf(line, sizeof line, "%.*s", (int)len, from);
        from += len + 1;
        if (fnmatch(pattern, line, 0) == 0)
            return from;
    }
    return NULL;
}

/* Exactly these calls, since calls_clear. */
#define assert_calls(lines) assert_string_equal(calls.text, lines)

static inline void assert_never(const char *pattern)
{
    if (calls_find(calls.text, pattern))
        fail_msg("\"%s\" is among the calls:\n%s", pattern, calls.text);
}

/* These calls, among others, in this order: assert_order((const char *[]){..., NULL}). */
static inline void assert_order(const char *const *pattern)
{
    const char *at = calls.text;
    for (; *pattern; pattern++) {
        at = calls_find(at, *pattern);
        if (!at)
            fail_msg("\"%s\" is missing, or comes too early:\n%s", *pattern, calls.text);
    }
}

#define ASSERT_ORDER(...) assert_order((const char *const[]){__VA_ARGS__, NULL})

#endif
