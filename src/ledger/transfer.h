/*
 * transfer: all of a ledger into another one, of the same kind or not: from SQLite to PostgreSQL
 * and back.
 *
 * The other ledger may be empty, or hold a part of the same rows, as after a transfer that was
 * interrupted: what is there already is not written again. A row that differs, or that the first
 * ledger does not have, is other data: nothing is written then.
 */
#ifndef LEDGER_TRANSFER_H
#define LEDGER_TRANSFER_H

#include <stdbool.h>
#include <stdint.h>

#include "ledger/ledger.h"

struct transfer {
    int64_t rows;    /* of the first ledger */
    int64_t written; /* that the other one did not have */
};

/*
 * The first ledger must not change meanwhile; the other one is written in batches, each of them
 * durable. At the end both are compared, row by row. `progress` is called now and then, with the
 * rows that were read so far. False: `why`.
 */
bool ledger_transfer(struct ledger *from, struct ledger *to,
    void (*progress)(void *context, const char *table, int64_t rows), void *context,
    struct transfer *result, struct buf *why);

#endif
