/*
 * incident: errors of all programs of one installation, kept for the drain, which reports them to
 * Sentry. The receiver has no network.
 *
 * Each line of the log at level error adds one line to `incidents` in BOOKSPOOL_STATE:
 *
 *     1795255200123 bookspool-fcgi sync-failed - 1
 *
 * The time (ms since 1970), the program, the reason of the log line, its cause or "-", and how
 * often it was met since the line before with this reason and cause. A reason and cause of a
 * process adds a line at most once a minute. The file holds no personal data, and ends at
 * INCIDENTS_MAX bytes: what follows is dropped. An error while it is written is ignored, since it
 * is the report of an error.
 */
#ifndef BASE_INCIDENT_H
#define BASE_INCIDENT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

enum { INCIDENTS_MAX = 64 * 1024, INCIDENT_WORD = 64 };

/* From then on errors are kept. `program` is kept, not copied. */
void incident_open(const char *state_dir, const char *program);

/* What the next error line of this process is about, as a code: "smtp-auth-535". */
void incident_cause(const char *code);

/* Called by the log for each line of level error. */
void incident_note(const char *reason);

/*
 * Sets the lines aside and appends them to `out`; the same lines again until incident_taken. False:
 * there are none, or they cannot be read (errno).
 */
bool incident_take(const char *state_dir, struct buf *out);
/* They are reported: removes them. */
void incident_taken(const char *state_dir);

struct incident {
    int64_t when;
    char program[INCIDENT_WORD], reason[INCIDENT_WORD], cause[INCIDENT_WORD]; /* "": no cause */
    uint64_t count;
};

/* The next line of `*at`; lines of another form are skipped. False at the end. */
bool incident_next(const char **at, struct incident *incident);

#endif
