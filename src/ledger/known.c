#include "ledger/known.h"

#include <stddef.h>
#include <string.h>
#include <strings.h>

#include <cjson/cJSON.h>

#include "base/json.h"

/* Members that are texts. What is personal is not shown with the event of another person. */
static const struct member {
    const char *name;
    size_t offset;
    bool personal;
} texts[] = {
#define TEXT(field, personal)                                                                      \
    {                                                                                              \
#field, offsetof(struct booking, field), personal                                          \
    }
    TEXT(title, false),
    TEXT(event_type, false),
    TEXT(timezone, true),
    TEXT(description, false),
    TEXT(notes, true),
    TEXT(host_notes, false),
    TEXT(location, false),
    TEXT(location_word, false),
    TEXT(join_url, false),
    TEXT(reschedule_url, true),
    TEXT(cancel_url, true),
    TEXT(manage_url, false),
    TEXT(reply_to, false),
    TEXT(team, false),
};
enum { TEXTS = sizeof texts / sizeof *texts };

static const char **text_of(struct booking *b, const struct member *member)
{
    return (const char **)((char *)b + member->offset);
}

bool known_tells(const struct event *event)
{
    switch (event->kind) {
    case KIND_CREATED:
    case KIND_RESCHEDULED:
    case KIND_REQUESTED:
    case KIND_PAID:
    case KIND_LOCATION_CHANGED:
    case KIND_REASSIGNED:
    case KIND_INSTANT:
    case KIND_OTHER:
        return event->booking.uid && event->booking.title;
    default:
        return false;
    }
}

/* ---- to JSON ---- */

static void put_text(cJSON *object, const char *name, const char *text)
{
    if (text)
        cJSON_AddStringToObject(object, name, text);
}

static void put_number(cJSON *object, const char *name, int64_t number, int64_t none)
{
    if (number != none)
        cJSON_AddNumberToObject(object, name, (double)number);
}

static void put_person_members(cJSON *object, const struct person *person)
{
    put_text(object, "name", person->name);
    put_text(object, "email", person->email);
    put_text(object, "written_email", person->written_email);
    put_text(object, "phone", person->phone);
    put_text(object, "timezone", person->timezone);
    put_text(object, "language", person->language);
    put_number(object, "clock_form", person->clock_form, CLOCK_FORM_UNKNOWN);
}

static void put_people(cJSON *object, const char *name, const struct person *people, size_t count)
{
    cJSON *list = count ? cJSON_AddArrayToObject(object, name) : NULL;
    for (size_t i = 0; i < count; i++) {
        cJSON *one = cJSON_CreateObject();
        put_person_members(one, &people[i]);
        json_list_add(list, one);
    }
}

static void put_answers(cJSON *object, const struct booking *b)
{
    cJSON *list = b->answer_count ? cJSON_AddArrayToObject(object, "answers") : NULL;
    for (size_t i = 0; i < b->answer_count; i++) {
        cJSON *one = cJSON_CreateObject();
        put_text(one, "question", b->answers[i].question);
        put_text(one, "word", b->answers[i].word);
        put_text(one, "answer", b->answers[i].answer);
        put_text(one, "answer_word", b->answers[i].answer_word);
        json_list_add(list, one);
    }
}

static void put_flag(cJSON *object, const char *name, bool flag)
{
    if (flag)
        cJSON_AddTrueToObject(object, name);
}

static void put_booking(cJSON *object, struct booking *b)
{
    for (size_t i = 0; i < TEXTS; i++)
        put_text(object, texts[i].name, *text_of(b, &texts[i]));
    put_number(object, "start", b->start, TIME_NONE);
    put_number(object, "end", b->end, TIME_NONE);
    put_flag(object, "hide_organizer_email", b->hide_organizer_email);
    put_flag(object, "hide_notes", b->hide_notes);
    put_flag(object, "hide_details", b->hide_details);
    if (b->organizer.name || b->organizer.email || b->organizer.timezone)
        put_person_members(cJSON_AddObjectToObject(object, "organizer"), &b->organizer);
    if (b->previous_organizer.name || b->previous_organizer.email)
        put_person_members(
            cJSON_AddObjectToObject(object, "previous_organizer"), &b->previous_organizer);
    put_text(object, "previous_location", b->previous_location);
    put_text(object, "previous_location_word", b->previous_location_word);
    put_people(object, "hosts", b->hosts, b->host_count);
    put_people(object, "attendees", b->attendees, b->attendee_count);
    put_answers(object, b);
    cJSON *guests = b->guest_count ? cJSON_AddArrayToObject(object, "guests") : NULL;
    for (size_t i = 0; i < b->guest_count; i++)
        json_list_add(guests, cJSON_CreateString(b->guests[i]));
}

/* NULL where there is nothing in it. */
static const char *to_text(struct arena *arena, struct booking *b)
{
    cJSON *object = cJSON_CreateObject();
    put_booking(object, b);
    char *text = object && object->child ? cJSON_PrintUnformatted(object) : NULL;
    const char *copy = text ? arena_strdup(arena, text) : NULL;
    cJSON_free(text);
    cJSON_Delete(object);
    return copy;
}

/* ---- from JSON ---- */

static void get_person(const cJSON *object, struct person *person)
{
    const cJSON *form = json_get(object, "clock_form");
    *person = (struct person){.name = json_text(object, "name"),
        .email = json_text(object, "email"),
        .written_email = json_text(object, "written_email"),
        .phone = json_text(object, "phone"),
        .timezone = json_text(object, "timezone"),
        .language = json_text(object, "language"),
        .clock_form = cJSON_IsNumber(form) ? (enum clock_form)form->valueint : CLOCK_FORM_UNKNOWN};
}

static size_t get_people(
    struct arena *arena, const cJSON *object, const char *name, struct person **people)
{
    const cJSON *list = json_get(object, name), *one;
    size_t count = 0, room = (size_t)cJSON_GetArraySize(list);
    *people = room ? arena_alloc(arena, room * sizeof **people) : NULL;
    if (*people)
        cJSON_ArrayForEach (one, list)
            get_person(one, &(*people)[count++]);
    return count;
}

static int64_t get_time(const cJSON *object, const char *name)
{
    const cJSON *number = json_get(object, name);
    return cJSON_IsNumber(number) ? (int64_t)number->valuedouble : TIME_NONE;
}

static void get_lists(struct arena *arena, const cJSON *object, struct booking *b)
{
    const cJSON *answers = json_get(object, "answers"), *guests = json_get(object, "guests"), *one;
    size_t room = (size_t)cJSON_GetArraySize(answers);
    b->host_count = get_people(arena, object, "hosts", &b->hosts);
    b->attendee_count = get_people(arena, object, "attendees", &b->attendees);
    b->answers = room ? arena_alloc(arena, room * sizeof *b->answers) : NULL;
    if (b->answers)
        cJSON_ArrayForEach (one, answers)
            b->answers[b->answer_count++] = (struct answer){.question = json_text(one, "question"),
                .word = json_text(one, "word"),
                .answer = json_text(one, "answer"),
                .answer_word = json_text(one, "answer_word")};
    room = (size_t)cJSON_GetArraySize(guests);
    b->guests = room ? arena_alloc(arena, room * sizeof *b->guests) : NULL;
    if (b->guests)
        cJSON_ArrayForEach (one, guests)
            b->guests[b->guest_count++] = one->valuestring;
}

/* Nothing, where there is no text. Its texts live in the arena. */
static void from_text(struct arena *arena, const char *text, struct booking *b)
{
    const cJSON *object = text ? json_parse_in(arena, text, strlen(text)) : NULL;
    *b = (struct booking){.start = TIME_NONE,
        .end = TIME_NONE,
        .previous_start = TIME_NONE,
        .previous_end = TIME_NONE};
    if (!object)
        return;
    for (size_t i = 0; i < TEXTS; i++)
        *text_of(b, &texts[i]) = json_text(object, texts[i].name);
    b->start = get_time(object, "start");
    b->end = get_time(object, "end");
    b->hide_organizer_email = json_true(object, "hide_organizer_email");
    b->hide_notes = json_true(object, "hide_notes");
    b->hide_details = json_true(object, "hide_details");
    b->previous_location = json_text(object, "previous_location");
    b->previous_location_word = json_text(object, "previous_location_word");
    get_person(json_get(object, "organizer"), &b->organizer);
    get_person(json_get(object, "previous_organizer"), &b->previous_organizer);
    get_lists(arena, object, b);
}

/* ---- one booking over another ---- */

static void fill_person(struct person *person, const struct person *other)
{
    const struct person own = *person;
    *person = *other;
    if (own.name)
        person->name = own.name;
    if (own.email || own.written_email) {
        person->email = own.email;
        person->written_email = own.written_email;
    }
    if (own.phone)
        person->phone = own.phone;
    if (own.timezone)
        person->timezone = own.timezone;
    if (own.language)
        person->language = own.language;
    if (own.clock_form)
        person->clock_form = own.clock_form;
}

static bool is_same(const char *a, const char *b)
{
    return a && b && strcasecmp(a, b) == 0;
}

/* What is known of the persons that a list names by their address alone; all of them, where there
 * is no list. The event's own list is not written to. */
static void fill_people(struct arena *arena, struct person **people, size_t *count,
    struct person *others, size_t other_count)
{
    if (!*count) {
        *people = others;
        *count = other_count;
        return;
    }
    struct person *copy = arena_alloc(arena, *count * sizeof *copy);
    if (!copy)
        return;
    memcpy(copy, *people, *count * sizeof *copy);
    for (size_t i = 0; i < *count; i++)
        for (size_t n = 0; n < other_count; n++)
            if (is_same(copy[i].email, others[n].email))
                fill_person(&copy[i], &others[n]);
    *people = copy;
}

/* The place and its word belong together, and so do start and end. */
static void fill(struct arena *arena, struct booking *b, struct booking *other)
{
    bool placed = b->location || b->location_word;
    for (size_t i = 0; i < TEXTS; i++) {
        const char **text = text_of(b, &texts[i]);
        bool of_place = texts[i].offset == offsetof(struct booking, location) ||
                        texts[i].offset == offsetof(struct booking, location_word);
        if (!*text && !(of_place && placed))
            *text = *text_of(other, &texts[i]);
    }
    if (b->start == TIME_NONE) {
        b->start = other->start;
        b->end = other->end;
    }
    b->hide_organizer_email |= other->hide_organizer_email;
    b->hide_notes |= other->hide_notes;
    b->hide_details |= other->hide_details;
    if (!b->organizer.email || is_same(b->organizer.email, other->organizer.email))
        fill_person(&b->organizer, &other->organizer);
    if (!b->previous_organizer.email)
        fill_person(&b->previous_organizer, &other->previous_organizer);
    if (!b->previous_location && !b->previous_location_word) {
        b->previous_location = other->previous_location;
        b->previous_location_word = other->previous_location_word;
    }
    fill_people(arena, &b->hosts, &b->host_count, other->hosts, other->host_count);
    fill_people(arena, &b->attendees, &b->attendee_count, other->attendees, other->attendee_count);
    if (!b->answer_count) {
        b->answers = other->answers;
        b->answer_count = other->answer_count;
    }
    if (!b->guest_count) {
        b->guests = other->guests;
        b->guest_count = other->guest_count;
    }
}

const char *known_merge(
    struct arena *arena, const char *before, const struct event *event, bool newest)
{
    struct booking old, own = event->booking;
    from_text(arena, before, &old);
    if (!event->known && event->kind == KIND_OTHER && before)
        return before;
    /* of a change, not of the booking */
    own.previous_organizer = (struct person){0};
    own.previous_location = own.previous_location_word = NULL;
    struct booking *upper = newest ? &own : &old;
    fill(arena, upper, newest ? &old : &own);
    return to_text(arena, upper);
}

int64_t known_start(struct arena *arena, const char *details)
{
    struct booking b;
    from_text(arena, details, &b);
    return b.start;
}

const char *known_move(struct arena *arena, const char *details, int64_t start, int64_t end)
{
    struct booking b;
    from_text(arena, details, &b);
    b.start = start;
    b.end = end;
    return to_text(arena, &b);
}

/* ---- what an event lacks ---- */

static bool lacks_most(enum event_kind kind)
{
    return kind == KIND_PAID || kind == KIND_NO_SHOW || kind == KIND_HOST_NO_SHOW;
}

static void select_change(
    const struct booking *b, enum event_kind kind, struct booking *known, struct booking *out)
{
    if (kind == KIND_REASSIGNED && known->organizer.email &&
        !is_same(known->organizer.email, b->organizer.email))
        out->previous_organizer = known->organizer;
    if (kind != KIND_LOCATION_CHANGED || b->previous_location || b->previous_location_word)
        return;
    const char *was = known->join_url ? known->join_url : known->location;
    const char *is = b->join_url ? b->join_url : b->location;
    if (was && !(is && strcmp(was, is) == 0)) {
        out->previous_location = was;
        out->previous_location_word = known->join_url ? NULL : known->location_word;
    }
}

const char *known_select(struct arena *arena, const char *details, const struct event *event,
    bool whose, const char *host_zone)
{
    const struct booking *b = &event->booking;
    struct booking known, out;
    from_text(arena, details, &known);
    from_text(arena, NULL, &out);
    if (lacks_most(event->kind)) {
        out = known;
        for (size_t i = 0; i < TEXTS; i++)
            if (texts[i].personal && !whose)
                *text_of(&out, &texts[i]) = NULL;
        if (!whose)
            out.attendee_count = out.answer_count = out.guest_count = 0;
    } else {
        out.hide_organizer_email = known.hide_organizer_email && !b->hide_organizer_email;
        out.hide_notes = known.hide_notes && !b->hide_notes;
        out.hide_details = known.hide_details && !b->hide_details;
        out.reply_to = b->reply_to ? NULL : known.reply_to;
        select_change(b, event->kind, &known, &out);
    }
    if (host_zone) {
        out.organizer.email = b->organizer.email;
        out.organizer.timezone = host_zone;
    }
    return to_text(arena, &out);
}

const char *known_join(struct arena *arena, const char *first, const char *second)
{
    struct booking upper, lower;
    from_text(arena, first, &upper);
    from_text(arena, second, &lower);
    fill(arena, &upper, &lower);
    return to_text(arena, &upper);
}

/* Calendly's type of an event is an address of its API, until its name is known. */
static bool is_address(const char *type)
{
    return type && strstr(type, "://");
}

void ledger_complete(const struct decision *decision, struct event *event)
{
    struct booking known, *b = &event->booking;
    if (b->places > 0 && !b->places_taken && decision->taken > 0)
        b->places_taken = decision->taken;
    if (!decision->known)
        return;
    from_text(&event->arena, decision->known, &known);
    if (is_address(b->event_type) && known.event_type && !is_address(known.event_type))
        b->event_type = known.event_type;
    fill(&event->arena, b, &known);
    for (size_t i = 0; i < b->host_count; i++)
        if (!b->hosts[i].timezone && is_same(b->hosts[i].email, b->organizer.email))
            b->hosts[i].timezone = b->organizer.timezone;
}
