/*
 * calcom: Cal.com's webhooks.
 *
 * Shapes of body (webhook versions 2021-10-20 and 2026-07-27,
 * cal.com/docs/developing/guides/automation/webhooks): the envelope {triggerEvent, createdAt,
 * payload}; the flat database row of MEETING_STARTED and MEETING_ENDED, whose createdAt is the
 * booking's age; and the result of a custom template, which mostly has the payload's members at its
 * root.
 *
 * The status of KIND_REPORT: wrong_assignment, credential_error, credential_rotated,
 * credential_rotation_failed, credential_rotation_required. Its details: reported_by, assigned_to,
 * correct_assignee, routing_reason, guest; domain, platform, error, expires. Words of answers:
 * about, notes, phone, name, email, place, guests, move_reason.
 */
#ifndef PROVIDER_CALCOM_H
#define PROVIDER_CALCOM_H

#include "provider/provider.h"

extern const struct provider_row calcom_provider;

#endif
