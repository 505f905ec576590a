/*
 * calendly: what the bodies of Calendly's webhooks (API v2) say.
 *
 * {created_at, created_by, event, payload}. An invitee is one person's booking;
 * its URI is the booking's uid. A move is two deliveries in no promised order:
 * invitee.canceled with new_invitee, which becomes KIND_CANCELLED with status
 * "moved", and invitee.created with old_invitee, which becomes KIND_RESCHEDULED
 * (developer.calendly.com, "See how webhook payloads change when invitees
 * reschedule events"). A no-show that is taken back has status "no_show_cleared".
 * Cancel and reschedule links are never taken over: who holds them can use them.
 */
#ifndef PROVIDER_CALENDLY_H
#define PROVIDER_CALENDLY_H

#include <cjson/cJSON.h>

#include "event/event.h"

/* Fills name, kind, sent_at and booking from a body that is a JSON object. */
void calendly_map(const cJSON *root, struct event *event);

/* Location and join URL of a scheduled event. */
void calendly_map_location(const cJSON *location, struct event *event);

#endif
