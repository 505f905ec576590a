/*
 * calcom_parts: what the files that map Cal.com's bodies share. Sources: the documented payloads
 * (cal.com/docs/developing/guides/automation/webhooks) and the code that builds them.
 */
#ifndef PROVIDER_CALCOM_PARTS_H
#define PROVIDER_CALCOM_PARTS_H

#include <cjson/cJSON.h>

#include "event/event.h"

/* The value of one response in any of its shapes, as text. */
const char *calcom_response_text(struct arena *arena, const cJSON *response);

/* The first answer to one of Cal.com's own fields for a telephone number, else NULL. */
const char *calcom_phone_answer(struct arena *arena, const cJSON *responses);

/* The answers of a booking; what its other fields hold already is left out. */
void calcom_map_answers(const cJSON *payload, struct event *event);
/* The answers of a form, all of them custom. */
void calcom_map_form_answers(const cJSON *responses, struct event *event);

/* An organizer, attendee, user or member of a team. */
struct person calcom_person(struct arena *arena, const cJSON *object);

/*
 * All fields of the booking that do not depend on the kind, and those that depend on event->kind,
 * which must be set.
 */
void calcom_map_booking(const cJSON *payload, struct event *event);
/* The members of a payload that calcom_map_booking reads; ends with NULL. */
extern const char *const calcom_booking_members[];

/* Place and join link. */
void calcom_map_place(const cJSON *payload, struct event *event);
/* Cal.com's pages for this booking: to move, cancel, and confirm it. */
void calcom_map_links(const cJSON *payload, struct event *event);

/* Reports of Cal.com on its own work. */
void calcom_map_wrong_assignment(const cJSON *payload, struct event *event);
void calcom_map_credential(const cJSON *payload, struct event *event);

#endif
