#include "base/counters.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static const char magic[16] = "bookspool-count1";

struct table {
    char magic[sizeof magic];
    _Atomic uint64_t value[COUNTERS];
};

static struct table own;
static struct table *table = &own;

/* Two programs may start at once: both write the same 16 bytes, and only ever lengthen. */
static bool make_ready(int fd)
{
    char found[sizeof magic];
    struct stat st;
    if (fstat(fd, &st) < 0)
        return false;
    if (st.st_size < (off_t)sizeof *table && ftruncate(fd, sizeof *table) < 0)
        return false;
    if (pread(fd, found, sizeof found, 0) != (ssize_t)sizeof found)
        return false;
    static const char blank[sizeof magic];
    if (memcmp(found, blank, sizeof found) == 0)
        return pwrite(fd, magic, sizeof magic, 0) == (ssize_t)sizeof magic;
    errno = EILSEQ;
    return memcmp(found, magic, sizeof found) == 0;
}

static bool map(int fd)
{
    void *memory = mmap(NULL, sizeof *table, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (memory == MAP_FAILED)
        return false;
    table = memory;
    return true;
}

static int open_file(const char *state_dir, int flags)
{
    char path[PATH_MAX];
    if (snprintf(path, sizeof path, "%s/counters", state_dir) >= (int)sizeof path) {
        errno = ENAMETOOLONG;
        return -1;
    }
    return open(path, flags | O_CLOEXEC | O_NOFOLLOW, 0660);
}

static bool finish(int fd, bool ok)
{
    int saved = errno;
    if (fd >= 0)
        close(fd);
    errno = saved;
    return ok;
}

bool counters_open(const char *state_dir)
{
    int fd = open_file(state_dir, O_RDWR | O_CREAT);
    return finish(fd, fd >= 0 && make_ready(fd) && map(fd));
}

/* A snapshot: the file of an earlier version may be shorter, and what it lacks is 0. */
bool counters_open_readonly(const char *state_dir)
{
    int fd = open_file(state_dir, O_RDONLY);
    if (fd < 0)
        return false;
    ssize_t n = pread(fd, &own, sizeof own, 0);
    if (n >= (ssize_t)sizeof magic && memcmp(own.magic, magic, sizeof magic) == 0)
        return finish(fd, true);
    memset(&own, 0, sizeof own);
    errno = n < 0 ? errno : EILSEQ;
    return finish(fd, false);
}

void counter_add(enum counter which, uint64_t amount)
{
    atomic_fetch_add_explicit(&table->value[which], amount, memory_order_relaxed);
}

void counter_set(enum counter which, uint64_t value)
{
    atomic_store_explicit(&table->value[which], value, memory_order_relaxed);
}

uint64_t counter_get(enum counter which)
{
    return atomic_load_explicit(&table->value[which], memory_order_relaxed);
}
