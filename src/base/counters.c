#include "base/counters.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"

static const char magic[16] = "bookspool-count3";
enum { MAGIC_STEM = 15 }; /* what the magic of every version begins with */

enum { CHECK_MS = 1000, RETRY_MS = 60 * 1000 };

/* ---- the table ---- */

#define COUNTER_ROW(id, name, type, unit, a, b, help)                                              \
    {id, name, TYPE_##type, UNIT_##unit, {LABEL_##a, LABEL_##b}, help},
const struct counter_row counter_table[] = {COUNTER_TABLE(COUNTER_ROW)};
#undef COUNTER_ROW
const size_t counter_rows = sizeof counter_table / sizeof *counter_table;

/* The words of a label, in the order of its values. Others are 0, so that "other" comes first. */
#define WORDS(...) ((const char *const[]){__VA_ARGS__, NULL})
static const struct {
    const char *name;
    size_t room;
    const char *const *words;
} labels[COUNTER_LABELS] = {
    [LABEL_NONE] = {NULL, ROOM_NONE, WORDS("")},
    [LABEL_PROVIDER] = {"provider", ROOM_PROVIDER, WORDS("calcom", "calendly")},
    [LABEL_REASON] = {"reason", ROOM_REASON,
        WORDS("other", "accepted", "duplicate", "pong", "held", "known", "body-short", "body-long",
            "length-not-a-number", "signature-absent", "signature-malformed", "signature-wrong",
            "signature-not-signed", "method", "length-required", "too-large", "no-secret",
            "no-memory", "spool-full", "spool-read-only", "spool-failed", "sync-failed",
            "not-forwarded")},
    [LABEL_SECRET] = {"secret", ROOM_SECRET, WORDS("primary", "secondary")},
    [LABEL_KIND] = {"kind", ROOM_KIND,
        WORDS("created", "rescheduled", "cancelled", "requested", "rejected", "paid",
            "location_changed", "reassigned", "no_show", "host_no_show", "instant",
            "meeting_started", "meeting_ended", "recording", "form", "out_of_office", "report",
            "ping", "other")},
    [LABEL_TRANSPORT] = {"transport", ROOM_TRANSPORT,
        WORDS("other", "maildir", "smtp", "sendgrid", "sendmail")},
    [LABEL_OUTCOME] = {"outcome", ROOM_OUTCOME,
        WORDS("sent", "retry", "never", "unknown", "blocked")},
    [LABEL_FAULT] = {"fault", ROOM_FAULT,
        WORDS("other", "dns", "connect", "proxy", "tls", "greeting", "ehlo", "auth", "mail", "rcpt",
            "data", "dot", "rate", "refused")},
    [LABEL_DIRECTORY] = {"directory", ROOM_DIRECTORY,
        WORDS("new", "replay", "out", "failed", "held", "bad")},
    [LABEL_WAITING] = {"reason", ROOM_WAITING, WORDS("first", "retry", "unknown", "accepted")},
    [LABEL_RESULT] = {"result", ROOM_RESULT, WORDS("done", "failed", "blocked")},
    [LABEL_TOKEN] = {"token", ROOM_TOKEN, WORDS("primary", "secondary")},
    [LABEL_ANSWER] = {"answer", ROOM_ANSWER,
        WORDS(
            "other", "2xx", "3xx", "4xx", "5xx", "none", "400", "401", "403", "404", "409", "429")},
    [LABEL_LOOKUP] = {"lookup", ROOM_LOOKUP, WORDS("hit", "miss")},
};

const char *const counter_scopes[] = {"users:read", "webhooks:read", "webhooks:write",
    "scheduled_events:read", "event_types:read", NULL};

const char *counter_label_name(enum counter_label label)
{
    return labels[label].name;
}

const char *counter_label_word(enum counter_label label, size_t value)
{
    return labels[label].words[value];
}

size_t counter_label_value(enum counter_label label, const char *word)
{
    const char *const *words = labels[label].words;
    for (size_t i = 0; words[i]; i++)
        if (strcmp(words[i], word) == 0)
            return i;
    return 0;
}

size_t counter_label_room(enum counter_label label)
{
    return labels[label].room;
}

/* The row that has this position. A table, filled at the first call, because requests wait for it.
 */
static const struct counter_row *row_of(enum counter which)
{
    static unsigned char rows[COUNTERS];
    static bool filled;
    static_assert(sizeof counter_table / sizeof *counter_table <= 256, "a byte numbers each row");
    if (!filled) {
        for (size_t row = 0, i = 0; i < COUNTERS; i++) {
            row += row + 1 < counter_rows && counter_table[row + 1].first == i;
            rows[i] = (unsigned char)row;
        }
        filled = true;
    }
    return &counter_table[rows[which]];
}

enum counter counter_at(enum counter first, size_t a, size_t b)
{
    size_t room = labels[row_of(first)->label[1]].room;
    return (enum counter)((size_t)first + a * room + b);
}

/* Of what takes a moment, in microseconds; and of what takes a while, in milliseconds. */
static const int64_t short_bounds[HISTOGRAM_BOUNDS] = {
    10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10000, 50000, 250000, 1000000};
static const int64_t long_bounds[HISTOGRAM_BOUNDS] = {100, 1000, 5000, 15000, 60000, 120000, 300000,
    600000, 1800000, 3600000, 4 * 3600000, 24 * 3600000, 5 * 24 * INT64_C(3600000)};

const int64_t *counter_bounds(const struct counter_row *row)
{
    return row->unit == UNIT_US ? short_bounds : long_bounds;
}

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
 * A file of an earlier version is removed, once: of several programs that meet it, only the first
 * to have its lock still finds it under its name. True: look again. False: errno.
 */
static bool remove_earlier(int fd)
{
    struct stat ours, named;
    if (flock(fd, LOCK_EX) < 0 || fstat(fd, &ours) < 0)
        return false;
    if (lstat(file.path, &named) < 0)
        return errno == ENOENT;
    if (ours.st_dev != named.st_dev || ours.st_ino != named.st_ino)
        return true;
    if (unlink(file.path) < 0)
        return false;
    log_warn(NULL, "counters-reopened", "%s: of an earlier version; started anew", file.path);
    return true;
}

/*
 * Several programs may do this at once: all write the same magic, and the last byte, the highest
 * of a number, is always 0. Unlike ftruncate, that write can never shorten the file.
 */
enum ready { READY, NOT_READY, EARLIER };

static enum ready make_ready(int fd, const struct stat *st)
{
    static const char blank[sizeof magic];
    char found[sizeof magic] = "";
    if (!S_ISREG(st->st_mode)) {
        errno = EINVAL;
        return NOT_READY;
    }
    ssize_t n = pread(fd, found, sizeof found, 0);
    if (n == (ssize_t)sizeof found && memcmp(found, magic, MAGIC_STEM) == 0 &&
        found[MAGIC_STEM] < magic[MAGIC_STEM])
        return EARLIER;
    errno = EINVAL; /* what is something else is left alone */
    if (n == (ssize_t)sizeof found && memcmp(found, blank, sizeof found) != 0 &&
        memcmp(found, magic, sizeof found) != 0)
        return NOT_READY;
    if (st->st_size < (off_t)sizeof *table && pwrite(fd, "", 1, sizeof *table - 1) != 1)
        return NOT_READY;
    errno = EINVAL;
    if (pread(fd, found, sizeof found, 0) != (ssize_t)sizeof found)
        return NOT_READY;
    bool ready = memcmp(found, magic, sizeof found) == 0 ||
                 (memcmp(found, blank, sizeof found) == 0 &&
                     pwrite(fd, magic, sizeof magic, 0) == (ssize_t)sizeof magic);
    return ready ? READY : NOT_READY;
}

static struct table *map_file(void)
{
    struct stat st;
    struct table *mapped = MAP_FAILED;
    int fd;
    for (;;) {
        fd = open(file.path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0660);
        enum ready ready = fd >= 0 && fstat(fd, &st) == 0 ? make_ready(fd, &st) : NOT_READY;
        if (ready == READY)
            mapped = mmap(NULL, sizeof *mapped, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        if (ready != EARLIER || !remove_earlier(fd))
            break;
        close(fd);
    }
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
        enum counter_type type = value ? row_of(i)->type : TYPE_COUNTER;
        if (value && (type == TYPE_GAUGE || type == TYPE_STATE))
            atomic_store_explicit(&table->value[i], value, memory_order_relaxed);
        else if (value)
            atomic_fetch_add_explicit(&table->value[i], value, memory_order_relaxed);
    }
    if (old != &own)
        munmap(old, sizeof *old);
    else
        memset(&own, 0, sizeof own);
    uint64_t never = 0; /* a fault here is met by the next addition */
    atomic_compare_exchange_strong_explicit(&table->value[COUNT_SINCE], &never,
        (uint64_t)clock_now(), memory_order_relaxed, memory_order_relaxed);
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

static bool handle_sigbus(void)
{
    static bool handled;
    struct sigaction action = {.sa_sigaction = on_sigbus, .sa_flags = SA_SIGINFO};
    sigemptyset(&action.sa_mask);
    handled = handled || sigaction(SIGBUS, &action, &before) == 0;
    return handled;
}

bool counters_open(const char *state_dir)
{
    if (!make_path(state_dir, file.path))
        return false;
    file.next_check = clock_monotonic() + CHECK_MS;
    file.logged = !handle_sigbus() || !remap(true);
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

bool counters_are_kept(void)
{
    return table != &own && !lost;
}

/* A later version may have added rows: what a shorter file lacks is 0. */
bool counters_open_readonly(const char *state_dir)
{
    if (counters_are_kept())
        return true;
    char path[PATH_MAX];
    struct stat st;
    int flags = O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK;
    int fd = make_path(state_dir, path) ? open(path, flags) : -1;
    if (fd < 0)
        return false;
    struct table *found = MAP_FAILED;
    bool ok = handle_sigbus() && fstat(fd, &st) == 0;
    size_t len = ok && st.st_size < (off_t)sizeof own ? (size_t)st.st_size : sizeof own;
    errno = ok ? EINVAL : errno;
    if (ok && S_ISREG(st.st_mode) && len >= sizeof magic)
        found = mmap(NULL, sizeof *found, PROT_READ, MAP_SHARED, fd, 0);
    int error = errno;
    close(fd);
    memset(&own, 0, sizeof own);
    if (found == MAP_FAILED) {
        errno = error;
        return false;
    }
    table = found; /* for the handler */
    size_t count = (len - sizeof magic) / sizeof *own.value;
    ok = memcmp(found->magic, magic, sizeof magic) == 0;
    for (size_t i = 0; ok && i < count; i++)
        own.value[i] = atomic_load_explicit(&found->value[i], memory_order_relaxed);
    table = &own;
    munmap(found, sizeof *found);
    lost = 0;
    errno = EINVAL;
    return ok;
}

/* ---- counting ---- */

static void added(void)
{
    if (lost)
        counters_check();
}

void counter_add(enum counter which, uint64_t amount)
{
    atomic_fetch_add_explicit(&table->value[which], amount, memory_order_relaxed);
    added();
}

void counter_set(enum counter which, int64_t value)
{
    atomic_store_explicit(&table->value[which], (uint64_t)value, memory_order_relaxed);
    added();
}

void counter_set_first(enum counter which, int64_t value)
{
    uint64_t none = 0;
    if (atomic_load_explicit(&table->value[which], memory_order_relaxed) == 0)
        atomic_compare_exchange_strong_explicit(&table->value[which], &none, (uint64_t)value,
            memory_order_relaxed, memory_order_relaxed);
    added();
}

void counter_observe(enum counter histogram, int64_t amount)
{
    const int64_t *bounds = counter_bounds(row_of(histogram));
    size_t bucket = 0;
    amount = amount < 0 ? 0 : amount; /* a clock was set back */
    while (bucket < HISTOGRAM_BOUNDS && amount > bounds[bucket])
        bucket++;
    _Atomic uint64_t *value = &table->value[histogram];
    atomic_fetch_add_explicit(&value[bucket], 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&value[HISTOGRAM_BOUNDS + 1], (uint64_t)amount, memory_order_relaxed);
    added();
}

uint64_t counter_get(enum counter which)
{
    return atomic_load_explicit(&table->value[which], memory_order_relaxed);
}

int64_t counter_get_signed(enum counter which)
{
    return (int64_t)counter_get(which);
}

uint64_t counter_sum(enum counter first, size_t a, enum counter_label b)
{
    uint64_t sum = 0;
    for (size_t i = 0; counter_label_word(b, i); i++)
        sum += counter_get(counter_at(first, a, i));
    return sum;
}

void counters_copy(struct counters *copy)
{
    for (enum counter i = 0; i < COUNTERS; i++)
        copy->value[i] = counter_get(i);
}
