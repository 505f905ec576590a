#include <string.h>
#include <strings.h>

#include "base/json.h"
#include "event/clean.h"
#include "provider/calcom_parts.h"
#include "provider/map.h"

const char *const calcom_booking_members[] = {"triggerEvent", "createdAt", "uid", "bookingUid",
    "bookingId", "id", "rescheduleUid", "iCalUID", "iCalSequence", "status", "title", "eventTitle",
    "eventTypeTitle", "type", "eventType.slug", "eventType.title", "description",
    "eventDescription", "additionalNotes", "startTime", "endTime", "rescheduleStartTime",
    "rescheduleEndTime", "organizer", "user", "userPrimaryEmail", "hostEmail", "attendees", "team",
    "responses", "userFieldsResponses", "customInputs", "smsReminderNumber", "location",
    "previousLocation", "metadata.videoCallUrl", "videoCallData", "bookerUrl", "price", "currency",
    "attendeeSeatId", "seatsPerTimeSlot", "recurringEvent", "destinationCalendar", "appsStatus",
    "conferenceData", "hideOrganizerEmail", "hideCalendarNotes", "hideCalendarEventDetails",
    "customReplyToEmail", "requiresConfirmation", NULL};

/* ---- people ---- */

/* Cal.com makes up an address for a person who gave only a telephone number: 4915550100@sms... */
static void read_made_up_address(struct arena *arena, struct person *person)
{
    const char *domain = person->email ? strrchr(person->email, '@') : NULL;
    if (!domain || strcasecmp(domain, "@sms.cal.com") != 0)
        return;
    int digits = (int)strspn(person->email, "0123456789");
    if (!person->phone && digits == domain - person->email)
        person->phone = arena_printf(arena, "+%.*s", digits, person->email);
    person->email = person->written_email = NULL;
}

struct person calcom_person(struct arena *arena, const cJSON *object)
{
    struct person person = {
        .name = map_line(arena, object, "name"),
        .phone = map_line(arena, object, "phoneNumber"),
        .timezone = map_line(arena, object, "timeZone"),
        .language = map_language(arena, object, "language.locale"),
        .clock_form = map_clock_form(object, "timeFormat"),
    };
    const cJSON *names = json_get(object, "name");
    map_email(arena, object, "email", &person);
    if (!cJSON_IsObject(names))
        names = object;
    if (!person.name)
        person.name = map_joined(
            arena, map_line(arena, names, "firstName"), map_line(arena, names, "lastName"));
    if (!person.language)
        person.language = map_language(arena, object, "locale");
    read_made_up_address(arena, &person);
    return person;
}

/* Cal.com writes "Nameless" and "Email-less" for an organizer without a name or an address. */
static struct person calcom_host(struct arena *arena, const cJSON *object)
{
    struct person host = calcom_person(arena, object);
    if (host.name && strcmp(host.name, "Nameless") == 0)
        host.name = NULL;
    if (host.written_email && strcmp(host.written_email, "Email-less") == 0)
        host.written_email = NULL;
    return host;
}

/* team.members are the others of a collective event; the organizer may be among them. */
static void calcom_map_hosts(const cJSON *payload, struct event *event)
{
    static const char *const addresses[] = {"userPrimaryEmail", "hostEmail"};
    struct arena *arena = &event->arena;
    struct person *organizer = &event->booking.organizer;
    const cJSON *object = json_get(payload, "organizer"), *item;
    if (!cJSON_IsObject(object))
        object = json_get(payload, "user");
    *organizer = calcom_host(arena, object);
    for (size_t i = 0; i < 2 && !organizer->email && !organizer->written_email; i++)
        map_email(arena, payload, addresses[i], organizer);
    event->booking.team = map_line(arena, payload, "team.name");
    map_add_host(event, *organizer);
    size_t left = LIST_MAX;
    cJSON_ArrayForEach (item, map_list(payload, "team.members")) {
        if (left-- == 0)
            break;
        map_add_host(event, calcom_host(arena, item));
    }
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

/* A booking without a list of attendees was made by whoever filled in the form. */
static struct person person_of_responses(struct arena *arena, const cJSON *payload)
{
    const cJSON *email = json_path(payload, "responses.email");
    struct person person = {.name = clean_line(arena,
                                calcom_response_text(arena, json_path(payload, "responses.name")))};
    if (cJSON_IsObject(email))
        map_email(arena, email, "value", &person);
    else
        map_email(arena, payload, "responses.email", &person);
    read_made_up_address(arena, &person);
    return person;
}

/* The telephone number of who booked is in one of several places. */
static const char *phone_of_booker(struct arena *arena, const cJSON *payload)
{
    const cJSON *place = json_path(payload, "responses.location.value");
    const char *kind = json_text(place, "value");
    const char *phone = clean_line(
        arena, calcom_response_text(arena, json_path(payload, "responses.attendeePhoneNumber")));
    if (!phone)
        phone = calcom_phone_answer(arena, json_get(payload, "responses"));
    if (!phone)
        phone = map_line(arena, payload, "smsReminderNumber");
    if (!phone && kind && strcmp(kind, "phone") == 0)
        phone = map_line(arena, place, "optionValue");
    return phone;
}

/* The list of attendees repeats the guests, most without a name, after the person who booked. */
static void calcom_map_attendees(const cJSON *payload, struct event *event)
{
    struct arena *arena = &event->arena;
    struct booking *b = &event->booking;
    const cJSON *list = map_list(payload, "attendees"), *item;
    size_t left = LIST_MAX;
    cJSON_ArrayForEach (item, list) {
        if (left-- == 0)
            break;
        struct person person = calcom_person(arena, item);
        if (item != list->child && is_listed_guest(b, person.email))
            continue;
        map_add_attendee(event, person);
    }
    if (b->attendee_count == 0)
        map_add_attendee(event, person_of_responses(arena, payload));
    if (b->attendee_count == 0)
        return;
    if (!b->attendees[0].phone)
        b->attendees[0].phone = phone_of_booker(arena, payload);
    b->timezone = b->attendees[0].timezone;
}

/* ---- what was written ---- */

/*
 * The customer's words are additionalNotes, or the answer "notes". `description` is the event
 * type's text, except that it repeats the notes in older versions, and that a row of the database
 * has them there (cancellations, meetings): then it differs from eventDescription, or there is no
 * such member.
 */
static void calcom_map_notes(const cJSON *payload, struct event *event)
{
    struct arena *arena = &event->arena;
    struct booking *b = &event->booking;
    const char *blurb = map_text(arena, payload, "eventDescription");
    b->notes = map_text(arena, payload, "additionalNotes");
    if (!b->notes)
        b->notes = calcom_response_text(arena, json_path(payload, "responses.notes"));
    b->description = map_text(arena, payload, "description");
    bool of_event_type = blurb && b->description && strcmp(blurb, b->description) == 0;
    bool has_blurb = cJSON_IsString(json_get(payload, "eventDescription"));
    bool row =
        event->kind == KIND_MEETING_STARTED || event->kind == KIND_MEETING_ENDED || has_blurb;
    if (!b->notes && row && !of_event_type && !json_get(payload, "additionalNotes"))
        b->notes = b->description;
    if (b->notes && b->description && strcmp(b->notes, b->description) == 0)
        b->description = NULL;
    if (!b->description && !(b->notes && blurb && strcmp(b->notes, blurb) == 0))
        b->description = blurb;
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
    const char *reason = map_text(&event->arena, payload, "cancellationReason");
    bool prefixed = reason && strncmp(reason, prefix, sizeof prefix - 1) == 0;
    b->asked_to_rebook = json_true(payload, "requestReschedule") || (prefixed && !b->status);
    if (b->asked_to_rebook && prefixed)
        reason = clean_text(&event->arena, reason + sizeof prefix - 1);
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
        b->reason = map_text(arena, payload, "rejectionReason");
        break;
    case KIND_CREATED:
    case KIND_RESCHEDULED:
    case KIND_REQUESTED:
        b->reason = calcom_response_text(arena, json_path(payload, "responses.rescheduleReason"));
        b->by = map_line(arena, payload, "rescheduledBy");
        break;
    default:
        break;
    }
}

/* ---- seats, series, calendars ---- */

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

/*
 * freq counts as iCalendar libraries do. One event is about all occurrences to come where the host
 * answers requests for a series (one CREATED or REJECTED for all of them), and where the rest of it
 * is cancelled: only then the cancellation has recurringEvent (handleConfirmation.ts,
 * confirm.handler.ts, handleCancelBooking.ts).
 */
static void calcom_map_series(const cJSON *payload, struct event *event)
{
    static const char *const frequencies[] = {"yearly", "monthly", "weekly", "daily"};
    struct booking *b = &event->booking;
    const cJSON *series = json_get(payload, "recurringEvent");
    const cJSON *freq = json_get(series, "freq");
    if (!cJSON_IsObject(series)) {
        b->in_series = map_id(&event->arena, payload, "recurringEventId") != NULL;
        return;
    }
    b->in_series = true;
    b->series_count = map_count(series, "count");
    b->series_interval = map_count(series, "interval");
    if (cJSON_IsNumber(freq) && freq->valueint >= 0 && freq->valueint < 4)
        b->series_frequency = frequencies[freq->valueint];
    b->whole_series = event->kind == KIND_CANCELLED || event->kind == KIND_REJECTED ||
                      (event->kind == KIND_CREATED && json_true(payload, "requiresConfirmation"));
}

/* Cal.com wrote the host's calendar: it has one of them to write to, and the writing succeeded. */
static bool calcom_wrote_calendar(const cJSON *payload)
{
    const cJSON *destination = json_get(payload, "destinationCalendar"), *item;
    if (!destination || !destination->child)
        return false;
    cJSON_ArrayForEach (item, map_list(payload, "appsStatus")) {
        const char *app = json_text(item, "type");
        if (!app)
            app = json_text(item, "appName");
        if (app && strstr(app, "calendar") && map_count(item, "success") > 0)
            return true;
    }
    return false;
}

static void calcom_map_flags(const cJSON *payload, struct event *event)
{
    struct booking *b = &event->booking;
    b->places = map_count(payload, "seatsPerTimeSlot");
    b->calendar_written = calcom_wrote_calendar(payload);
    b->hide_organizer_email = json_true(payload, "hideOrganizerEmail");
    b->hide_notes = json_true(payload, "hideCalendarNotes");
    b->hide_details = json_true(payload, "hideCalendarEventDetails");
    b->reply_to = map_address(&event->arena, payload, "customReplyToEmail");
}

void calcom_map_booking(const cJSON *payload, struct event *event)
{
    static const char *const uids[] = {"uid", "bookingUid", "bookingId", "id", NULL};
    static const char *const titles[] = {"title", "eventTitle", "eventTypeTitle", NULL};
    /* the title of a booking that people share may name one of them */
    static const char *const shared[] = {"eventTitle", "title", "eventTypeTitle", NULL};
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
    bool seats = map_count(payload, "seatsPerTimeSlot") > 0 || json_get(payload, "attendeeSeatId");
    b->title = map_first(arena, payload, seats ? shared : titles);
    b->event_type = map_first(arena, payload, types);
    b->start = map_time(payload, "startTime");
    b->end = map_time(payload, "endTime");
    b->previous_start = map_time(payload, "rescheduleStartTime");
    b->previous_end = map_time(payload, "rescheduleEndTime");
    calcom_map_hosts(payload, event);
    calcom_map_guests(payload, event);
    calcom_map_attendees(payload, event);
    calcom_map_place(payload, event);
    calcom_map_notes(payload, event);
    calcom_map_payment(payload, event);
    calcom_map_reason(payload, event);
    calcom_map_seat(payload, event);
    calcom_map_series(payload, event);
    calcom_map_flags(payload, event);
    calcom_map_links(payload, event);
    calcom_map_answers(payload, event);
}
