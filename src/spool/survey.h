/*
 * survey: how many files wait in the spool, and since when, at a price that does not grow with
 * their number.
 *
 * The drain counts at the end of each run, when it has listed the directories anyway, and writes
 * what it found into the counters. The receiver adds what it has accepted since, and takes off what
 * drains have taken. So an estimate is exact but for what came while the drain counted (counted
 * twice until the next run) and what people moved by hand; a directory that is empty counts as
 * empty, and new/ never counts as empty when it is not. Of done/, sent/ and tmp/, where nothing
 * waits, nothing is known.
 */
#ifndef SPOOL_SURVEY_H
#define SPOOL_SURVEY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/counters.h"
#include "spool/spool.h"

/* The directories whose files wait for something: new, replay, out, failed, held, bad. */
bool survey_covers(enum spool_dir dir);

struct survey {
    int64_t count[SPOOL_DIRS];  /* without .why files */
    int64_t oldest[SPOOL_DIRS]; /* since when; TIME_NONE: nothing waits, or it is not known */
};

/*
 * Counts, and sets COUNT_FILES, COUNT_OLDEST_AT, COUNT_OUT_WAITING and what belongs to them. Of at
 * most SURVEY_READ_MAX mails in out/ the header is read, which has their age; of more, the time of
 * the next attempt serves. Call it with the lock held. False: a directory could not be read.
 */
enum { SURVEY_READ_MAX = 10000 };
bool survey_take(struct spool *spool, int64_t now);

/* The estimate. `counters` is a copy of this moment. */
void survey_estimate(struct spool *spool, const struct counters *counters, struct survey *survey);

/* An event was accepted at `now`, or a drain moved one out of new/. */
void survey_accepted(int64_t now);
void survey_taken(void);

/* ---- can events be stored? ---- */

struct spool_space {
    int64_t bytes;  /* free for this user */
    int64_t inodes; /* -1: the file system has no fixed number */
    bool read_only;
};

/* False: it cannot be found out (errno and the step of the spool). */
bool survey_space(struct spool *spool, struct spool_space *space);

/* Does this process have permission to put files where the receiver does? Writes nothing. */
bool survey_writable(struct spool *spool);

#endif
