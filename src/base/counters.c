#include "base/counters.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"

static const char magic[16] = "bookspool-count2";

static_assert((int)COUNT_REQUEST_KINDS <= (int)COUNTER_ROW_SIZE, "a row holds them all");

enum { CHECK_MS = 1000, RETRY_MS = 60 * 1000 };

struct table {
    char magic[sizeof magic];
    _Atomic uint64_t value[COUNTERS];
};

/* Counted here while there is no file. */
static struct table own;
static struct table *table = &own;

static struct {
    char path[PATH_MAX];
    dev_t device;
    ino_t inode;
    int64_t next_check; /* ms of clock_monotonic */
    bool logged;        /* that there is no file */
} file;

static volatile sig_atomic_t lost; /* the mapping's pages are memory of this process only */
static struct sigaction before;

/* A value is the latest one; all other counters are sums. */
static bool is_value(enum counter which)
{
    int request = (int)which % COUNTER_ROW_SIZE;
    if ((int)which < (int)COUNT_OTHER_REQUESTS)
        return request == COUNT_SECRET_PRIMARY_AT || request == COUNT_SECRET_SECONDARY_AT;
    return which >= COUNT_DRAIN_LAST_AT && which <= COUNT_UNCOMPOSED_NOW;
}

/* ---- the mapping ---- */

/*
 * The page is not in the file any more, or the disk has no room for it. The kernel repeats the
 * access after the handler, then in memory. Any other fault goes to the handler that was there
 * before.
 */
static void on_sigbus(int number, siginfo_t *info, void *context)
{
    (void)number, (void)context;
    int saved = errno;
    uintptr_t at = (uintptr_t)info->si_addr, start = (uintptr_t)table;
    if (table != &own && at >= start && at < start + sizeof *table &&
        mmap(table, sizeof *table, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED,
            -1, 0) != MAP_FAILED)
        lost = 1;
    else
        sigaction(SIGBUS, &before, NULL);
    errno = saved;
}

/*
 * Several programs may do this at once: all write the same magic, and the last byte, the highest
 * of a number, is always 0. Unlike ftruncate, that write can never shorten the file.
 */
static bool make_ready(int fd, const struct stat *st)
{
    static const char blank[sizeof magic];
    char found[sizeof magic];
    if (!S_ISREG(st->st_mode)) {
        errno = EINVAL;
        return false;
    }
    if (st->st_size < (off_t)sizeof *table && pwrite(fd, "", 1, sizeof *table - 1) != 1)
        return false;
    errno = EINVAL;
    if (pread(fd, found, sizeof found, 0) != (ssize_t)sizeof found)
        return false;
    if (memcmp(found, blank, sizeof found) == 0)
        return pwrite(fd, magic, sizeof magic, 0) == (ssize_t)sizeof magic;
    return memcmp(found, magic, sizeof found) == 0;
}

static struct table *map_file(void)
{
    struct stat st;
    struct table *mapped = MAP_FAILED;
    int fd = open(file.path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0660);
    if (fd >= 0 && fstat(fd, &st) == 0 && make_ready(fd, &st))
        mapped = mmap(NULL, sizeof *mapped, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (mapped != MAP_FAILED) {
        file.device = st.st_dev;
        file.inode = st.st_ino;
    }
    int saved = errno;
    if (fd >= 0)
        close(fd);
    errno = saved;
    return mapped == MAP_FAILED ? NULL : mapped;
}

/* From the mapping that is in use to another; adds to it what this process counted in memory. */
static bool remap(bool in_memory)
{
    struct table *old = table, *mapped = map_file();
    if (!mapped)
        return false;
    table = mapped;
    lost = 0;
    for (enum counter i = 0; in_memory && i < COUNTERS; i++) {
        uint64_t value = atomic_load_explicit(&old->value[i], memory_order_relaxed);
        if (value && is_value(i))
            atomic_store_explicit(&table->value[i], value, memory_order_relaxed);
        else if (value)
            atomic_fetch_add_explicit(&table->value[i], value, memory_order_relaxed);
    }
    if (old != &own)
        munmap(old, sizeof *old);
    else
        memset(&own, 0, sizeof own);
    return true;
}

static bool make_path(const char *state_dir, char path[PATH_MAX])
{
    bool fits = snprintf(path, PATH_MAX, "%s/counters", state_dir) < PATH_MAX;
    if (!fits) {
        path[0] = '\0';
        errno = ENAMETOOLONG;
    }
    return fits;
}

bool counters_open(const char *state_dir)
{
    static bool handled;
    struct sigaction action = {.sa_sigaction = on_sigbus, .sa_flags = SA_SIGINFO};
    if (!make_path(state_dir, file.path))
        return false;
    sigemptyset(&action.sa_mask);
    handled = handled || sigaction(SIGBUS, &action, &before) == 0;
    file.next_check = clock_monotonic() + CHECK_MS;
    file.logged = !handled || !remap(true);
    return !file.logged;
}

/* ---- changes of the file by others ---- */

static const char *what_changed(void)
{
    struct stat st;
    if (lost)
        return "truncated, or the disk is full";
    if (table == &own)
        return "not available";
    if (lstat(file.path, &st) < 0)
        return errno == ENOENT ? "removed" : NULL;
    if (st.st_dev != file.device || st.st_ino != file.inode)
        return "replaced";
    return st.st_size < (off_t)sizeof *table ? "truncated" : NULL;
}

void counters_check(void)
{
    int64_t now = clock_monotonic();
    if (!file.path[0] || (now < file.next_check && !lost))
        return;
    const char *what = now < file.next_check && file.logged ? NULL : what_changed();
    if (!what) {
        if (now >= file.next_check)
            file.next_check = now + CHECK_MS;
        return;
    }
    bool in_memory = lost || table == &own;
    bool mapped = remap(in_memory);
    if (mapped && !lost)
        log_warn(NULL, "counters-reopened", "%s: %s; made ready again", file.path, what);
    else if (!file.logged)
        log_warn(NULL, "counters-in-memory", "%s: %s: %s", file.path, what,
            mapped ? "no room for it" : strerror(errno));
    file.logged = !mapped || lost;
    file.next_check = now + (file.logged ? RETRY_MS : CHECK_MS);
}

/* A snapshot: the file of an earlier version may be shorter, and what it lacks is 0. */
bool counters_open_readonly(const char *state_dir)
{
    char path[PATH_MAX];
    int flags = O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK;
    int fd = make_path(state_dir, path) ? open(path, flags) : -1;
    if (fd < 0)
        return false;
    ssize_t n = pread(fd, &own, sizeof own, 0);
    int error = n < 0 ? errno : EINVAL;
    close(fd);
    if (n >= (ssize_t)sizeof magic && memcmp(own.magic, magic, sizeof magic) == 0)
        return true;
    memset(&own, 0, sizeof own);
    errno = error;
    return false;
}

void counter_add(enum counter which, uint64_t amount)
{
    atomic_fetch_add_explicit(&table->value[which], amount, memory_order_relaxed);
    if (lost)
        counters_check();
}

void counter_set(enum counter which, uint64_t value)
{
    atomic_store_explicit(&table->value[which], value, memory_order_relaxed);
    if (lost)
        counters_check();
}

uint64_t counter_get(enum counter which)
{
    return atomic_load_explicit(&table->value[which], memory_order_relaxed);
}
