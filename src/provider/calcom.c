#include "provider/calcom.h"

#include <string.h>

#include "base/json.h"
#include "event/clean.h"
#include "provider/calcom_booking.h"
#include "provider/map.h"

static void map_no_show(const cJSON *payload, struct event *event);
static void map_recording(const cJSON *payload, struct event *event);
static void map_form(const cJSON *payload, struct event *event);
static void map_out_of_office(const cJSON *payload, struct event *event);
static void map_credential_error(const cJSON *payload, struct event *event);

/*
 * A payment that was begun is unpaid although its status says accepted: it is no booking yet, and
 * any kind of its own would promise one.
 */
static const struct {
    const char *name;
    enum event_kind kind;
    void (*map)(const cJSON *payload, struct event *event);
} events[] = {
    {"BOOKING_CREATED", KIND_CREATED, calcom_map_booking},
    {"BOOKING_RESCHEDULED", KIND_RESCHEDULED, calcom_map_booking},
    {"BOOKING_CANCELLED", KIND_CANCELLED, calcom_map_booking},
    {"BOOKING_REQUESTED", KIND_REQUESTED, calcom_map_booking},
    {"BOOKING_REJECTED", KIND_REJECTED, calcom_map_booking},
    {"BOOKING_PAID", KIND_PAID, calcom_map_booking},
    {"BOOKING_PAYMENT_INITIATED", KIND_OTHER, calcom_map_booking},
    {"BOOKING_NO_SHOW_UPDATED", KIND_NO_SHOW, map_no_show},
    {"AFTER_HOSTS_CAL_VIDEO_NO_SHOW", KIND_NO_SHOW, map_no_show},
    {"AFTER_GUESTS_CAL_VIDEO_NO_SHOW", KIND_NO_SHOW, map_no_show},
    {"MEETING_STARTED", KIND_MEETING_STARTED, calcom_map_booking},
    {"MEETING_ENDED", KIND_MEETING_ENDED, calcom_map_booking},
    {"RECORDING_READY", KIND_RECORDING, map_recording},
    {"RECORDING_TRANSCRIPTION_GENERATED", KIND_RECORDING, map_recording},
    {"FORM_SUBMITTED", KIND_FORM, map_form},
    {"FORM_SUBMITTED_NO_EVENT", KIND_FORM, map_form},
    {"ROUTING_FORM_FALLBACK_HIT", KIND_FORM, map_form},
    {"INSTANT_MEETING", KIND_CREATED, calcom_map_booking},
    {"OOO_CREATED", KIND_OUT_OF_OFFICE, map_out_of_office},
    {"DELEGATION_CREDENTIAL_ERROR", KIND_OTHER, map_credential_error},
    {"WRONG_ASSIGNMENT_REPORT", KIND_OTHER, calcom_map_booking},
    {"PING", KIND_PING, calcom_map_booking},
};

enum { EVENTS = sizeof events / sizeof *events };

/* The payload, or the root where there is no payload object. */
static const cJSON *payload_of(const cJSON *root)
{
    const cJSON *payload = json_get(root, "payload");
    return cJSON_IsObject(payload) ? payload : root;
}

bool calcom_is_flat_meeting(const cJSON *root)
{
    const char *name = json_text(root, "triggerEvent");
    return name && payload_of(root) == root &&
           (strcmp(name, "MEETING_STARTED") == 0 || strcmp(name, "MEETING_ENDED") == 0);
}

int64_t calcom_meeting_moment(const cJSON *root)
{
    bool ended = strcmp(json_text(root, "triggerEvent"), "MEETING_ENDED") == 0;
    return map_time(root, ended ? "endTime" : "startTime");
}

int64_t calcom_sent_at(const cJSON *root)
{
    if (!json_text(root, "triggerEvent") || calcom_is_flat_meeting(root))
        return TIME_NONE;
    return map_time(root, "createdAt");
}

/* Whether the mark was set or taken back shows only in the attendees. */
static const char *no_show_status(const cJSON *payload)
{
    const cJSON *attendees = json_get(payload, "attendees"), *item;
    bool told = false;
    if (!cJSON_IsArray(attendees))
        return "no_show";
    cJSON_ArrayForEach (item, attendees) {
        if (json_true(item, "noShow"))
            return "no_show";
        told |= cJSON_IsFalse(json_get(item, "noShow"));
    }
    return told ? "no_show_cleared" : "no_show";
}

static void map_no_show(const cJSON *payload, struct event *event)
{
    struct booking *b = &event->booking;
    bool marked = strcmp(event->name, "BOOKING_NO_SHOW_UPDATED") == 0;
    calcom_map_booking(payload, event);
    b->status = marked ? no_show_status(payload) : "no_show";
    if (!b->description)
        b->description = map_text(&event->arena, payload, "message");
}

static void map_recording(const cJSON *payload, struct event *event)
{
    struct arena *arena = &event->arena;
    const cJSON *transcripts = json_path(payload, "downloadLinks.transcription");
    calcom_map_booking(payload, event);
    event->booking.link = map_url(arena, payload, "downloadLink");
    if (!event->booking.link && cJSON_IsArray(transcripts))
        event->booking.link = map_url(arena, transcripts->child, "link");
    if (!event->booking.link)
        event->booking.link = map_url(arena, payload, "downloadLinks.recording");
}

static void map_form(const cJSON *payload, struct event *event)
{
    static const char *const titles[] = {"formName", "form.name", NULL};
    event->booking.title = map_first(&event->arena, payload, titles);
    calcom_map_form_answers(payload, event);
}

static void map_out_of_office(const cJSON *payload, struct event *event)
{
    struct arena *arena = &event->arena;
    struct booking *b = &event->booking;
    const cJSON *entry = json_get(payload, "oooEntry");
    b->start = map_time(entry, "start");
    b->end = map_time(entry, "end");
    b->description = map_text(arena, entry, "notes");
    b->reason = map_line(arena, entry, "reason.reason");
    b->organizer = calcom_person(arena, json_get(entry, "user"));
}

static void map_credential_error(const cJSON *payload, struct event *event)
{
    calcom_map_booking(payload, event);
    if (!event->booking.description)
        event->booking.description = map_text(&event->arena, payload, "error.message");
}

void calcom_map(const cJSON *root, struct event *event)
{
    const cJSON *payload = payload_of(root);
    event->name = clean_token(&event->arena, json_text(root, "triggerEvent"));
    event->sent_at = calcom_sent_at(root);
    for (size_t i = 0; event->name && i < EVENTS; i++)
        if (strcmp(events[i].name, event->name) == 0) {
            event->kind = events[i].kind;
            events[i].map(payload, event);
            return;
        }
    calcom_map_booking(payload, event);
}
