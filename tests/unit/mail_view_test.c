/* What each kind of event says in words. */
#include "mail/cut.h"
#include "mail_view.h"

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
        {KIND_CREATED, NULL, NULL, NULL, false, "Ada Example, Tue 24 Nov 16:00: Intro call"},
        {KIND_RESCHEDULED, NULL, NULL, "uid-0", false,
            "Moved: Ada Example, now Tue 24 Nov 16:00: Intro call"},
        {KIND_CANCELLED, "cancelled", NULL, NULL, false,
            "Cancelled: Ada Example, Tue 24 Nov 16:00: Intro call"},
        {KIND_CANCELLED, NULL, NULL, NULL, true,
            "To be rebooked: Ada Example, was Tue 24 Nov 16:00: Intro call"},
        {KIND_CANCELLED, "cancelled", "seat-1", NULL, false,
            "Seat given up: Ada Example, Tue 24 Nov 16:00: Intro call"},
        {KIND_CANCELLED, "moved", NULL, NULL, false,
            "Moved away: Ada Example, from Tue 24 Nov 16:00: Intro call"},
        {KIND_REQUESTED, "pending", NULL, NULL, false,
            "Request: Ada Example, Tue 24 Nov 16:00: Intro call"},
        {KIND_REQUESTED, "pending", NULL, "uid-0", false,
            "Request to move: Ada Example, to Tue 24 Nov 16:00: Intro call"},
        {KIND_REJECTED, NULL, NULL, NULL, false,
            "Declined: Ada Example, Tue 24 Nov 16:00: Intro call"},
        {KIND_PAID, NULL, NULL, NULL, false, "Paid: Ada Example, Tue 24 Nov 16:00: Intro call"},
        {KIND_NO_SHOW, "no_show", NULL, NULL, false,
            "No-show: Ada Example, Tue 24 Nov 16:00: Intro call"},
        {KIND_NO_SHOW, "no_show_cleared", NULL, NULL, false,
            "Came after all: Ada Example, Tue 24 Nov 16:00: Intro call"},
        {KIND_MEETING_STARTED, NULL, NULL, NULL, false,
            "Started: Ada Example, Tue 24 Nov 16:00: Intro call"},
        {KIND_MEETING_ENDED, NULL, NULL, NULL, false,
            "Ended: Ada Example, Tue 24 Nov 16:00: Intro call"},
        {KIND_RECORDING, NULL, NULL, NULL, false,
            "Recording: Ada Example, Tue 24 Nov 16:00: Intro call"},
        {KIND_FORM, NULL, NULL, NULL, false, "Form: Ada Example, Tue 24 Nov 16:00: Intro call"},
        {KIND_OUT_OF_OFFICE, NULL, NULL, NULL, false,
            "Out of office: Bob Owner, from Tue 24 Nov 16:00: Intro call"},
        {KIND_LOCATION_CHANGED, NULL, NULL, NULL, false,
            "New place: Ada Example, Tue 24 Nov 16:00: Intro call"},
        {KIND_REASSIGNED, NULL, NULL, NULL, false,
            "New host: Ada Example, Tue 24 Nov 16:00: Intro call"},
        {KIND_HOST_NO_SHOW, NULL, NULL, NULL, false,
            "Host no-show: Bob Owner, Tue 24 Nov 16:00: Intro call"},
        {KIND_INSTANT, NULL, NULL, NULL, false,
            "Waiting now: Ada Example, Tue 24 Nov 16:00: Intro call"},
        {KIND_REPORT, "wrong_assignment", NULL, NULL, false,
            "Reported: wrong host: Ada Example, Tue 24 Nov 16:00: Intro call"},
        {KIND_OTHER, NULL, NULL, NULL, false,
            "Cal.com event BOOKING_CREATED: Ada Example, Tue 24 Nov 16:00: Intro call"},
        {KIND_PING, NULL, NULL, NULL, false,
            "Test event: Ada Example, Tue 24 Nov 16:00: Intro call"},
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
    static const char *const titles[][2] = {
        {"Intro call between Bob Owner and Ada Example", "Intro call"},
        {"Kennenlernen zwischen Bob Owner und Ada Example", "Kennenlernen"},
        {"Ada Example and Bob Owner", "Ada Example and Bob Owner"},
        {"Coffee with Ada Example", "Coffee with Ada Example"},
        {"Ada Example, Bob Owner: prices", "Ada Example, Bob Owner: prices"}};
    for (size_t i = 0; i < sizeof titles / sizeof *titles; i++) {
        struct buf subject = {0};
        buf_printf(&subject, "Ada Example, Tue 24 Nov 16:00: %s", titles[i][1]);
        event.booking.title = titles[i][0];
        assert_subject(&event, buf_text(&subject));
        buf_free(&subject);
    }
    event.booking.title = NULL;
    assert_subject(&event, "Ada Example, Tue 24 Nov 16:00");
    event.booking.attendee_count = 0;
    assert_subject(&event, "Tue 24 Nov 16:00");
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
    event.provider = "calendly";
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
    struct person people[3] = {{.name = name}, ada, ada};
    event.booking.title = title;
    event.booking.attendees = people;
    event.booking.attendee_count = 3;
    struct rendered mail = render_in(&event, NULL);
    size_t characters = 0;
    for (const char *c = buf_text(&mail.subject); *c; c++)
        characters += ((unsigned char)*c & 0xc0) != 0x80;
    assert_true(characters <= 210);
    assert_non_null(strstr(buf_text(&mail.subject), "16:00: \xe4\xbc\x9a"));
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
        {.question = "What is it about?", .answer = "The API.\n\nAnd the price."},
        {.question = "Phone", .answer = "+49 30 123456"}};
    const char *guests[] = {"carl@example.com", "dora@example.com"};
    struct booking *booking = &event.booking;
    booking->previous_uid = "uid-0";
    booking->event_type = "half-an-hour";
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
    booking->notes = "Call me\nat noon";
    booking->answers = answers;
    booking->answer_count = 2;
    booking->guests = guests;
    booking->guest_count = 2;
    assert_text(&event, "Europe/Berlin",
        "Moved\n"
        "\n"
        "What:        Intro call\n"
        "Type:        half-an-hour\n"
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
        "Notes:       Call me\n"
        "             at noon\n"
        "Description: First line\n"
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
        "Cal.com BOOKING_RESCHEDULED, booking uid-1: bookspool trace " ID "\n");
}

static void a_type_is_shown_where_it_says_more(void **state)
{
    (void)state;
    struct event event = event_of(KIND_CREATED);
    static const char *const none[] = {"Intro call", "intro-call", "intro", "https://x.example/1"};
    for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
        event.booking.event_type = none[i];
        assert_silent(&event, NULL, "Type:");
    }
    event.booking.event_type = "intro-call-paid";
    assert_says(&event, NULL, "Type:        intro-call-paid\n");
}

static void a_text_of_almost_nothing(void **state)
{
    (void)state;
    struct event event = {.provider = "calendly",
        .kind = KIND_OTHER,
        .id = ID,
        .booking = {.start = TIME_NONE,
            .end = TIME_NONE,
            .previous_start = TIME_NONE,
            .previous_end = TIME_NONE}};
    assert_text(&event, NULL,
        "Calendly event\n"
        "Its signature is right, so it is genuine, but it is not an event that has words here.\n"
        "\n"
        "Calendly: bookspool trace " ID "\n");
}

static void a_place_that_is_the_link_is_shown_once(void **state)
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
    assert_says(&event, NULL, ", seat seat-1: bookspool trace");
    event.booking.seat = NULL;
    event.booking.status = "moved";
    assert_says(&event, NULL, "Moved away from Tue 24 Nov 2026, 16:00 CET\n");
    assert_says(&event, NULL, "word of the new time had not come yet");
}

/* Characters count, not bytes, and the sentence says how many were left out. */
static void long_texts_are_cut(void **state)
{
    (void)state;
    struct arena arena = {0};
    const struct cut_limits limits = {.text = 4, .line = 200, .url = 200, .items = 10};
    struct event event = event_of(KIND_CREATED);
    assert_int_equal(cut_length("abc", 3), 3);
    assert_int_equal(cut_length("abcd", 3), 3);
    assert_int_equal(cut_length("\xc3\xa9\xc3\xa9z", 2), 4);
    event.booking.description = "\xc3\xa9"
                                "bcd";
    assert_false(cut_event(&event, &limits, templates, &arena));
    event.booking.description = "\xc3\xa9"
                                "bcdefg";
    assert_true(cut_event(&event, &limits, templates, &arena));
    const char *text = event.booking.description;
    assert_memory_equal(text,
        "\xc3\xa9"
        "bcd... ",
        strlen("\xc3\xa9"
               "bcd... "));
    assert_non_null(strstr(text, "3 "));
    assert_null(strpbrk(text, "01245678"));
    arena_free(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_subject_for_each_kind),
        cmocka_unit_test(a_subject_from_what_there_is),
        cmocka_unit_test(a_subject_stays_short),
        cmocka_unit_test(a_full_text),
        cmocka_unit_test(a_type_is_shown_where_it_says_more),
        cmocka_unit_test(a_text_of_almost_nothing),
        cmocka_unit_test(a_place_that_is_the_link_is_shown_once),
        cmocka_unit_test(remarks_explain_what_could_mislead),
        cmocka_unit_test(long_texts_are_cut),
    };
    return cmocka_run_group_tests(tests, open_templates, close_templates);
}
