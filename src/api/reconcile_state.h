/*
 * reconcile_state: where the walks of reconciling were stopped, in reconcile.json of
 * BOOKSPOOL_STATE. It is written when a walk ends; what was found until then is durable in the
 * spool where the cursor says `applied`, so a walk that is continued misses nothing. A file that
 * cannot be read begins all walks anew; so does a walk that began more than a day ago, since what
 * changed meanwhile may lie before where the walk is.
 */
#ifndef API_RECONCILE_STATE_H
#define API_RECONCILE_STATE_H

#include <stdbool.h>
#include <stdint.h>

#include "api/reconcile.h"

void reconcile_state_load(
    const char *state_dir, int64_t now, struct reconcile_cursor cursor[PROVIDERS]);
/* False, with errno. */
bool reconcile_state_save(const char *state_dir, const struct reconcile_cursor cursor[PROVIDERS]);

#endif
