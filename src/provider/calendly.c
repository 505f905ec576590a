#include "provider/calendly.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hex.h"
#include "base/json.h"
#include "base/text.h"
#include "event/clean.h"
#include "provider/map.h"
#include "provider/place.h"

enum { CALENDLY_TIME_DIGITS = 15 }; /* its milliseconds fit an int64_t */

/* ---- location ---- */

/* Zoom has two names: Calendly's specification lists one, and its example shows the other. */
static const struct {
    const char *type, *word; /* NULL: only what was typed */
} location_types[] = {
    {"physical", "in_person"},
    {"inbound_call", "phone_call_by_customer"},
    {"outbound_call", "phone_call_by_host"},
    {"custom", NULL},
    {"ask_invitee", NULL},
    {"google_conference", "google_meet"},
    {"zoom", "zoom"},
    {"zoom_conference", "zoom"},
    {"microsoft_teams_conference", "microsoft_teams"},
    {"webex_conference", "webex"},
    {"gotomeeting", "goto_meeting"},
};

/* A typed place needs no word beside it, but a number says who calls whom. */
static void map_place_by_type(
    const cJSON *location, const char *typed, struct booking *b, struct arena *arena)
{
    const char *type = map_line(arena, location, "type");
    bool known = false;
    for (size_t i = 0; type && i < sizeof location_types / sizeof *location_types; i++)
        if (strcmp(location_types[i].type, type) == 0) {
            b->location_word = location_types[i].word;
            known = true;
        }
    bool call = b->location_word && strncmp(b->location_word, "phone_", 6) == 0;
    if (typed && !call)
        b->location_word = NULL;
    if (typed)
        b->location = typed;
    else if (type && !known)
        b->location = place_readable(arena, type);
    else
        b->location = place_text(b->location_word);
}

static void calendly_map_location(const cJSON *location, struct event *event)
{
    struct arena *arena = &event->arena;
    struct booking *b = &event->booking;
    const char *raw =
        cJSON_IsString(location) ? location->valuestring : json_text(location, "location");
    b->join_url = map_url(arena, location, "join_url");
    if (!b->join_url)
        b->join_url = clean_url(arena, raw);
    map_place_by_type(location, clean_line(arena, raw), b, arena);
    /* When the place is the join URL itself, the URL alone is enough. */
    if (b->location && b->join_url && strcmp(b->location, b->join_url) == 0)
        b->location = NULL;
    const char *more = map_line(arena, location, "additional_info");
    if (b->location && more)
        b->location = clean_line(arena, arena_printf(arena, "%s (%s)", b->location, more));
}

/* ---- people and answers ---- */

/* One official example has "America/New York". */
static const char *calendly_timezone(struct arena *arena, const cJSON *object)
{
    const char *zone = map_line(arena, object, "timezone");
    char *fixed = zone ? arena_strdup(arena, zone) : NULL;
    for (char *p = fixed; p && *p; p++)
        if (*p == ' ')
            *p = '_';
    return fixed;
}

static struct person calendly_person(struct arena *arena, const cJSON *object)
{
    struct person person = {
        .name = map_line(arena, object, "name"),
        .phone = map_line(arena, object, "text_reminder_number"),
        .timezone = calendly_timezone(arena, object),
    };
    map_email(arena, object, "email", &person);
    if (!person.name)
        person.name = map_joined(
            arena, map_line(arena, object, "first_name"), map_line(arena, object, "last_name"));
    return person;
}

static void calendly_map_hosts(const cJSON *scheduled, struct event *event)
{
    struct arena *arena = &event->arena;
    struct booking *b = &event->booking;
    const cJSON *item;
    size_t left = LIST_MAX;
    cJSON_ArrayForEach (item, map_list(scheduled, "event_memberships")) {
        if (left-- == 0)
            break;
        struct person host = {.name = map_line(arena, item, "user_name")};
        map_email(arena, item, "user_email", &host);
        map_add_host(event, host);
    }
    /* no webhook has the zone: drain/enrich adds it */
    if (b->host_count && !b->hosts[0].timezone)
        b->hosts[0].timezone = map_line(arena, scheduled, "host_timezone");
    if (b->host_count)
        b->organizer = b->hosts[0];
}

/* A guest who cannot be mailed is shown among the participants. */
static void calendly_map_people(const cJSON *invitee, const cJSON *scheduled, struct event *event)
{
    struct arena *arena = &event->arena;
    const cJSON *item;
    size_t left = LIST_MAX;
    calendly_map_hosts(scheduled, event);
    map_add_attendee(event, calendly_person(arena, invitee));
    event->booking.timezone = calendly_timezone(arena, invitee);
    cJSON_ArrayForEach (item, map_list(scheduled, "event_guests")) {
        if (left-- == 0)
            break;
        struct person guest = {0};
        map_email(arena, item, "email", &guest);
        if (guest.email)
            map_add_guest(event, guest.email);
        else
            map_add_attendee(event, guest);
    }
}

struct placed_answer {
    const cJSON *item;
    double position;
    size_t index;
};

static int compare_positions(const void *left, const void *right)
{
    const struct placed_answer *a = left, *b = right;
    if (a->position < b->position || a->position > b->position)
        return a->position < b->position ? -1 : 1;
    return a->index < b->index ? -1 : a->index > b->index;
}

static void calendly_map_answers(const cJSON *list, struct event *event)
{
    struct arena *arena = &event->arena;
    size_t size = (size_t)cJSON_GetArraySize(list), count = 0;
    const cJSON *item;
    if (size > LIST_MAX)
        size = LIST_MAX;
    struct placed_answer *placed = arena_alloc(arena, size * sizeof *placed);
    if (!placed)
        return;
    cJSON_ArrayForEach (item, list) {
        if (count == size)
            break;
        const cJSON *position = json_get(item, "position");
        placed[count] = (struct placed_answer){
            item, cJSON_IsNumber(position) ? position->valuedouble : (double)size, count};
        count++;
    }
    qsort(placed, count, sizeof *placed, compare_positions);
    for (size_t i = 0; i < count; i++)
        map_add_answer(event, map_line(arena, placed[i].item, "question"),
            map_text(arena, placed[i].item, "answer"));
}

/* ---- the booking ---- */

static void calendly_map_payment(const cJSON *payment, struct event *event)
{
    struct arena *arena = &event->arena;
    const cJSON *amount = json_get(payment, "amount");
    const char *money = map_money(
        arena, cJSON_IsNumber(amount) ? amount->valuedouble : 0, json_text(payment, "currency"));
    if (money)
        event->booking.payment = arena_printf(
            arena, "%s, %s", money, json_true(payment, "successful") ? "paid" : "not paid");
}

/* The canceled half of a move names the invitee that replaces it. */
static void calendly_map_move(const cJSON *payload, struct event *event)
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

/*
 * All invitees of a group event share one scheduled event. Who cancelled is not among the active
 * ones any more.
 */
static void calendly_map_group(const cJSON *payload, const cJSON *scheduled, struct event *event)
{
    static const char *const uris[] = {"uri", "uuid", NULL};
    struct booking *b = &event->booking;
    int64_t limit = map_count(scheduled, "invitees_counter.limit");
    const char *kind = json_text(scheduled, "event_type.kind");
    if (limit <= 1 && !(kind && strcmp(kind, "group") == 0))
        return;
    b->group_uid = map_first(&event->arena, scheduled, uris);
    if (!b->group_uid)
        b->group_uid = map_line(&event->arena, payload, "event");
    b->places = limit;
    b->places_taken = map_count(scheduled, "invitees_counter.active");
}

/* Who cancelled, or has moved on, cannot use the links any more. */
static void calendly_map_links(const cJSON *payload, struct event *event)
{
    struct booking *b = &event->booking;
    if (event->kind != KIND_CREATED && event->kind != KIND_RESCHEDULED)
        return;
    b->cancel_url = map_url(&event->arena, payload, "cancel_url");
    b->reschedule_url = map_url(&event->arena, payload, "reschedule_url");
}

/* In API v1 the scheduled event is the object `event`, and the person is `invitee`. */
static const cJSON *payload_part(const cJSON *payload, const char *name, const char *v1_name)
{
    const cJSON *part = json_get(payload, name);
    if (!cJSON_IsObject(part))
        part = json_get(payload, v1_name);
    return cJSON_IsObject(part) ? part : NULL;
}

static void calendly_map_invitee(const cJSON *payload, struct event *event)
{
    static const char *const uids[] = {"uri", "uuid", NULL};
    static const char *const types[] = {
        "event_type_name" /* of drain/enrich */, "event_type", NULL};
    struct arena *arena = &event->arena;
    struct booking *b = &event->booking;
    const cJSON *scheduled = payload_part(payload, "scheduled_event", "event");
    const cJSON *invitee = payload_part(payload, "invitee", "invitee");
    if (!invitee)
        invitee = payload;
    b->uid = map_first(arena, invitee, uids);
    b->status = map_lower(arena, payload, "status");
    if (!b->status)
        b->status = map_lower(arena, scheduled, "status");
    b->title = map_line(arena, scheduled, "name");
    b->event_type = map_first(arena, scheduled, types);
    b->host_notes = map_text(arena, scheduled, "meeting_notes_plain");
    b->calendar_written = cJSON_IsObject(json_get(scheduled, "calendar_event"));
    b->start = map_time(scheduled, "start_time");
    b->end = map_time(scheduled, "end_time");
    calendly_map_location(json_get(scheduled, "location"), event);
    calendly_map_people(invitee, scheduled, event);
    calendly_map_answers(map_list(payload, "questions_and_answers"), event);
    calendly_map_payment(json_get(payload, "payment"), event);
    const cJSON *cancellation = json_get(payload, "cancellation");
    if (!cJSON_IsObject(cancellation))
        cancellation = json_get(scheduled, "cancellation");
    b->reason = map_text(arena, cancellation, "reason");
    b->by = map_line(arena, cancellation, "canceled_by");
    calendly_map_move(payload, event);
    calendly_map_group(payload, scheduled, event);
    calendly_map_links(invitee, event);
}

/* The person's name and address are among the free answers, if anywhere. */
static void calendly_map_routing_form(const cJSON *payload, struct event *event)
{
    struct arena *arena = &event->arena;
    const char *type = json_text(payload, "result.type");
    const char *headline = map_text(arena, payload, "result.value.headline");
    const char *body = map_text(arena, payload, "result.value.body");
    calendly_map_answers(map_list(payload, "questions_and_answers"), event);
    if (type && strcmp(type, "external_url") == 0)
        event->booking.link = map_url(arena, payload, "result.value");
    if (headline && body)
        event->booking.description =
            clean_text(arena, arena_printf(arena, "%s\n\n%s", headline, body));
    else
        event->booking.description = headline ? headline : body;
}

/* About event types, contacts and recaps: no bookings, so there is no uid. */
static void calendly_map_resource(const cJSON *payload, struct event *event)
{
    static const char *const titles[] = {"name", "title", "uri", NULL};
    static const char *const mapped[] = {"name", "title", "uri", NULL};
    event->booking.title = map_first(&event->arena, payload, titles);
    map_add_members(event, payload, mapped);
}

/* An unknown event is mapped as an invitee's when it looks like one. */
static void calendly_map_unknown(const cJSON *payload, struct event *event)
{
    static const char *const mapped[] = {"uri", "uuid", "event", "name", "first_name", "last_name",
        "email", "text_reminder_number", "timezone", "status", "questions_and_answers", "payment",
        "old_invitee", "new_invitee", "rescheduled", "cancellation", "invitee", "tracking",
        "scheduled_event.uri", "scheduled_event.name", "scheduled_event.status",
        "scheduled_event.start_time", "scheduled_event.end_time", "scheduled_event.event_type",
        "scheduled_event.location", "scheduled_event.meeting_notes_plain",
        "scheduled_event.meeting_notes_html", "scheduled_event.invitees_counter",
        "scheduled_event.event_memberships", "scheduled_event.event_guests",
        "scheduled_event.calendar_event", NULL};
    if (!json_get(payload, "scheduled_event") && !json_get(payload, "invitee")) {
        calendly_map_resource(payload, event);
        return;
    }
    calendly_map_invitee(payload, event);
    map_add_members(event, payload, mapped);
}

/* ---- events ---- */

/* Calendly does not document invitee.rescheduled, but many of its users list it. */
static const struct {
    const char *name;
    enum event_kind kind;
    const char *status; /* replaces the body's; NULL: the body's */
    void (*map)(const cJSON *payload, struct event *event);
} calendly_events[] = {
    {"invitee.created", KIND_CREATED, NULL, calendly_map_invitee},
    {"invitee.canceled", KIND_CANCELLED, NULL, calendly_map_invitee},
    {"invitee.rescheduled", KIND_RESCHEDULED, NULL, calendly_map_invitee},
    {"invitee_no_show.created", KIND_NO_SHOW, "no_show", calendly_map_invitee},
    {"invitee_no_show.deleted", KIND_NO_SHOW, "no_show_cleared", calendly_map_invitee},
    {"routing_form_submission.created", KIND_FORM, NULL, calendly_map_routing_form},
    {"event_type.created", KIND_OTHER, NULL, calendly_map_resource},
    {"event_type.updated", KIND_OTHER, NULL, calendly_map_resource},
    {"event_type.deleted", KIND_OTHER, NULL, calendly_map_resource},
    {"contact.created", KIND_OTHER, NULL, calendly_map_resource},
    {"contact.updated", KIND_OTHER, NULL, calendly_map_resource},
    {"contact.deleted", KIND_OTHER, NULL, calendly_map_resource},
    {"meeting_recap.created", KIND_OTHER, NULL, calendly_map_resource},
    {"meeting_recap.updated", KIND_OTHER, NULL, calendly_map_resource},
    {"meeting_recap.deleted", KIND_OTHER, NULL, calendly_map_resource},
};

enum { CALENDLY_EVENTS = sizeof calendly_events / sizeof *calendly_events };

static void calendly_map(const cJSON *root, struct event *event)
{
    const cJSON *payload = json_get(root, "payload");
    event->name = clean_token(&event->arena, json_text(root, "event"));
    event->sent_at = map_time(root, "created_at");
    for (size_t i = 0; i < CALENDLY_EVENTS; i++) {
        if (!event->name || strcmp(calendly_events[i].name, event->name) != 0)
            continue;
        event->known = true;
        event->kind = calendly_events[i].kind;
        calendly_events[i].map(payload, event);
        if (calendly_events[i].status)
            event->booking.status = calendly_events[i].status;
        return;
    }
    calendly_map_unknown(payload, event);
}

/* ---- signature ---- */

/* A part of the signature header. */
struct span {
    const char *at;
    size_t len;
};

static bool span_is(struct span span, const char *text)
{
    return span.len == strlen(text) && memcmp(span.at, text, span.len) == 0;
}

static struct span trimmed_span(const char *from, const char *to)
{
    size_t len = (size_t)(to - from);
    const char *at = text_trimmed(from, &len, " \t");
    return (struct span){at, len};
}

/* One field after the other; false at the end, and for a field without '=', which sets *broken. */
static bool next_signature_field(
    const char **header, struct span *name, struct span *value, bool *broken)
{
    while (**header) {
        const char *start = *header;
        const char *end = start + strcspn(start, ",");
        *header = end + (*end == ',');
        if (trimmed_span(start, end).len == 0)
            continue;
        const char *equals = memchr(start, '=', (size_t)(end - start));
        if (!equals) {
            *broken = true;
            return false;
        }
        *name = trimmed_span(start, equals);
        *value = trimmed_span(equals + 1, end);
        return true;
    }
    return false;
}

/* The one t of the header, as it is written, and its value. */
static bool signature_time(const char *header, struct span *t, int64_t *seconds)
{
    struct span name, value;
    bool broken = false;
    *t = (struct span){0};
    while (next_signature_field(&header, &name, &value, &broken)) {
        if (!span_is(name, "t"))
            continue;
        if (t->at && (t->len != value.len || memcmp(t->at, value.at, t->len) != 0))
            return false;
        *t = value;
    }
    if (broken || !t->at || t->len == 0 || t->len > CALENDLY_TIME_DIGITS)
        return false;
    *seconds = 0;
    for (size_t i = 0; i < t->len; i++) {
        if (t->at[i] < '0' || t->at[i] > '9')
            return false;
        *seconds = *seconds * 10 + (t->at[i] - '0');
    }
    return true;
}

static enum signature_result calendly_verify(
    const struct provider_secrets *secrets, const char *header, struct digest_part body, int *which)
{
    struct span t, name, value;
    int64_t seconds;
    bool broken = false, any = false;
    int found = -1;
    struct signature_expected expected;
    if (!signature_time(header, &t, &seconds))
        return SIGNATURE_MALFORMED;
    signature_expect(secrets, (struct digest_part[]){{t.at, t.len}, {".", 1}, body}, 3, &expected);
    while (next_signature_field(&header, &name, &value, &broken)) {
        unsigned char given[DIGEST_SIZE];
        if (!span_is(name, "v1") || !hex_decode(value.at, value.len, given, sizeof given))
            continue;
        int matched = signature_match(&expected, given);
        found = matched >= 0 ? matched : found;
        any = true;
    }
    return any ? signature_conclude(&expected, found, which) : SIGNATURE_MALFORMED;
}

static bool calendly_sign(
    struct hmac *hmac, struct digest_part body, int64_t now, char *out, size_t out_size)
{
    char t[CALENDLY_TIME_DIGITS + 1], hex[DIGEST_HEX + 1];
    int digits = snprintf(t, sizeof t, "%lld", (long long)now / MS_PER_SECOND);
    if (now < 0 || digits > CALENDLY_TIME_DIGITS)
        return false;
    const struct digest_part parts[] = {{t, (size_t)digits}, {".", 1}, body};
    if (!signature_hex(hmac, parts, 3, hex))
        return false;
    int written = snprintf(out, out_size, "t=%s,v1=%s", t, hex);
    return written > 0 && (size_t)written < out_size;
}

/* Calendly has no test of its own, so `bookspool check` posts this event. */
#define CALENDLY_PING "bookspool.ping"

static void calendly_envelope(const cJSON *root, const char *header, struct envelope *envelope)
{
    struct span t;
    int64_t seconds;
    const char *name = json_text(root, "event");
    envelope_set_event(envelope, root, "event");
    envelope->ping = name && strcmp(name, CALENDLY_PING) == 0;
    if (header && signature_time(header, &t, &seconds))
        envelope_set_time(envelope, CLOCK_SENT, seconds * MS_PER_SECOND);
}

const struct provider_row calendly_provider = {
    .name = "calendly",
    .title = "Calendly",
    .signature_header = "Calendly-Webhook-Signature",
    .secret = {SET_CALENDLY_KEY, SET_CALENDLY_KEY_SECONDARY},
    .endpoint = SET_CALENDLY_ENDPOINT,
    .window = SET_CALENDLY_WINDOW,
    .base_url = SET_CALENDLY_BASE_URL,
    .time_in_body = false,
    .ping = "{\"event\":\"" CALENDLY_PING "\"}",
    .verify = calendly_verify,
    .sign = calendly_sign,
    .envelope = calendly_envelope,
    .map = calendly_map,
};
