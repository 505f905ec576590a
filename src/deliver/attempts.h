/*
 * attempts: what came of the last attempt of each mail that waits, for people who look at out/.
 *
 * One small file, `attempts` in BOOKSPOOL_STATE. A sender appends a line for each attempt without
 * success, with one write(2), so that several may do so at once; at the end of a run the drain
 * leaves one line for each mail that is still in out/, and removes the file where there is none. A
 * mail that is accepted costs nothing. Delivery never depends on the file: a failure here is
 * silent, nothing is synced, and it may be removed at any time. It is filled up to ATTEMPTS_MAX;
 * mails beyond that have no line.
 *
 *     NAME \t TIME \t TRIES \t OUTCOME \t REASON \t WORDS \t DETAIL
 *
 * NAME "*" is for a run that ended because no other mail could be sent either. DETAIL has the other
 * side's words, which may name the recipient: it goes to terminals, not into logs.
 */
#ifndef DELIVER_ATTEMPTS_H
#define DELIVER_ATTEMPTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "deliver/transport.h"

enum { ATTEMPTS_MAX = 1 << 20 };

#define ATTEMPTS_RUN "*"

/* Of the mail of that name, or of the run. `now` in ms. */
void attempts_note(
    const char *state_dir, const char *name, int64_t now, const struct delivery_result *result);

/*
 * Under the drain's lock, when no sender runs: keeps the last line of each mail for which `waits`
 * returns true, and that of the run if `run_ended` (early, this time too).
 */
void attempts_keep(const char *state_dir, bool (*waits)(void *context, const char *name),
    void *context, bool run_ended);

struct attempt_note {
    const char *name;
    int64_t at;
    unsigned tries; /* without success */
    const char *outcome, *reason, *words, *detail;
};

struct attempts {
    struct buf text;
    struct attempt_note *item; /* by name, once each; texts point into `text` */
    size_t count, room;
};

/* What cannot be read or understood is left out; none is the usual case. */
void attempts_read(const char *state_dir, struct attempts *attempts);
/* NULL: none. */
const struct attempt_note *attempts_find(const struct attempts *attempts, const char *name);
void attempts_free(struct attempts *attempts);

#endif
