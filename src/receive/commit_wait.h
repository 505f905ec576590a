/*
 * commit_wait: commit now, or wait a moment for more requests?
 *
 * Clients that are answered together send their next requests together. If each commit began with
 * whatever is there, they would split into two groups that take turns, and each client would wait
 * for two commits. So while connections that the last commit answered are still silent, more
 * requests are read, for at most half of the time that that commit took. A single client never
 * waits, and where a commit is cheap no client does. On a disk with a flush of 1 ms it gives a
 * third more requests a second.
 *
 * Pure; times in microseconds of clock_microseconds().
 */
#ifndef RECEIVE_COMMIT_WAIT_H
#define RECEIVE_COMMIT_WAIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { COMMIT_WAIT_MAX = 10 * 1000 }; /* a disk that hangs must not lengthen the wait */

struct commit_wait {
    int64_t began; /* when the batch got its first request; 0: it is empty */
    int64_t ended; /* when the last commit ended */
    int64_t took;  /* how long that commit took */
    uint64_t commits;
    size_t expected; /* connections that it answered and that have been silent since */
};

void commit_wait_begin(struct commit_wait *wait, int64_t now);
void commit_wait_committed(struct commit_wait *wait, int64_t start, int64_t now);

/* A kept connection has been answered. Returns the commit's number for commit_wait_back. */
uint64_t commit_wait_answered(struct commit_wait *wait);
/* That connection has sent something again. */
void commit_wait_back(struct commit_wait *wait, uint64_t commit);

/* How long to wait for more requests; 0: commit now. */
int64_t commit_wait_left(const struct commit_wait *wait, int64_t now);

#endif
