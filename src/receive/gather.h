/*
 * gather: whether to commit now, or to wait a moment for more.
 *
 * Clients that are answered together come back together. Were each commit begun with whatever is
 * there, they would fall into two groups that take turns, and everybody would wait for two commits.
 * So while connections that the last commit answered have not spoken again, more requests are
 * read, for at most half of what that commit took. A lone client never waits, and where a commit
 * is cheap nobody does. On a disk with a flush of 1 ms it is a third more requests a second.
 *
 * Pure; times in microseconds of clock_microseconds().
 */
#ifndef RECEIVE_GATHER_H
#define RECEIVE_GATHER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { GATHER_MAX = 10 * 1000 }; /* a disk that hangs must not make us wait the longer */

struct gather {
    int64_t began; /* the batch, with its first request; 0: there is none */
    int64_t ended; /* the last commit, which took so long: */
    int64_t took;
    uint64_t commits;
    size_t expected; /* connections it answered that have been silent since */
};

void gather_begin(struct gather *gather, int64_t now);
void gather_committed(struct gather *gather, int64_t start, int64_t now);

/* A kept connection has been answered. The commit's number, to be given to gather_back. */
uint64_t gather_answered(struct gather *gather);
/* That connection speaks again. */
void gather_back(struct gather *gather, uint64_t commit);

/* How long to go on reading; 0: commit now. */
int64_t gather_left(const struct gather *gather, int64_t now);

#endif
