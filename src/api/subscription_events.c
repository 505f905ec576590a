#include <string.h>

#include "api/subscription.h"
#include "base/nearest.h"

/* developer.calendly.com, "create webhook subscription"; scopes: docs/authentication/scopes. */
static const struct webhook_event calendly_events[] = {
    {"invitee.created", .needs = "scheduled_events:read", .usual = true},
    {"invitee.canceled", .needs = "scheduled_events:read", .usual = true},
    {"invitee_no_show.created", .needs = "scheduled_events:read", .usual = true},
    {"invitee_no_show.deleted", .needs = "scheduled_events:read", .usual = true},
    {"routing_form_submission.created", .scopes = "organization", .needs = "routing_forms:read"},
    {"event_type.created", .needs = "event_types:read"},
    {"event_type.updated", .needs = "event_types:read"},
    {"event_type.deleted", .needs = "event_types:read"},
    {"contact.created", .needs = "contacts:read"},
    {"contact.updated", .needs = "contacts:read"},
    {"contact.deleted", .needs = "contacts:read"},
    {.name = "meeting_recap.created"},
    {.name = "meeting_recap.updated"},
    {.name = "meeting_recap.deleted"},
    {0},
};

/* cal.com/docs/developing/guides/automation/webhooks, as of version 2026-07-27. */
static const struct webhook_event calcom_events[] = {
    {"BOOKING_CREATED", .usual = true},
    {"BOOKING_RESCHEDULED", .usual = true},
    {"BOOKING_CANCELLED", .usual = true},
    {"BOOKING_REQUESTED", .usual = true},
    {"BOOKING_REJECTED", .usual = true},
    {"BOOKING_PAID", .usual = true},
    {"BOOKING_LOCATION_UPDATED", .usual = true, .recent = true},
    {"BOOKING_REASSIGNED", .usual = true, .recent = true},
    {"BOOKING_NO_SHOW_UPDATED", .usual = true},
    {.name = "BOOKING_PAYMENT_INITIATED"},
    {.name = "INSTANT_MEETING"},
    {"INSTANT_MEETING_ACCEPTED", .recent = true},
    {.name = "MEETING_STARTED"},
    {.name = "MEETING_ENDED"},
    {.name = "RECORDING_READY"},
    {.name = "RECORDING_TRANSCRIPTION_GENERATED"},
    {.name = "FORM_SUBMITTED"},
    {.name = "FORM_SUBMITTED_NO_EVENT"},
    {"ROUTING_FORM_FALLBACK_HIT", .recent = true},
    {.name = "OOO_CREATED"},
    {.name = "AFTER_HOSTS_CAL_VIDEO_NO_SHOW"},
    {.name = "AFTER_GUESTS_CAL_VIDEO_NO_SHOW"},
    {"WRONG_ASSIGNMENT_REPORT", .recent = true},
    {.name = "DELEGATION_CREDENTIAL_ERROR"},
    {"DELEGATION_CREDENTIAL_SECRET_ROTATED", .recent = true},
    {"DELEGATION_CREDENTIAL_SECRET_ROTATION_FAILED", .recent = true},
    {"DELEGATION_CREDENTIAL_ROTATION_REQUIRED", .recent = true},
    {0},
};

/* Names that many list and that do not exist. */
static const struct {
    const char *name, *instead;
} invented[] = {
    {"invitee.rescheduled", "a move is sent as invitee.canceled and invitee.created"},
    {"invitee.no_show", "it is invitee_no_show.created"},
    {"BOOKING_CONFIRMED", "a confirmed request is sent as BOOKING_CREATED"},
    {"BOOKING_COMPLETED", "MEETING_ENDED comes nearest"},
    {"BOOKING_NO_SHOW", "it is BOOKING_NO_SHOW_UPDATED"},
    {"BOOKING_REOPENED", "no other one says so"},
    {"PING", "it is what the button Test sends, and needs no subscription"},
};

const struct webhook_event *webhook_events(enum provider provider)
{
    return provider == PROVIDER_CALENDLY ? calendly_events : calcom_events;
}

const struct webhook_event *webhook_event_find(enum provider provider, const char *name)
{
    for (const struct webhook_event *event = webhook_events(provider); event->name; event++)
        if (strcmp(event->name, name) == 0)
            return event;
    return NULL;
}

void webhook_event_explain(enum provider provider, const char *name, struct buf *out)
{
    struct nearest nearest = {.wanted = name};
    buf_printf(out, "%s has no event %s", provider_table[provider]->title, name);
    for (size_t i = 0; i < sizeof invented / sizeof *invented; i++)
        if (strcmp(invented[i].name, name) == 0) {
            buf_printf(out, ": %s", invented[i].instead);
            return;
        }
    for (const struct webhook_event *event = webhook_events(provider); event->name; event++)
        nearest_try(&nearest, event->name);
    if (nearest.best)
        buf_printf(out, "; did you mean %s?", nearest.best);
    else
        buf_puts(out, "; bookspool(1) lists those that exist");
}
