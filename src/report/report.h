/*
 * report: what goes out after each run of the drain besides mail.
 */
#ifndef REPORT_REPORT_H
#define REPORT_REPORT_H

#include "health/health.h"
#include "report/dogstatsd.h"

struct report {
    struct health_limits limits;
    struct dogstatsd dogstatsd;
};

/* False, with a line in `why` for each setting that is wrong. report_close either way. */
bool report_open(struct report *report, const struct conf *conf, struct buf *why);
void report_close(struct report *report);

/* At the end of a run, when the counters have its result. Never waits for anybody, never fails. */
void report_run(const struct report *report, struct spool *spool, int64_t now);

#endif
