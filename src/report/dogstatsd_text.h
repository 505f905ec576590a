/*
 * dogstatsd_text: the lines of a report in Datadog's DogStatsD protocol. Pure.
 *
 *     bookspool.requests:3|c|#service:bookspool,provider:calcom,reason:accepted
 *
 * The protocol has no escape for | , # : and newlines in names and tags, so tag values keep only
 * what Datadog allows. A counter is sent as what was added since the last report; a point in time
 * as its age (values must not be dates); a histogram as its buckets' upper bounds, each with the
 * rate that makes it count as often as it was met. Of counters and histograms only what has changed
 * is sent.
 */
#ifndef REPORT_DOGSTATSD_TEXT_H
#define REPORT_DOGSTATSD_TEXT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "health/health.h"

/*
 * Takes one line, without a line end. `position` is the counter that it reports the growth of, or
 * COUNTERS for a line that reports no growth. False: no more lines are wanted.
 */
typedef bool dogstatsd_take(void *context, const struct buf *line, enum counter position);

/* Appends ",name:value" to `tags`, cleaned; nothing when value is NULL or "". */
void dogstatsd_add_tag(struct buf *tags, const char *name, const char *value);

/*
 * All metrics and service checks. `last` has what was reported before; NULL: nothing was, and the
 * past is not reported. `tags` are those that every line has. True: all lines were taken.
 */
bool dogstatsd_lines(const struct health_facts *facts, const struct health *health,
    const struct counters *last, const struct buf *tags, dogstatsd_take *take, void *context);

/* One event: a check is in another state than at the last report. */
void dogstatsd_event(const struct health_check *check, const struct buf *tags, struct buf *line);

/* The name under which DogStatsD has a row: "bookspool.mail_attempts". */
void dogstatsd_name(const struct counter_row *row, struct buf *name);

#endif
