/*
 * reconcile_cover: does a subscription of this receiver bring such a webhook? Pure.
 *
 * What none brings was left out by the owner, so it is not missing (api/reconcile.h). Cal.com asks
 * for webhooks by the event type (getWebhooks and triggerForUser of its source):
 *
 *     event type    those of this type
 *     user          those of types that the user owns, copies of a team's managed types too; those
 *                   of a team's types never, although the user may be their host
 *     organization  those of its members' and its teams' types
 *
 * Its list of bookings has more: also those that the user has booked with others, and those of
 * teams. Which type is whose, GET /v2/event-types/{id} says; it has those of the user and the
 * user's teams.
 *
 * Not covered, since it cannot be said: at Cal.com, what is of another member's own event type, or
 * of one that is gone; at Calendly, what only the subscription of a group brings.
 */
#ifndef API_RECONCILE_COVER_H
#define API_RECONCILE_COVER_H

#include <stdbool.h>

#include <cjson/cJSON.h>

#include "api/reconcile.h"

/* `body` has the form of the webhook. True also where the walk knows no covers. At Cal.com the
 * event type may still say no. */
bool reconcile_is_covered(const struct reconcile_walk *walk, const cJSON *body);

/* Cal.com; `type` is the event type, NULL: not known (api/event_type.h). */
bool reconcile_covers_type(const struct reconcile_walk *walk, const cJSON *body, const cJSON *type);

#endif
