#include "report/report.h"

#include <stdlib.h>

#include "base/clock.h"

bool report_open(struct report *report, const struct conf *conf, struct buf *why)
{
    *report = (struct report){0};
    bool limits = health_limits_read(conf, &report->limits, why);
    return dogstatsd_open(&report->dogstatsd, conf, why) && limits;
}

void report_close(struct report *report)
{
    dogstatsd_close(&report->dogstatsd);
}

struct found {
    struct health_facts facts;
    struct health health;
};

void report_run(struct report *report, struct spool *spool, int64_t now)
{
    bool due = report->dogstatsd.wanted && clock_monotonic() >= report->next;
    struct found *found = due ? malloc(sizeof *found) : NULL;
    if (!found)
        return;
    report->next = clock_monotonic() + REPORT_EVERY;
    health_gather(&report->limits, spool, true, now, &found->facts);
    health_check_all(&found->facts, &found->health);
    dogstatsd_report(&report->dogstatsd, &found->facts, &found->health);
    free(found);
}
