/*
 * history: the counters of the last month, so that rates and plots can be made of sums.
 *
 * The drain adds a sample at the end of each run: a copy of the sums, and what waited then. The
 * file `history` in BOOKSPOOL_STATE holds two rings of samples, of five minutes for a day and of an
 * hour for a month; a run within the same five minutes or hour replaces the sample, and what waited
 * most is kept. So the file never grows, and a run costs four system calls. What happened between
 * two samples is the difference of their sums; sums that began anew in between (the file of the
 * counters was removed) count from 0. It holds no personal data. It is never worth a run: a file
 * that cannot be used, or is of another form, is started anew.
 */
#ifndef REPORT_HISTORY_H
#define REPORT_HISTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/counters.h"
#include "health/facts.h"

#define HISTORY_FINE   (INT64_C(5) * 60 * 1000) /* ms */
#define HISTORY_COARSE (INT64_C(60) * 60 * 1000)

enum { HISTORY_FINE_SLOTS = 300, HISTORY_COARSE_SLOTS = 32 * 24 };

/* What has waited: gauges, of which the largest of an interval counts. */
enum history_gauge {
    GAUGE_WAITING, /* files in new/, replay/ and out/ */
    GAUGE_ASIDE,   /* files in held/, bad/ and failed/ */
    GAUGE_OLDEST,  /* ms that the oldest in new/ or out/ had waited */
    HISTORY_GAUGES
};

struct history_sample {
    int64_t at;                            /* 0: an empty slot */
    int64_t since;                         /* when the sums began */
    uint64_t accepted, duplicate, refused; /* answers to webhooks: refused for their signature */
    uint64_t kind[ROOM_KIND];              /* events by enum event_kind */
    uint64_t sent, given_up;               /* mails */
    uint64_t mailed[HISTOGRAM_BOUNDS + 1]; /* mails by the time from webhook to mail */
    int64_t gauge[HISTORY_GAUGES];
};

/* The present sample. */
void history_make(const struct health_facts *facts, struct history_sample *sample);

/* False: errno says why it could not be written. */
bool history_add(const char *state_dir, const struct history_sample *sample);

struct history {
    struct history_sample *fine, *coarse; /* oldest first */
    size_t fine_count, coarse_count;
};

/* `now` is the present sample, which becomes the last one of both. False: there is none yet, or it
 * cannot be read; then only the present one is there. history_free either way. */
bool history_read(const char *state_dir, const struct history_sample *now, struct history *history);
void history_free(struct history *history);

/* What happened from one point in time to another, in `difference`; gauges are the largest. False:
 * nothing is known of that time. */
bool history_between(
    const struct history *history, int64_t from, int64_t to, struct history_sample *difference);

#endif
