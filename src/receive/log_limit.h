/*
 * log_limit: at most so many lines a period, so that unauthenticated clients cannot fill the log.
 * Pure. A zeroed struct is ready.
 */
#ifndef RECEIVE_LOG_LIMIT_H
#define RECEIVE_LOG_LIMIT_H

#include <stdbool.h>
#include <stdint.h>

enum { LOG_LIMIT_LINES = 10, LOG_LIMIT_PERIOD_MS = 60 * 1000 };

struct log_limit {
    int64_t since;
    unsigned lines;
    unsigned long dropped;
};

/*
 * True when a line may be written at `now` (milliseconds, any steady clock). *dropped
 * becomes the number of lines suppressed in the period that has just ended, otherwise 0.
 */
bool log_limit_allows(struct log_limit *limit, int64_t now, unsigned long *dropped);

#endif
