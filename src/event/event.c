#include "event/event.h"

#include <string.h>

static const char *const kind_names[KINDS] = {
    [KIND_CREATED] = "created",
    [KIND_RESCHEDULED] = "rescheduled",
    [KIND_CANCELLED] = "cancelled",
    [KIND_REQUESTED] = "requested",
    [KIND_REJECTED] = "rejected",
    [KIND_PAID] = "paid",
    [KIND_NO_SHOW] = "no_show",
    [KIND_MEETING_STARTED] = "meeting_started",
    [KIND_MEETING_ENDED] = "meeting_ended",
    [KIND_RECORDING] = "recording",
    [KIND_FORM] = "form",
    [KIND_OUT_OF_OFFICE] = "out_of_office",
    [KIND_PING] = "ping",
    [KIND_OTHER] = "other",
};

const char *event_kind_name(enum event_kind kind)
{
    return kind_names[kind];
}

bool event_kind_parse(const char *name, enum event_kind *kind)
{
    for (int i = 0; i < KINDS; i++)
        if (strcmp(kind_names[i], name) == 0) {
            *kind = (enum event_kind)i;
            return true;
        }
    return false;
}

/* An object in the making. */
struct maker {
    struct arena *arena;
    struct value *object;
};

static void add_text(struct maker m, const char *name, const char *text)
{
    value_add_text(m.arena, m.object, name, text);
}

typedef void format(int64_t when, char out[TIME_TEXT]);

static void add_formatted(struct maker m, const char *name, int64_t when, format *write)
{
    char text[TIME_TEXT];
    if (when != TIME_NONE)
        write(when, text);
    add_text(m, name, when == TIME_NONE ? NULL : arena_strdup(m.arena, text));
}

static void add_time(struct maker m, const char *name, int64_t when)
{
    add_formatted(m, name, when, time_format);
}

static void add_time_ms(struct maker m, const char *name, int64_t when)
{
    add_formatted(m, name, when, time_format_ms);
}

/* Of a list where it has no name. */
static struct maker add_object(struct maker m, const char *name)
{
    return (struct maker){m.arena, value_add(m.arena, m.object, name, VALUE_OBJECT)};
}

static struct maker add_list(struct maker m, const char *name)
{
    return (struct maker){m.arena, value_add(m.arena, m.object, name, VALUE_LIST)};
}

static void add_person(struct maker m, const struct person *person)
{
    add_text(m, "name", person->name);
    add_text(m, "email", person->email);
    add_text(m, "timezone", person->timezone);
}

static void add_people(struct maker m, const struct booking *b)
{
    add_person(add_object(m, "organizer"), &b->organizer);
    struct maker attendees = add_list(m, "attendees"), guests = add_list(m, "guests");
    for (size_t i = 0; i < b->attendee_count; i++)
        add_person(add_object(attendees, NULL), &b->attendees[i]);
    for (size_t i = 0; i < b->guest_count; i++)
        add_text(guests, NULL, b->guests[i]);
}

static void add_answers(struct maker m, const struct booking *b)
{
    struct maker list = add_list(m, "answers");
    for (size_t i = 0; i < b->answer_count; i++) {
        struct maker one = add_object(list, NULL);
        add_text(one, "question", b->answers[i].question);
        add_text(one, "answer", b->answers[i].answer);
    }
}

static void add_booking(struct maker m, const struct booking *b)
{
    add_text(m, "uid", b->uid);
    add_text(m, "previous_uid", b->previous_uid);
    add_text(m, "ical_uid", b->ical_uid);
    value_add_number(m.arena, m.object, "sequence", (double)b->sequence);
    add_text(m, "status", b->status);
    add_text(m, "seat", b->seat);
    add_text(m, "title", b->title);
    add_text(m, "event_type", b->event_type);
    add_text(m, "description", b->description);
    add_text(m, "link", b->link);
    add_time(m, "start", b->start);
    add_time(m, "end", b->end);
    add_text(m, "timezone", b->timezone);
    add_time(m, "previous_start", b->previous_start);
    add_time(m, "previous_end", b->previous_end);
    add_text(m, "location", b->location);
    add_text(m, "join_url", b->join_url);
    add_text(m, "reason", b->reason);
    add_text(m, "by", b->by);
    value_add_flag(m.arena, m.object, "asked_to_rebook", b->asked_to_rebook);
    add_text(m, "payment", b->payment);
    add_people(m, b);
    add_answers(m, b);
}

struct value *event_to_value(const struct event *event, struct arena *arena)
{
    struct maker m = {arena, value_root(arena)};
    add_text(m, "id", arena_strdup(arena, event->id)); /* the struct may be a copy on its way */
    add_text(m, "provider", event->provider);
    add_text(m, "event", event->name);
    add_text(m, "kind", event_kind_name(event->kind));
    add_time_ms(m, "received_at", event->received_at);
    add_time_ms(m, "sent_at", event->sent_at);
    add_booking(add_object(m, "booking"), &event->booking);
    return m.object;
}

cJSON *event_to_json(const struct event *event)
{
    struct arena arena = {0};
    const struct value *value = event_to_value(event, &arena);
    cJSON *json = arena.failed ? NULL : value_to_json(value);
    arena_free(&arena);
    return json;
}

void event_free(struct event *event)
{
    arena_free(&event->arena);
    event->booking = (struct booking){0};
    event->name = NULL;
}
