#include "mail/view.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "mail/view_parts.h"
#include "provider/provider.h"

/* ---- what the parts share ---- */

bool view_for_customer(const struct view *view)
{
    return view->options->audience == AUDIENCE_CUSTOMER;
}

void view_text(struct view *view, struct value *object, const char *name, const char *text)
{
    if (text && *text)
        value_add_text(view->arena, object, name, text);
}

const char *view_copy(struct view *view, const struct buf *text)
{
    view->arena->failed |= text->failed;
    return arena_strndup(view->arena, buf_text(text), text->len);
}

void view_flag(struct view *view, struct value *object, const char *name)
{
    value_add_flag(view->arena, object, name, true);
}

struct value *view_object(struct view *view, struct value *parent, const char *name)
{
    return value_add(view->arena, parent, name, VALUE_OBJECT);
}

struct value *view_list(struct view *view, struct value *parent, const char *name)
{
    return value_add(view->arena, parent, name, VALUE_LIST);
}

struct value *view_append(struct view *view, struct value *list)
{
    return value_add(view->arena, list, NULL, VALUE_OBJECT);
}

void view_lines(struct view *view, struct value *parent, const char *name, const char *text)
{
    struct value *lines = view_list(view, parent, name);
    for (const char *end = text; end && *end; text = end + 1) {
        end = strchrnul(text, '\n');
        size_t len = (size_t)(end - text);
        while (len && strchr(" \t\r", text[len - 1]))
            len--;
        const char *line = text[len] ? arena_strndup(view->arena, text, len) : text;
        value_add_text(view->arena, lines, NULL, line);
    }
}

const char *view_person_label(const struct person *person)
{
    if (person->name)
        return person->name;
    return person->written_email ? person->written_email : person->email;
}

/* ---- words ---- */

const char *view_word_key(
    const struct view *view, const char *prefix, const char *name, char key[VIEW_KEY])
{
    const char *reader = view_for_customer(view) ? "customer_" : "";
    snprintf(key, VIEW_KEY, "%s%s_%s", reader, prefix, name);
    return templates_word(view->templates, key) ? key : NULL;
}

const char *view_word(struct view *view, const char *key, const struct value *context)
{
    struct buf text = {0};
    if (!view->failed && !templates_say(view->templates, key, context, &text, view->why))
        view->failed = true;
    const char *copy = view_copy(view, &text);
    buf_free(&text);
    return copy;
}

void view_say(struct view *view, struct value *object, const char *name, const char *key,
    const struct value *context)
{
    view_text(view, object, name, view_word(view, key, context));
}

/* ---- the view ---- */

enum event_kind view_kind(const struct event *event, const struct decision *decision)
{
    return decision->meaning == KINDS ? event->kind : decision->meaning;
}

static bool same_address(const char *a, const char *b)
{
    return a && b && strcasecmp(a, b) == 0;
}

static const struct person *find_person(
    const struct person *person, size_t count, const char *address)
{
    for (; count; count--, person++)
        if (same_address(person->email, address))
            return person;
    return NULL;
}

const struct person *view_attendee(const struct event *event, const char *address)
{
    return find_person(event->booking.attendees, event->booking.attendee_count, address);
}

const struct person *view_host(const struct event *event, const char *address)
{
    const struct booking *booking = &event->booking;
    const struct person *host = find_person(&booking->organizer, 1, address);
    if (!host)
        host = find_person(booking->hosts, booking->host_count, address);
    return host ? host : find_person(&booking->previous_organizer, 1, address);
}

const struct person *view_previous_host(const struct event *event)
{
    const struct person *before = &event->booking.previous_organizer;
    return view_person_label(before) ? before : NULL;
}

const struct person *view_reader(
    const struct event *event, enum audience audience, const char *recipient)
{
    return audience == AUDIENCE_CUSTOMER ? view_attendee(event, recipient)
                                         : view_host(event, recipient);
}

const char *view_their_zone(const struct booking *booking)
{
    if (!booking->timezone && booking->attendee_count)
        return booking->attendees[0].timezone;
    return booking->timezone;
}

/* The decision knows what the event does not say. A time that is the present one is no previous
 * one: an event may repeat it. */
static void settle_previous_time(struct booking *booking, const struct decision *decision)
{
    if (booking->previous_start == TIME_NONE) {
        booking->previous_start = decision->previous_start;
        booking->previous_end = decision->previous_end;
    }
    bool same_end = booking->previous_end == TIME_NONE || booking->previous_end == booking->end;
    if (booking->previous_start == booking->start && same_end)
        booking->previous_start = booking->previous_end = TIME_NONE;
}

/* BOOKSPOOL_TIMEZONE is the owners'; a customer has a zone of their own. */
static const char *zone_of(const struct view *view, const char *setting)
{
    const struct booking *booking = &view->event->booking;
    if (view_for_customer(view)) {
        const char *theirs = view_their_zone(booking);
        if (theirs)
            return theirs;
    }
    if (setting)
        return setting;
    bool own = !view_for_customer(view) && view->reader && view->reader->timezone;
    return own ? view->reader->timezone : booking->organizer.timezone;
}

struct value *view_make(struct arena *arena, const struct event *event,
    const struct decision *decision, const struct templates *templates,
    const struct view_options *options, struct buf *why)
{
    struct person self;
    struct event seen = *event;
    struct booking *booking = &seen.booking;
    seen.kind = view_kind(event, decision);
    settle_previous_time(booking, decision);
    bool customer = options->audience == AUDIENCE_CUSTOMER;
    if (customer)
        view_cut_for_customer(&seen, options->recipient, &self, arena);
    struct view view = {.event = &seen,
        .decision = decision,
        .templates = templates,
        .options = options,
        .reader = view_reader(event, options->audience, options->recipient),
        .arena = arena,
        .attendee_count = booking->attendee_count,
        .why = why};
    if (options->limits)
        view.cut = cut_event(&seen, options->limits, templates, arena);
    view.context = event_to_value(&seen, arena);
    view_add_flags(&view);
    view_text(&view, view.context, "provider_name", provider_title(seen.provider));
    if (customer)
        view_flag(&view, view.context, "for_customer");
    if (view.cut)
        view_flag(&view, view.context, "cut");
    zone_open(&view.zone, zone_of(&view, options->timezone));
    view_add_times(&view);
    view_add_persons(&view);
    view_add_places(&view);
    view_add_headline(&view);
    view_add_facts(&view);
    view_add_preview(&view);
    zone_close(&view.zone);
    return view.failed || arena->failed ? NULL : view.context;
}
