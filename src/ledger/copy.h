/*
 * copy: the ledger as it was before an upgrade, beside it as PATH.N, N being its version. A
 * rollback begins with this copy. Internal to the ledger.
 */
#ifndef LEDGER_COPY_H
#define LEDGER_COPY_H

#include <stdbool.h>
#include <stdint.h>

struct ledger;

/*
 * Copies a ledger of that version, outside a transaction; the copy is durable. Where it would leave
 * fewer than `reserve` bytes free, nothing is written. Two programs may do so at once. False: the
 * reason is in ledger->failure.
 */
bool copy_keep(struct ledger *ledger, int version, int64_t reserve);

/*
 * Removes the copies of versions below `versions` that were made before then (ms since 1970), and
 * those that a program left unfinished.
 */
void copy_drop(const struct ledger *ledger, int versions, int64_t before);

#endif
