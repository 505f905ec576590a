#include "mail/calendar.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include <libical/ical.h>

#include "base/arena.h"
#include "base/clock.h"

#define PRODUCT "-//bookspool//bookspool//EN"

const char *calendar_method_name(enum calendar_method method)
{
    static const char *const names[] = {
        [METHOD_PUBLISH] = "PUBLISH", [METHOD_REQUEST] = "REQUEST", [METHOD_CANCEL] = "CANCEL"};
    return names[method];
}

/* RFC 5545 section 3.3.4: a year has four digits. */
static bool can_be_written(int64_t when)
{
    char text[TIME_TEXT];
    if (when == TIME_NONE)
        return false;
    time_format(when, text);
    return *text >= '0' && *text <= '9';
}

/* In UTC, as RFC 5545 section 3.3.5 has it: DTSTART:20261121T100000Z. From a string, since
 * libical 3.0 makes zeros of an icaltimetype after 2582. */
static icalproperty *new_time(const char *name, int64_t when)
{
    char iso[TIME_TEXT], property[TIME_TEXT + 16], *to;
    time_format(when, iso);
    to = stpcpy(stpcpy(property, name), ":");
    for (const char *from = iso; *from; from++)
        if (*from != '-' && *from != ':')
            *to++ = *from;
    *to = '\0';
    return icalproperty_new_from_string(property);
}

/* ---- people ---- */

/* RFC 5545 section 3.2: a quoted value cannot hold a quote. RFC 6868 writes it with a caret, and
 * libical 3.0 does not encode the caret itself, so that "^n" would be read as a line break. */
static const char *parameter(struct arena *arena, const char *text)
{
    static const char circumflex[] = "\xcb\x86"; /* U+02C6 */
    char *copy = arena_alloc(arena, 2 * strlen(text) + 1);
    for (char *to = copy; copy && *text; text++)
        if (*text == '^')
            to = stpcpy(to, circumflex);
        else
            *to++ = *text == '"' ? '\'' : *text;
    return copy;
}

static void add_named(
    struct arena *arena, icalcomponent *event, icalproperty *property, const struct person *person)
{
    const char *name = person->name ? parameter(arena, person->name) : NULL;
    if (name)
        icalproperty_add_parameter(property, icalparameter_new_cn(name));
    icalcomponent_add_property(event, property);
}

static void add_people(struct arena *arena, icalcomponent *event, const struct calendar *calendar)
{
    const struct person *organizer = &calendar->organizer, *attendee = calendar->attendee;
    const char *address = arena_printf(arena, "mailto:%s", organizer->email);
    if (address)
        add_named(arena, event, icalproperty_new_organizer(address), organizer);
    if (!attendee || calendar->method == METHOD_PUBLISH)
        return;
    address = arena_printf(arena, "mailto:%s", attendee->email);
    if (!address)
        return;
    icalproperty *property = icalproperty_new_attendee(address);
    icalproperty_add_parameter(property, icalparameter_new_role(ICAL_ROLE_REQPARTICIPANT));
    icalproperty_add_parameter(property, icalparameter_new_partstat(ICAL_PARTSTAT_ACCEPTED));
    icalproperty_add_parameter(property, icalparameter_new_rsvp(ICAL_RSVP_FALSE));
    add_named(arena, event, property, attendee);
}

/* ---- the object ---- */

static icalcomponent *new_event(struct arena *arena, const struct calendar *calendar)
{
    icalcomponent *event = icalcomponent_new_vevent();
    const int64_t start = calendar->start, end = calendar->end;
    int64_t sequence = calendar->sequence; /* RFC 5545 sections 3.3.8 and 3.8.7.4 */
    sequence = sequence < 0 ? 0 : sequence > INT_MAX ? INT_MAX : sequence;
    icalproperty_status status = ICAL_STATUS_CONFIRMED;
    if (calendar->method == METHOD_CANCEL)
        status = ICAL_STATUS_CANCELLED;
    else if (calendar->tentative)
        status = ICAL_STATUS_TENTATIVE;
    icalcomponent_add_property(event, icalproperty_new_uid(calendar->uid));
    icalcomponent_add_property(event, icalproperty_new_sequence((int)sequence));
    icalcomponent_add_property(event, new_time("DTSTAMP", calendar->stamp));
    icalcomponent_add_property(event, new_time("DTSTART", start));
    /* RFC 5545 section 3.8.2.2: the end must be later than the start */
    if (can_be_written(end) && end / MS_PER_SECOND > start / MS_PER_SECOND)
        icalcomponent_add_property(event, new_time("DTEND", end));
    icalcomponent_add_property(
        event, icalproperty_new_summary(calendar->summary ? calendar->summary : "-"));
    if (calendar->description)
        icalcomponent_add_property(event, icalproperty_new_description(calendar->description));
    if (calendar->location)
        icalcomponent_add_property(event, icalproperty_new_location(calendar->location));
    if (calendar->url)
        icalcomponent_add_property(event, icalproperty_new_url(calendar->url));
    icalcomponent_add_property(event, icalproperty_new_status(status));
    icalcomponent_add_property(event, icalproperty_new_transp(ICAL_TRANSP_OPAQUE));
    if (calendar->is_private)
        icalcomponent_add_property(event, icalproperty_new_class(ICAL_CLASS_PRIVATE));
    add_people(arena, event, calendar);
    return event;
}

static void replace_all(char *text, const char *what, const char *with)
{
    size_t old = strlen(what), new = strlen(with);
    for (char *at = text; (at = strstr(at, what)); at += new) {
        memcpy(at, with, new);
        memmove(at + new, at + old, strlen(at + old) + 1);
    }
}

static bool is_complete(const struct calendar *calendar)
{
    const struct person *attendee = calendar->method == METHOD_PUBLISH ? NULL : calendar->attendee;
    bool invites = calendar->method == METHOD_REQUEST || attendee;
    return calendar->uid && calendar->organizer.email && can_be_written(calendar->start) &&
           (!invites || (attendee && attendee->email));
}

bool calendar_write(const struct calendar *entries, size_t count, struct buf *out)
{
    static const icalproperty_method methods[] = {[METHOD_PUBLISH] = ICAL_METHOD_PUBLISH,
        [METHOD_REQUEST] = ICAL_METHOD_REQUEST,
        [METHOD_CANCEL] = ICAL_METHOD_CANCEL};
    struct arena arena = {0};
    icalcomponent *object = icalcomponent_new_vcalendar();
    icalcomponent_add_property(object, icalproperty_new_version("2.0"));
    icalcomponent_add_property(object, icalproperty_new_prodid(PRODUCT));
    bool any = false;
    for (size_t i = 0; i < count; i++) {
        if (!is_complete(&entries[i]))
            continue;
        if (!any)
            icalcomponent_add_property(object, icalproperty_new_method(methods[entries[i].method]));
        icalcomponent_add_component(object, new_event(&arena, &entries[i]));
        any = true;
    }
    char *text = any ? icalcomponent_as_ical_string_r(object) : NULL;
    bool ok = (text || !any) && !arena.failed;
    if (ok && text) {
        /* libical 3.0 counts the end of a line as a part of it when it folds: a fold comes between
         * CR and LF, or right before them. No value holds a CR. */
        replace_all(text, "\r\r\n \n", "\r\n");
        replace_all(text, "\r\n \r\n", "\r\n");
        buf_puts(out, text);
    }
    free(text);
    icalcomponent_free(object);
    arena_free(&arena);
    return ok && !out->failed;
}
