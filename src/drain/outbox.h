/*
 * outbox: what becomes of a mail in out/ after an attempt. Every way a mail
 * leaves out/, or gets its next attempt, is here.
 */
#ifndef DRAIN_OUTBOX_H
#define DRAIN_OUTBOX_H

#include <stdint.h>

#include "deliver/transport.h"
#include "drain/refusals.h"
#include "drain/run.h"
#include "spool/spool.h"

struct outbox {
    struct run *run;
    unsigned unsynced;      /* renames to sent/ that are not synced yet */
    int64_t first_unsynced; /* monotonic */
    bool none_failed;       /* failed/ was empty behind the list: no mail of it was there before */
    struct refusals refusals;
    bool clock_doubted; /* logged already */
};

/* `before` is what was read before the attempt: its mode says whether an earlier one was unknown.
 */
enum run_result outbox_apply(struct outbox *outbox, const char *name,
    const struct spool_file *before, const struct delivery_result *result);

/* A mail marked as sent by a run that could not rename it. */
enum run_result outbox_finish_rename(struct outbox *outbox, const char *name, const char *id);

/* A mail of queue_was_sent: its name in out/ goes. */
enum run_result outbox_drop_sent(struct outbox *outbox, const char *name, const char *id);

enum run_result outbox_sync(struct outbox *outbox);
/*
 * Once, behind the last mail: gives up the refused ones that waited, unless the run ends early
 * (`so_far`) and they are better asked about again; and syncs.
 */
enum run_result outbox_end(struct outbox *outbox, enum run_result so_far);
/* Syncs when 64 renames or a second wait for it: asked before each mail, and while one waits. */
enum run_result outbox_sync_due(struct outbox *outbox);

/* delay = age, held between the bounds; all in ms. */
int64_t retry_delay(int64_t age, int64_t shortest, int64_t longest);

#endif
