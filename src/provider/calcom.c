#include "provider/calcom.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "base/hex.h"
#include "base/json.h"
#include "event/clean.h"
#include "provider/map.h"

/* ---- answers ---- */

static const char *response_array_text(struct arena *arena, const cJSON *array)
{
    struct buf list = {0};
    const cJSON *item;
    cJSON_ArrayForEach (item, array) {
        if (!cJSON_IsString(item) || !*item->valuestring)
            continue;
        if (list.len)
            buf_puts(&list, ", ");
        buf_puts(&list, item->valuestring);
    }
    if (list.failed)
        arena->failed = true;
    const char *text = clean_text(arena, buf_text(&list));
    buf_free(&list);
    return text;
}

/* {firstName, lastName}, or {value, optionValue}, of which optionValue is the more precise. */
static const char *response_object_text(struct arena *arena, const cJSON *object)
{
    const char *name = map_joined(
        arena, map_line(arena, object, "firstName"), map_line(arena, object, "lastName"));
    if (name)
        return name;
    const char *option = map_text(arena, object, "optionValue");
    return option ? option : map_text(arena, object, "value");
}

static const char *response_value_text(struct arena *arena, const cJSON *value)
{
    if (cJSON_IsString(value))
        return clean_text(arena, value->valuestring);
    if (cJSON_IsNumber(value))
        return arena_printf(arena, "%.15g", value->valuedouble);
    if (cJSON_IsBool(value))
        return cJSON_IsTrue(value) ? "yes" : "no";
    return cJSON_IsArray(value) ? response_array_text(arena, value)
                                : response_object_text(arena, value);
}

/*
 * {label, value?, isHidden?}, or {value, response} in a form. Older rows of the database hold the
 * value without an object around it.
 */
static bool is_wrapped_response(const cJSON *response)
{
    return cJSON_IsObject(response) &&
           (json_get(response, "label") || json_get(response, "isHidden") ||
               json_get(response, "response") ||
               (json_get(response, "value") && !json_get(response, "optionValue")));
}

static const char *response_text(struct arena *arena, const cJSON *response)
{
    return response_value_text(
        arena, is_wrapped_response(response) ? json_get(response, "value") : response);
}

static bool is_mapped_elsewhere(const char *name)
{
    static const char *const fields[] = {"name", "email", "guests", "location", "rescheduleReason"};
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
        if (strcmp(fields[i], name) == 0)
            return true;
    return false;
}

static void add_calcom_answer(struct event *event, const cJSON *response)
{
    struct arena *arena = &event->arena;
    const char *question = NULL, *description = event->booking.description;
    if (json_true(response, "isHidden") ||
        (event->kind != KIND_FORM && is_mapped_elsewhere(response->string)))
        return;
    const char *answer = response_text(arena, response);
    if (answer && description && strcmp(answer, description) == 0) /* the notes: shown already */
        return;
    if (is_wrapped_response(response))
        question = map_line(arena, response, "label");
    if (!question)
        question = clean_line(arena, response->string);
    map_add_answer(event, question, answer);
}

/*
 * The answer to a custom question comes in the first source, and again in a later one. Of members
 * with one name the last one counts.
 */
static void add_calcom_answers(struct event *event, const cJSON *const *sources, size_t which)
{
    const cJSON *source = cJSON_IsObject(sources[which]) ? sources[which] : NULL, *item;
    size_t left = ANSWERS_MAX;
    cJSON_ArrayForEach (item, source) {
        if (left-- == 0)
            break;
        bool wanted = json_get(source, item->string) == item;
        for (size_t i = 0; wanted && i < which; i++)
            wanted = !json_get(sources[i], item->string);
        if (wanted)
            add_calcom_answer(event, item);
    }
}

static void calcom_map_answers(const cJSON *payload, struct event *event)
{
    const cJSON *const sources[] = {json_get(payload, "responses"),
        json_get(payload, "userFieldsResponses"), json_get(payload, "customInputs")};
    for (size_t i = 0; i < sizeof sources / sizeof *sources; i++)
        add_calcom_answers(event, sources, i);
}

/* ---- the booking ---- */

static struct person calcom_person(struct arena *arena, const cJSON *object)
{
    struct person person = {
        .name = map_line(arena, object, "name"),
        .email = map_address(arena, object, "email"),
        .timezone = map_line(arena, object, "timeZone"),
    };
    const cJSON *names = json_get(object, "name");
    if (!cJSON_IsObject(names))
        names = object;
    if (!person.name)
        person.name = map_joined(
            arena, map_line(arena, names, "firstName"), map_line(arena, names, "lastName"));
    /* what Cal.com makes up for a person who gave only a telephone number */
    const char *domain = person.email ? strrchr(person.email, '@') : NULL;
    if (domain && strcasecmp(domain, "@sms.cal.com") == 0)
        person.email = NULL;
    return person;
}

/* Cal.com writes "Nameless" for an organizer without a name. */
static void calcom_map_organizer(const cJSON *payload, struct event *event)
{
    struct person *organizer = &event->booking.organizer;
    const cJSON *object = json_get(payload, "organizer");
    if (!cJSON_IsObject(object))
        object = json_get(payload, "user");
    *organizer = calcom_person(&event->arena, object);
    if (organizer->name && strcmp(organizer->name, "Nameless") == 0)
        organizer->name = NULL;
}

static void calcom_map_guests(const cJSON *payload, struct event *event)
{
    const cJSON *response = json_path(payload, "responses.guests"), *item;
    const cJSON *list = cJSON_IsArray(response) ? response : map_list(response, "value");
    size_t left = LIST_MAX;
    cJSON_ArrayForEach (item, list) {
        if (left-- == 0)
            break;
        map_add_guest(
            event, clean_address(&event->arena, cJSON_IsString(item) ? item->valuestring : NULL));
    }
}

static bool is_listed_guest(const struct booking *b, const char *address)
{
    for (size_t i = 0; address && i < b->guest_count; i++)
        if (strcasecmp(b->guests[i], address) == 0)
            return true;
    return false;
}

/* The list of attendees repeats the guests, without a name, after the person who booked. */
static void calcom_map_attendees(const cJSON *payload, struct event *event)
{
    struct booking *b = &event->booking;
    const cJSON *list = map_list(payload, "attendees"), *item;
    size_t left = LIST_MAX;
    cJSON_ArrayForEach (item, list) {
        if (left-- == 0)
            break;
        struct person person = calcom_person(&event->arena, item);
        if (item != list->child && !person.name && is_listed_guest(b, person.email))
            continue;
        map_add_attendee(event, person);
    }
    if (b->attendee_count)
        b->timezone = b->attendees[0].timezone;
}

/* Cal.com's own conferencing apps. Any other app is shown by its name there. */
static const struct {
    const char *name, *label;
} location_apps[] = {
    {"integrations:daily", "Cal Video"},
    {"integrations:google:meet", "Google Meet"},
    {"integrations:zoom", "Zoom"},
    {"integrations:office365_video", "Microsoft Teams"},
    {"integrations:webex_video", "Webex"},
    {"integrations:jitsi", "Jitsi"},
    {"integrations:whereby_video", "Whereby"},
    {"integrations:discord_video", "Discord"},
    {"integrations:facetime_video", "FaceTime"},
    {"integrations:signal_video", "Signal"},
    {"integrations:telegram_video", "Telegram"},
    {"integrations:whatsapp_video", "WhatsApp"},
    {"integrations:riverside_video", "Riverside"},
    {"integrations:huddle01", "Huddle01"},
    {"integrations:tandem", "Tandem"},
};

/* The URL in metadata works for all participants; the one in videoCallData may need a token. */
static void calcom_map_location(const cJSON *payload, struct event *event)
{
    struct arena *arena = &event->arena;
    struct booking *b = &event->booking;
    const char *place = map_line(arena, payload, "location");
    const char *link = map_url(arena, payload, "location");
    b->join_url = map_url(arena, payload, "metadata.videoCallUrl");
    if (!b->join_url)
        b->join_url = link;
    if (!b->join_url)
        b->join_url = map_url(arena, payload, "videoCallData.url");
    b->location = place && !link ? place : NULL;
    for (size_t i = 0; b->location && i < sizeof location_apps / sizeof *location_apps; i++)
        if (strcmp(location_apps[i].name, place) == 0)
            b->location = location_apps[i].label;
}

static void calcom_map_payment(const cJSON *payload, struct event *event)
{
    struct arena *arena = &event->arena;
    const char *currency = json_text(payload, "currency"), *money = NULL, *state = NULL;
    const cJSON *price = json_get(payload, "price");
    if (cJSON_IsNumber(price) && currency) {
        double amount = price->valuedouble;
        for (int i = map_currency_places(currency); i > 0; i--)
            amount /= 10;
        money = map_money(arena, amount, currency);
    }
    if (event->kind == KIND_PAID)
        state = "paid";
    else if (event->name && strcmp(event->name, "BOOKING_PAYMENT_INITIATED") == 0)
        state = "not paid yet";
    if (money && state)
        event->booking.payment = arena_printf(arena, "%s, %s", money, state);
    else
        event->booking.payment = money ? money : state;
}

/*
 * A request to choose another time: older versions of Cal.com mark it only by a prefix of the
 * reason, in a body without a status, and write "undefined" where no reason was given.
 */
static void calcom_map_cancel_reason(const cJSON *payload, struct event *event)
{
    static const char prefix[] = "Please reschedule.";
    struct booking *b = &event->booking;
    const char *reason = map_line(&event->arena, payload, "cancellationReason");
    bool prefixed = reason && strncmp(reason, prefix, sizeof prefix - 1) == 0;
    b->asked_to_rebook = json_true(payload, "requestReschedule") || (prefixed && !b->status);
    if (b->asked_to_rebook && prefixed)
        reason = clean_line(&event->arena, reason + sizeof prefix - 1);
    if (b->asked_to_rebook && reason && strcmp(reason, "undefined") == 0)
        reason = NULL;
    b->reason = reason;
    b->by = map_line(&event->arena, payload, "cancelledBy");
}

/* A moved booking keeps the reason of its move in all later events: only events that can be a move
 * take it. */
static void calcom_map_reason(const cJSON *payload, struct event *event)
{
    struct arena *arena = &event->arena;
    struct booking *b = &event->booking;
    switch (event->kind) {
    case KIND_CANCELLED:
        calcom_map_cancel_reason(payload, event);
        break;
    case KIND_REJECTED:
        b->reason = map_line(arena, payload, "rejectionReason");
        break;
    case KIND_CREATED:
    case KIND_RESCHEDULED:
    case KIND_REQUESTED:
        b->reason = clean_line(
            arena, response_text(arena, json_path(payload, "responses.rescheduleReason")));
        b->by = map_line(arena, payload, "rescheduledBy");
        break;
    default:
        break;
    }
}

/*
 * A cancelled seat comes as a cancelled booking with the uid that all seats share. It differs from
 * the cancellation of the booking itself: seatsPerTimeSlot is set, cancelledBy is not, and the
 * attendee is a row of the database, with an id.
 */
static void calcom_map_seat(const cJSON *payload, struct event *event)
{
    struct booking *b = &event->booking;
    const cJSON *attendees = map_list(payload, "attendees");
    b->seat = map_id(&event->arena, payload, "attendeeSeatId");
    if (b->seat || event->kind != KIND_CANCELLED || b->by || b->asked_to_rebook)
        return;
    if (cJSON_IsNumber(json_get(payload, "seatsPerTimeSlot")))
        b->seat = map_id(&event->arena, attendees ? attendees->child : NULL, "id");
}

static void calcom_map_booking(const cJSON *payload, struct event *event)
{
    static const char *const uids[] = {"uid", "bookingUid", "bookingId", "id", NULL};
    static const char *const titles[] = {"title", "eventTitle", "eventTypeTitle", NULL};
    static const char *const types[] = {"type", "eventType.slug", "eventType.title", NULL};
    struct arena *arena = &event->arena;
    struct booking *b = &event->booking;
    const cJSON *sequence = json_get(payload, "iCalSequence");
    b->uid = map_first(arena, payload, uids);
    b->previous_uid = map_id(arena, payload, "rescheduleUid");
    b->ical_uid = map_line(arena, payload, "iCalUID");
    if (cJSON_IsNumber(sequence) && sequence->valuedouble > 0)
        b->sequence = sequence->valueint;
    b->status = map_lower(arena, payload, "status");
    b->title = map_first(arena, payload, titles);
    b->event_type = map_first(arena, payload, types);
    b->description = map_text(arena, payload, "description");
    if (!b->description)
        b->description = map_text(arena, payload, "additionalNotes");
    b->start = map_time(payload, "startTime");
    b->end = map_time(payload, "endTime");
    b->previous_start = map_time(payload, "rescheduleStartTime");
    b->previous_end = map_time(payload, "rescheduleEndTime");
    calcom_map_organizer(payload, event);
    calcom_map_guests(payload, event);
    calcom_map_attendees(payload, event);
    calcom_map_location(payload, event);
    calcom_map_payment(payload, event);
    calcom_map_reason(payload, event);
    calcom_map_seat(payload, event);
    calcom_map_answers(payload, event);
}

/* ---- events ---- */

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

static void calcom_map_form(const cJSON *payload, struct event *event)
{
    static const char *const titles[] = {"formName", "form.name", NULL};
    const cJSON *responses = json_get(payload, "responses");
    event->booking.title = map_first(&event->arena, payload, titles);
    add_calcom_answers(event, &responses, 0);
}

static void calcom_map_out_of_office(const cJSON *payload, struct event *event)
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

static void calcom_map_credential_error(const cJSON *payload, struct event *event)
{
    calcom_map_booking(payload, event);
    if (!event->booking.description)
        event->booking.description = map_text(&event->arena, payload, "error.message");
}

/*
 * BOOKING_PAYMENT_INITIATED has the status accepted, but nothing is paid and the booking may never
 * come about: it is KIND_OTHER, because every other kind would report a booking.
 */
static const struct {
    const char *name;
    enum event_kind kind;
    void (*map)(const cJSON *payload, struct event *event);
} calcom_events[] = {
    {"BOOKING_CREATED", KIND_CREATED, calcom_map_booking},
    {"BOOKING_RESCHEDULED", KIND_RESCHEDULED, calcom_map_booking},
    {"BOOKING_CANCELLED", KIND_CANCELLED, calcom_map_booking},
    {"BOOKING_REQUESTED", KIND_REQUESTED, calcom_map_booking},
    {"BOOKING_REJECTED", KIND_REJECTED, calcom_map_booking},
    {"BOOKING_PAID", KIND_PAID, calcom_map_booking},
    {"BOOKING_PAYMENT_INITIATED", KIND_OTHER, calcom_map_booking},
    {"BOOKING_NO_SHOW_UPDATED", KIND_NO_SHOW, calcom_map_no_show},
    {"AFTER_HOSTS_CAL_VIDEO_NO_SHOW", KIND_NO_SHOW, calcom_map_no_show},
    {"AFTER_GUESTS_CAL_VIDEO_NO_SHOW", KIND_NO_SHOW, calcom_map_no_show},
    {"MEETING_STARTED", KIND_MEETING_STARTED, calcom_map_booking},
    {"MEETING_ENDED", KIND_MEETING_ENDED, calcom_map_booking},
    {"RECORDING_READY", KIND_RECORDING, calcom_map_recording},
    {"RECORDING_TRANSCRIPTION_GENERATED", KIND_RECORDING, calcom_map_recording},
    {"FORM_SUBMITTED", KIND_FORM, calcom_map_form},
    {"FORM_SUBMITTED_NO_EVENT", KIND_FORM, calcom_map_form},
    {"ROUTING_FORM_FALLBACK_HIT", KIND_FORM, calcom_map_form},
    {"INSTANT_MEETING", KIND_CREATED, calcom_map_booking},
    {"OOO_CREATED", KIND_OUT_OF_OFFICE, calcom_map_out_of_office},
    {"DELEGATION_CREDENTIAL_ERROR", KIND_OTHER, calcom_map_credential_error},
    {"WRONG_ASSIGNMENT_REPORT", KIND_OTHER, calcom_map_booking},
    {"PING", KIND_PING, calcom_map_booking},
};

enum { CALCOM_EVENTS = sizeof calcom_events / sizeof *calcom_events };

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
    for (size_t i = 0; event->name && i < CALCOM_EVENTS; i++)
        if (strcmp(calcom_events[i].name, event->name) == 0) {
            event->kind = calcom_events[i].kind;
            calcom_events[i].map(payload, event);
            return;
        }
    calcom_map_booking(payload, event);
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

const struct provider_row calcom_provider = {
    .name = "calcom",
    .title = "Cal.com",
    .signature_header = "X-Cal-Signature-256",
    .secret = {SET_CALCOM_SECRET, SET_CALCOM_SECRET_SECONDARY},
    .endpoint = SET_CALCOM_ENDPOINT,
    .window = SET_CALCOM_WINDOW,
    .time_in_body = true,
    .verify = calcom_verify,
    .sign = calcom_sign,
    .envelope = calcom_envelope,
    .map = calcom_map,
};
