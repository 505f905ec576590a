/*
 * calcom_booking: the members of Cal.com's booking payload, and its answers.
 */
#ifndef PROVIDER_CALCOM_BOOKING_H
#define PROVIDER_CALCOM_BOOKING_H

#include <cjson/cJSON.h>

#include "event/event.h"

/* Everything that the payloads of several events share. event->kind is already set. */
void calcom_map_booking(const cJSON *payload, struct event *event);

/* {name | firstName, lastName, email, timeZone} */
struct person calcom_person(struct arena *arena, const cJSON *object);

/* Answers of a booking: those that are not fields of their own. */
void calcom_map_answers(const cJSON *payload, struct event *event);
/* Answers of a routing form: all of them. */
void calcom_map_form_answers(const cJSON *payload, struct event *event);

/* The text of a response, which is a value or an object around one; NULL when unanswered. */
const char *calcom_response(struct arena *arena, const cJSON *response);

#endif
