/*
 * present: the health as JSON, and the counters as Prometheus' text. Pure.
 */
#ifndef HEALTH_PRESENT_H
#define HEALTH_PRESENT_H

#include "base/buf.h"
#include "health/health.h"

/*
 * One object as draft-inadarei-api-health-check-06 has it, and a line end: status, reason, and the
 * checks that concern `provider` (PROVIDERS: all of it), each under "COMPONENT:MEASUREMENT".
 * out->failed when memory was short.
 */
void present_health(const struct health_facts *facts, const struct health *health,
    enum provider provider, struct buf *out);

/*
 * The table of counters in the text format 0.0.4, without timestamps, so that the node exporter
 * takes it too; every combination of labels is there from the start. After it the state of each
 * check: 0 pass, 1 warn, 2 fail.
 */
#define METRICS_TYPE "text/plain; version=0.0.4; charset=utf-8"
void present_metrics(
    const struct health_facts *facts, const struct health *health, struct buf *out);

#endif
