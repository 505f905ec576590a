/*
 * prune: removes old names from done/ and sent/.
 *
 * done/ and sent/ are the memory that recognises a retry; a retry of what was removed would be a
 * new event. A name is removed when its mtime (its completion) is older than the retention, and
 * only when its id is in none of new/ replay/ held/ out/ failed/ bad/. The drain prunes under its
 * lock, after its mails.
 *
 * The clock alone is not trusted: the mtime of the stamp file `.pruned` is the last visit. Younger
 * than a day: nothing to do. Older than two days, or in the future: the clock may have jumped (or
 * no drain has run for days), and this visit only renews the stamp; the next one, a day later by
 * the same clock, prunes. Giving up mails for their age depends on the same stamp:
 * prune_trusts_clock.
 *
 * The same visit removes files in tmp/ that are older than an hour: no request lives longer than
 * BOOKSPOOL_DEADLINE (five minutes at most).
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
    bool at_once;                      /* an operator asked: the stamp is ignored */
    bool dry_run;                      /* counts only; no stamp either */
};

struct prune_result {
    bool visited; /* false: not due, or the stamp was only renewed */
    size_t done, sent, temp;
};

/*
 * May something that cannot be undone be done because of the time? False when the stamp is missing,
 * older than two days or in the future, and for a day after it was only renewed.
 */
bool prune_trusts_clock(const struct spool *spool, int64_t now);

bool prune(struct spool *spool, const struct prune_options *options, struct prune_result *result);

#endif
