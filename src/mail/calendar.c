#include "mail/calendar.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include <libical/ical.h>

#include "base/clock.h"
#include "event/clean.h"

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

/* An INTEGER, and not below 0: RFC 5545 sections 3.3.8 and 3.8.7.4. */
static int sequence_of(int64_t number)
{
    return number < 0 ? 0 : number > INT_MAX ? INT_MAX : (int)number;
}

/* ---- people ---- */

/*
 * RFC 5545 section 3.2: a quoted parameter value cannot hold a quote. RFC 6868 spells it with a
 * caret, which many readers show as it stands, and libical 3.0 does not encode the caret itself, so
 * that "^n" would be read as a line break: lookalikes take their place.
 */
static const char *parameter(struct arena *arena, const char *text)
{
    static const char circumflex[] = "\xcb\x86"; /* U+02C6 */
    char *out = text ? arena_alloc(arena, 2 * strlen(text) + 1) : NULL;
    for (char *to = out; out && *text; text++) {
        if (*text == '^') {
            memcpy(to, circumflex, 2);
            to += 2;
        } else {
            *to++ = *text == '"' ? '\'' : *text;
        }
    }
    return out;
}

/* A person of no name is an address alone. */
static void add_person(
    struct arena *arena, icalcomponent *event, icalproperty *property, const struct person *person)
{
    const char *name = parameter(arena, clean_line(arena, person->name));
    if (name)
        icalproperty_add_parameter(property, icalparameter_new_cn(name));
    icalcomponent_add_property(event, property);
}

static const char *mailto(struct arena *arena, const struct person *person)
{
    const char *address = clean_address(arena, person->email);
    return address ? arena_printf(arena, "mailto:%s", address) : NULL;
}

/*
 * The customer said yes by booking. RSVP would make their client send a REPLY to the organizer
 * (RFC 5546 section 3.2.3) that no booking platform reads: a "no" in it would change nothing.
 */
static void add_attendee(
    struct arena *arena, icalcomponent *event, const struct person *person, const char *address)
{
    icalproperty *attendee = icalproperty_new_attendee(address);
    icalproperty_add_parameter(attendee, icalparameter_new_role(ICAL_ROLE_REQPARTICIPANT));
    icalproperty_add_parameter(attendee, icalparameter_new_partstat(ICAL_PARTSTAT_ACCEPTED));
    icalproperty_add_parameter(attendee, icalparameter_new_rsvp(ICAL_RSVP_FALSE));
    add_person(arena, event, attendee, person);
}

/* ---- the object ---- */

static icalproperty_status status_of(const struct calendar *calendar)
{
    if (calendar->method == METHOD_CANCEL)
        return ICAL_STATUS_CANCELLED;
    return calendar->tentative ? ICAL_STATUS_TENTATIVE : ICAL_STATUS_CONFIRMED;
}

/* What needs to be there, cleaned. */
struct needed {
    const char *uid, *organizer, *attendee;
};

static bool find_needed(struct arena *arena, const struct calendar *calendar, struct needed *needed)
{
    const struct person *attendee = calendar->method == METHOD_PUBLISH ? NULL : calendar->attendee;
    *needed = (struct needed){.uid = clean_line(arena, calendar->uid),
        .organizer = mailto(arena, &calendar->organizer),
        .attendee = attendee ? mailto(arena, attendee) : NULL};
    bool invited = calendar->method == METHOD_REQUEST || attendee;
    return needed->uid && needed->organizer && can_be_written(calendar->start) &&
           (needed->attendee || !invited);
}

static icalcomponent *event_of(
    struct arena *arena, const struct calendar *calendar, const struct needed *needed)
{
    icalcomponent *event = icalcomponent_new_vevent();
    const char *summary = clean_line(arena, calendar->summary);
    const char *description = clean_text(arena, calendar->description);
    const char *location = clean_line(arena, calendar->location);
    const char *url = clean_url(arena, calendar->url);
    icalcomponent_add_property(event, icalproperty_new_uid(needed->uid));
    icalcomponent_add_property(event, icalproperty_new_sequence(sequence_of(calendar->sequence)));
    icalcomponent_add_property(event, new_time("DTSTAMP", calendar->stamp));
    icalcomponent_add_property(event, new_time("DTSTART", calendar->start));
    /* RFC 5545 section 3.8.2.2: the end must be later than the start */
    if (can_be_written(calendar->end) &&
        calendar->end / MS_PER_SECOND > calendar->start / MS_PER_SECOND)
        icalcomponent_add_property(event, new_time("DTEND", calendar->end));
    icalcomponent_add_property(event, icalproperty_new_summary(summary ? summary : "-"));
    if (description)
        icalcomponent_add_property(event, icalproperty_new_description(description));
    if (location)
        icalcomponent_add_property(event, icalproperty_new_location(location));
    if (url)
        icalcomponent_add_property(event, icalproperty_new_url(url));
    icalcomponent_add_property(event, icalproperty_new_status(status_of(calendar)));
    icalcomponent_add_property(event, icalproperty_new_transp(ICAL_TRANSP_OPAQUE));
    add_person(arena, event, icalproperty_new_organizer(needed->organizer), &calendar->organizer);
    if (needed->attendee)
        add_attendee(arena, event, calendar->attendee, needed->attendee);
    return event;
}

/* Everywhere in the text. */
static void replace(char *text, const char *what, const char *with)
{
    size_t old = strlen(what), new = strlen(with);
    for (char *at = text; (at = strstr(at, what)); at += new) {
        memcpy(at, with, new);
        memmove(at + new, at + old, strlen(at + old) + 1);
    }
}

/*
 * libical 3.0 counts the end of a line as a part of it when it folds: a fold comes between CR and
 * LF, or right before them. No value holds a CR.
 */
static void correct_folds(char *text)
{
    replace(text, "\r\r\n \n", "\r\n");
    replace(text, "\r\n \r\n", "\r\n");
}

static void write_object(struct arena *arena, const struct calendar *calendar,
    const struct needed *needed, struct buf *out)
{
    static const icalproperty_method methods[] = {[METHOD_PUBLISH] = ICAL_METHOD_PUBLISH,
        [METHOD_REQUEST] = ICAL_METHOD_REQUEST,
        [METHOD_CANCEL] = ICAL_METHOD_CANCEL};
    icalcomponent *object = icalcomponent_new_vcalendar();
    icalcomponent_add_property(object, icalproperty_new_version("2.0"));
    icalcomponent_add_property(object, icalproperty_new_prodid(PRODUCT));
    icalcomponent_add_property(object, icalproperty_new_method(methods[calendar->method]));
    icalcomponent_add_component(object, event_of(arena, calendar, needed));
    char *text = icalcomponent_as_ical_string_r(object);
    arena->failed |= !text;
    if (text && !arena->failed) {
        correct_folds(text);
        buf_puts(out, text);
    }
    free(text);
    icalcomponent_free(object);
}

bool calendar_write(const struct calendar *calendar, struct buf *out)
{
    struct arena arena = {0};
    struct needed needed;
    if (find_needed(&arena, calendar, &needed))
        write_object(&arena, calendar, &needed, out);
    bool ok = !arena.failed && !out->failed;
    arena_free(&arena);
    return ok;
}
