/*
 * prune: forgetting, on purpose and late.
 *
 * done/ and sent/ are the memory that recognises a retry, so what they forget
 * could come back as a new event. A name goes when its mtime (its completion)
 * is older than the retention, and only when its id is nowhere in play: not in
 * new/ replay/ held/ out/ failed/ bad/. Under the drain's lock, after its mails.
 *
 * No clock is believed by itself: the stamp file `.pruned` holds, as its mtime,
 * the last visit. Younger than a day: nothing to do. Older than two days, or in
 * the future: the clock may have jumped (or nobody drained for days), and
 * this visit only renews the stamp; the next one, a day later by the same clock, prunes.
 *
 * Giving up mails for their age believes the clock by the same stamp: prune_trusts_clock.
 *
 * tmp/ is swept in the same visit: what a writer left an hour ago is nobody's,
 * since no request lives longer than BOOKSPOOL_DEADLINE (five minutes at most).
 */
#ifndef SPOOL_PRUNE_H
#define SPOOL_PRUNE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "spool/spool.h"

struct prune_options {
    int64_t now;
    int64_t retention, retention_sent; /* ms */
    bool at_once;                      /* a person asked: the stamp is not consulted */
    bool dry_run;                      /* counts only; no stamp either */
};

struct prune_result {
    bool visited; /* false: not due, or the stamp was only renewed */
    size_t done, sent, temp;
};

/*
 * May something that cannot be taken back be done because so much time has passed? False where the
 * stamp is missing, older than two days or in the future, and for the day after, whose stamp was
 * only renewed.
 */
bool prune_trusts_clock(const struct spool *spool, int64_t now);

bool prune(struct spool *spool, const struct prune_options *options, struct prune_result *result);

#endif
