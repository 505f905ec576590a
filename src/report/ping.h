/*
 * ping: the request that reports a run of the drain to a dead man's switch. Pure.
 *
 *     healthchecks.io and the like   URL after a good run, URL/fail after a bad one
 *     Uptime Kuma (a path with /api/push/)   URL?status=up and URL?status=down&msg=...
 *
 * Sources: healthchecks.io/docs/http_api, "Signal a Failure"; Uptime Kuma, monitor type "Push".
 */
#ifndef REPORT_PING_H
#define REPORT_PING_H

#include <stdbool.h>

#include "base/buf.h"

/* Appends the URL to request. `url` is an http or https URL; its query stays. */
void ping_url(const char *url, bool good, struct buf *out);

#endif
