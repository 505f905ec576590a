/*
 * facts: what the health is made from: limits of the settings, the state of the spool, and the
 * counters. health_gather is the one part of this room that looks at anything, and its cost does
 * not grow with the number of files that wait (spool/survey.h).
 */
#ifndef HEALTH_FACTS_H
#define HEALTH_FACTS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/conf.h"
#include "base/counters.h"
#include "provider/provider.h"
#include "spool/survey.h"

/* From the settings, to be read before conf_wipe_secrets. */
struct health_limits {
    bool secrets_known; /* this program may have them */
    bool secret[PROVIDERS][PROVIDER_SECRETS];
    int64_t window[PROVIDERS];  /* ms */
    int64_t silence[PROVIDERS]; /* ms; 0: not checked */
    int64_t stale;              /* ms */
    int64_t key_age;            /* ms after which a secret or token is due for rotation */
    bool token_checks;          /* of the providers' APIs */
    int64_t token_interval;     /* ms between them */
    int64_t grace;              /* ms for which the first run of a drain may be awaited */
    int64_t reserve_bytes, reserve_inodes;
};

/* False, with a line in `why`, when BOOKSPOOL_SILENCE cannot be understood. */
bool health_limits_read(const struct conf *conf, struct health_limits *limits, struct buf *why);

struct health_facts {
    int64_t now;
    struct health_limits limits;
    const char *storing; /* why no event can be stored, a reason code; NULL: it can */
    char trouble[SPOOL_STEP_SIZE + 64]; /* the step that failed, for the log */
    bool space_known;
    struct spool_space space;
    struct survey survey;
    bool counted;             /* there are counters */
    bool drain_at_work;       /* where that was looked for */
    struct counters counters; /* with what was found of the spool in place of older values */
};

/* `counted`: counters_open or counters_open_readonly has succeeded, or counts in memory. */
void health_gather(const struct health_limits *limits, struct spool *spool, bool counted,
    int64_t now, struct health_facts *facts);

/* One value of the counters; a time that is 0 is TIME_NONE. */
int64_t health_time(const struct health_facts *facts, enum counter which);

/* When a webhook of this provider last had a right signature, of whichever secret; a ping is none.
 * TIME_NONE: never. */
int64_t health_last_genuine(const struct health_facts *facts, enum provider provider);

#endif
