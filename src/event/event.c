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

/* Where the members of one JSON object go. */
struct maker {
    struct arena *arena;
    struct value *object;
};

static void maker_text(struct maker m, const char *name, const char *text)
{
    value_add_text(m.arena, m.object, name, text);
}

static void maker_time(struct maker m, const char *name, int64_t when,
    void (*format)(int64_t when, char out[TIME_TEXT]))
{
    char text[TIME_TEXT];
    if (when != TIME_NONE)
        format(when, text);
    maker_text(m, name, when == TIME_NONE ? NULL : arena_strdup(m.arena, text));
}

/* The maker of an object or a list in `m`. NULL as name: an entry of a list. */
static struct maker maker_in(struct maker m, const char *name, enum value_kind kind)
{
    return (struct maker){m.arena, value_add(m.arena, m.object, name, kind)};
}

static void maker_person(struct maker m, const struct person *person)
{
    maker_text(m, "name", person->name);
    maker_text(m, "email", person->email);
    maker_text(m, "timezone", person->timezone);
}

struct value *event_to_value(const struct event *event, struct arena *arena)
{
    const struct booking *b = &event->booking;
    struct value *root = value_root(arena);
    struct maker m = {arena, root};
    maker_text(m, "id", arena_strdup(arena, event->id)); /* the value may outlive the struct */
    maker_text(m, "provider", event->provider);
    maker_text(m, "event", event->name);
    maker_text(m, "kind", event_kind_name(event->kind));
    maker_time(m, "received_at", event->received_at, time_format_ms);
    maker_time(m, "sent_at", event->sent_at, time_format_ms);
    m = maker_in(m, "booking", VALUE_OBJECT);
    maker_text(m, "uid", b->uid);
    maker_text(m, "previous_uid", b->previous_uid);
    maker_text(m, "ical_uid", b->ical_uid);
    value_add_number(m.arena, m.object, "sequence", (double)b->sequence);
    maker_text(m, "status", b->status);
    maker_text(m, "seat", b->seat);
    maker_text(m, "title", b->title);
    maker_text(m, "event_type", b->event_type);
    maker_text(m, "description", b->description);
    maker_text(m, "link", b->link);
    maker_time(m, "start", b->start, time_format);
    maker_time(m, "end", b->end, time_format);
    maker_text(m, "timezone", b->timezone);
    maker_time(m, "previous_start", b->previous_start, time_format);
    maker_time(m, "previous_end", b->previous_end, time_format);
    maker_text(m, "location", b->location);
    maker_text(m, "join_url", b->join_url);
    maker_text(m, "reason", b->reason);
    maker_text(m, "by", b->by);
    value_add_flag(m.arena, m.object, "asked_to_rebook", b->asked_to_rebook);
    maker_text(m, "payment", b->payment);
    maker_person(maker_in(m, "organizer", VALUE_OBJECT), &b->organizer);
    struct maker attendees = maker_in(m, "attendees", VALUE_LIST),
                 guests = maker_in(m, "guests", VALUE_LIST);
    for (size_t i = 0; i < b->attendee_count; i++)
        maker_person(maker_in(attendees, NULL, VALUE_OBJECT), &b->attendees[i]);
    for (size_t i = 0; i < b->guest_count; i++)
        maker_text(guests, NULL, b->guests[i]);
    struct maker answers = maker_in(m, "answers", VALUE_LIST);
    for (size_t i = 0; i < b->answer_count; i++) {
        struct maker one = maker_in(answers, NULL, VALUE_OBJECT);
        maker_text(one, "question", b->answers[i].question);
        maker_text(one, "answer", b->answers[i].answer);
    }
    return root;
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
