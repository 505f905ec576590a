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

/* An object in the making; `ok` turns false for good when memory ran out. */
struct maker {
    cJSON *object;
    bool *ok;
};

static void add(struct maker m, const char *name, cJSON *item)
{
    /* cJSON leaves an item that it could not take to the caller. */
    if (!item || !cJSON_AddItemToObject(m.object, name, item)) {
        cJSON_Delete(item);
        *m.ok = false;
    }
}

static cJSON *text_or_null(const char *text)
{
    return text ? cJSON_CreateString(text) : cJSON_CreateNull();
}

static void add_text(struct maker m, const char *name, const char *text)
{
    add(m, name, text_or_null(text));
}

static void add_time(struct maker m, const char *name, int64_t when)
{
    char text[TIME_TEXT];
    if (when != TIME_NONE)
        time_format(when, text);
    add_text(m, name, when == TIME_NONE ? NULL : text);
}

static void add_time_ms(struct maker m, const char *name, int64_t when)
{
    char text[TIME_TEXT];
    if (when != TIME_NONE)
        time_format_ms(when, text);
    add_text(m, name, when == TIME_NONE ? NULL : text);
}

static struct maker add_object(struct maker m, const char *name)
{
    cJSON *object = cJSON_CreateObject();
    add(m, name, object);
    return (struct maker){.object = *m.ok ? object : NULL, .ok = m.ok};
}

static cJSON *add_array(struct maker m, const char *name)
{
    cJSON *array = cJSON_CreateArray();
    add(m, name, array);
    return *m.ok ? array : NULL;
}

static struct maker append_object(struct maker m, cJSON *array)
{
    cJSON *object = cJSON_CreateObject();
    if (!object || !cJSON_AddItemToArray(array, object)) {
        cJSON_Delete(object);
        *m.ok = false;
        object = NULL;
    }
    return (struct maker){.object = object, .ok = m.ok};
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
    cJSON *list = add_array(m, "attendees");
    for (size_t i = 0; i < b->attendee_count && *m.ok; i++)
        add_person(append_object(m, list), &b->attendees[i]);
    list = add_array(m, "guests");
    for (size_t i = 0; i < b->guest_count && *m.ok; i++) {
        cJSON *guest = text_or_null(b->guests[i]);
        if (!guest || !cJSON_AddItemToArray(list, guest)) {
            cJSON_Delete(guest);
            *m.ok = false;
        }
    }
}

static void add_answers(struct maker m, const struct booking *b)
{
    cJSON *list = add_array(m, "answers");
    for (size_t i = 0; i < b->answer_count && *m.ok; i++) {
        struct maker one = append_object(m, list);
        add_text(one, "question", b->answers[i].question);
        add_text(one, "answer", b->answers[i].answer);
    }
}

static void add_booking(struct maker m, const struct booking *b)
{
    add_text(m, "uid", b->uid);
    add_text(m, "previous_uid", b->previous_uid);
    add_text(m, "ical_uid", b->ical_uid);
    add(m, "sequence", cJSON_CreateNumber((double)b->sequence));
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
    add(m, "asked_to_rebook", cJSON_CreateBool(b->asked_to_rebook));
    add_text(m, "payment", b->payment);
    add_people(m, b);
    add_answers(m, b);
}

cJSON *event_to_json(const struct event *event)
{
    bool ok = true;
    struct maker m = {.object = cJSON_CreateObject(), .ok = &ok};
    add_text(m, "id", event->id);
    add_text(m, "provider", provider_name(event->provider));
    add_text(m, "event", event->name);
    add_text(m, "kind", event_kind_name(event->kind));
    add_time_ms(m, "received_at", event->received_at);
    add_time_ms(m, "sent_at", event->sent_at);
    add_booking(add_object(m, "booking"), &event->booking);
    if (!ok) {
        cJSON_Delete(m.object);
        return NULL;
    }
    return m.object;
}

void event_free(struct event *event)
{
    arena_free(&event->arena);
    event->booking = (struct booking){0};
    event->name = NULL;
}
