/* What the ledger knows, what a customer may know, and in which language. */
#include "mail_view.h"

/* ---- what the ledger knows ---- */

static void a_confirmed_request_to_move_is_a_move(void **state)
{
    (void)state;
    struct event event = event_of(KIND_CREATED);
    struct decision decision = decided();
    decision.meaning = KIND_RESCHEDULED;
    decision.previous_start = at("2026-11-23T15:00:00Z");
    decision.previous_end = at("2026-11-23T15:30:00Z");
    struct rendered mail = render_as(&event, &decision, &owner);
    assert_string_equal(
        buf_text(&mail.subject), "Moved: Ada Example, now Tue 24 Nov 16:00: Intro call");
    assert_part(&mail, "Previously:  Mon 23 Nov 2026, 16:00 to 16:30 CET (Europe/Berlin)\n");
    assert_int_equal(view_kind(&event, &decision), KIND_RESCHEDULED);
    rendered_free(&mail);
}

static void what_the_event_says_of_the_old_time_goes_first(void **state)
{
    (void)state;
    struct event event = event_of(KIND_RESCHEDULED);
    struct decision decision = decided();
    event.booking.previous_start = at("2026-11-22T15:00:00Z");
    decision.previous_start = at("2026-11-23T15:00:00Z");
    struct rendered mail = render_as(&event, &decision, &owner);
    assert_part(&mail, "Previously:  Sun 22 Nov 2026, 16:00 CET (Europe/Berlin)\n");
    rendered_free(&mail);
}

static void a_late_event_is_marked(void **state)
{
    (void)state;
    struct event event = event_of(KIND_CREATED);
    struct decision decision = decided();
    decision.late = true;
    struct rendered mail = render_as(&event, &decision, &owner);
    assert_string_equal(buf_text(&mail.subject),
        "New booking (old news): Ada Example, Tue 24 Nov 16:00: Intro call");
    assert_part(&mail, "New booking (old news)\n"
                       "This came late: the booking has changed since, and the later news counts.\n"
                       "\nWhat:");
    rendered_free(&mail);
}

static struct decision overlapping(struct overlap list[2])
{
    struct decision decision = decided();
    list[0] = (struct overlap){"calendly", "u1", "Consulting", "Ben Ode",
        at("2026-11-24T15:15:00Z"), at("2026-11-24T16:00:00Z")};
    list[1] = (struct overlap){"calcom", "u2", NULL, NULL, at("2026-11-24T15:00:00Z"), TIME_NONE};
    decision.overlaps = list;
    decision.overlap_count = 2;
    return decision;
}

static void overlaps_are_listed(void **state)
{
    (void)state;
    struct overlap list[2];
    struct event event = event_of(KIND_CREATED);
    struct decision decision = overlapping(list);
    struct rendered mail = render_as(&event, &decision, &owner);
    assert_part(&mail,
        "Overlaps:    Tue 24 Nov 2026, 16:15 to 17:00 CET with Ben Ode, Consulting (Calendly)\n"
        "             Tue 24 Nov 2026, 16:00 CET (Cal.com)\n");
    rendered_free(&mail);
}

/* ---- customers ---- */

static struct person people[] = {
    {.name = "Ada Example", .email = "ada@example.com", .timezone = "America/Los_Angeles"},
    {.name = "Bea Other", .email = "Bea@Example.com", .timezone = "Asia/Kolkata"}};

static struct event shared_booking(struct answer *answer, const char **guest)
{
    struct event event = event_of(KIND_CREATED);
    struct booking *booking = &event.booking;
    booking->attendees = people;
    booking->attendee_count = 2;
    booking->answers = answer;
    booking->answer_count = 1;
    booking->guests = guest;
    booking->guest_count = 1;
    booking->description = "Of the type";
    booking->notes = "Ada's notes";
    booking->payment = "49.00 EUR, paid";
    booking->by = "bea@example.com";
    return event;
}

static struct rendered render_for(const struct event *event, const char *recipient)
{
    struct overlap list[2];
    struct decision decision = overlapping(list);
    const struct view_options options = {.audience = AUDIENCE_CUSTOMER, .recipient = recipient};
    return render_as(event, &decision, &options);
}

static void who_booked_gets_their_own_words(void **state)
{
    (void)state;
    struct answer answer = {.question = "Phone", .answer = "+49 30 123456"};
    const char *guest = "gus@example.com";
    struct event event = shared_booking(&answer, &guest);
    struct rendered mail = render_for(&event, "ada@example.com");
    assert_string_equal(
        buf_text(&mail.subject), "Confirmed: Bob Owner, Tue 24 Nov 07:00: Intro call");
    assert_string_equal(buf_text(&mail.text),
        "Hello Ada Example,\n"
        "\n"
        "Your booking is confirmed.\n"
        "\n"
        "What:        Intro call\n"
        "When:        Tue 24 Nov 2026, 07:00 to 07:30 PST (America/Los_Angeles)\n"
        "With:        Bob Owner <bob@example.org>\n"
        "Guests:      gus@example.com\n"
        "Payment:     49.00 EUR, paid\n"
        "Notes:       Ada's notes\n"
        "Description: Of the type\n"
        "\n"
        "Answers:\n"
        "  Phone\n"
        "      +49 30 123456\n"
        "\n"
        "You get this mail because a booking through Cal.com names your address.\n");
    rendered_free(&mail);
}

static void other_participants_get_only_what_is_everybodys(void **state)
{
    (void)state;
    struct answer answer = {.question = "Phone", .answer = "+49 30 123456"};
    const char *guest = "gus@example.com";
    struct event event = shared_booking(&answer, &guest);
    struct rendered mail = render_for(&event, "bea@example.com");
    assert_string_equal(buf_text(&mail.text),
        "Hello Bea Other,\n"
        "\n"
        "Your booking is confirmed.\n"
        "\n"
        "What:        Intro call\n"
        "When:        Tue 24 Nov 2026, 20:30 to 21:00 IST (Asia/Kolkata)\n"
        "With:        Bob Owner <bob@example.org>\n"
        "\n"
        "You get this mail because a booking through Cal.com names your address.\n");
    rendered_free(&mail);
}

/* Not the templates but the view keeps it back, so that no template can print it. */
static void a_customers_view_holds_nothing_of_others(void **state)
{
    (void)state;
    static const char *const secrets[] = {
        "ada@", "Ada", "gus@", "+49", "Ben Ode", "49.00", "Consulting"};
    struct overlap list[2];
    struct answer answer = {.question = "Phone", .answer = "+49 30 123456"};
    const char *guest = "gus@example.com";
    struct event event = shared_booking(&answer, &guest);
    struct decision decision = overlapping(list);
    event.booking.by = "ada@example.com";
    const char *recipients[] = {"bea@example.com", "gus@example.com.example"};
    for (size_t r = 0; r < 2; r++) {
        const struct view_options options = {
            .audience = AUDIENCE_CUSTOMER, .recipient = recipients[r]};
        guest = "gus@example.org";
        cJSON *view = view_json(&event, &decision, &options);
        cJSON_DeleteItemFromObjectCaseSensitive(view, "reader");
        cJSON_DeleteItemFromObjectCaseSensitive(view, "people");
        cJSON_DeleteItemFromObjectCaseSensitive(
            cJSON_GetObjectItemCaseSensitive(view, "booking"), "attendees");
        char *all = cJSON_Print(view);
        for (size_t i = 0; i < sizeof secrets / sizeof *secrets; i++)
            if (strstr(all, secrets[i]))
                fail_msg("%s sees %s", recipients[r], secrets[i]);
        free(all);
        cJSON_Delete(view);
    }
}

static void a_customer_has_a_heading_for_each_kind(void **state)
{
    (void)state;
    for (int kind = 0; kind < KINDS; kind++) {
        struct event event = event_of((enum event_kind)kind);
        struct rendered mail = render_for(&event, "ada@example.com");
        assert_non_null(strstr(buf_text(&mail.subject), ": Intro call"));
        assert_non_null(strstr(buf_text(&mail.subject), "Bob Owner, "));
        assert_null(strstr(buf_text(&mail.text), ID));
        rendered_free(&mail);
    }
}

/* ---- languages ---- */

static void german(void **state)
{
    (void)state;
    struct buf why = {0}, subject = {0}, text = {0};
    struct templates *set = templates_open(NULL, "de", &why);
    struct event event = event_of(KIND_RESCHEDULED);
    struct decision decision = decided();
    event.booking.end = at("2026-11-25T15:30:00Z");
    event.booking.timezone = "Mars/Base";
    event.booking.previous_start = at("2026-10-25T00:30:00Z");
    event.booking.previous_end = at("2026-10-25T01:15:00Z");
    assert_non_null(set);
    render_part(&event, &decision, set, &owner, PART_SUBJECT, &subject);
    render_part(&event, &decision, set, &owner, PART_TEXT, &text);
    assert_string_equal(
        buf_text(&subject), "Verschoben: Ada Example, jetzt Di 24. Nov 16:00: Intro call");
    assert_non_null(strstr(buf_text(&text),
        "Wann:        Di, 24.11.2026, 16:00 Uhr CET bis Mi, 25.11.2026, 16:30 Uhr CET "
        "(Europe/Berlin)\n"
        "Zeit dort:   Di, 24.11.2026, 15:00 Uhr UTC bis Mi, 25.11.2026, 15:30 Uhr UTC "
        "(die Zeitzone \xe2\x80\x9eMars/Base\xe2\x80\x9c ist hier nicht bekannt)\n"
        "Bisher:      So, 25.10.2026, 02:30 Uhr CEST bis 02:15 Uhr CET (Europe/Berlin)\n"));
    templates_close(set);
    buf_free(&subject);
    buf_free(&text);
}

/* ---- for pages ---- */

static void only_what_is_off_is_crossed_out(void **state)
{
    (void)state;
    static const struct {
        enum event_kind kind;
        bool rebook, late;
        const char *seat;
        bool off;
    } rows[] = {{KIND_CANCELLED, false, false, NULL, true},
        {KIND_CANCELLED, true, false, NULL, true}, {KIND_CANCELLED, false, false, "seat", false},
        {KIND_CANCELLED, false, true, NULL, false}, {KIND_REJECTED, false, false, NULL, true},
        {KIND_CREATED, false, false, NULL, false}, {KIND_NO_SHOW, false, false, NULL, false}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct event event = event_of(rows[i].kind);
        struct decision decision = decided();
        event.booking.asked_to_rebook = rows[i].rebook;
        event.booking.seat = rows[i].seat;
        decision.late = rows[i].late;
        cJSON *view = view_json(&event, &decision, &owner);
        assert_int_equal(json_true(view, "off"), rows[i].off);
        cJSON_Delete(view);
    }
}

static void an_address_in_a_url_is_escaped(void **state)
{
    (void)state;
    struct person odd = {.name = "Odd", .email = "a?b=c&d%@example.com"};
    struct event event = event_of(KIND_CREATED);
    struct decision decision = decided();
    event.booking.attendees = &odd;
    cJSON *view = view_json(&event, &decision, &owner);
    const cJSON *first = json_get(view, "people")->child;
    assert_string_equal(json_text(first, "mailto"), "a%3Fb%3Dc%26d%25@example.com");
    cJSON_Delete(view);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_confirmed_request_to_move_is_a_move),
        cmocka_unit_test(what_the_event_says_of_the_old_time_goes_first),
        cmocka_unit_test(a_late_event_is_marked),
        cmocka_unit_test(overlaps_are_listed),
        cmocka_unit_test(who_booked_gets_their_own_words),
        cmocka_unit_test(other_participants_get_only_what_is_everybodys),
        cmocka_unit_test(a_customers_view_holds_nothing_of_others),
        cmocka_unit_test(a_customer_has_a_heading_for_each_kind),
        cmocka_unit_test(german),
        cmocka_unit_test(only_what_is_off_is_crossed_out),
        cmocka_unit_test(an_address_in_a_url_is_escaped),
    };
    return cmocka_run_group_tests(tests, open_templates, close_templates);
}
