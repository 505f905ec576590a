#include "mail/render.h"

#include <string.h>

#include "mail/zone.h"

/* Characters. Together with the prefix and a time they keep a subject near 200. */
enum { SUBJECT_WHAT_MAX = 90, SUBJECT_WHO_MAX = 50, LABEL_WIDTH = 13 };

/* What kind of news it is, in words. */
struct heading {
    const char *subject; /* in front of what, who and when; NULL: the provider's event name */
    const char *before_time;
    const char *remark; /* a sentence of the text that a reader needs to understand it */
};

static const struct heading headings[KINDS] = {
    [KIND_CREATED] = {"New booking", ", ", NULL},
    [KIND_RESCHEDULED] = {"Moved", ", now ", NULL},
    [KIND_CANCELLED] = {"Cancelled", ", ", NULL},
    [KIND_REQUESTED] = {"Booking request", ", ", "It waits for a yes or no."},
    [KIND_REJECTED] = {"Declined", ", ", NULL},
    [KIND_PAID] = {"Paid", ", ", NULL},
    [KIND_NO_SHOW] = {"No-show", ", ", NULL},
    [KIND_MEETING_STARTED] = {"Meeting started", ", ",
        "The scheduled start has come; this does not tell whether anyone is there."},
    [KIND_MEETING_ENDED] = {"Meeting ended", ", ",
        "The scheduled end has come; this does not tell whether anyone was there."},
    [KIND_RECORDING] = {"Recording ready", ", ", NULL},
    [KIND_FORM] = {"Form submitted", ", ", NULL},
    [KIND_OUT_OF_OFFICE] = {"Out of office", ", from ", NULL},
    [KIND_PING] = {"Test event", ", ", "Somebody pressed the provider's test button."},
    [KIND_OTHER] = {NULL, ", ",
        "Its signature is right, so it is genuine, but it is not an event that has words here."},
};

static const struct heading request_to_move = {
    "Request to move", ", to ", "It waits for a yes or no."};
static const struct heading asked_to_rebook = {
    "Asked to choose another time", ", was ", "The customer was asked to choose another time."};
static const struct heading seat_given_up = {
    "One seat given up", ", ", "One participant left; the booking itself goes on."};
static const struct heading no_show_cleared = {
    "No-show taken back", ", ", "The participant is no longer marked as absent."};
static const struct heading moved_away = {"Moved away", ": ",
    "The customer left this time for another one; word of the new time had not come yet."};

static bool status_is(const struct event *event, const char *status)
{
    return event->booking.status && strcmp(event->booking.status, status) == 0;
}

static const struct heading *heading_of(const struct event *event)
{
    const struct booking *booking = &event->booking;
    if (event->kind == KIND_REQUESTED && booking->previous_uid)
        return &request_to_move;
    if (event->kind == KIND_NO_SHOW && status_is(event, "no_show_cleared"))
        return &no_show_cleared;
    if (event->kind != KIND_CANCELLED)
        return &headings[event->kind];
    if (status_is(event, "moved"))
        return &moved_away;
    if (booking->asked_to_rebook)
        return &asked_to_rebook;
    return booking->seat ? &seat_given_up : &headings[KIND_CANCELLED];
}

static const char *provider_title(enum provider provider)
{
    static const char *const titles[PROVIDERS] = {
        [PROVIDER_CALCOM] = "Cal.com", [PROVIDER_CALENDLY] = "Calendly"};
    return titles[provider];
}

static void add_heading(const struct event *event, const struct heading *heading, struct buf *out)
{
    if (heading->subject)
        buf_puts(out, heading->subject);
    else
        buf_printf(out, "%s event%s%s", provider_title(event->provider), event->name ? " " : "",
            event->name ? event->name : "");
}

/* At most max characters of UTF-8; "..." stands for the rest. */
static void add_clipped(struct buf *out, const char *text, size_t max)
{
    size_t len = 0, characters = 0;
    for (; text[len]; len++)
        if (((unsigned char)text[len] & 0xc0) != 0x80 && ++characters > max)
            break;
    buf_add(out, text, len);
    if (text[len])
        buf_puts(out, "...");
}

/* ---- the subject ---- */

static const char *person_label(const struct person *person)
{
    return person->name ? person->name : person->email;
}

static const char *what_of(const struct booking *booking)
{
    return booking->title ? booking->title : booking->event_type;
}

/* Whom it is about: nobody is away but the organizer, everything else is about the customer. */
static const char *who_of(const struct event *event)
{
    const struct booking *booking = &event->booking;
    if (event->kind == KIND_OUT_OF_OFFICE)
        return person_label(&booking->organizer);
    return booking->attendee_count ? person_label(&booking->attendees[0]) : NULL;
}

/* "Intro call with Ada Example and 2 more"; Cal.com's titles often name the customer already. */
static void add_what_and_who(const struct event *event, struct buf *out)
{
    const struct booking *booking = &event->booking;
    const char *what = what_of(booking), *who = who_of(event);
    if (what)
        add_clipped(out, what, SUBJECT_WHAT_MAX);
    if (!who || (what && strstr(what, who)))
        return;
    if (what)
        buf_puts(out, event->kind == KIND_OUT_OF_OFFICE ? ", " : " with ");
    add_clipped(out, who, SUBJECT_WHO_MAX);
    if (event->kind != KIND_OUT_OF_OFFICE && booking->attendee_count > 1)
        buf_printf(out, " and %zu more", booking->attendee_count - 1);
}

/* "Moved away from Tue 24 Nov 2026, 16:00 CET: Intro call with Ada Example" */
static void add_moved_away(const struct event *event, const struct zone *zone, struct buf *out)
{
    buf_puts(out, " from ");
    zone_moment(zone, event->booking.start, out);
    buf_puts(out, moved_away.before_time);
    add_what_and_who(event, out);
}

static void render_subject(const struct event *event, const struct zone *zone, struct buf *out)
{
    const struct heading *heading = heading_of(event);
    bool timed = event->booking.start != TIME_NONE;
    add_heading(event, heading, out);
    if (heading == &moved_away && timed) {
        add_moved_away(event, zone, out);
        return;
    }
    if (what_of(&event->booking) || who_of(event))
        buf_puts(out, ": ");
    add_what_and_who(event, out);
    if (timed) {
        buf_puts(out, heading->before_time);
        zone_moment(zone, event->booking.start, out);
    }
}

/* ---- the text ---- */

/* Lines after the first, and lines of a list, begin below the value above them. */
static void add_indent(struct buf *out, int width)
{
    buf_printf(out, "%*s", width, "");
}

static size_t trimmed(const char *text, size_t len)
{
    while (len && (text[len - 1] == ' ' || text[len - 1] == '\t' || text[len - 1] == '\r'))
        len--;
    return len;
}

/* Ends the line that its caller began; empty lines inside the value stay empty. */
static void add_value(struct buf *out, const char *value, int indent)
{
    for (bool first = true;; first = false) {
        const char *end = strchrnul(value, '\n');
        size_t len = trimmed(value, (size_t)(end - value));
        if (!first && len)
            add_indent(out, indent);
        buf_add(out, value, len);
        buf_puts(out, "\n");
        if (!*end)
            return;
        value = end + 1;
    }
}

static void add_label(struct buf *out, const char *label)
{
    int written = (int)strlen(label) + 1;
    buf_printf(out, "%s:", label);
    add_indent(out, written < LABEL_WIDTH ? LABEL_WIDTH - written : 1);
}

static void add_field(struct buf *out, const char *label, const char *value)
{
    if (!value || !*value)
        return;
    add_label(out, label);
    add_value(out, value, LABEL_WIDTH);
}

static void add_person(struct buf *out, const struct person *person)
{
    if (person->name && person->email)
        buf_printf(out, "%s <%s>\n", person->name, person->email);
    else
        buf_printf(out, "%s\n", person_label(person));
}

static void add_people(
    struct buf *out, const char *label, const struct person *people, size_t count)
{
    bool first = true;
    for (size_t i = 0; i < count; i++) {
        if (!person_label(&people[i]))
            continue;
        if (first)
            add_label(out, label);
        else
            add_indent(out, LABEL_WIDTH);
        add_person(out, &people[i]);
        first = false;
    }
}

static void add_guests(struct buf *out, const struct booking *booking)
{
    for (size_t i = 0; i < booking->guest_count; i++) {
        if (i == 0)
            add_label(out, "Guests");
        else
            add_indent(out, LABEL_WIDTH);
        buf_printf(out, "%s\n", booking->guests[i]);
    }
}

static void add_answers(struct buf *out, const struct booking *booking)
{
    enum { QUESTION_INDENT = 2, ANSWER_INDENT = 6 };
    if (booking->answer_count)
        buf_puts(out, "\nAnswers:\n");
    for (size_t i = 0; i < booking->answer_count; i++) {
        const struct answer *answer = &booking->answers[i];
        add_indent(out, QUESTION_INDENT);
        add_value(out, answer->question ? answer->question : "(no question)", QUESTION_INDENT);
        add_indent(out, ANSWER_INDENT);
        add_value(out, answer->answer ? answer->answer : "-", ANSWER_INDENT);
    }
}

static void add_times(struct buf *out, const struct booking *booking, const struct zone *zone)
{
    const char *name = booking->timezone;
    if (!name && booking->attendee_count)
        name = booking->attendees[0].timezone;
    if (booking->start != TIME_NONE) {
        add_label(out, "When");
        zone_span(zone, booking->start, booking->end, out);
        buf_puts(out, "\n");
    }
    if (booking->start != TIME_NONE && name) {
        struct zone theirs;
        zone_open(&theirs, name);
        if (!theirs.known || !zone_agree(zone, &theirs, booking->start)) {
            add_label(out, "Their time");
            zone_span(&theirs, booking->start, booking->end, out);
            buf_puts(out, "\n");
        }
        zone_close(&theirs);
    }
    if (booking->previous_start != TIME_NONE) {
        add_label(out, "Previously");
        zone_span(zone, booking->previous_start, booking->previous_end, out);
        buf_puts(out, "\n");
    }
}

static void add_booking(struct buf *out, const struct booking *booking, const struct zone *zone)
{
    add_field(out, "What", what_of(booking));
    if (booking->title && booking->event_type && strcmp(booking->title, booking->event_type) != 0 &&
        !strstr(booking->event_type, "://")) /* Calendly's is an address of its API */
        add_field(out, "Type", booking->event_type);
    add_times(out, booking, zone);
    if (!booking->location || !booking->join_url ||
        strcmp(booking->location, booking->join_url) != 0)
        add_field(out, "Where", booking->location);
    add_field(out, "Join link", booking->join_url);
    add_field(out, "Link", booking->link);
    add_people(out, "Who", booking->attendees, booking->attendee_count);
    add_guests(out, booking);
    add_people(out, "Host", &booking->organizer, 1);
    add_field(out, "Reason", booking->reason);
    add_field(out, "By", booking->by);
    add_field(out, "Payment", booking->payment);
    add_field(out, "Status", booking->status);
    add_field(out, "Notes", booking->description);
    add_answers(out, booking);
}

static void add_origin(struct buf *out, const struct event *event)
{
    add_field(out, "Booking ID", event->booking.uid);
    add_field(out, "Replaces", event->booking.previous_uid);
    add_field(out, "Seat", event->booking.seat);
    add_field(out, "Provider", provider_title(event->provider));
    add_field(out, "Event", event->name);
    add_label(out, "Event key");
    buf_printf(out, "%s (bookspool trace %s)\n", event->id, event->id);
}

static void render_text(const struct event *event, const struct zone *zone, struct buf *out)
{
    const struct heading *heading = heading_of(event);
    add_heading(event, heading, out);
    if (heading == &moved_away && event->booking.start != TIME_NONE) {
        buf_puts(out, " from ");
        zone_moment(zone, event->booking.start, out);
    }
    buf_puts(out, "\n");
    if (heading->remark)
        buf_printf(out, "%s\n", heading->remark);
    buf_puts(out, "\n");
    size_t before = out->len;
    add_booking(out, &event->booking, zone);
    if (out->len > before)
        buf_puts(out, "\n");
    add_origin(out, event);
}

bool render_mail(const struct event *event, const struct render_options *options,
    struct buf *subject, struct buf *text)
{
    struct zone zone;
    zone_open(&zone, options->timezone ? options->timezone : event->booking.organizer.timezone);
    render_subject(event, &zone, subject);
    render_text(event, &zone, text);
    zone_close(&zone);
    return !subject->failed && !text->failed;
}
