/*
 * waiting: what is due in new/, replay/ or out/, in the order in which the events arrived.
 *
 * The order comes from the headers (queue_arrival), because mtimes do not keep it: the kernel
 * stamps files with a coarse clock, a delayed file has the time of its next attempt, and `touch`
 * makes times equal. That is one short read per file, and none if only one is due.
 *
 * Names that do not fit are left where they are; one log line says how many there are.
 */
#ifndef DRAIN_WAITING_H
#define DRAIN_WAITING_H

#include <stddef.h>
#include <stdint.h>

#include "drain/run.h"
#include "spool/spool.h"

struct waiting {
    struct spool_list list; /* all of the directory */
    struct waiting_item {
        const struct spool_item *file;
        int64_t arrival; /* microseconds; 0: not read */
    } * due;
    size_t count;
};

/*
 * False: the directory could not be listed (errno and the step of the spool), nothing to free.
 * Counts the events that wait because they could not be composed (totals->uncomposed).
 */
bool waiting_find(struct run *run, enum spool_dir dir, struct waiting *waiting);
void waiting_free(struct waiting *waiting);

#endif
