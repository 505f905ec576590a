/*
 * sentry: errors and check-ins as Sentry's envelopes, and the limits that its answers set. Pure.
 *
 * Rules: develop.sentry.dev, "Envelopes", "Event Payloads", "Check-Ins", "Rate Limiting".
 *
 * What is sent of an error: the program, the reason and cause of its log line (fixed words and
 * codes of servers), how often it was met and when. No text of a log line, no name, no address, no
 * id of a booking, no host name.
 */
#ifndef REPORT_SENTRY_H
#define REPORT_SENTRY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/incident.h"

struct sentry_dsn {
    char url[1024]; /* SCHEME://HOST/api/PROJECT/envelope/ */
    char key[128];
};

/* False, with what is wrong as words for conf_fault. A secret after the key is ignored. */
bool sentry_dsn_parse(const char *text, struct sentry_dsn *dsn, const char **why);

enum { SENTRY_ID_SIZE = 33 }; /* 32 lower-case hex digits and a NUL */

struct sentry_source {
    const char *environment; /* SENTRY_ENVIRONMENT; NULL: Sentry's default */
    int64_t now;             /* when the envelope is sent */
};

/* Appends the envelope of one error. Its fingerprint is program, reason and cause, so each cause is
 * one issue. False: out of memory. */
bool sentry_event(const struct sentry_source *source, const char id[SENTRY_ID_SIZE],
    const struct incident *incident, struct buf *out);

enum sentry_check_in { SENTRY_IN_PROGRESS, SENTRY_OK, SENTRY_ERROR };

/*
 * Appends the envelope of a check-in of the monitor bookspool-drain. One run has two, with one id.
 * It also makes the monitor, which misses a check-in after `every` minutes and counts a run as hung
 * after `longest`. False: out of memory.
 */
struct sentry_monitor {
    int64_t every, longest; /* minutes */
};
bool sentry_check_in(const struct sentry_source *source, const char id[SENTRY_ID_SIZE],
    enum sentry_check_in status, int64_t duration_ms, const struct sentry_monitor *monitor,
    struct buf *out);

/*
 * Until when nothing of a category may be sent, ms since 1970; 0: no limit. An answer only
 * lengthens a limit.
 */
struct sentry_limits {
    int64_t errors, monitors;
};

/* From the status and the headers X-Sentry-Rate-Limits and Retry-After ("": none) of an answer. */
void sentry_read_limits(struct sentry_limits *limits, long status, const char *rate_limits,
    const char *retry_after, int64_t now);

#endif
