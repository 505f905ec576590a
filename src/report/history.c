#include "report/history.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "deliver/transport.h"

static const char magic[16] = "bookspool-hist1\n";

enum { SLOTS = HISTORY_FINE_SLOTS + HISTORY_COARSE_SLOTS };
#define FILE_SIZE ((off_t)(sizeof magic + SLOTS * sizeof(struct history_sample)))

/* ---- one sample ---- */

static uint64_t requests(const struct counters *counters, const char *start)
{
    uint64_t sum = 0;
    const char *word;
    for (size_t provider = 0; provider < ROOM_PROVIDER; provider++)
        for (size_t i = 0; (word = counter_label_word(LABEL_REASON, i)); i++)
            if (strncmp(word, start, strlen(start)) == 0)
                sum += counters->value[counter_at(COUNT_REQUESTS, provider, i)];
    return sum;
}

/* How long the oldest has waited. */
static int64_t oldest_wait(const struct health_facts *facts)
{
    int64_t first = facts->survey.oldest[DIR_NEW], other = facts->survey.oldest[DIR_OUT];
    if (first == TIME_NONE || (other != TIME_NONE && other < first))
        first = other;
    return first == TIME_NONE || first > facts->now ? 0 : facts->now - first;
}

void history_make(const struct health_facts *facts, struct history_sample *sample)
{
    const struct counters *counters = &facts->counters;
    const int64_t *count = facts->survey.count;
    *sample = (struct history_sample){.at = facts->now,
        .since = (int64_t)counters->value[COUNT_SINCE],
        .accepted = requests(counters, "accepted"),
        .duplicate = requests(counters, "duplicate"),
        .refused = requests(counters, "signature-"),
        .given_up = counters->value[COUNT_MAIL_FAILED]};
    for (size_t provider = 0; provider < ROOM_PROVIDER; provider++)
        for (size_t kind = 0; kind < ROOM_KIND; kind++)
            sample->kind[kind] += counters->value[counter_at(COUNT_EVENTS, provider, kind)];
    for (size_t transport = 0; transport < ROOM_TRANSPORT; transport++)
        sample->sent += counters->value[counter_at(COUNT_MAIL_ATTEMPTS, transport, OUTCOME_SENT)];
    for (size_t i = 0; i <= HISTOGRAM_BOUNDS; i++)
        sample->mailed[i] = counters->value[COUNT_MAILED_TIME + i];
    sample->gauge[GAUGE_WAITING] = count[DIR_NEW] + count[DIR_REPLAY] + count[DIR_OUT];
    sample->gauge[GAUGE_ASIDE] = count[DIR_HELD] + count[DIR_BAD] + count[DIR_FAILED];
    sample->gauge[GAUGE_OLDEST] = oldest_wait(facts);
}

/* ---- the file ---- */

static off_t slot_offset(size_t slot)
{
    return (off_t)(sizeof magic + slot * sizeof(struct history_sample));
}

static bool is_history(int fd)
{
    char head[sizeof magic];
    struct stat st;
    return fstat(fd, &st) == 0 && st.st_size == FILE_SIZE &&
           pread(fd, head, sizeof head, 0) == (ssize_t)sizeof head &&
           memcmp(head, magic, sizeof magic) == 0;
}

static int open_file(const char *state_dir, int flags)
{
    char path[PATH_MAX];
    errno = ENAMETOOLONG;
    if (snprintf(path, sizeof path, "%s/history", state_dir) >= (int)sizeof path)
        return -1;
    return open(path, flags | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0660);
}

/* Replaces the sample of the same interval, and keeps what waited most in it. */
static bool put(int fd, size_t first, size_t slots, int64_t length, struct history_sample sample)
{
    struct history_sample before;
    off_t at = slot_offset(first + (size_t)(sample.at / length) % slots);
    if (pread(fd, &before, sizeof before, at) != (ssize_t)sizeof before)
        return false;
    if (before.at > 0 && before.at / length == sample.at / length)
        for (size_t i = 0; i < HISTORY_GAUGES; i++)
            if (before.gauge[i] > sample.gauge[i])
                sample.gauge[i] = before.gauge[i];
    return pwrite(fd, &sample, sizeof sample, at) == (ssize_t)sizeof sample;
}

bool history_add(const char *state_dir, const struct history_sample *sample)
{
    int fd = open_file(state_dir, O_RDWR | O_CREAT);
    if (fd < 0)
        return false;
    errno = EIO;
    bool ok = is_history(fd) || (ftruncate(fd, 0) == 0 && ftruncate(fd, FILE_SIZE) == 0 &&
                                    pwrite(fd, magic, sizeof magic, 0) == (ssize_t)sizeof magic);
    ok = ok && put(fd, 0, HISTORY_FINE_SLOTS, HISTORY_FINE, *sample) &&
         put(fd, HISTORY_FINE_SLOTS, HISTORY_COARSE_SLOTS, HISTORY_COARSE, *sample);
    int saved = errno;
    close(fd);
    errno = saved;
    return ok;
}

/* ---- reading ---- */

static int by_time(const void *a, const void *b)
{
    int64_t one = ((const struct history_sample *)a)->at,
            other = ((const struct history_sample *)b)->at;
    return one < other ? -1 : one > other;
}

/* Those of one ring that are neither older than it is long nor in the future, and the present one.
 */
static struct history_sample *read_ring(int fd, size_t first, size_t slots, int64_t length,
    const struct history_sample *now, size_t *count)
{
    struct history_sample *ring = calloc(slots + 1, sizeof *ring);
    size_t bytes = slots * sizeof *ring;
    *count = 0;
    if (!ring)
        return NULL;
    if (fd >= 0 && pread(fd, ring, bytes, slot_offset(first)) == (ssize_t)bytes)
        for (size_t i = 0; i < slots; i++)
            if (ring[i].at > now->at - length * (int64_t)slots && ring[i].at < now->at)
                ring[(*count)++] = ring[i];
    ring[(*count)++] = *now;
    qsort(ring, *count, sizeof *ring, by_time);
    return ring;
}

bool history_read(const char *state_dir, const struct history_sample *now, struct history *history)
{
    int fd = open_file(state_dir, O_RDONLY);
    bool usable = fd >= 0 && is_history(fd);
    int from = usable ? fd : -1;
    history->fine = read_ring(from, 0, HISTORY_FINE_SLOTS, HISTORY_FINE, now, &history->fine_count);
    history->coarse = read_ring(from, HISTORY_FINE_SLOTS, HISTORY_COARSE_SLOTS, HISTORY_COARSE, now,
        &history->coarse_count);
    if (fd >= 0)
        close(fd);
    return usable && history->fine && history->coarse;
}

void history_free(struct history *history)
{
    free(history->fine);
    free(history->coarse);
    *history = (struct history){0};
}

/* The last sample that is not after `when`; NULL: there is none. */
static const struct history_sample *last_until(
    const struct history_sample *sample, size_t count, int64_t when)
{
    const struct history_sample *found = NULL;
    for (size_t i = 0; i < count && sample[i].at <= when; i++)
        found = &sample[i];
    return found;
}

static const struct history_sample *state_at(const struct history *history, int64_t when)
{
    const struct history_sample *fine = last_until(history->fine, history->fine_count, when),
                                *coarse = last_until(history->coarse, history->coarse_count, when);
    return !fine || (coarse && coarse->at > fine->at) ? coarse : fine;
}

static void subtract(uint64_t *value, uint64_t before)
{
    *value = *value >= before ? *value - before : *value;
}

static void take_largest(struct history_sample *difference, const struct history_sample *ring,
    size_t count, int64_t from, int64_t to)
{
    for (size_t i = 0; i < count; i++)
        for (size_t g = 0; ring[i].at > from && ring[i].at <= to && g < HISTORY_GAUGES; g++)
            if (ring[i].gauge[g] > difference->gauge[g])
                difference->gauge[g] = ring[i].gauge[g];
}

bool history_between(
    const struct history *history, int64_t from, int64_t to, struct history_sample *difference)
{
    static const struct history_sample nothing;
    const struct history_sample *end = state_at(history, to), *begin = state_at(history, from);
    *difference = (struct history_sample){0};
    if (!end || (end->at <= from && end != begin))
        return false;
    if (!begin && end->since <= from)
        return false; /* counted before the first sample: nobody knows when */
    if (!begin || begin->since != end->since)
        begin = &nothing;
    *difference = *end;
    subtract(&difference->accepted, begin->accepted);
    subtract(&difference->duplicate, begin->duplicate);
    subtract(&difference->refused, begin->refused);
    subtract(&difference->sent, begin->sent);
    subtract(&difference->given_up, begin->given_up);
    for (size_t i = 0; i < ROOM_KIND; i++)
        subtract(&difference->kind[i], begin->kind[i]);
    for (size_t i = 0; i <= HISTOGRAM_BOUNDS; i++)
        subtract(&difference->mailed[i], begin->mailed[i]);
    memset(difference->gauge, 0, sizeof difference->gauge);
    take_largest(difference, history->fine, history->fine_count, from, to);
    take_largest(difference, history->coarse, history->coarse_count, from, to);
    return true;
}
