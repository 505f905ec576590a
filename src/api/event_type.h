/*
 * event_type: what Cal.com's API says of an event type, for bookings: a list of bookings lacks what
 * the owner hides, and whether a booking waits for the owner's word.
 *
 * GET /v2/event-types/{id}, version 2024-06-14, also has those of teams for their hosts and admins.
 */
#ifndef API_EVENT_TYPE_H
#define API_EVENT_TYPE_H

#include <stdbool.h>

#include <cjson/cJSON.h>

#include "api/api.h"

/*
 * The event type of a booking of GET /v2/bookings. Each is asked for once, through the cache:
 * `types` is an object that has what is known, and owns the answer. NULL: the API did not say.
 */
const cJSON *event_type_of(struct api *api, cJSON *types, const cJSON *booking);

/* Do bookings of that type wait for the owner's word, always or at short notice? */
bool event_type_confirms(const cJSON *type);

/* Adds to a webhook's payload what it says is hidden; all, where `type` is NULL. False: memory ran
 * out. */
bool event_type_hide(cJSON *payload, const cJSON *type);

#endif
