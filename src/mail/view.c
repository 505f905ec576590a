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
    return person->name ? person->name : person->email;
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

const struct person *view_attendee(const struct event *event, const char *address)
{
    const struct booking *booking = &event->booking;
    for (size_t i = 0; i < booking->attendee_count; i++)
        if (same_address(booking->attendees[i].email, address))
            return &booking->attendees[i];
    return NULL;
}

const char *view_their_zone(const struct booking *booking)
{
    if (!booking->timezone && booking->attendee_count)
        return booking->attendees[0].timezone;
    return booking->timezone;
}

/* What the customer who booked wrote is shown to no other, and the person who acted only where the
 * reader knows them. `self` holds the reader: a list of one. */
static void cut_for_customer(struct event *event, const char *reader, struct person *self)
{
    struct booking *booking = &event->booking;
    const struct person *own = view_attendee(event, reader);
    bool booked_it = own && own == booking->attendees;
    if (!booked_it) {
        booking->answer_count = booking->guest_count = 0;
        booking->description = booking->payment = NULL;
    }
    if (!same_address(booking->by, reader) && !same_address(booking->by, booking->organizer.email))
        booking->by = NULL;
    if (own && (own->timezone || !booked_it))
        booking->timezone = own->timezone;
    *self = own ? *own : (struct person){.email = reader};
    booking->attendees = self;
    booking->attendee_count = 1;
}

struct value *view_make(struct arena *arena, const struct event *event,
    const struct decision *decision, const struct templates *templates,
    const struct view_options *options, struct buf *why)
{
    struct person self;
    struct event seen = *event;
    struct booking *booking = &seen.booking;
    seen.kind = view_kind(event, decision);
    if (booking->previous_start == TIME_NONE) {
        booking->previous_start = decision->previous_start;
        booking->previous_end = decision->previous_end;
    }
    bool customer = options->audience == AUDIENCE_CUSTOMER;
    if (customer)
        cut_for_customer(&seen, options->recipient, &self);
    struct view view = {.event = &seen,
        .decision = decision,
        .templates = templates,
        .options = options,
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
    const char *zone = customer ? view_their_zone(booking) : NULL;
    if (!zone)
        zone = options->timezone ? options->timezone : booking->organizer.timezone;
    zone_open(&view.zone, zone);
    view_add_times(&view);
    view_add_headline(&view);
    view_add_facts(&view);
    zone_close(&view.zone);
    return view.failed || arena->failed ? NULL : view.context;
}
