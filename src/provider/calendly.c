#include "provider/calendly.h"

#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "event/clean.h"
#include "provider/map.h"

static void map_invitee(const cJSON *payload, struct event *event);
static void map_routing_form(const cJSON *payload, struct event *event);
static void map_resource(const cJSON *payload, struct event *event);

/* invitee.rescheduled is in no list of Calendly's, but in many of its users'. */
static const struct {
    const char *name;
    enum event_kind kind;
    const char *status; /* where the body has no word for it */
    void (*map)(const cJSON *payload, struct event *event);
} events[] = {
    {"invitee.created", KIND_CREATED, NULL, map_invitee},
    {"invitee.canceled", KIND_CANCELLED, NULL, map_invitee},
    {"invitee.rescheduled", KIND_RESCHEDULED, NULL, map_invitee},
    {"invitee_no_show.created", KIND_NO_SHOW, "no_show", map_invitee},
    {"invitee_no_show.deleted", KIND_NO_SHOW, "no_show_cleared", map_invitee},
    {"routing_form_submission.created", KIND_FORM, NULL, map_routing_form},
};

enum { EVENTS = sizeof events / sizeof *events };

/* "America/New York" stands in one official example. */
static const char *timezone_of(struct arena *arena, const cJSON *object)
{
    const char *zone = map_line(arena, object, "timezone");
    char *mended = zone ? arena_strdup(arena, zone) : NULL;
    for (char *p = mended; p && *p; p++)
        if (*p == ' ')
            *p = '_';
    return mended;
}

static struct person person_of(struct arena *arena, const cJSON *object)
{
    struct person person = {
        .name = map_line(arena, object, "name"),
        .email = map_address(arena, object, "email"),
        .timezone = timezone_of(arena, object),
    };
    if (!person.name)
        person.name = map_joined(
            arena, map_line(arena, object, "first_name"), map_line(arena, object, "last_name"));
    return person;
}

static void map_people(const cJSON *invitee, const cJSON *scheduled, struct event *event)
{
    struct arena *arena = &event->arena;
    struct booking *b = &event->booking;
    const cJSON *item, *host = json_get(scheduled, "event_memberships");
    const cJSON *guests = json_get(scheduled, "event_guests");
    host = cJSON_IsArray(host) ? host->child : NULL;
    b->organizer.name = map_line(arena, host, "user_name");
    b->organizer.email = map_address(arena, host, "user_email");
    if (map_room_for_attendees(event, 1))
        map_add_attendee(event, person_of(arena, invitee));
    b->timezone = timezone_of(arena, invitee);
    size_t room = map_count(guests);
    if (!room || !map_room_for_guests(event, room))
        return;
    cJSON_ArrayForEach (item, guests) {
        if (room-- == 0)
            break;
        map_add_guest(event, map_address(arena, item, "email"));
    }
}

struct placed {
    const cJSON *item;
    double position;
    size_t index;
};

static int by_position(const void *left, const void *right)
{
    const struct placed *a = left, *b = right;
    if (a->position < b->position || a->position > b->position)
        return a->position < b->position ? -1 : 1;
    return a->index < b->index ? -1 : a->index > b->index;
}

static void map_answers(const cJSON *list, struct event *event)
{
    struct arena *arena = &event->arena;
    size_t count = map_count(list), i = 0;
    struct placed *placed = arena_alloc(arena, count * sizeof *placed);
    if (!count || !placed || !map_room_for_answers(event, count))
        return;
    for (const cJSON *item = list->child; item && i < count; item = item->next, i++) {
        const cJSON *position = json_get(item, "position");
        double last = (double)count;
        placed[i] =
            (struct placed){item, cJSON_IsNumber(position) ? position->valuedouble : last, i};
    }
    qsort(placed, count, sizeof *placed, by_position);
    for (i = 0; i < count; i++)
        map_add_answer(event, map_line(arena, placed[i].item, "question"),
            map_text(arena, placed[i].item, "answer"));
}

static void map_payment(const cJSON *payment, struct event *event)
{
    struct arena *arena = &event->arena;
    const cJSON *amount = json_get(payment, "amount");
    const char *money = map_money(
        arena, cJSON_IsNumber(amount) ? amount->valuedouble : 0, json_text(payment, "currency"));
    if (money)
        event->booking.payment = arena_printf(
            arena, "%s, %s", money, json_true(payment, "successful") ? "paid" : "not paid");
}

static void map_cancellation(const cJSON *payload, const cJSON *scheduled, struct event *event)
{
    const cJSON *cancellation = json_get(payload, "cancellation");
    if (!cJSON_IsObject(cancellation))
        cancellation = json_get(scheduled, "cancellation");
    event->booking.reason = map_line(&event->arena, cancellation, "reason");
    event->booking.by = map_line(&event->arena, cancellation, "canceled_by");
}

/* The half that was left behind names the one that goes on, and is silent once that one spoke. */
static void map_move(const cJSON *payload, struct event *event)
{
    struct booking *b = &event->booking;
    const char *old = map_line(&event->arena, payload, "old_invitee");
    bool gone =
        json_true(payload, "rescheduled") || map_line(&event->arena, payload, "new_invitee");
    if (event->kind == KIND_CREATED && old)
        event->kind = KIND_RESCHEDULED;
    if (event->kind == KIND_RESCHEDULED)
        b->previous_uid = old;
    if (event->kind == KIND_CANCELLED && gone)
        b->status = "moved";
}

/* API v1 had the scheduled event as the object `event`, and the person as `invitee`. */
static const cJSON *part_of(const cJSON *payload, const char *name, const char *v1_name)
{
    const cJSON *part = json_get(payload, name);
    if (!cJSON_IsObject(part))
        part = json_get(payload, v1_name);
    return cJSON_IsObject(part) ? part : NULL;
}

static void map_invitee(const cJSON *payload, struct event *event)
{
    static const char *const uids[] = {"uri", "uuid", NULL};
    struct arena *arena = &event->arena;
    struct booking *b = &event->booking;
    const cJSON *scheduled = part_of(payload, "scheduled_event", "event");
    const cJSON *invitee = part_of(payload, "invitee", "invitee");
    if (!invitee)
        invitee = payload;
    b->uid = map_first(arena, invitee, uids);
    b->status = map_lower(arena, payload, "status");
    if (!b->status)
        b->status = map_lower(arena, scheduled, "status");
    b->title = map_line(arena, scheduled, "name");
    b->event_type = map_line(arena, scheduled, "event_type");
    b->description = map_text(arena, scheduled, "meeting_notes_plain");
    b->start = map_time(scheduled, "start_time");
    b->end = map_time(scheduled, "end_time");
    calendly_map_location(json_get(scheduled, "location"), event);
    map_people(invitee, scheduled, event);
    map_answers(json_get(payload, "questions_and_answers"), event);
    map_payment(json_get(payload, "payment"), event);
    map_cancellation(payload, scheduled, event);
    map_move(payload, event);
}

/* Nobody is named here but in free answers. */
static void map_routing_form(const cJSON *payload, struct event *event)
{
    struct arena *arena = &event->arena;
    const char *type = json_text(payload, "result.type");
    const char *headline = map_text(arena, payload, "result.value.headline");
    const char *body = map_text(arena, payload, "result.value.body");
    map_answers(json_get(payload, "questions_and_answers"), event);
    if (type && strcmp(type, "external_url") == 0)
        event->booking.link = map_url(arena, payload, "result.value");
    if (headline && body)
        event->booking.description =
            clean_text(arena, arena_printf(arena, "%s\n\n%s", headline, body));
    else
        event->booking.description = headline ? headline : body;
}

/* Event types, contacts, recaps and their tombstones: no bookings, so without a uid. */
static void map_resource(const cJSON *payload, struct event *event)
{
    static const char *const titles[] = {"name", "title", "uri", NULL};
    event->booking.title = map_first(&event->arena, payload, titles);
}

/* Unknown events are read as an invitee's where they look like one. */
static void map_unknown(const cJSON *payload, struct event *event)
{
    if (json_get(payload, "scheduled_event") || json_get(payload, "invitee"))
        map_invitee(payload, event);
    else
        map_resource(payload, event);
}

void calendly_map(const cJSON *root, struct event *event)
{
    const cJSON *payload = json_get(root, "payload");
    event->name = clean_token(&event->arena, json_text(root, "event"));
    event->sent_at = map_time(root, "created_at");
    for (size_t i = 0; i < EVENTS; i++) {
        if (!event->name || strcmp(events[i].name, event->name) != 0)
            continue;
        event->kind = events[i].kind;
        events[i].map(payload, event);
        if (events[i].status)
            event->booking.status = events[i].status;
        return;
    }
    map_unknown(payload, event);
}
