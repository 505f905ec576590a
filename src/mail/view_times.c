#include <string.h>

#include "mail/view_parts.h"

enum { MS_PER_MINUTE = 60 * MS_PER_SECOND };

static void add_digits(
    struct view *view, struct value *object, const char *field, int number, int digits)
{
    view_text(view, object, field, arena_printf(view->arena, "%0*d", digits, number));
}

/* What words and templates make a date of. */
static void add_pieces(struct view *view, struct value *object, const struct zone_time *time)
{
    static const struct {
        const char *field;
        enum name_list list;
        bool month;
    } names[] = {{"weekday", LIST_DAYS, false}, {"weekday_long", LIST_DAYS_LONG, false},
        {"month", LIST_MONTHS, true}, {"month_long", LIST_MONTHS_LONG, true}};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        view_text(view, object, names[i].field,
            templates_name(
                view->templates, names[i].list, names[i].month ? time->month : time->weekday));
    add_digits(view, object, "day", time->day, 1);
    add_digits(view, object, "day_2", time->day, 2);
    add_digits(view, object, "month_2", time->month, 2);
    add_digits(view, object, "year", time->year, 4);
    const char *clock_24 = arena_printf(view->arena, "%02d:%02d", time->hour, time->minute);
    const char *clock_12 = arena_printf(view->arena, "%d:%02d %s", (time->hour + 11) % 12 + 1,
        time->minute, time->hour < 12 ? "AM" : "PM");
    bool twelve = view->reader && view->reader->clock_form == CLOCK_FORM_12;
    view_text(view, object, "clock", twelve ? clock_12 : clock_24);
    view_text(view, object, "clock_24", clock_24);
    view_text(view, object, "clock_12", clock_12);
    view_text(view, object, "zone", arena_strdup(view->arena, time->abbreviation));
}

/* False when there is no such time. */
static bool local_time(const struct zone *zone, int64_t when, struct zone_time *time)
{
    return when != TIME_NONE && zone_local(zone, when, time);
}

/* An object of pieces. False when there is no such time. */
static bool add_time(struct view *view, struct value *parent, const char *name,
    const struct zone *zone, int64_t when)
{
    struct zone_time time;
    bool known = local_time(zone, when, &time);
    if (known)
        add_pieces(view, view_object(view, parent, name), &time);
    return known;
}

/* "2026-11-24T15:00:00Z", for a time beyond all calendars. */
static void add_raw(struct view *view, struct value *object, const char *name, int64_t when)
{
    char text[TIME_TEXT];
    time_format(when, text);
    view_text(view, object, name, arena_strdup(view->arena, text));
}

/* A subject names the year only where the day alone could be another one: counted from the event's
 * arrival, so that a mail made again is the same. */
static bool year_is_clear(const struct view *view, int64_t when)
{
    enum { DAYS_BEFORE = 31, DAYS_AFTER = 300 };
    int64_t days = (when - view->event->received_at) / MS_PER_DAY;
    return days > -DAYS_BEFORE && days < DAYS_AFTER;
}

static void add_said_moment(
    struct view *view, struct value *object, const char *name, const char *word, int64_t when)
{
    struct zone_time time;
    if (local_time(&view->zone, when, &time)) {
        struct value *pieces = value_root(view->arena);
        add_pieces(view, pieces, &time);
        if (!year_is_clear(view, when))
            view_flag(view, pieces, "other_year");
        view_say(view, object, name, word, pieces);
    } else if (when != TIME_NONE) {
        add_raw(view, object, name, when);
    }
}

void view_add_moment(struct view *view, struct value *object, const char *name, int64_t when)
{
    add_said_moment(view, object, name, "moment", when);
}

/* The end repeats only what differs from the start: the day, or the zone's name at a change. */
static void add_likeness(
    struct view *view, struct value *span, const struct zone *zone, int64_t start, int64_t end)
{
    struct zone_time from, to;
    if (!local_time(zone, start, &from) || !local_time(zone, end, &to) || from.year != to.year ||
        from.month != to.month || from.day != to.day)
        return;
    view_flag(view, span, "same_day");
    if (from.offset == to.offset)
        view_flag(view, span, "same_zone");
}

/* What the word "span" makes a text of. */
static struct value *span_pieces(
    struct view *view, const struct zone *zone, int64_t start, int64_t end)
{
    struct value *span = value_root(view->arena);
    if (!add_time(view, span, "start", zone, start))
        add_raw(view, span, "raw", start);
    else if (add_time(view, span, "end", zone, end))
        add_likeness(view, span, zone, start, end);
    return span;
}

void view_add_pieces(struct view *view, struct value *object, int64_t when)
{
    struct zone_time time;
    if (local_time(&view->zone, when, &time))
        add_pieces(view, object, &time);
}

void view_add_span(struct view *view, struct value *object, int64_t start, int64_t end)
{
    if (add_time(view, object, "start", &view->zone, start) &&
        add_time(view, object, "end", &view->zone, end))
        add_likeness(view, object, &view->zone, start, end);
}

static void add_span(
    struct view *view, const char *name, const struct zone *zone, int64_t start, int64_t end)
{
    struct value *span = span_pieces(view, zone, start, end);
    if (!zone->known)
        view_flag(view, span, "unknown");
    if (!zone->known || strcmp(zone->name, "UTC") != 0)
        view_text(view, span, "place", zone->name);
    view_say(view, view->context, name, "span", span);
}

void view_add_short_span(
    struct view *view, struct value *object, const char *name, int64_t start, int64_t end)
{
    view_say(view, object, name, "span", span_pieces(view, &view->zone, start, end));
}

/* The time on the customer's clocks, only where they show something else. */
static void add_when_theirs(struct view *view)
{
    const struct booking *booking = &view->event->booking;
    const char *name = view_their_zone(booking);
    struct zone zone;
    struct zone_time here, there;
    if (!name)
        return;
    zone_open(&zone, name);
    bool agree = !local_time(&view->zone, booking->start, &here) ||
                 !local_time(&zone, booking->start, &there) || here.offset == there.offset;
    if (!zone.known || !agree)
        add_span(view, "when_theirs", &zone, booking->start, booking->end);
    zone_close(&zone);
}

static void add_duration(struct view *view)
{
    const struct booking *booking = &view->event->booking;
    if (booking->end == TIME_NONE || booking->end <= booking->start)
        return;
    int64_t minutes = (booking->end - booking->start) / MS_PER_MINUTE;
    struct value *length = view_object(view, view->context, "length");
    if (minutes / 60)
        value_add_number(view->arena, length, "hours", (double)(minutes / 60));
    if (minutes % 60)
        value_add_number(view->arena, length, "minutes", (double)(minutes % 60));
    view_say(view, view->context, "duration", "duration", length);
}

void view_add_times(struct view *view)
{
    const struct booking *booking = &view->event->booking;
    const struct zone *zone = &view->zone;
    struct value *context = view->context;
    if (zone->known && zone->name)
        view_text(view, context, "zone_name", zone->name);
    if (booking->start != TIME_NONE) {
        add_time(view, context, "start", zone, booking->start);
        if (add_time(view, context, "end", zone, booking->end))
            add_likeness(view, context, zone, booking->start, booking->end);
        view_add_moment(view, context, "at", booking->start);
        add_said_moment(view, context, "short_at", "short_moment", booking->start);
        add_span(view, "when", zone, booking->start, booking->end);
        if (!view_for_customer(view))
            add_when_theirs(view);
        add_duration(view);
    }
    if (booking->previous_start != TIME_NONE) {
        add_time(view, context, "previous_start", zone, booking->previous_start);
        add_time(view, context, "previous_end", zone, booking->previous_end);
        view_add_moment(view, context, "previously_at", booking->previous_start);
        add_span(view, "previously", zone, booking->previous_start, booking->previous_end);
    }
}
