#include "mail/view.h"

#include <string.h>
#include <strings.h>

#include "mail/view_parts.h"
#include "provider/provider.h"

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

/* What the one who booked said is nobody else's, and who acted is told only where the reader knows
 * them. `self` holds the reader: a list of one. */
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

static struct event as_decided(const struct event *event, const struct decision *decision)
{
    struct event seen = *event;
    struct booking *booking = &seen.booking;
    seen.kind = view_kind(event, decision);
    if (booking->previous_start == TIME_NONE) {
        booking->previous_start = decision->previous_start;
        booking->previous_end = decision->previous_end;
    }
    return seen;
}

static const char *zone_of_reader(const struct view *view)
{
    const struct booking *booking = &view->event->booking;
    const char *theirs = view_for_customer(view) ? view_their_zone(booking) : NULL;
    if (theirs)
        return theirs;
    return view->options->timezone ? view->options->timezone : booking->organizer.timezone;
}

static void add_all(struct view *view)
{
    view_add_flags(view);
    view_text(view, view->context, "provider_name", provider_title(view->event->provider));
    if (view_for_customer(view))
        view_flag(view, view->context, "for_customer");
    if (view->cut)
        view_flag(view, view->context, "cut");
    zone_open(&view->zone, zone_of_reader(view));
    view_add_times(view);
    view_add_headline(view);
    view_add_facts(view);
    zone_close(&view->zone);
}

struct value *view_make(struct arena *arena, const struct event *event,
    const struct decision *decision, const struct templates *templates,
    const struct view_options *options, struct buf *why)
{
    struct person self;
    struct event seen = as_decided(event, decision);
    if (options->audience == AUDIENCE_CUSTOMER)
        cut_for_customer(&seen, options->recipient, &self);
    struct view view = {.event = &seen,
        .decision = decision,
        .templates = templates,
        .options = options,
        .arena = arena,
        .attendee_count = seen.booking.attendee_count,
        .why = why};
    if (options->limits)
        view.cut = cut_event(&seen, options->limits, templates, arena);
    view.context = event_to_value(&seen, arena);
    add_all(&view);
    return view.failed || arena->failed ? NULL : view.context;
}
