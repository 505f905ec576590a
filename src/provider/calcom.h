/*
 * calcom: Cal.com's webhooks.
 *
 * Shapes of body (webhook version 2021-10-20, cal.com/docs/developing/guides/ automation/webhooks):
 * the envelope {triggerEvent, createdAt, payload}; the flat database row of MEETING_STARTED and
 * MEETING_ENDED, whose createdAt is the booking's age; and the result of a custom template, which
 * mostly has the payload's members at its root.
 */
#ifndef PROVIDER_CALCOM_H
#define PROVIDER_CALCOM_H

#include "provider/provider.h"

extern const struct provider_row calcom_provider;

#endif
