/*
 * counters: numbers that all programs of one installation add to.
 *
 * One small file, mapped by receivers and drains and changed with atomic operations: a number
 * survives the end of the program that counted, costs no system call, and needs no lock. It holds
 * no personal data. Counters are never worth an event: while there is no file, the program counts
 * in memory and logs that once.
 *
 * The file is `counters` in BOOKSPOOL_STATE: 16 bytes "bookspool-count2" and then one little-endian
 * 64-bit number per enum counter, in its order. First come COUNTER_ROWS rows of COUNTER_ROW_SIZE
 * numbers, one row for each position in the table of providers (provider/provider.h), with room for
 * more of both. New ones are only added at the end of their row, and of the list that follows the
 * rows; a shorter file is lengthened with zeros.
 *
 * Any change of the file by others is safe. Truncated, even in the middle of an addition, it costs
 * what it held: a SIGBUS handler puts memory in place of the mapping, and the same call of
 * counter_add makes the file ready again and adds to it what this process has counted since. A full
 * disk is met in the same way, with further attempts once a minute. A file that was removed or
 * replaced is noticed by counters_check within a second and opened anew; what was counted in
 * between is lost. A change of owner or mode has no effect on programs that have the file open. So
 * `rm counters` and `: > counters` both set all counters to 0.
 */
#ifndef BASE_COUNTERS_H
#define BASE_COUNTERS_H

#include <stdbool.h>
#include <stdint.h>

/* What happened to a request: the numbers of a row. */
enum counter_request {
    COUNT_ACCEPTED,
    COUNT_DUPLICATE,
    COUNT_PONG,
    COUNT_MALFORMED,
    COUNT_SIGNATURE,
    COUNT_STALE,
    COUNT_HELD,
    COUNT_REFUSED, /* 404, 405, 411, 413 */
    COUNT_UNAVAILABLE,
    COUNT_SECRET_PRIMARY,
    COUNT_SECRET_SECONDARY,
    COUNT_SECRET_PRIMARY_AT, /* when it last matched, a point in time of base/clock.h */
    COUNT_SECRET_SECONDARY_AT,
    COUNT_REQUEST_KINDS
};

enum { COUNTER_ROWS = 8, COUNTER_ROW_SIZE = 16 };

enum counter {
    COUNT_OTHER_REQUESTS = COUNTER_ROWS * COUNTER_ROW_SIZE, /* no provider's path */
    COUNT_BROKEN_CONNECTIONS, /* malformed, too slow, or closed early */
    COUNT_SYNCS,
    COUNT_MAIL_SENT,
    COUNT_MAIL_RETRY,
    COUNT_MAIL_FAILED,
    COUNT_MAIL_UNKNOWN,
    COUNT_MAIL_BLOCKED_RUNS,
    COUNT_DRAIN_RUNS,
    /* from here on values, not sums */
    COUNT_DRAIN_LAST_AT,    /* when a run last succeeded */
    COUNT_MAIL_LAST_AT,     /* when a mail was last sent */
    COUNT_DRAIN_BLOCKED_AT, /* when a run was last blocked, or failed */
    COUNT_MAIL_STUCK_AT,    /* when a mail older than a day was last put off again */
    COUNT_BAD_NOW,          /* events in bad/ at the end of the last run */
    COUNT_UNCOMPOSED_NOW, /* events that it could not compose, or that wait since an earlier one */
    COUNTERS
};

/* The number `which` of that row. */
static inline enum counter counter_in_row(int row, enum counter_request which)
{
    return (enum counter)(row * COUNTER_ROW_SIZE + (int)which);
}

/*
 * False when the file cannot be opened (errno): counting goes on in memory, and counters_check
 * tries again. Installs the handler of SIGBUS; a fault elsewhere goes to the handler that was there
 * before.
 */
bool counters_open(const char *state_dir);
/* To be called now and then, such as in each turn of a loop; at most once a second it looks at the
 * file. Logs counters-reopened and counters-in-memory. */
void counters_check(void);
/* Reads what is there at this moment, as a snapshot. False (errno) when there is no file yet. */
bool counters_open_readonly(const char *state_dir);
void counter_add(enum counter which, uint64_t amount);
void counter_set(enum counter which, uint64_t value);
uint64_t counter_get(enum counter which);

#endif
