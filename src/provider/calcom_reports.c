#include "base/json.h"
#include "event/clean.h"
#include "provider/calcom_parts.h"
#include "provider/map.h"

/* An object with name and email, or a text. */
static const char *person_text(struct arena *arena, const cJSON *object, const char *name)
{
    const char *text = map_line(arena, object, name);
    return text ? text : map_person_text(arena, calcom_person(arena, json_get(object, name)));
}

/*
 * {booking, report}: somebody says that a form led a guest to the wrong host. Older versions have
 * the booking's members and additionalNotes at the top.
 */
void calcom_map_wrong_assignment(const cJSON *payload, struct event *event)
{
    struct arena *arena = &event->arena;
    struct booking *b = &event->booking;
    const cJSON *booking = json_get(payload, "booking"), *report = json_get(payload, "report");
    calcom_map_booking(cJSON_IsObject(booking) ? booking : payload, event);
    b->status = "wrong_assignment";
    if (!cJSON_IsObject(report))
        return;
    b->notes = map_text(arena, report, "additionalNotes");
    b->organizer = calcom_person(arena, json_get(report, "host"));
    map_add_host(event, b->organizer);
    map_add_detail(event, "reported_by", person_text(arena, report, "reportedBy"), TIME_NONE);
    map_add_detail(event, "assigned_to", person_text(arena, report, "host"), TIME_NONE);
    map_add_detail(
        event, "correct_assignee", person_text(arena, report, "correctAssignee"), TIME_NONE);
    map_add_detail(event, "routing_reason", map_line(arena, report, "routingReason"), TIME_NONE);
    map_add_detail(event, "guest", person_text(arena, report, "guest"), TIME_NONE);
}

/*
 * DELEGATION_CREDENTIAL_...: the key by which Cal.com reaches the calendars of all people of a
 * domain. DELEGATION_CREDENTIAL_ERROR of 2025 is about one user, with `credential` and `user`.
 */
void calcom_map_credential(const cJSON *payload, struct event *event)
{
    struct arena *arena = &event->arena;
    const cJSON *credential = json_get(payload, "delegationCredential");
    const cJSON *error = json_get(payload, "error");
    const char *message = map_line(arena, error, "message"), *code = map_id(arena, error, "code");
    const char *platform = map_line(arena, credential, "workspacePlatform");
    if (!code)
        code = map_line(arena, error, "type");
    if (message && code)
        message = clean_line(arena, arena_printf(arena, "%s (%s)", message, code));
    if (!platform)
        platform = map_line(arena, credential, "workspacePlatform.name");
    if (!platform)
        platform = map_line(arena, payload, "credential.appId");
    event->booking.organizer = calcom_person(arena, json_get(payload, "user"));
    map_add_host(event, event->booking.organizer);
    map_add_detail(event, "domain", map_line(arena, credential, "domain"), TIME_NONE);
    map_add_detail(event, "platform", platform, TIME_NONE);
    map_add_detail(event, "error", message ? message : code, TIME_NONE);
    map_add_detail(event, "expires", NULL, map_time(credential, "secretExpiresAt"));
}
