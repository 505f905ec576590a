/*
 * limiter: lines that strangers can cause must not fill the log. Pure.
 * A zeroed struct is ready.
 */
#ifndef RECEIVE_LIMITER_H
#define RECEIVE_LIMITER_H

#include <stdbool.h>
#include <stdint.h>

enum { LIMITER_LINES = 10, LIMITER_PERIOD_MS = 60 * 1000 };

struct limiter {
    int64_t since;
    unsigned lines;
    unsigned long dropped;
};

/*
 * True when a line may be written at `now` (milliseconds, any steady clock). *dropped
 * becomes how many were held back in the period that has just ended, else 0.
 */
bool limiter_allows(struct limiter *limiter, int64_t now, unsigned long *dropped);

#endif
