/*
 * reconcile_body: what an API says of a booking, as the bodies of the webhooks that it should have
 * brought. Pure.
 *
 * A body has the form of the provider's own webhook, so that provider/ maps it and everything after
 * that handles it as it handles a webhook. It says how the booking is now, not how it came to be
 * so: of one that was booked and cancelled there is the cancellation only. The exception is a
 * booking that replaced another one and did not stay: its creation is needed where the ledger still
 * has the other one as live, or that entry would stay in calendars for ever.
 *
 * A host moves a booking of Cal.com that has seats in place: it keeps its uid, and Cal.com sends
 * one BOOKING_RESCHEDULED without a seat. What the API says does not show it, so the caller has to
 * know it, and asks for that body by itself.
 *
 * The time of a body is the provider's own: when the booking was made, or ended. It has no time of
 * now in it, so the same answer gives the same body.
 *
 * Cal.com: items of GET /v2/bookings, version 2024-08-13 (BookingOutput, RecurringBookingOutput,
 * GetSeatedBookingOutput, GetRecurringSeatedBookingOutput of its openapi.json). They lack what
 * the event type hides (api/event_type.h), what was paid, whether Cal.com wrote the host's
 * calendar, iCalSequence, and labels of questions. Calendly: an item of GET
 * /scheduled_events/{id}/invitees, and its scheduled event: they are what the payload of a webhook
 * is made of.
 */
#ifndef API_RECONCILE_BODY_H
#define API_RECONCILE_BODY_H

#include <stdbool.h>

#include <cjson/cJSON.h>

/* When the body is news, besides its step not being known (ledger/step.h). */
enum reconcile_need {
    RECONCILE_ALWAYS,
    RECONCILE_OWN_LIVE,     /* if the booking is live in the ledger */
    RECONCILE_PREVIOUS_LIVE /* if the one that it replaced is */
};

/* `body` lives during the call. False ends it. */
typedef bool reconcile_take(void *context, enum reconcile_need need, const cJSON *body);

/* Calls `take` for each body. False: it returned false, or memory ran out. */
bool reconcile_calcom(const cJSON *booking, reconcile_take *take, void *context);
bool reconcile_calendly(
    const cJSON *scheduled, const cJSON *invitee, reconcile_take *take, void *context);

/* One body for each seat, where the booking has seats and is accepted. */
bool reconcile_calcom_seats(const cJSON *booking, reconcile_take *take, void *context);
/* The move of a booking with these of its seats (a list of seatUid) to where it is now. */
bool reconcile_calcom_move(
    const cJSON *booking, const cJSON *seats, reconcile_take *take, void *context);

/* Only the payload, to complete the body of a webhook: NULL when memory ran out. cJSON_Delete. */
cJSON *reconcile_calcom_payload(const cJSON *booking);

#endif
