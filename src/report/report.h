/*
 * report: what goes out after each run of the drain besides mail.
 */
#ifndef REPORT_REPORT_H
#define REPORT_REPORT_H

#include "health/health.h"
#include "report/dogstatsd.h"

enum { REPORT_EVERY = 10 * 1000 }; /* ms: as often as an agent passes values on */

struct report {
    int64_t next; /* monotonic */
    struct health_limits limits;
    struct dogstatsd dogstatsd;
};

/* False, with a line in `why` for each setting that is wrong. report_close either way. */
bool report_open(struct report *report, const struct conf *conf, struct buf *why);
void report_close(struct report *report);

/*
 * At the end of a run, when the counters have its result. Never waits for anybody, never fails. Of
 * the runs of bookspool-drain --watch, some may be reported with a later one.
 */
void report_run(struct report *report, struct spool *spool, int64_t now);

#endif
