/*
 * report: what a run of the drain reports besides mail: values to Datadog, alarms, errors to
 * Sentry, its own check-in, and a ping for a dead man's switch.
 *
 * It is made at the end of a run, under the lock. Nothing here changes the result of a run, repeats
 * a mail, or takes longer than 40 seconds in all, when every service hangs; Sentry is left alone
 * for REPORT_PAUSE when it could not be reached. What must be known between runs is `reports.json`
 * in BOOKSPOOL_STATE. If it is lost, alarms that last are reported once more; while it cannot be
 * written, what is to be reported is sent once an hour at most.
 */
#ifndef DRAIN_REPORT_H
#define DRAIN_REPORT_H

#include "base/conf.h"
#include "drain/run.h"

#define REPORT_TIMEOUT (INT64_C(5) * MS_PER_SECOND)
#define REPORT_PAUSE   (INT64_C(300) * MS_PER_SECOND)

/* NULL, with lines in `faults`: a setting is wrong, or memory is short. */
struct report *report_open(const struct conf *conf, struct buf *faults);
void report_close(struct report *report);

void report_begin(struct report *report);
void report_end(struct report *report, struct run *run, enum run_result result);

#endif
