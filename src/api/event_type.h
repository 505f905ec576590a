/*
 * event_type: what Cal.com's API says of an event type, for bookings. A list of bookings lacks what
 * the owner hides, whether a booking waits for the owner's word, and a title that names no person;
 * some bodies of webhooks lack what is hidden, too.
 *
 * What a customer sees is never more than the event type allows: where it gives no answer, all that
 * is not said is hidden.
 *
 * GET /v2/event-types/{id}, version 2024-06-14, also has those of teams for their hosts and admins.
 */
#ifndef API_EVENT_TYPE_H
#define API_EVENT_TYPE_H

#include <stdbool.h>

#include <cjson/cJSON.h>

/* Gets a path from the API, through the cache: the answer, which the caller owns; NULL: none. */
typedef cJSON *event_type_ask(void *context, const char *path);

/*
 * The event type with that id (a JSON number; NULL: not known). Each is asked for once: `types` is
 * an object that has what is known, and owns the answer. NULL: the API did not say.
 */
const cJSON *event_type_of(cJSON *types, const cJSON *id, event_type_ask *ask, void *context);

/* Do bookings of that type wait for the owner's word, always or at short notice? */
bool event_type_confirms(const cJSON *type);

/* Does a webhook's payload say of everything whether it is hidden? */
bool event_type_is_said(const cJSON *payload);

/* Adds to a webhook's payload what it does not say: what is hidden, and the title of the type where
 * `type` is not NULL. False: memory ran out. */
bool event_type_complete(cJSON *payload, const cJSON *type);

#endif
