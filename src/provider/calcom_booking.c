#include "provider/calcom_booking.h"

#include <string.h>
#include <strings.h>

#include "base/json.h"
#include "event/clean.h"
#include "provider/map.h"

/* Keys of Cal.com's own conferencing apps; the key of any other app stands for itself. */
static const struct {
    const char *key, *label;
} places[] = {
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

/* Somebody who gave a telephone number only has this address, at which nobody reads mail. */
static bool is_telephone(const char *address)
{
    const char *at = address ? strrchr(address, '@') : NULL;
    return at && strcasecmp(at, "@sms.cal.com") == 0;
}

struct person calcom_person(struct arena *arena, const cJSON *object)
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
    if (is_telephone(person.email))
        person.email = NULL;
    return person;
}

/* "Nameless" is what Cal.com writes where it has no name, so it is none. */
static void map_organizer(const cJSON *payload, struct event *event)
{
    struct person *organizer = &event->booking.organizer;
    const cJSON *object = json_get(payload, "organizer");
    if (!cJSON_IsObject(object))
        object = json_get(payload, "user");
    *organizer = calcom_person(&event->arena, object);
    if (organizer->name && strcmp(organizer->name, "Nameless") == 0)
        organizer->name = NULL;
}

static void map_guests(const cJSON *payload, struct event *event)
{
    const cJSON *response = json_path(payload, "responses.guests"), *item;
    const cJSON *list = cJSON_IsObject(response) ? json_get(response, "value") : response;
    size_t room = map_count(list);
    if (!room || !map_room_for_guests(event, room))
        return;
    cJSON_ArrayForEach (item, list) {
        if (room-- == 0)
            break;
        map_add_guest(
            event, clean_address(&event->arena, cJSON_IsString(item) ? item->valuestring : NULL));
    }
}

static bool is_guest(const struct booking *b, const char *address)
{
    for (size_t i = 0; address && i < b->guest_count; i++)
        if (strcasecmp(b->guests[i], address) == 0)
            return true;
    return false;
}

/* Guests stand among the attendees too, without a name, behind the one who booked. */
static void map_attendees(const cJSON *payload, struct event *event)
{
    struct booking *b = &event->booking;
    const cJSON *list = json_get(payload, "attendees"), *item;
    size_t room = map_count(list);
    if (!room || !map_room_for_attendees(event, room))
        return;
    cJSON_ArrayForEach (item, list) {
        if (room-- == 0)
            break;
        struct person person = calcom_person(&event->arena, item);
        if (item != list->child && !person.name && is_guest(b, person.email))
            continue;
        map_add_attendee(event, person);
    }
    if (b->attendee_count)
        b->timezone = b->attendees[0].timezone;
}

static const char *place_label(const char *key)
{
    for (size_t i = 0; i < sizeof places / sizeof *places; i++)
        if (strcmp(places[i].key, key) == 0)
            return places[i].label;
    return key;
}

/* The link of metadata works for everybody; that of videoCallData may ask for a token. */
static void map_location(const cJSON *payload, struct event *event)
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
    b->location = place && !link ? place_label(place) : NULL;
}

static void map_payment(const cJSON *payload, struct event *event)
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
 * Older senders tell a request to choose another time by the words in front of the reason alone;
 * their body then has no status. They also write out a reason that was never given.
 */
static void map_cancel_reason(const cJSON *payload, struct event *event)
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

/* A booking that was moved once keeps the reason of the move: it is not that of later events. */
static void map_reason(const cJSON *payload, struct event *event)
{
    struct arena *arena = &event->arena;
    struct booking *b = &event->booking;
    switch (event->kind) {
    case KIND_CANCELLED:
        map_cancel_reason(payload, event);
        break;
    case KIND_REJECTED:
        b->reason = map_line(arena, payload, "rejectionReason");
        break;
    case KIND_CREATED:
    case KIND_RESCHEDULED:
    case KIND_REQUESTED:
        b->reason = clean_line(
            arena, calcom_response(arena, json_path(payload, "responses.rescheduleReason")));
        b->by = map_line(arena, payload, "rescheduledBy");
        break;
    default:
        break;
    }
}

/*
 * A seat given up comes as a cancelled booking with the uid that all seats share. It is told from
 * the end of the whole booking by seatsPerTimeSlot without cancelledBy, and by its attendee being
 * a row of the database, with an id.
 */
static void map_seat(const cJSON *payload, struct event *event)
{
    struct booking *b = &event->booking;
    const cJSON *attendees = json_get(payload, "attendees");
    const cJSON *leaver = cJSON_IsArray(attendees) ? attendees->child : NULL;
    b->seat = map_id(&event->arena, payload, "attendeeSeatId");
    if (b->seat || event->kind != KIND_CANCELLED || b->by || b->asked_to_rebook)
        return;
    if (cJSON_IsNumber(json_get(payload, "seatsPerTimeSlot")))
        b->seat = map_id(&event->arena, leaver, "id");
}

static void map_identity(const cJSON *payload, struct event *event)
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
}

void calcom_map_booking(const cJSON *payload, struct event *event)
{
    struct booking *b = &event->booking;
    map_identity(payload, event);
    b->start = map_time(payload, "startTime");
    b->end = map_time(payload, "endTime");
    b->previous_start = map_time(payload, "rescheduleStartTime");
    b->previous_end = map_time(payload, "rescheduleEndTime");
    map_organizer(payload, event);
    map_guests(payload, event);
    map_attendees(payload, event);
    map_location(payload, event);
    map_payment(payload, event);
    map_reason(payload, event);
    map_seat(payload, event);
    calcom_map_answers(payload, event);
}
