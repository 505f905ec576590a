/*
 * calcom: what Cal.com's bodies say, for the receiver and for the drain.
 *
 * Shapes of body (webhook version 2021-10-20, cal.com/docs/developing/guides/
 * automation/webhooks): the envelope {triggerEvent, createdAt, payload}; the
 * flat database row of MEETING_STARTED and MEETING_ENDED, whose createdAt is
 * the booking's age; and whatever a custom template makes, where members of the
 * payload mostly stand at the root.
 */
#ifndef PROVIDER_CALCOM_H
#define PROVIDER_CALCOM_H

#include <stdbool.h>
#include <stdint.h>

#include <cjson/cJSON.h>

#include "event/event.h"

/* The flat body of a meeting that started or ended. */
bool calcom_is_flat_meeting(const cJSON *root);
/* The scheduled time that such a body tells of, TIME_NONE without one. */
int64_t calcom_meeting_moment(const cJSON *root);

/* When the event was made, by the signed createdAt; TIME_NONE where that is no such time. */
int64_t calcom_sent_at(const cJSON *root);

/* Fills name, kind, sent_at and booking from a body that is a JSON object. */
void calcom_map(const cJSON *root, struct event *event);

#endif
