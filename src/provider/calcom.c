#include "provider/calcom.h"

#include <string.h>

#include "base/hex.h"
#include "base/json.h"
#include "event/clean.h"
#include "provider/calcom_parts.h"
#include "provider/map.h"
#include "provider/place.h"

/* Only the attendees show whether a no-show was marked or cleared. */
static const char *no_show_status(const cJSON *payload)
{
    const cJSON *attendees = map_list(payload, "attendees"), *item;
    bool cleared = false;
    cJSON_ArrayForEach (item, attendees) {
        if (json_true(item, "noShow"))
            return "no_show";
        cleared |= cJSON_IsFalse(json_get(item, "noShow"));
    }
    return cleared ? "no_show_cleared" : "no_show";
}

/* `message` is a sentence of Cal.com about it. */
static void calcom_map_no_show(const cJSON *payload, struct event *event)
{
    struct booking *b = &event->booking;
    bool marked = strcmp(event->name, "BOOKING_NO_SHOW_UPDATED") == 0;
    calcom_map_booking(payload, event);
    b->status = marked ? no_show_status(payload) : "no_show";
    if (!b->description)
        b->description = map_text(&event->arena, payload, "message");
}

static void calcom_map_recording(const cJSON *payload, struct event *event)
{
    struct arena *arena = &event->arena;
    const cJSON *transcripts = map_list(payload, "downloadLinks.transcription");
    calcom_map_booking(payload, event);
    event->booking.link = map_url(arena, payload, "downloadLink");
    if (!event->booking.link && transcripts)
        event->booking.link = map_url(arena, transcripts->child, "link");
    if (!event->booking.link)
        event->booking.link = map_url(arena, payload, "downloadLinks.recording");
}

/* Somebody waits; the link lets a host in. There is no time and no list of attendees yet. */
static void calcom_map_instant(const cJSON *payload, struct event *event)
{
    calcom_map_booking(payload, event);
    event->booking.link = map_url(&event->arena, payload, "connectAndJoinUrl");
}

static void calcom_map_form(const cJSON *payload, struct event *event)
{
    static const char *const titles[] = {"formName", "form.name", NULL};
    event->booking.title = map_first(&event->arena, payload, titles);
    calcom_map_form_answers(json_get(payload, "responses"), event);
}

/* Cal.com's own reasons are keys of its language files: ooo_reasons_sick_leave. */
static const char *absence_reason(struct arena *arena, const cJSON *entry)
{
    static const char prefix[] = "ooo_reasons_";
    const char *reason = map_text(arena, entry, "reason.reason");
    if (!reason || strncmp(reason, prefix, sizeof prefix - 1) != 0)
        return reason;
    return place_readable(arena, reason + sizeof prefix - 1);
}

static void calcom_map_out_of_office(const cJSON *payload, struct event *event)
{
    struct arena *arena = &event->arena;
    struct booking *b = &event->booking;
    const cJSON *entry = json_get(payload, "oooEntry");
    b->start = map_time(entry, "start");
    b->end = map_time(entry, "end");
    b->description = map_text(arena, entry, "notes");
    b->reason = absence_reason(arena, entry);
    b->organizer = calcom_person(arena, json_get(entry, "user"));
    b->stand_in = calcom_person(arena, json_get(entry, "toUser"));
    map_add_host(event, b->organizer);
}

/*
 * BOOKING_PAYMENT_INITIATED has the status accepted, but nothing is paid and the booking may never
 * come about: it is KIND_OTHER, because every other kind would report a booking.
 */
static const struct calcom_event {
    const char *name;
    enum event_kind kind;
    const char *status; /* replaces the body's; NULL: the body's */
    void (*map)(const cJSON *payload, struct event *event);
} calcom_events[] = {
    {"BOOKING_CREATED", KIND_CREATED, NULL, calcom_map_booking},
    {"BOOKING_RESCHEDULED", KIND_RESCHEDULED, NULL, calcom_map_booking},
    {"BOOKING_CANCELLED", KIND_CANCELLED, NULL, calcom_map_booking},
    {"BOOKING_REQUESTED", KIND_REQUESTED, NULL, calcom_map_booking},
    {"BOOKING_REJECTED", KIND_REJECTED, NULL, calcom_map_booking},
    {"BOOKING_PAID", KIND_PAID, NULL, calcom_map_booking},
    {"BOOKING_PAYMENT_INITIATED", KIND_OTHER, NULL, calcom_map_booking},
    {"BOOKING_LOCATION_UPDATED", KIND_LOCATION_CHANGED, NULL, calcom_map_booking},
    {"BOOKING_REASSIGNED", KIND_REASSIGNED, NULL, calcom_map_booking},
    {"BOOKING_NO_SHOW_UPDATED", KIND_NO_SHOW, NULL, calcom_map_no_show},
    {"AFTER_HOSTS_CAL_VIDEO_NO_SHOW", KIND_HOST_NO_SHOW, NULL, calcom_map_no_show},
    {"AFTER_GUESTS_CAL_VIDEO_NO_SHOW", KIND_NO_SHOW, NULL, calcom_map_no_show},
    {"MEETING_STARTED", KIND_MEETING_STARTED, NULL, calcom_map_booking},
    {"MEETING_ENDED", KIND_MEETING_ENDED, NULL, calcom_map_booking},
    {"RECORDING_READY", KIND_RECORDING, NULL, calcom_map_recording},
    {"RECORDING_TRANSCRIPTION_GENERATED", KIND_RECORDING, NULL, calcom_map_recording},
    {"FORM_SUBMITTED", KIND_FORM, NULL, calcom_map_form},
    {"FORM_SUBMITTED_NO_EVENT", KIND_FORM, NULL, calcom_map_form},
    {"ROUTING_FORM_FALLBACK_HIT", KIND_FORM, NULL, calcom_map_form},
    {"INSTANT_MEETING", KIND_INSTANT, NULL, calcom_map_instant},
    {"INSTANT_MEETING_ACCEPTED", KIND_CREATED, NULL, calcom_map_booking},
    {"OOO_CREATED", KIND_OUT_OF_OFFICE, NULL, calcom_map_out_of_office},
    {"WRONG_ASSIGNMENT_REPORT", KIND_REPORT, NULL, calcom_map_wrong_assignment},
    {"DELEGATION_CREDENTIAL_ERROR", KIND_REPORT, "credential_error", calcom_map_credential},
    {"DELEGATION_CREDENTIAL_SECRET_ROTATED", KIND_REPORT, "credential_rotated",
        calcom_map_credential},
    {"DELEGATION_CREDENTIAL_SECRET_ROTATION_FAILED", KIND_REPORT, "credential_rotation_failed",
        calcom_map_credential},
    {"DELEGATION_CREDENTIAL_ROTATION_REQUIRED", KIND_REPORT, "credential_rotation_required",
        calcom_map_credential},
    {"PING", KIND_PING, NULL, calcom_map_booking},
};

enum { CALCOM_EVENTS = sizeof calcom_events / sizeof *calcom_events };

static const struct calcom_event *find_event(const char *name)
{
    for (size_t i = 0; name && i < CALCOM_EVENTS; i++)
        if (strcmp(calcom_events[i].name, name) == 0)
            return &calcom_events[i];
    return NULL;
}

/*
 * The booking may be one level down. Of an event with a name, all that is not understood is shown;
 * a body without one is a template, which has nothing else.
 */
static void calcom_map_unknown(const cJSON *payload, struct event *event)
{
    static const char *const around_booking[] = {"triggerEvent", "createdAt", "booking", NULL};
    const cJSON *booking = json_get(payload, "booking");
    bool nested = cJSON_IsObject(booking) && !json_get(payload, "uid");
    calcom_map_booking(nested ? booking : payload, event);
    if (event->name)
        map_add_members(event, nested ? booking : payload, calcom_booking_members);
    if (event->name && nested)
        map_add_members(event, payload, around_booking);
}

/* The payload, or the root where there is no payload object. */
static const cJSON *calcom_payload(const cJSON *root)
{
    const cJSON *payload = json_get(root, "payload");
    return cJSON_IsObject(payload) ? payload : root;
}

/* The body of MEETING_STARTED and MEETING_ENDED is a row of the database, without an envelope. */
static bool is_flat_meeting(const cJSON *root)
{
    const char *name = json_text(root, "triggerEvent");
    return name && calcom_payload(root) == root &&
           (strcmp(name, "MEETING_STARTED") == 0 || strcmp(name, "MEETING_ENDED") == 0);
}

/* The createdAt of a flat meeting is the booking's age. */
static int64_t calcom_sent_at(const cJSON *root)
{
    if (!json_text(root, "triggerEvent") || is_flat_meeting(root))
        return TIME_NONE;
    return map_time(root, "createdAt");
}

static void calcom_map(const cJSON *root, struct event *event)
{
    const cJSON *payload = calcom_payload(root);
    event->name = clean_token(&event->arena, json_text(root, "triggerEvent"));
    event->sent_at = calcom_sent_at(root);
    const struct calcom_event *known = find_event(event->name);
    if (!known) {
        calcom_map_unknown(payload, event);
        return;
    }
    event->known = true;
    event->kind = known->kind;
    known->map(payload, event);
    if (known->status)
        event->booking.status = known->status;
}

/* ---- time and signature ---- */

static void calcom_envelope(const cJSON *root, const char *header, struct envelope *envelope)
{
    const char *name = json_text(root, "triggerEvent");
    (void)header;
    envelope_set_event(envelope, root, "triggerEvent");
    envelope->ping = name && strcmp(name, "PING") == 0;
    if (is_flat_meeting(root)) {
        bool ended = strcmp(name, "MEETING_ENDED") == 0;
        int64_t scheduled = map_time(root, ended ? "endTime" : "startTime");
        envelope_set_time(envelope, CLOCK_SCHEDULED, scheduled);
    } else
        envelope_set_time(envelope, CLOCK_SENT, calcom_sent_at(root));
}

/* 64 hex digits: the HMAC of the body. */
static enum signature_result calcom_verify(
    const struct provider_secrets *secrets, const char *header, struct digest_part body, int *which)
{
    unsigned char given[DIGEST_SIZE];
    struct signature_expected expected;
    if (strcmp(header, "no-secret-provided") == 0)
        return SIGNATURE_NOT_SIGNED;
    if (!hex_decode(header, strlen(header), given, sizeof given))
        return SIGNATURE_MALFORMED;
    signature_expect(secrets, &body, 1, &expected);
    return signature_conclude(&expected, signature_match(&expected, given), which);
}

static bool calcom_sign(
    struct hmac *hmac, struct digest_part body, int64_t now, char *out, size_t out_size)
{
    (void)now;
    return out_size > DIGEST_HEX && signature_hex(hmac, &body, 1, out);
}

/* The second adds members to the first: complete calendar files, which are not read. */
static const char *const calcom_versions[] = {"2021-10-20", "2026-07-27", NULL};

const struct provider_row calcom_provider = {
    .name = "calcom",
    .title = "Cal.com",
    .signature_header = "X-Cal-Signature-256",
    .version_header = "X-Cal-Webhook-Version",
    .versions = calcom_versions,
    .secret = {SET_CALCOM_SECRET, SET_CALCOM_SECRET_SECONDARY},
    .endpoint = SET_CALCOM_ENDPOINT,
    .window = SET_CALCOM_WINDOW,
    .base_url = SET_CALCOM_BASE_URL,
    .time_in_body = true,
    .ping = "{\"triggerEvent\":\"PING\"}",
    .verify = calcom_verify,
    .sign = calcom_sign,
    .envelope = calcom_envelope,
    .map = calcom_map,
};
