#include "ledger/copy.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/clock.h"
#include "ledger/store.h"

/* A copy that is not complete yet, and what SQLite puts beside it. */
#define UNFINISHED ".new"
#define JOURNAL    UNFINISHED "-journal"

#define MIB (INT64_C(1) << 20)

static bool copy_name(
    const struct ledger *ledger, int version, const char *end, char name[PATH_MAX])
{
    return snprintf(name, PATH_MAX, "%s.%d%s", ledger->path, version, end) < PATH_MAX;
}

/* Of a program that died meanwhile, or failed. */
static void drop_unfinished(const struct ledger *ledger, int version)
{
    char name[PATH_MAX];
    if (copy_name(ledger, version, UNFINISHED, name))
        unlink(name);
    if (copy_name(ledger, version, JOURNAL, name))
        unlink(name);
}

/* Locks the folder: one program at a time makes or removes copies in it. -1: errno. */
static int lock_folder(const struct ledger *ledger)
{
    char folder[PATH_MAX];
    const char *slash = strrchr(ledger->path, '/');
    int len = slash ? (int)(slash - ledger->path + 1) : 0;
    if (snprintf(folder, sizeof folder, "%.*s.", len, ledger->path) >= (int)sizeof folder)
        return -1;
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    while (fd >= 0 && flock(fd, LOCK_EX) < 0)
        if (errno != EINTR) {
            close(fd);
            return -1;
        }
    return fd;
}

/* A disk that the copy fills up would leave none for events, nor for the upgrade itself. */
static bool has_room(struct ledger *ledger, int folder, int64_t reserve)
{
    struct statvfs fs;
    struct statement *statement = store_prepare_sql(
        ledger, "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size");
    if (!store_step(ledger, statement)) {
        store_end(statement);
        return ledger->failed ? false : store_fail(ledger, "find its size");
    }
    int64_t bytes = store_number(statement, 0);
    store_end(statement);
    if (fstatvfs(folder, &fs) < 0)
        return true;
    int64_t available = (int64_t)(fs.f_bavail * fs.f_frsize);
    if (available >= bytes + reserve)
        return true;
    buf_printf(&ledger->failure,
        "%s: is brought up to date when a copy of it fits beside it: that needs %lld MiB free "
        "(the copy %lld, BOOKSPOOL_RESERVE %lld), and %lld are",
        ledger->path, (long long)((bytes + reserve) / MIB + 1), (long long)(bytes / MIB + 1),
        (long long)(reserve / MIB), (long long)(available / MIB));
    return false;
}

/* Of a database file: PRAGMA user_version, in its header (the file format of SQLite, 1.3). */
static bool has_version(int fd, int version)
{
    enum { AT = 60 };
    unsigned char b[4];
    return pread(fd, b, sizeof b, AT) == (ssize_t)sizeof b &&
           (b[0] << 24 | b[1] << 16 | b[2] << 8 | b[3]) == version;
}

/*
 * SQLite does not sync what VACUUM INTO makes. Where another program has upgraded the ledger
 * meanwhile, it has kept the copy, and this one is of the later version.
 */
static bool finish_copy(const char *temp, const char *copy, int version)
{
    int fd = open(temp, O_RDWR | O_CLOEXEC);
    bool ok = fd >= 0 && fchmod(fd, LEDGER_MODE) == 0 && fsync(fd) == 0;
    bool later = ok && !has_version(fd, version);
    int saved = errno;
    if (fd >= 0)
        close(fd);
    if (!ok)
        errno = saved;
    return ok && (later ? unlink(temp) : rename(temp, copy)) == 0;
}

static bool make_copy(struct ledger *ledger, const char *temp, const char *copy, int version)
{
    struct statement *statement = store_prepare_sql(ledger, "VACUUM INTO ?1");
    store_bind_text(statement, 1, temp);
    bool ok = store_run(ledger, statement);
    store_end(statement);
    if (ok && !finish_copy(temp, copy, version)) {
        buf_printf(
            &ledger->failure, "%s: keep a copy of the earlier version: %s", copy, strerror(errno));
        ok = false;
    }
    return ok;
}

bool copy_keep(struct ledger *ledger, int version, int64_t reserve)
{
    char copy[PATH_MAX], temp[PATH_MAX];
    int folder;
    if (!copy_name(ledger, version, "", copy) || !copy_name(ledger, version, UNFINISHED, temp))
        return store_fail(ledger, "name a copy");
    if ((folder = lock_folder(ledger)) < 0) {
        buf_printf(&ledger->failure, "%s: lock its folder: %s", ledger->path, strerror(errno));
        return false;
    }
    drop_unfinished(ledger, version);
    bool ok = has_room(ledger, folder, reserve) && make_copy(ledger, temp, copy, version);
    if (!ok)
        drop_unfinished(ledger, version);
    close(folder);
    return ok;
}

void copy_drop(const struct ledger *ledger, int versions, int64_t before)
{
    char copy[PATH_MAX];
    struct stat st;
    int folder = lock_folder(ledger);
    for (int version = 1; version < versions; version++) {
        if (folder >= 0)
            drop_unfinished(ledger, version);
        if (copy_name(ledger, version, "", copy) && stat(copy, &st) == 0 &&
            time_from_timespec(st.st_mtim) < before)
            unlink(copy);
    }
    if (folder >= 0)
        close(folder);
}
