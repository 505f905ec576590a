#include "mail/calendar.h"

#include <limits.h>
#include <stdio.h>
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

/* Of this program's words, numbers and times: nothing to escape, and short. */
static void add_line(const char *name, const char *value, struct buf *out)
{
    buf_puts(out, name);
    buf_putc(out, ':');
    buf_puts(out, value);
    buf_puts(out, "\r\n");
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

/* In UTC, as RFC 5545 section 3.3.5 has it: 20261121T100000Z. */
static void add_time(const char *name, int64_t when, struct buf *out)
{
    char text[TIME_TEXT], *to = text;
    time_format(when, text);
    for (const char *from = text; *from; from++)
        if (*from != '-' && *from != ':')
            *to++ = *from;
    *to = '\0';
    add_line(name, text, out);
}

/* An INTEGER, and not below 0: RFC 5545 sections 3.3.8 and 3.8.7.4. */
static void add_sequence(int64_t number, struct buf *out)
{
    int sequence = number < 0 ? 0 : number > INT_MAX ? INT_MAX : (int)number;
    char text[16];
    snprintf(text, sizeof text, "%d", sequence);
    add_line("SEQUENCE", text, out);
}

/*
 * libical 3.0 folds the end of a line along with it, and may put a fold between CR and LF. No value
 * holds a CR, so what stands behind one, or is one, is a fold or an end. Gives the length.
 */
static size_t unfold(char *line)
{
    static const char fold[] = "\r\n ";
    char *to = line;
    for (const char *from = line; *from;) {
        size_t len = strcspn(from, "\r\n");
        memmove(to, from, len);
        to += len;
        from += len;
        from += strncmp(from, fold, sizeof fold - 1) == 0 ? sizeof fold - 1 : *from != '\0';
    }
    return (size_t)(to - line);
}

/* Of other people's words: libical escapes and quotes them. Takes the property over. */
static void add_property(struct arena *arena, icalproperty *property, struct buf *out)
{
    char *line = property ? icalproperty_as_ical_string_r(property) : NULL;
    if (line)
        add_folded(line, unfold(line), out);
    else
        arena->failed = true;
    free(line);
    if (property)
        icalproperty_free(property);
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

/* Takes the property over; a person of no name is an address alone. */
static void add_person(
    struct arena *arena, icalproperty *property, const struct person *person, struct buf *out)
{
    const char *name = parameter(arena, clean_line(arena, person->name));
    if (name)
        icalproperty_add_parameter(property, icalparameter_new_cn(name));
    add_property(arena, property, out);
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
    struct arena *arena, const struct person *person, const char *address, struct buf *out)
{
    icalproperty *attendee = icalproperty_new_attendee(address);
    icalproperty_add_parameter(attendee, icalparameter_new_role(ICAL_ROLE_REQPARTICIPANT));
    icalproperty_add_parameter(attendee, icalparameter_new_partstat(ICAL_PARTSTAT_ACCEPTED));
    icalproperty_add_parameter(attendee, icalparameter_new_rsvp(ICAL_RSVP_FALSE));
    add_person(arena, attendee, person, out);
}

/* ---- the object ---- */

static const char *status(const struct calendar *calendar)
{
    if (calendar->method == METHOD_CANCEL)
        return "CANCELLED";
    return calendar->tentative ? "TENTATIVE" : "CONFIRMED";
}

static void add_times(const struct calendar *calendar, struct buf *out)
{
    add_time("DTSTAMP", calendar->stamp, out);
    add_time("DTSTART", calendar->start, out);
    /* RFC 5545 section 3.8.2.2: the end must be later than the start */
    if (can_be_written(calendar->end) &&
        calendar->end / MS_PER_SECOND > calendar->start / MS_PER_SECOND)
        add_time("DTEND", calendar->end, out);
}

static void add_words(struct arena *arena, const struct calendar *calendar, struct buf *out)
{
    const char *summary = clean_line(arena, calendar->summary);
    const char *description = clean_text(arena, calendar->description);
    const char *location = clean_line(arena, calendar->location);
    const char *url = clean_url(arena, calendar->url);
    add_property(arena, icalproperty_new_summary(summary ? summary : "-"), out);
    if (description)
        add_property(arena, icalproperty_new_description(description), out);
    if (location)
        add_property(arena, icalproperty_new_location(location), out);
    if (url)
        add_property(arena, icalproperty_new_url(url), out);
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

static void add_event(struct arena *arena, const struct calendar *calendar,
    const struct needed *needed, struct buf *out)
{
    add_line("BEGIN", "VEVENT", out);
    add_property(arena, icalproperty_new_uid(needed->uid), out);
    add_sequence(calendar->sequence, out);
    add_times(calendar, out);
    add_words(arena, calendar, out);
    add_line("STATUS", status(calendar), out);
    add_line("TRANSP", "OPAQUE", out);
    add_person(arena, icalproperty_new_organizer(needed->organizer), &calendar->organizer, out);
    if (needed->attendee)
        add_attendee(arena, calendar->attendee, needed->attendee, out);
    add_line("END", "VEVENT", out);
}

static void add_object(struct arena *arena, const struct calendar *calendar,
    const struct needed *needed, struct buf *out)
{
    add_line("BEGIN", "VCALENDAR", out);
    add_line("VERSION", "2.0", out);
    add_line("PRODID", PRODUCT, out);
    add_line("METHOD", calendar_method_name(calendar->method), out);
    add_event(arena, calendar, needed, out);
    add_line("END", "VCALENDAR", out);
}

bool calendar_write(const struct calendar *calendar, struct buf *out)
{
    struct arena arena = {0};
    struct buf text = {0};
    struct needed needed;
    if (find_needed(&arena, calendar, &needed))
        add_object(&arena, calendar, &needed, &text);
    bool ok = !arena.failed && !text.failed;
    if (ok)
        buf_add(out, text.data, text.len);
    buf_free(&text);
    arena_free(&arena);
    return ok && !out->failed;
}
