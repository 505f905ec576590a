/* What each kind of event says in words, and times in the zones of both sides. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "mail/view.h"

#define KEY "0123456789abcdef0123456789abcdef"

static int64_t at(const char *text)
{
    int64_t when;
    assert_true(time_parse(text, &when));
    return when;
}

static struct person ada = {"Ada Example", "ada@example.com", "America/Los_Angeles"};

static struct event event_of(enum event_kind kind)
{
    struct event event = {.provider = PROVIDER_CALCOM,
        .name = "BOOKING_CREATED",
        .kind = kind,
        .received_at = at("2026-11-21T10:00:00Z"),
        .sent_at = TIME_NONE,
        .booking = {.uid = "uid-1",
            .title = "Intro call",
            .start = at("2026-11-24T15:00:00Z"),
            .end = at("2026-11-24T15:30:00Z"),
            .previous_start = TIME_NONE,
            .previous_end = TIME_NONE,
            .organizer = {"Bob Owner", "bob@example.org", "Europe/Berlin"},
            .attendees = &ada,
            .attendee_count = 1}};
    strcpy(event.id, KEY);
    return event;
}

struct rendered {
    struct buf subject, text;
};

static struct templates *templates; /* the built-in ones, English */

static int open_templates(void **state)
{
    (void)state;
    struct buf why = {0};
    templates = templates_open(NULL, "en", &why);
    if (!templates)
        print_error("%s\n", buf_text(&why));
    buf_free(&why);
    return templates ? 0 : -1;
}

static int close_templates(void **state)
{
    (void)state;
    templates_close(templates);
    return 0;
}

static void render_part(const struct event *event, const struct decision *decision,
    const struct templates *set, const struct view_options *options, enum template_part part,
    struct buf *out)
{
    struct buf why = {0};
    cJSON *view = view_make(event, decision, set, options, &why);
    if (!view || !templates_render(
                     set, view_kind(event, decision), options->audience, part, view, out, &why))
        fail_msg("%s", buf_text(&why));
    cJSON_Delete(view);
    buf_free(&why);
}

static struct rendered render_as(
    const struct event *event, const struct decision *decision, const struct view_options *options)
{
    struct rendered mail = {0};
    render_part(event, decision, templates, options, PART_SUBJECT, &mail.subject);
    render_part(event, decision, templates, options, PART_TEXT, &mail.text);
    assert_null(strchr(buf_text(&mail.subject), '\n'));
    assert_null(strstr(buf_text(&mail.text), " \n"));
    assert_null(strstr(buf_text(&mail.text), "\n\n\n"));
    return mail;
}

static struct rendered render_in(const struct event *event, const char *zone_name)
{
    struct decision decision;
    const struct view_options options = {.timezone = zone_name, .audience = AUDIENCE_OWNER};
    decision_init(&decision);
    return render_as(event, &decision, &options);
}

static void rendered_free(struct rendered *mail)
{
    buf_free(&mail->subject);
    buf_free(&mail->text);
}

static void assert_subject(const struct event *event, const char *expected)
{
    struct rendered mail = render_in(event, NULL);
    assert_string_equal(buf_text(&mail.subject), expected);
    rendered_free(&mail);
}

static void assert_text(const struct event *event, const char *zone_name, const char *expected)
{
    struct rendered mail = render_in(event, zone_name);
    assert_string_equal(buf_text(&mail.text), expected);
    rendered_free(&mail);
}

static void assert_says(const struct event *event, const char *zone_name, const char *part)
{
    struct rendered mail = render_in(event, zone_name);
    if (!strstr(buf_text(&mail.text), part))
        fail_msg("missing: %s\nin: %s", part, buf_text(&mail.text));
    rendered_free(&mail);
}

static void assert_silent(const struct event *event, const char *zone_name, const char *part)
{
    struct rendered mail = render_in(event, zone_name);
    if (strstr(buf_text(&mail.text), part))
        fail_msg("unwanted: %s\nin: %s", part, buf_text(&mail.text));
    rendered_free(&mail);
}

/* ---- subjects ---- */

static void a_subject_for_each_kind(void **state)
{
    (void)state;
    static const struct {
        enum event_kind kind;
        const char *status, *seat, *previous_uid;
        bool rebook;
        const char *subject;
    } rows[] = {
        {KIND_CREATED, NULL, NULL, NULL, false,
            "New booking: Intro call with Ada Example, Tue 24 Nov 2026, 16:00 CET"},
        {KIND_RESCHEDULED, NULL, NULL, "uid-0", false,
            "Moved: Intro call with Ada Example, now Tue 24 Nov 2026, 16:00 CET"},
        {KIND_CANCELLED, "cancelled", NULL, NULL, false,
            "Cancelled: Intro call with Ada Example, Tue 24 Nov 2026, 16:00 CET"},
        {KIND_CANCELLED, NULL, NULL, NULL, true,
            "Asked to choose another time: Intro call with Ada Example, was Tue 24 Nov 2026, "
            "16:00 CET"},
        {KIND_CANCELLED, "cancelled", "seat-1", NULL, false,
            "One seat given up: Intro call with Ada Example, Tue 24 Nov 2026, 16:00 CET"},
        {KIND_CANCELLED, "moved", NULL, NULL, false,
            "Moved away from Tue 24 Nov 2026, 16:00 CET: Intro call with Ada Example"},
        {KIND_REQUESTED, "pending", NULL, NULL, false,
            "Booking request: Intro call with Ada Example, Tue 24 Nov 2026, 16:00 CET"},
        {KIND_REQUESTED, "pending", NULL, "uid-0", false,
            "Request to move: Intro call with Ada Example, to Tue 24 Nov 2026, 16:00 CET"},
        {KIND_REJECTED, NULL, NULL, NULL, false,
            "Declined: Intro call with Ada Example, Tue 24 Nov 2026, 16:00 CET"},
        {KIND_PAID, NULL, NULL, NULL, false,
            "Paid: Intro call with Ada Example, Tue 24 Nov 2026, 16:00 CET"},
        {KIND_NO_SHOW, "no_show", NULL, NULL, false,
            "No-show: Intro call with Ada Example, Tue 24 Nov 2026, 16:00 CET"},
        {KIND_NO_SHOW, "no_show_cleared", NULL, NULL, false,
            "No-show taken back: Intro call with Ada Example, Tue 24 Nov 2026, 16:00 CET"},
        {KIND_MEETING_STARTED, NULL, NULL, NULL, false,
            "Meeting started: Intro call with Ada Example, Tue 24 Nov 2026, 16:00 CET"},
        {KIND_MEETING_ENDED, NULL, NULL, NULL, false,
            "Meeting ended: Intro call with Ada Example, Tue 24 Nov 2026, 16:00 CET"},
        {KIND_RECORDING, NULL, NULL, NULL, false,
            "Recording ready: Intro call with Ada Example, Tue 24 Nov 2026, 16:00 CET"},
        {KIND_FORM, NULL, NULL, NULL, false,
            "Form submitted: Intro call with Ada Example, Tue 24 Nov 2026, 16:00 CET"},
        {KIND_OUT_OF_OFFICE, NULL, NULL, NULL, false,
            "Out of office: Intro call, Bob Owner, from Tue 24 Nov 2026, 16:00 CET"},
        {KIND_OTHER, NULL, NULL, NULL, false,
            "Cal.com event BOOKING_CREATED: Intro call with Ada Example, Tue 24 Nov 2026, "
            "16:00 CET"},
        {KIND_PING, NULL, NULL, NULL, false,
            "Test event: Intro call with Ada Example, Tue 24 Nov 2026, 16:00 CET"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct event event = event_of(rows[i].kind);
        event.booking.status = rows[i].status;
        event.booking.seat = rows[i].seat;
        event.booking.previous_uid = rows[i].previous_uid;
        event.booking.asked_to_rebook = rows[i].rebook;
        assert_subject(&event, rows[i].subject);
    }
}

static void a_subject_from_what_there_is(void **state)
{
    (void)state;
    struct event event = event_of(KIND_CREATED);
    event.booking.title = "Intro call between Bob Owner and Ada Example";
    assert_subject(&event,
        "New booking: Intro call between Bob Owner and Ada Example, Tue 24 Nov 2026, 16:00 CET");
    event.booking.title = NULL;
    assert_subject(&event, "New booking: Ada Example, Tue 24 Nov 2026, 16:00 CET");
    event.booking.attendee_count = 0;
    event.booking.start = TIME_NONE;
    assert_subject(&event, "New booking");
    event.kind = KIND_CANCELLED;
    event.booking.status = "moved";
    assert_subject(&event, "Moved away");
    event = event_of(KIND_OTHER);
    event.booking = (struct booking){.start = TIME_NONE,
        .end = TIME_NONE,
        .previous_start = TIME_NONE,
        .previous_end = TIME_NONE};
    event.name = NULL;
    event.provider = PROVIDER_CALENDLY;
    assert_subject(&event, "Calendly event");
}

static void a_subject_stays_short(void **state)
{
    (void)state;
    struct event event = event_of(KIND_CREATED);
    char title[3 * 400 + 1], name[401];
    for (size_t i = 0; i < 400; i++)
        memcpy(title + 3 * i, "\xe4\xbc\x9a", 3);
    title[sizeof title - 1] = '\0';
    memset(name, 'n', 400);
    name[400] = '\0';
    struct person people[3] = {{name, NULL, NULL}, ada, ada};
    event.booking.title = title;
    event.booking.attendees = people;
    event.booking.attendee_count = 3;
    struct rendered mail = render_in(&event, NULL);
    size_t characters = 0;
    for (const char *c = buf_text(&mail.subject); *c; c++)
        characters += ((unsigned char)*c & 0xc0) != 0x80;
    assert_true(characters <= 210);
    assert_non_null(strstr(buf_text(&mail.subject), "\xe4\xbc\x9a... with nnn"));
    assert_non_null(strstr(buf_text(&mail.subject), "n... and 2 more, Tue 24 Nov"));
    rendered_free(&mail);
}

/* ---- texts ---- */

static void a_full_text(void **state)
{
    (void)state;
    struct event event = event_of(KIND_RESCHEDULED);
    event.name = "BOOKING_RESCHEDULED";
    struct answer answers[] = {
        {"What is it about?", "The API.\n\nAnd the price."}, {"Phone", "+49 30 123456"}};
    const char *guests[] = {"carl@example.com", "dora@example.com"};
    struct booking *booking = &event.booking;
    booking->previous_uid = "uid-0";
    booking->event_type = "intro-call";
    booking->previous_start = at("2026-11-23T15:00:00Z");
    booking->previous_end = at("2026-11-23T15:30:00Z");
    booking->timezone = "America/Los_Angeles";
    booking->location = "Google Meet";
    booking->join_url = "https://meet.example.com/abc";
    booking->reason = "A clash";
    booking->by = "ada@example.com";
    booking->payment = "49.00 EUR, paid";
    booking->status = "accepted";
    booking->description = "First line\nSecond line";
    booking->answers = answers;
    booking->answer_count = 2;
    booking->guests = guests;
    booking->guest_count = 2;
    assert_text(&event, "Europe/Berlin",
        "Moved\n"
        "\n"
        "What:        Intro call\n"
        "Type:        intro-call\n"
        "When:        Tue 24 Nov 2026, 16:00 to 16:30 CET (Europe/Berlin)\n"
        "Their time:  Tue 24 Nov 2026, 07:00 to 07:30 PST (America/Los_Angeles)\n"
        "Previously:  Mon 23 Nov 2026, 16:00 to 16:30 CET (Europe/Berlin)\n"
        "Where:       Google Meet\n"
        "Join link:   https://meet.example.com/abc\n"
        "Who:         Ada Example <ada@example.com>\n"
        "Guests:      carl@example.com\n"
        "             dora@example.com\n"
        "Host:        Bob Owner <bob@example.org>\n"
        "Reason:      A clash\n"
        "By:          ada@example.com\n"
        "Payment:     49.00 EUR, paid\n"
        "Status:      accepted\n"
        "Notes:       First line\n"
        "             Second line\n"
        "\n"
        "Answers:\n"
        "  What is it about?\n"
        "      The API.\n"
        "\n"
        "      And the price.\n"
        "  Phone\n"
        "      +49 30 123456\n"
        "\n"
        "Booking ID:  uid-1\n"
        "Replaces:    uid-0\n"
        "Provider:    Cal.com\n"
        "Event:       BOOKING_RESCHEDULED\n"
        "Event key:   " KEY " (bookspool trace " KEY ")\n");
}

static void a_text_of_almost_nothing(void **state)
{
    (void)state;
    struct event event = {.provider = PROVIDER_CALENDLY,
        .kind = KIND_OTHER,
        .id = KEY,
        .booking = {.start = TIME_NONE,
            .end = TIME_NONE,
            .previous_start = TIME_NONE,
            .previous_end = TIME_NONE}};
    assert_text(&event, NULL,
        "Calendly event\n"
        "Its signature is right, so it is genuine, but it is not an event that has words here.\n"
        "\n"
        "Provider:    Calendly\n"
        "Event key:   " KEY " (bookspool trace " KEY ")\n");
}

static void a_place_that_is_the_link_is_told_once(void **state)
{
    (void)state;
    struct event event = event_of(KIND_CREATED);
    event.booking.location = event.booking.join_url = "https://meet.example.com/abc";
    assert_silent(&event, NULL, "Where:");
    assert_says(&event, NULL, "Join link:   https://meet.example.com/abc\n");
}

static void remarks_explain_what_could_mislead(void **state)
{
    (void)state;
    struct event event = event_of(KIND_CANCELLED);
    event.booking.seat = "seat-1";
    assert_says(&event, NULL, "the booking itself goes on");
    assert_says(&event, NULL, "Seat:        seat-1\n");
    event.booking.seat = NULL;
    event.booking.status = "moved";
    assert_says(&event, NULL, "Moved away from Tue 24 Nov 2026, 16:00 CET\n");
    assert_says(&event, NULL, "word of the new time had not come yet");
}

/* ---- zones ---- */

static void the_zone_of_the_settings_comes_first(void **state)
{
    (void)state;
    struct event event = event_of(KIND_CREATED);
    assert_says(&event, "Asia/Kolkata", "When:        Tue 24 Nov 2026, 20:30 to 21:00 IST");
    assert_says(&event, NULL, "When:        Tue 24 Nov 2026, 16:00 to 16:30 CET");
    event.booking.organizer.timezone = NULL;
    assert_says(&event, NULL, "When:        Tue 24 Nov 2026, 15:00 to 15:30 UTC\n");
}

static void their_time_only_where_it_differs(void **state)
{
    (void)state;
    struct event event = event_of(KIND_CREATED);
    event.booking.timezone = "Europe/Paris";
    assert_silent(&event, NULL, "Their time");
    event.booking.timezone = "Europe/London";
    assert_says(&event, NULL, "Their time:  Tue 24 Nov 2026, 15:00 to 15:30 GMT (Europe/London)");
    event.booking.timezone = NULL; /* then the attendee's own */
    assert_says(&event, NULL, "Their time:  Tue 24 Nov 2026, 07:00 to 07:30 PST");
}

/* In 2026 Europe leaves summer time on 25 October, the United States on 1 November. */
static void both_zones_change_on_their_own_days(void **state)
{
    (void)state;
    struct event event = event_of(KIND_CREATED);
    struct booking *booking = &event.booking;
    booking->timezone = "America/New_York";
    booking->start = at("2026-10-28T15:00:00Z");
    booking->end = at("2026-10-28T15:30:00Z");
    assert_says(&event, NULL, "When:        Wed 28 Oct 2026, 16:00 to 16:30 CET");
    assert_says(&event, NULL, "Their time:  Wed 28 Oct 2026, 11:00 to 11:30 EDT");
    booking->start = at("2026-10-25T00:30:00Z");
    booking->end = at("2026-10-25T01:15:00Z");
    assert_says(&event, NULL, "When:        Sun 25 Oct 2026, 02:30 CEST to 02:15 CET");
    booking->start = at("2026-11-01T05:30:00Z");
    booking->end = at("2026-11-01T06:15:00Z");
    assert_says(&event, NULL, "Their time:  Sun 1 Nov 2026, 01:30 EDT to 01:15 EST");
    booking->start = at("2026-03-29T00:30:00Z"); /* the hour that is not there */
    booking->end = at("2026-03-29T01:30:00Z");
    assert_says(&event, NULL, "When:        Sun 29 Mar 2026, 01:30 CET to 03:30 CEST");
}

static void a_span_over_midnight_names_both_days(void **state)
{
    (void)state;
    struct event event = event_of(KIND_CREATED);
    event.booking.start = at("2026-12-31T22:30:00Z");
    event.booking.end = at("2026-12-31T23:30:00Z");
    assert_says(
        &event, NULL, "Thu 31 Dec 2026, 23:30 CET to Fri 1 Jan 2027, 00:30 CET (Europe/Berlin)\n");
    event.booking.end = TIME_NONE;
    assert_says(&event, NULL, "When:        Thu 31 Dec 2026, 23:30 CET (Europe/Berlin)\n");
}

static void an_unknown_zone_is_utc_and_says_so(void **state)
{
    (void)state;
    static const char *const names[] = {"Mars/Base", "/usr/share/zoneinfo/Europe/Berlin",
        "../zoneinfo/Europe/Berlin", "Europe/../Europe/Berlin", "", "/dev/zero", "zone.tab",
        "Europe", "Europe/Berlin/", "Europe//Berlin", ":Europe/Berlin", "Europe/Berlin\xff"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct event event = event_of(KIND_CREATED);
        char expected[200];
        snprintf(expected, sizeof expected,
            "Tue 24 Nov 2026, 15:00 to 15:30 UTC (the time zone \"%s\" is not known here)\n",
            names[i]);
        assert_says(&event, names[i], expected);
        event.booking.timezone = names[i];
        assert_says(&event, NULL, expected);
    }
}

static void zones_without_a_name_show_their_offset(void **state)
{
    (void)state;
    struct event event = event_of(KIND_CREATED);
    assert_says(&event, "America/Sao_Paulo", "12:00 to 12:30 UTC-03 (America/Sao_Paulo)\n");
    assert_says(&event, "Asia/Kathmandu", "20:45 to 21:15 UTC+0545 (Asia/Kathmandu)\n");
}

static void absurd_times_are_told_somehow(void **state)
{
    (void)state;
    struct event event = event_of(KIND_CREATED);
    event.booking.start = at("9999-12-31T23:59:59Z");
    event.booking.end = at("1970-01-01T00:00:00Z");
    assert_says(&event, NULL, "When:        9999-12-31T23:59:59Z");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_subject_for_each_kind),
        cmocka_unit_test(a_subject_from_what_there_is),
        cmocka_unit_test(a_subject_stays_short),
        cmocka_unit_test(a_full_text),
        cmocka_unit_test(a_text_of_almost_nothing),
        cmocka_unit_test(a_place_that_is_the_link_is_told_once),
        cmocka_unit_test(remarks_explain_what_could_mislead),
        cmocka_unit_test(the_zone_of_the_settings_comes_first),
        cmocka_unit_test(their_time_only_where_it_differs),
        cmocka_unit_test(both_zones_change_on_their_own_days),
        cmocka_unit_test(a_span_over_midnight_names_both_days),
        cmocka_unit_test(an_unknown_zone_is_utc_and_says_so),
        cmocka_unit_test(zones_without_a_name_show_their_offset),
        cmocka_unit_test(absurd_times_are_told_somehow),
    };
    return cmocka_run_group_tests(tests, open_templates, close_templates);
}
