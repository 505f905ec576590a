/*
 * reconcile_cover: does a subscription of this receiver bring such a webhook? Pure.
 *
 * What none brings was left out by the owner, so it is not missing (api/reconcile.h).
 */
#ifndef API_RECONCILE_COVER_H
#define API_RECONCILE_COVER_H

#include <stdbool.h>

#include <cjson/cJSON.h>

#include "api/reconcile.h"

/* `body` has the form of the webhook. True also where the walk knows no covers. */
bool reconcile_is_covered(const struct reconcile_walk *walk, const cJSON *body);

#endif
