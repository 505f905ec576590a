#include "api/reconcile_body.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"

/* ---- members ---- */

/* A failed allocation leaves out a member; `complete` of the body says so in the end. */
static bool put(cJSON *object, const char *name, cJSON *value)
{
    if (value && cJSON_AddItemToObject(object, name, value))
        return true;
    cJSON_Delete(value);
    return false;
}

static bool put_text(cJSON *object, const char *name, const char *text)
{
    return !text || put(object, name, cJSON_CreateString(text));
}

/* A member of another object under a name of ours; absent and null ones are left out. */
static bool copy(cJSON *object, const char *name, const cJSON *from, const char *member)
{
    const cJSON *value = json_path(from, member);
    return !value || cJSON_IsNull(value) || put(object, name, cJSON_Duplicate(value, true));
}

/* Takes the body over. */
static bool hand_over(
    cJSON *body, bool complete, enum reconcile_need need, reconcile_take *take, void *context)
{
    bool ok = body && complete && take(context, need, body);
    cJSON_Delete(body);
    return ok;
}

/* ---- Cal.com ---- */

static cJSON *calcom_person(const cJSON *person)
{
    cJSON *object = cJSON_CreateObject();
    const char *locale = json_text(person, "language");
    bool ok = copy(object, "id", person, "id") && copy(object, "name", person, "name") &&
              copy(object, "email", person, "email") &&
              copy(object, "username", person, "username") &&
              copy(object, "timeZone", person, "timeZone") &&
              copy(object, "phoneNumber", person, "phoneNumber");
    cJSON *language = ok && locale ? cJSON_AddObjectToObject(object, "language") : NULL;
    if (ok && (!locale || (language && put_text(language, "locale", locale))))
        return object;
    cJSON_Delete(object);
    return NULL;
}

/* The first host, and the others as members of a team. */
static bool put_hosts(cJSON *payload, const cJSON *booking)
{
    const cJSON *hosts = json_get(booking, "hosts"), *host;
    cJSON *members = NULL;
    bool ok = true;
    if (!cJSON_IsArray(hosts))
        return true;
    cJSON_ArrayForEach (host, hosts) {
        cJSON *person = calcom_person(host);
        if (host == hosts->child) {
            ok = put(payload, "organizer", person) && ok;
            continue;
        }
        if (!members)
            members = cJSON_AddArrayToObject(cJSON_AddObjectToObject(payload, "team"), "members");
        ok = json_list_add(members, person) && ok;
    }
    return ok;
}

static bool put_attendees(cJSON *payload, const cJSON *booking, const cJSON *seat)
{
    const cJSON *list = json_get(booking, "attendees"), *one;
    cJSON *attendees = cJSON_AddArrayToObject(payload, "attendees");
    bool ok = attendees != NULL;
    if (!cJSON_IsArray(list))
        return ok;
    cJSON_ArrayForEach (one, list) {
        if (!seat || one == seat)
            ok = json_list_add(attendees, calcom_person(one)) && ok;
    }
    return ok;
}

static bool put_response(cJSON *responses, const char *name, const cJSON *value)
{
    cJSON *response = cJSON_AddObjectToObject(responses, name);
    return response && put_text(response, "label", name) &&
           put(response, "value", cJSON_Duplicate(value, true));
}

/* The answers are values without labels; the label of a question is its name then. */
static bool put_responses(cJSON *payload, const cJSON *booking, const cJSON *fields)
{
    const cJSON *field, *guests = json_get(booking, "guests");
    const cJSON *reason = json_get(booking, "reschedulingReason");
    cJSON *responses = cJSON_AddObjectToObject(payload, "responses");
    bool ok = responses != NULL;
    if (cJSON_IsObject(fields))
        cJSON_ArrayForEach (field, fields)
            if (field->string && !cJSON_IsNull(field))
                ok = ok && put_response(responses, field->string, field);
    if (ok && cJSON_IsArray(guests) && !json_get(responses, "guests"))
        ok = put_response(responses, "guests", guests);
    if (ok && cJSON_IsString(reason) && !json_get(responses, "rescheduleReason"))
        ok = put_response(responses, "rescheduleReason", reason);
    return ok;
}

/* The link of a video call is where the webhook has it. */
static bool put_link(cJSON *payload, const cJSON *booking)
{
    const char *link = json_text(booking, "meetingUrl");
    if (!copy(payload, "metadata", booking, "metadata"))
        return false;
    cJSON *metadata = cJSON_GetObjectItemCaseSensitive(payload, "metadata");
    if (!link || strncmp(link, "http", 4) != 0 || json_text(metadata, "videoCallUrl"))
        return true;
    if (!cJSON_IsObject(metadata)) {
        cJSON_DeleteItemFromObjectCaseSensitive(payload, "metadata");
        metadata = cJSON_AddObjectToObject(payload, "metadata");
    }
    return metadata && put_text(metadata, "videoCallUrl", link);
}

static bool has_seats(const cJSON *booking)
{
    const cJSON *attendees = json_get(booking, "attendees");
    return cJSON_IsArray(attendees) && json_text(attendees->child, "seatUid");
}

static bool fill_calcom(cJSON *payload, const cJSON *booking, const char *status, const cJSON *seat)
{
    /* of the webhook, of the API */
    static const char *const same[][2] = {{"bookingId", "id"}, {"uid", "uid"},
        {"description", "description"}, {"startTime", "start"}, {"endTime", "end"},
        {"length", "duration"}, {"type", "eventType.slug"}, {"eventTypeId", "eventType.id"},
        {"location", "location"}, {"iCalUID", "icsUid"}, {"rescheduleUid", "rescheduledFromUid"},
        {"rescheduledBy", "rescheduledByEmail"}, {"recurringEventId", "recurringBookingUid"}};
    char upper[32];
    bool ok = true;
    for (size_t i = 0; i < sizeof same / sizeof *same; i++)
        ok = ok && copy(payload, same[i][0], booking, same[i][1]);
    /* the title names the person who booked first: those with other seats must not know */
    ok = ok && (has_seats(booking) || copy(payload, "title", booking, "title"));
    snprintf(upper, sizeof upper, "%s", status);
    for (char *p = upper; *p; p++)
        *p = (char)toupper((unsigned char)*p);
    ok = ok && put_text(payload, "status", upper);
    if (strcmp(status, "cancelled") == 0)
        ok = ok && copy(payload, "cancellationReason", booking, "cancellationReason") &&
             copy(payload, "cancelledBy", booking, "cancelledByEmail");
    if (strcmp(status, "rejected") == 0)
        ok = ok &&
             copy(payload, "rejectionReason", booking,
                 json_text(booking, "rejectionReason") ? "rejectionReason" : "cancellationReason");
    ok = ok && put_hosts(payload, booking) && put_attendees(payload, booking, seat) &&
         put_link(payload, booking) &&
         put_responses(payload, booking, json_get(seat ? seat : booking, "bookingFieldsResponses"));
    return ok && (!seat || copy(payload, "attendeeSeatId", seat, "seatUid"));
}

/* `at`: the member that has the time of the step. */
static bool calcom_body(const cJSON *booking, const char *event, const char *status, const char *at,
    const cJSON *seat, enum reconcile_need need, reconcile_take *take, void *context)
{
    cJSON *body = cJSON_CreateObject();
    bool ok = put_text(body, "triggerEvent", event) && copy(body, "createdAt", booking, at);
    cJSON *payload = cJSON_AddObjectToObject(body, "payload");
    ok = ok && payload && fill_calcom(payload, booking, status, seat);
    return hand_over(body, ok, need, take, context);
}

/* One body for each person, where the booking has seats. */
static bool calcom_accepted(
    const cJSON *booking, enum reconcile_need need, reconcile_take *take, void *context)
{
    const char *event =
        json_text(booking, "rescheduledFromUid") ? "BOOKING_RESCHEDULED" : "BOOKING_CREATED";
    const cJSON *one;
    if (!has_seats(booking))
        return calcom_body(booking, event, "accepted", "createdAt", NULL, need, take, context);
    cJSON_ArrayForEach (one, json_get(booking, "attendees"))
        if (!calcom_body(booking, event, "accepted", "createdAt", one, need, take, context))
            return false;
    return true;
}

bool reconcile_calcom_seats(const cJSON *booking, reconcile_take *take, void *context)
{
    const char *status = json_text(booking, "status");
    if (!status || strcmp(status, "accepted") != 0 || !has_seats(booking))
        return true;
    return calcom_accepted(booking, RECONCILE_ALWAYS, take, context);
}

static bool is_listed(const cJSON *list, const char *text)
{
    const cJSON *item;
    cJSON_ArrayForEach (item, list)
        if (text && cJSON_IsString(item) && strcmp(item->valuestring, text) == 0)
            return true;
    return false;
}

bool reconcile_calcom_move(
    const cJSON *booking, const cJSON *seats, reconcile_take *take, void *context)
{
    cJSON *moved = cJSON_Duplicate(booking, true);
    cJSON *attendees = cJSON_GetObjectItemCaseSensitive(moved, "attendees");
    for (cJSON *one = attendees ? attendees->child : NULL, *next; one; one = next) {
        next = one->next;
        if (!is_listed(seats, json_text(one, "seatUid")))
            cJSON_Delete(cJSON_DetachItemViaPointer(attendees, one));
    }
    cJSON_DeleteItemFromObjectCaseSensitive(moved, "rescheduledFromUid"); /* an earlier move */
    bool ok = moved && calcom_body(moved, "BOOKING_RESCHEDULED", "accepted", "updatedAt", NULL,
                           RECONCILE_ALWAYS, take, context);
    cJSON_Delete(moved);
    return ok;
}

/* An old booking that was moved is "cancelled" with rescheduledToUid; Cal.com sends nothing about
 * it. */
bool reconcile_calcom(const cJSON *booking, reconcile_take *take, void *context)
{
    const char *status = json_text(booking, "status");
    bool moved = json_text(booking, "rescheduledToUid") != NULL;
    bool ended = status && (strcmp(status, "cancelled") == 0 || strcmp(status, "rejected") == 0);
    if (!status || !json_text(booking, "uid"))
        return true;
    if (strcmp(status, "accepted") == 0)
        return calcom_accepted(booking, RECONCILE_ALWAYS, take, context);
    if (strcmp(status, "pending") == 0)
        return calcom_body(booking, "BOOKING_REQUESTED", status, "createdAt", NULL,
            RECONCILE_ALWAYS, take, context);
    if (!ended)
        return true;
    if (strcmp(status, "cancelled") == 0 && json_text(booking, "rescheduledFromUid") &&
        !calcom_accepted(booking, RECONCILE_PREVIOUS_LIVE, take, context))
        return false;
    return moved || calcom_body(booking,
                        strcmp(status, "rejected") == 0 ? "BOOKING_REJECTED" : "BOOKING_CANCELLED",
                        status, "updatedAt", NULL, RECONCILE_ALWAYS, take, context);
}

cJSON *reconcile_calcom_payload(const cJSON *booking)
{
    cJSON *payload = cJSON_CreateObject();
    const char *status = json_text(booking, "status");
    if (payload && fill_calcom(payload, booking, status ? status : "", NULL))
        return payload;
    cJSON_Delete(payload);
    return NULL;
}

/* ---- Calendly ---- */

static bool calendly_body(const cJSON *scheduled, const cJSON *invitee, bool created,
    enum reconcile_need need, reconcile_take *take, void *context)
{
    static const char *const later[] = {"cancellation", "new_invitee", "no_show"};
    const cJSON *hosts = json_get(scheduled, "event_memberships");
    cJSON *body = cJSON_CreateObject();
    cJSON *payload = cJSON_Duplicate(invitee, true), *event = cJSON_Duplicate(scheduled, true);
    const char *at = json_text(invitee, created ? "created_at" : "cancellation.created_at");
    if (!at)
        at = json_text(invitee, "updated_at");
    bool ok = put_text(body, "created_at", at) &&
              copy(body, "created_by", hosts ? hosts->child : NULL, "user") &&
              put_text(body, "event", created ? "invitee.created" : "invitee.canceled");
    if (created && ok) { /* as it was then */
        for (size_t i = 0; i < sizeof later / sizeof *later; i++)
            cJSON_DeleteItemFromObjectCaseSensitive(payload, later[i]);
        cJSON_DeleteItemFromObjectCaseSensitive(payload, "rescheduled");
        cJSON_DeleteItemFromObjectCaseSensitive(payload, "status");
        cJSON_DeleteItemFromObjectCaseSensitive(event, "cancellation");
        cJSON_DeleteItemFromObjectCaseSensitive(event, "status");
        ok = put_text(payload, "status", "active") && put_text(event, "status", "active");
    }
    cJSON_DeleteItemFromObjectCaseSensitive(payload, "scheduled_event");
    bool taken = put(payload, "scheduled_event", event);
    bool complete = put(body, "payload", payload) && taken && ok;
    return hand_over(body, complete, need, take, context);
}

bool reconcile_calendly(
    const cJSON *scheduled, const cJSON *invitee, reconcile_take *take, void *context)
{
    const char *status = json_text(invitee, "status");
    bool moved = json_true(invitee, "rescheduled") || json_text(invitee, "new_invitee");
    if (!status || !json_text(invitee, "uri"))
        return true;
    if (strcmp(status, "active") == 0)
        return calendly_body(scheduled, invitee, true, RECONCILE_ALWAYS, take, context);
    if (strcmp(status, "canceled") != 0)
        return true;
    if (json_text(invitee, "old_invitee") &&
        !calendly_body(scheduled, invitee, true, RECONCILE_PREVIOUS_LIVE, take, context))
        return false;
    return calendly_body(
        scheduled, invitee, false, moved ? RECONCILE_OWN_LIVE : RECONCILE_ALWAYS, take, context);
}
