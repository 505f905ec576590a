/*
 * dogstatsd: reports the counters and the health to a Datadog agent, by datagrams.
 *
 * A report never waits and never fails a run. When the agent is not there, or does not keep up, the
 * rest of the report is left out; growth of counters that was not sent is part of the next report.
 * What was sent is kept in the file `dogstatsd` in BOOKSPOOL_STATE; without it nothing of the past
 * is reported.
 */
#ifndef REPORT_DOGSTATSD_H
#define REPORT_DOGSTATSD_H

#include <stdbool.h>
#include <sys/socket.h>

#include "base/conf.h"
#include "health/health.h"

/* The settings DD_*; zeroed: nothing is reported. */
struct dogstatsd {
    bool wanted;
    bool unix_socket;
    struct sockaddr_storage address;
    socklen_t address_len;
    struct buf tags;
    const char *state_dir; /* points into conf */
};

/* False, with a line in `why`: DD_DOGSTATSD_URL cannot be understood. */
bool dogstatsd_open(struct dogstatsd *dogstatsd, const struct conf *conf, struct buf *why);
void dogstatsd_close(struct dogstatsd *dogstatsd);

/* Sends one report. Logs dogstatsd-unsent when the agent did not take all of it. */
void dogstatsd_report(const struct dogstatsd *dogstatsd, const struct health_facts *facts,
    const struct health *health);

#endif
