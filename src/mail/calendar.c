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

static icalproperty_method ical_method(enum calendar_method method)
{
    static const icalproperty_method methods[] = {[METHOD_PUBLISH] = ICAL_METHOD_PUBLISH,
        [METHOD_REQUEST] = ICAL_METHOD_REQUEST,
        [METHOD_CANCEL] = ICAL_METHOD_CANCEL};
    return methods[method];
}

static icalproperty_status status(const struct calendar *calendar)
{
    if (calendar->method == METHOD_CANCEL)
        return ICAL_STATUS_CANCELLED;
    return calendar->tentative ? ICAL_STATUS_TENTATIVE : ICAL_STATUS_CONFIRMED;
}

/* ---- values ---- */

static icaltimetype utc(int64_t when)
{
    return icaltime_from_timet_with_zone(
        time_to_timespec(when).tv_sec, 0, icaltimezone_get_utc_timezone());
}

static int sequence(int64_t number)
{
    return number < 0 ? 0 : number > INT_MAX ? INT_MAX : (int)number;
}

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

/* ---- people ---- */

/* Takes the property over; a person of no name is an address alone. */
static void add_person(
    struct arena *arena, icalcomponent *to, icalproperty *property, const struct person *person)
{
    const char *name = parameter(arena, clean_line(arena, person->name));
    if (name)
        icalproperty_add_parameter(property, icalparameter_new_cn(name));
    icalcomponent_add_property(to, property);
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
    struct arena *arena, icalcomponent *to, const struct person *person, const char *address)
{
    icalproperty *attendee = icalproperty_new_attendee(address);
    icalproperty_add_parameter(attendee, icalparameter_new_role(ICAL_ROLE_REQPARTICIPANT));
    icalproperty_add_parameter(attendee, icalparameter_new_partstat(ICAL_PARTSTAT_ACCEPTED));
    icalproperty_add_parameter(attendee, icalparameter_new_rsvp(ICAL_RSVP_FALSE));
    add_person(arena, to, attendee, person);
}

/* ---- the object ---- */

static void add_times(const struct calendar *calendar, icalcomponent *to)
{
    icalcomponent_add_property(to, icalproperty_new_dtstamp(utc(calendar->stamp)));
    icalcomponent_add_property(to, icalproperty_new_dtstart(utc(calendar->start)));
    /* RFC 5545 section 3.8.2.2: the end must be later than the start */
    if (calendar->end != TIME_NONE &&
        calendar->end / MS_PER_SECOND > calendar->start / MS_PER_SECOND)
        icalcomponent_add_property(to, icalproperty_new_dtend(utc(calendar->end)));
}

static void add_words(struct arena *arena, const struct calendar *calendar, icalcomponent *to)
{
    const char *summary = clean_line(arena, calendar->summary);
    const char *description = clean_text(arena, calendar->description);
    const char *location = clean_line(arena, calendar->location);
    const char *url = clean_url(arena, calendar->url);
    icalcomponent_add_property(to, icalproperty_new_summary(summary ? summary : "-"));
    if (description)
        icalcomponent_add_property(to, icalproperty_new_description(description));
    if (location)
        icalcomponent_add_property(to, icalproperty_new_location(location));
    if (url)
        icalcomponent_add_property(to, icalproperty_new_url(url));
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
    return needed->uid && needed->organizer && calendar->start != TIME_NONE &&
           (needed->attendee || !invited);
}

static icalcomponent *vevent(
    struct arena *arena, const struct calendar *calendar, const struct needed *needed)
{
    icalcomponent *event = icalcomponent_new(ICAL_VEVENT_COMPONENT);
    icalcomponent_add_property(event, icalproperty_new_uid(needed->uid));
    icalcomponent_add_property(event, icalproperty_new_sequence(sequence(calendar->sequence)));
    add_times(calendar, event);
    add_words(arena, calendar, event);
    icalcomponent_add_property(event, icalproperty_new_status(status(calendar)));
    icalcomponent_add_property(event, icalproperty_new_transp(ICAL_TRANSP_OPAQUE));
    add_person(arena, event, icalproperty_new_organizer(needed->organizer), &calendar->organizer);
    if (needed->attendee)
        add_attendee(arena, event, calendar->attendee, needed->attendee);
    return event;
}

static char *vcalendar(
    struct arena *arena, const struct calendar *calendar, const struct needed *needed)
{
    icalcomponent *whole = icalcomponent_new(ICAL_VCALENDAR_COMPONENT);
    icalcomponent_add_property(whole, icalproperty_new_version("2.0"));
    icalcomponent_add_property(whole, icalproperty_new_prodid(PRODUCT));
    icalcomponent_add_property(whole, icalproperty_new_method(ical_method(calendar->method)));
    icalcomponent_add_component(whole, vevent(arena, calendar, needed));
    char *text = icalcomponent_as_ical_string_r(whole);
    icalcomponent_free(whole);
    return text;
}

/* ---- lines ---- */

enum { FOLD = 75 }; /* octets: RFC 5545 section 3.1 */

/* How much of `len` bytes fits into `room` without splitting a character. */
static size_t whole_characters(const char *text, size_t len, size_t room)
{
    if (len <= room)
        return len;
    while (room > 1 && ((unsigned char)text[room] & 0xc0) == 0x80)
        room--;
    return room;
}

/* `line` without its end. */
static void add_folded(const char *line, size_t len, struct buf *out)
{
    size_t part = whole_characters(line, len, FOLD);
    buf_add(out, line, part);
    while ((line += part, len -= part) > 0) {
        part = whole_characters(line, len, FOLD - 1);
        buf_puts(out, "\r\n ");
        buf_add(out, line, part);
    }
    buf_puts(out, "\r\n");
}

/*
 * libical 3.0 folds the end of a line along with it, and may put a fold between CR and LF. No value
 * holds a CR, so what stands behind one, or is one, is a fold or an end.
 */
static bool fold_again(const char *text, struct buf *out)
{
    static const char fold[] = "\r\n ";
    struct buf line = {0};
    while (*text) {
        size_t len = strcspn(text, "\r\n");
        buf_add(&line, text, len);
        text += len;
        if (strncmp(text, fold, sizeof fold - 1) == 0) {
            text += sizeof fold - 1;
            continue;
        }
        if (*text == '\n') {
            add_folded(buf_text(&line), line.len, out);
            buf_clear(&line);
        }
        text += *text != '\0';
    }
    bool folded = !line.failed && !out->failed;
    buf_free(&line);
    return folded;
}

bool calendar_write(const struct calendar *calendar, struct buf *out)
{
    struct arena arena = {0};
    struct needed needed;
    char *text = NULL;
    if (find_needed(&arena, calendar, &needed))
        text = vcalendar(&arena, calendar, &needed);
    bool written = text && !arena.failed && fold_again(text, out);
    free(text);
    arena_free(&arena);
    return written;
}
