/*
 * replay: sends an event again on purpose.
 *
 * An operator puts an intact event file into replay/ under any name (cp done/ID
 * replay/x, or `bookspool replay`). The drain claims it by renaming it to ID.n, n
 * being a new replay number; from then on its mails are ID.n-r, so earlier mails
 * do not count as these, and a drain that dies finds the same claim when it
 * starts again, and repeats nothing.
 */
#ifndef SPOOL_REPLAY_H
#define SPOOL_REPLAY_H

#include <stdbool.h>
#include <stdint.h>

#include "spool/spool.h"

/* Puts an event file into replay/, durably, under its id (or "ID_2", ... where that exists). */
bool replay_put(struct spool *spool, const char *id, const struct buf *file);

/*
 * Renames replay/name to replay/ID.n without replacing, n being the first free number
 * from `replay_number` on, and syncs. claimed: the new name.
 */
bool replay_claim(struct spool *spool, const char *name, const char *id, int64_t replay_number,
    char claimed[MAIL_NAME_SIZE]);

#endif
