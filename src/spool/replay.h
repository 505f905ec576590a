/*
 * replay: sending an event again on purpose.
 *
 * An operator puts a whole event file into replay/ under any name (cp
 * done/K replay/x, or `bookspool replay`). The drain claims it by renaming it
 * to ID.g, g being a replay_number nobody has used; from then on its mails are
 * ID.g-r, so the memory of earlier mails does not swallow them, and a drain
 * that dies and starts again finds the same claim and repeats nothing.
 */
#ifndef SPOOL_REPLAY_H
#define SPOOL_REPLAY_H

#include <stdbool.h>
#include <stdint.h>

#include "spool/spool.h"

/* Puts a sealed event file into replay/, durably, under its id (or "KEY_2", ... where taken). */
bool replay_put(struct spool *spool, const char *id, const struct buf *file);

/*
 * Is this replay_number of the event in use? Asks out/, sent/ and failed/ for one recipient's mail.
 * False when it cannot be found out.
 */
bool replay_look(struct spool *spool, const char *mail_name, bool *there);

/*
 * Renames replay/name to replay/ID.g, g from `replay_number` upwards until free,
 * without replacing, and syncs. claimed: the new name.
 */
bool replay_claim(struct spool *spool, const char *name, const char *id, int64_t replay_number,
    char claimed[MAIL_NAME_SIZE]);

#endif
