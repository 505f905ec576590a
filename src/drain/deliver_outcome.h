/*
 * deliver_outcome: what becomes of a mail in out/ after an attempt. Every way a mail
 * leaves out/, or gets its next attempt, is here.
 */
#ifndef DRAIN_DELIVER_OUTCOME_H
#define DRAIN_DELIVER_OUTCOME_H

#include <stdint.h>

#include "deliver/transport.h"
#include "drain/refusals.h"
#include "drain/run.h"
#include "spool/spool.h"

struct settle {
    struct run *run;
    unsigned unsynced;      /* renames to sent/ that are not synced yet */
    int64_t first_unsynced; /* monotonic */
    bool none_failed;       /* failed/ was empty behind the list: no mail of it was there before */
    struct refusals refusals;
    bool clock_doubted; /* logged already */
};

/* `before` is what was read before the attempt: its mode says whether an earlier one was unknown.
 */
enum run_result settle_mail(struct settle *settle, const char *name,
    const struct spool_file *before, const struct delivery_result *result);

/* A mail marked as sent by a run that could not rename it. */
enum run_result settle_marked_sent(struct settle *settle, const char *name, const char *key);

/* A mail of queue_was_sent: its name in out/ goes. */
enum run_result settle_was_sent(struct settle *settle, const char *name, const char *key);

enum run_result settle_sync(struct settle *settle);
/*
 * Once, behind the last mail: gives up the refused ones that waited, unless the run ends early
 * (`so_far`) and they are better asked about again; and syncs.
 */
enum run_result settle_end(struct settle *settle, enum run_result so_far);
/* Syncs when 64 renames or a second wait for it: asked before each mail, and while one waits. */
enum run_result settle_sync_due(struct settle *settle);

/* delay = age, held between the bounds; all in ms. */
int64_t settle_delay(int64_t age, int64_t shortest, int64_t longest);

#endif
