/*
 * ids: a set of event ids, and which of them are in play: files of these events wait somewhere.
 */
#ifndef SPOOL_IDS_H
#define SPOOL_IDS_H

#include <stdbool.h>
#include <stddef.h>

#include "spool/spool.h"

struct ids {
    char (*id)[ID_SIZE];
    size_t count, room;
};

/* False: out of memory. */
bool ids_add(struct ids *ids, const char *id);
/* Before ids_have. */
void ids_sort(struct ids *ids);
bool ids_have(const struct ids *ids, const char *id);
void ids_free(struct ids *ids);

/*
 * Adds the id of each file of the directory. A file in replay/ may have any name: its header has
 * the id. One without an id is left out; false when one cannot be read for a passing reason
 * (EMFILE, EIO): then nothing may be forgotten.
 */
bool ids_add_dir(struct ids *ids, struct spool *spool, enum spool_dir dir);

#endif
