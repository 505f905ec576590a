#include "event/event.h"

#include <string.h>

static const char *const kind_names[KINDS] = {
    [KIND_CREATED] = "created",
    [KIND_RESCHEDULED] = "rescheduled",
    [KIND_CANCELLED] = "cancelled",
    [KIND_REQUESTED] = "requested",
    [KIND_REJECTED] = "rejected",
    [KIND_PAID] = "paid",
    [KIND_LOCATION_CHANGED] = "location_changed",
    [KIND_REASSIGNED] = "reassigned",
    [KIND_NO_SHOW] = "no_show",
    [KIND_HOST_NO_SHOW] = "host_no_show",
    [KIND_INSTANT] = "instant",
    [KIND_MEETING_STARTED] = "meeting_started",
    [KIND_MEETING_ENDED] = "meeting_ended",
    [KIND_RECORDING] = "recording",
    [KIND_FORM] = "form",
    [KIND_OUT_OF_OFFICE] = "out_of_office",
    [KIND_REPORT] = "report",
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

/* 0: not known. */
static void maker_count(struct maker m, const char *name, int64_t count)
{
    if (count)
        value_add_number(m.arena, m.object, name, (double)count);
    else
        maker_text(m, name, NULL);
}

static void maker_flag(struct maker m, const char *name, bool flag)
{
    value_add_flag(m.arena, m.object, name, flag);
}

static void maker_person(struct maker m, const struct person *person)
{
    static const char *const clocks[] = {NULL, "12", "24"};
    maker_text(m, "name", person->name);
    maker_text(m, "email", person->email);
    maker_text(m, "written_email", person->written_email);
    maker_text(m, "phone", person->phone);
    maker_text(m, "timezone", person->timezone);
    maker_text(m, "language", person->language);
    maker_text(m, "clock", clocks[person->clock_form]);
}

static void maker_people(
    struct maker m, const char *name, const struct person *people, size_t count)
{
    struct maker list = maker_in(m, name, VALUE_LIST);
    for (size_t i = 0; i < count; i++)
        maker_person(maker_in(list, NULL, VALUE_OBJECT), &people[i]);
}

static void maker_series(struct maker m, const struct booking *b)
{
    if (!b->in_series) {
        maker_text(m, "series", NULL);
        return;
    }
    struct maker series = maker_in(m, "series", VALUE_OBJECT);
    maker_count(series, "count", b->series_count);
    maker_text(series, "frequency", b->series_frequency);
    maker_count(series, "interval", b->series_interval);
    maker_flag(series, "whole", b->whole_series);
}

static void maker_place(struct maker m, const struct booking *b)
{
    maker_text(m, "location", b->location);
    maker_text(m, "location_word", b->location_word);
    maker_text(m, "previous_location", b->previous_location);
    maker_text(m, "previous_location_word", b->previous_location_word);
    maker_text(m, "join_url", b->join_url);
    maker_text(m, "reschedule_url", b->reschedule_url);
    maker_text(m, "cancel_url", b->cancel_url);
    maker_text(m, "manage_url", b->manage_url);
}

static void maker_lists(struct maker m, const struct booking *b)
{
    maker_people(m, "attendees", b->attendees, b->attendee_count);
    struct maker guests = maker_in(m, "guests", VALUE_LIST);
    for (size_t i = 0; i < b->guest_count; i++)
        maker_text(guests, NULL, b->guests[i]);
    struct maker answers = maker_in(m, "answers", VALUE_LIST);
    for (size_t i = 0; i < b->answer_count; i++) {
        struct maker one = maker_in(answers, NULL, VALUE_OBJECT);
        maker_text(one, "question", b->answers[i].question);
        maker_text(one, "word", b->answers[i].word);
        maker_text(one, "answer", b->answers[i].answer);
        maker_text(one, "answer_word", b->answers[i].answer_word);
    }
    struct maker details = maker_in(m, "details", VALUE_LIST);
    for (size_t i = 0; i < b->detail_count; i++) {
        struct maker one = maker_in(details, NULL, VALUE_OBJECT);
        maker_text(one, "word", b->details[i].word);
        maker_text(one, "text", b->details[i].text);
        maker_time(one, "when", b->details[i].when, time_format);
    }
}

static void maker_booking(struct maker m, const struct booking *b)
{
    maker_text(m, "uid", b->uid);
    maker_text(m, "previous_uid", b->previous_uid);
    maker_text(m, "group_uid", b->group_uid);
    maker_text(m, "ical_uid", b->ical_uid);
    value_add_number(m.arena, m.object, "sequence", (double)b->sequence);
    maker_text(m, "status", b->status);
    maker_text(m, "seat", b->seat);
    maker_count(m, "places", b->places);
    maker_count(m, "places_taken", b->places_taken);
    maker_series(m, b);
    maker_flag(m, "calendar_written", b->calendar_written);
    maker_text(m, "title", b->title);
    maker_text(m, "event_type", b->event_type);
    maker_text(m, "description", b->description);
    maker_text(m, "notes", b->notes);
    maker_text(m, "host_notes", b->host_notes);
    maker_text(m, "link", b->link);
    maker_time(m, "start", b->start, time_format);
    maker_time(m, "end", b->end, time_format);
    maker_text(m, "timezone", b->timezone);
    maker_time(m, "previous_start", b->previous_start, time_format);
    maker_time(m, "previous_end", b->previous_end, time_format);
    maker_place(m, b);
    maker_text(m, "reason", b->reason);
    maker_text(m, "by", b->by);
    maker_flag(m, "asked_to_rebook", b->asked_to_rebook);
    maker_text(m, "payment", b->payment);
    struct maker hidden = maker_in(m, "private", VALUE_OBJECT);
    maker_flag(hidden, "organizer_email", b->hide_organizer_email);
    maker_flag(hidden, "notes", b->hide_notes);
    maker_flag(hidden, "details", b->hide_details);
    maker_text(m, "reply_to", b->reply_to);
    maker_text(m, "team", b->team);
    maker_person(maker_in(m, "organizer", VALUE_OBJECT), &b->organizer);
    maker_people(m, "hosts", b->hosts, b->host_count);
    maker_person(maker_in(m, "previous_organizer", VALUE_OBJECT), &b->previous_organizer);
    maker_person(maker_in(m, "stand_in", VALUE_OBJECT), &b->stand_in);
    maker_lists(m, b);
}

struct value *event_to_value(const struct event *event, struct arena *arena)
{
    struct value *root = value_root(arena);
    struct maker m = {arena, root};
    maker_text(m, "id", arena_strdup(arena, event->id)); /* the value may outlive the struct */
    maker_text(m, "provider", event->provider);
    maker_text(m, "event", event->name);
    maker_flag(m, "known", event->known);
    maker_text(m, "kind", event_kind_name(event->kind));
    maker_flag(m, "reconciled", event->reconciled);
    maker_time(m, "received_at", event->received_at, time_format_ms);
    maker_time(m, "sent_at", event->sent_at, time_format_ms);
    maker_booking(maker_in(m, "booking", VALUE_OBJECT), &event->booking);
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
