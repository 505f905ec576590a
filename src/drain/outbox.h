/*
 * outbox: applies the outcome of an attempt to a mail in out/. A mail leaves out/, or gets its next
 * attempt, only here.
 *
 * A refusal for good is not applied at once. A wrong setting (a relay that does not know us, a
 * sender address that it rejects) makes servers refuse every recipient or message with the same
 * words, and must not cost the mails. So the mail stays untouched in out/ until another mail of the
 * run is accepted, or refused for another reason: then each refusal concerns its own mail. When
 * three recipients were refused alike and nothing else happened, all are put off and the run ends;
 * the next run begins with other mails, so a few dead addresses delay no others. When a run comes
 * to its end with fewer of them, they are given up; when it ends early, they stay in out/. Of
 * several senders each sees the refusals of its own recipients only, so where none of them had a
 * mail accepted, the refused ones are put off at the end and the run counts as blocked.
 *
 * A reply to one mail that says that the sender or the installation is refused (`doubtful`) blocks
 * the run when a second mail meets the like, or no other mail is left to try. When another is
 * accepted in the same run, by any sender, the reply concerned its own mail after all, which is put
 * off: what one customer books, or what his mail server says, does not stop the mails of the
 * others.
 *
 * When the other side says that it accepts nothing for a while (`wait_ms`), the run ends, and the
 * mails that were not tried get the same time for their next attempt.
 */
#ifndef DRAIN_OUTBOX_H
#define DRAIN_OUTBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/address.h"
#include "deliver/transport.h"
#include "drain/run.h"
#include "spool/spool.h"

/* An attempt without success: the mail, and what came of it. */
struct refusal {
    char name[MAIL_NAME_SIZE], id[ID_SIZE];
    char to[ADDRESS_SIZE];
    int64_t queued;
    mode_t marks; /* that stay on the file */
    struct delivery_result result;
};

struct outbox {
    struct run *run;
    unsigned unsynced;       /* renames to sent/ that are not synced yet */
    int64_t first_unsynced;  /* monotonic */
    bool failed_empty;       /* failed/ was empty after the listing: it has no mail of the list */
    bool clock_doubted;      /* logged already */
    bool refusals_trusted;   /* each concerns its own mail: none waits any more */
    bool shared;             /* one of several senders: the others may be refused alike */
    struct refusal *refusal; /* those that wait, all for the same reason */
    size_t refused, refusal_room;
    size_t recipients;    /* different ones among them */
    bool doubting;        /* `doubt` is set */
    struct refusal doubt; /* said that the sender is refused, and nothing else happened since */
    int64_t rest_until;   /* nothing is accepted before, says the other side; 0: it does not */
};

/* `before` was read before the attempt: its mode says whether an earlier outcome was unknown. */
enum run_result outbox_apply(struct outbox *outbox, const char *name,
    const struct spool_file *before, const struct delivery_result *result);

/*
 * Completes the rename of a mail that was sent before: `marked` by a run that could not rename it,
 * else the same file as in sent/ (queue_was_sent).
 */
enum run_result outbox_finish(struct outbox *outbox, const char *name, const char *id, bool marked);

/* Syncs when 64 renames or a second wait for it: called before each mail, and during waits. */
enum run_result outbox_sync_due(struct outbox *outbox);

/*
 * Once, after the last mail. Gives up the refused mails that wait, unless the run ends early
 * (`so_far`) and the next run should try them again; and syncs.
 */
enum run_result outbox_end(struct outbox *outbox, enum run_result so_far);

/* Gives a mail that was not tried the time of rest_until, where that is later than its own. */
void outbox_rest(struct outbox *outbox, const struct spool_item *item);

/* The age, limited to the bounds; all in ms. */
int64_t outbox_delay(int64_t age, int64_t shortest, int64_t longest);

#endif
