/* What mails say of the events that have more than a title and a time, and what a customer may see
 * of them. */
#include "mail/language.h"
#include "mail/template_files.h"
#include "mail/view_names.h"
#include "mail_view.h"
#include "provider/place.h"

static struct person hosts[] = {
    {.name = "Adaeze Obi", .email = "adaeze@example.org", .phone = "+44 20 1111"},
    {.name = "Bram Teller", .email = "bram@example.org"}};

static const struct view_options customer = {
    .audience = AUDIENCE_CUSTOMER, .recipient = "ada@example.com"};

static struct event full_event(enum event_kind kind)
{
    static struct answer answers[] = {
        {.question = "What is this meeting about?", .word = "about", .answer = "Prices"},
        {.question = "Own question", .answer = "Own answer"}};
    static struct detail details[] = {{.word = "reported_by", .text = "detail-secret"},
        {.word = "expires", .when = INT64_C(1800000000000)}, {.word = "x_new", .text = "odd"}};
    static const char *guests[] = {"gus@example.com"};
    struct event event = event_of(kind);
    struct booking *b = &event.booking;
    b->organizer = hosts[0];
    b->hosts = hosts;
    b->host_count = 2;
    b->answers = answers;
    b->answer_count = 2;
    b->details = details;
    b->detail_count = 3;
    b->guests = guests;
    b->guest_count = 1;
    b->notes = "Bring cake";
    b->description = "About the talk";
    b->host_notes = "notes-secret";
    b->location = "https://meet.example.com/a-room-with-a-long-name?with=parameters";
    b->join_url = b->location;
    b->reschedule_url = "https://book.example.com/reschedule/1";
    b->cancel_url = "https://book.example.com/cancel/1";
    b->manage_url = "https://book.example.com/manage-secret";
    b->reason = "Written by adaeze@example.org";
    b->title = "Talk with adaeze@EXAMPLE.org";
    b->by = "adaeze@example.org";
    b->status = "accepted";
    b->team = "Sales";
    b->in_series = true;
    b->series_count = 3;
    b->series_frequency = "weekly";
    b->places = 6;
    b->places_taken = 2;
    return event;
}

static char *all_of(
    const struct event *event, const struct decision *decision, const struct view_options *options)
{
    struct buf all = {0};
    cJSON *view = view_json(event, decision, options);
    char *json = cJSON_PrintUnformatted(view);
    buf_puts(&all, json);
    for (enum template_part part = 0; part < TEMPLATE_PARTS; part++)
        render_part(event, decision, templates, options, part, &all);
    free(json);
    cJSON_Delete(view);
    return all.data;
}

static void assert_page(
    const struct event *event, const struct view_options *options, const char *part, bool expected)
{
    struct buf page = {0};
    struct decision decision = decided();
    render_part(event, &decision, templates, options, PART_HTML, &page);
    if ((strstr(buf_text(&page), part) != NULL) != expected)
        fail_msg("%s: %s\nin %s", expected ? "missing" : "unwanted", part, buf_text(&page));
    buf_free(&page);
}

static void assert_customer(const struct event *event, const char *part, bool expected)
{
    struct decision decision = decided();
    struct rendered mail = render_as(event, &decision, &customer);
    if ((strstr(buf_text(&mail.text), part) != NULL) != expected)
        fail_msg("%s: %s\nin %s", expected ? "missing" : "unwanted", part, buf_text(&mail.text));
    rendered_free(&mail);
}

/* ---- what a customer may see ---- */

static void no_kind_shows_a_customer_what_is_the_hosts(void **state)
{
    (void)state;
    static const char *const secrets[] = {
        "notes-secret", "manage-secret", "detail-secret", "+44 20 1111", "other@example.com"};
    struct person two[] = {ada, {.name = "Other", .email = "other@example.com"}};
    struct decision decision = decided();
    for (enum event_kind kind = 0; kind < KINDS; kind++) {
        struct event event = full_event(kind);
        event.booking.attendees = two;
        event.booking.attendee_count = 2;
        char *all = all_of(&event, &decision, &customer);
        for (size_t i = 0; i < sizeof secrets / sizeof *secrets; i++)
            if (strstr(all, secrets[i]))
                fail_msg("%s shows %s", event_kind_name(kind), secrets[i]);
        free(all);
    }
}

static void a_hidden_address_is_in_no_kind_of_mail(void **state)
{
    (void)state;
    struct decision decision = decided();
    for (enum event_kind kind = 0; kind < KINDS; kind++)
        for (int hidden = 0; hidden < 2; hidden++) {
            struct event event = full_event(kind);
            event.booking.hide_organizer_email = hidden;
            event.booking.previous_organizer = (struct person){.email = "bram@example.org"};
            char *all = all_of(&event, &decision, &customer);
            if ((strcasestr(all, "adaeze@example.org") != NULL) == (hidden == 1) ||
                (hidden && strcasestr(all, "bram@example.org")))
                fail_msg("%s, hidden: %d", event_kind_name(kind), hidden);
            assert_non_null(strstr(all, "Adaeze Obi"));
            free(all);
            all = all_of(&event, &decision, &owner);
            assert_non_null(strstr(all, "adaeze@example.org"));
            free(all);
        }
}

static void links_to_change_a_booking_are_the_customers(void **state)
{
    (void)state;
    struct event event = full_event(KIND_CREATED);
    assert_customer(&event, "Reschedule:  https://book.example.com/reschedule/1\n", true);
    assert_customer(&event, "Cancel:      https://book.example.com/cancel/1\n", true);
    assert_page(&event, &customer, "href=\"https://book.example.com/cancel/1\"", true);
    assert_silent(&event, NULL, "cancel/1");
    assert_page(&event, &owner, "cancel/1", false);
    event.kind = KIND_CANCELLED;
    assert_customer(&event, "cancel/1", false);
    event.kind = KIND_REQUESTED;
    assert_says(&event, NULL, "Yes or no:   https://book.example.com/manage-secret\n");
    assert_page(&event, &owner, ">Say yes or no</a>", true);
    event.kind = KIND_CREATED;
    assert_silent(&event, NULL, "manage-secret");
}

static void nothing_to_join_where_nothing_takes_place(void **state)
{
    (void)state;
    static const enum event_kind off[] = {KIND_CANCELLED, KIND_REJECTED};
    struct event event = full_event(KIND_CREATED);
    assert_says(&event, NULL, "Join link:   https://meet.example.com/a-room");
    assert_page(&event, &owner, ">Join the meeting</a>", true);
    for (size_t i = 0; i < 2; i++) {
        event.kind = off[i];
        event.booking.status = NULL;
        assert_silent(&event, NULL, "meet.example.com");
        assert_page(&event, &owner, "meet.example.com", false);
        assert_customer(&event, "meet.example.com", false);
    }
}

/* ---- kinds ---- */

static void a_new_host_is_named_beside_the_old_one(void **state)
{
    (void)state;
    struct event event = full_event(KIND_REASSIGNED);
    event.booking.organizer = hosts[1];
    event.booking.host_count = 0;
    event.booking.previous_start = event.booking.start;
    event.booking.previous_end = event.booking.end;
    assert_says(&event, NULL, "New host: Bram Teller.\n");
    event.booking.previous_organizer = hosts[0];
    assert_says(&event, NULL, "New host: Bram Teller instead of Adaeze Obi.\n");
    assert_says(&event, NULL, "Old host:    Adaeze Obi <adaeze@example.org>\n");
    assert_silent(&event, NULL, "Previously");
    assert_silent(&event, NULL, "oved");
    assert_customer(&event, "Your booking has a new host.\n", true);
    assert_customer(&event, "Bram Teller is your host instead of Adaeze Obi now.\n", true);
    assert_customer(&event, "Old host:    Adaeze Obi\n", true);
    assert_customer(&event, "Previously", false);
}

static void a_new_place_is_shown_with_the_old_one(void **state)
{
    (void)state;
    struct event event = full_event(KIND_LOCATION_CHANGED);
    event.booking.previous_location = "https://meet.example.com/old";
    assert_says(&event, NULL, "It has a new link.\n");
    assert_says(&event, NULL, "Old place:   https://meet.example.com/old\n");
    event.booking.location = "5 Main Street";
    event.booking.previous_location = "In person";
    event.booking.previous_location_word = "in_person";
    assert_says(&event, NULL, "It takes place here now: 5 Main Street\n");
    assert_says(&event, NULL, "Where:       5 Main Street\nOld place:   In person\n");
    assert_customer(&event, "Your booking has a new place.\n", true);
    assert_customer(&event, "Old place:   In person\n", true);
}

static void who_waits_is_let_in_at_once(void **state)
{
    (void)state;
    struct event event = event_of(KIND_INSTANT);
    event.booking.start = event.booking.end = TIME_NONE;
    event.booking.link = "https://app.example.com/connect-and-join?token=7";
    assert_subject(&event, "Waiting now: Ada Example: Intro call");
    assert_says(&event, NULL,
        "Ada Example is waiting in the meeting right now. The link is good for about 90 "
        "seconds.\n");
    assert_says(&event, NULL, "Link:        https://app.example.com/connect-and-join?token=7\n");
    assert_page(&event, &owner, ">Join now</a>", true);
}

static void a_host_who_did_not_come_is_no_guests_fault(void **state)
{
    (void)state;
    struct event event = event_of(KIND_HOST_NO_SHOW);
    event.booking.status = "no_show";
    assert_says(&event, NULL, "No host came\n");
    assert_says(&event, NULL, "says nothing against the guests.\n");
    assert_silent(&event, NULL, "Ada Example did not come");
    assert_silent(&event, NULL, "Status:");
    event.kind = KIND_NO_SHOW;
    assert_says(&event, NULL, "Ada Example did not come.\n");
}

static void reports_have_words_and_labels(void **state)
{
    (void)state;
    struct event event = full_event(KIND_REPORT);
    event.booking.status = "credential_rotation_failed";
    assert_says(&event, NULL, "Calendar credential not renewed\nThe provider could not renew");
    assert_says(&event, NULL, "Reported by: detail-secret\n");
    assert_says(&event, "UTC", "Expires:     Fri 15 Jan 2027, 08:00 UTC\n");
    assert_says(&event, NULL, "x_new:       odd\n");
    assert_silent(&event, NULL, "credential_");
    event.booking.status = "of_next_year";
    assert_says(&event, NULL, "Report\n");
}

static void what_is_known_needs_no_excuse(void **state)
{
    (void)state;
    struct event event = event_of(KIND_OTHER);
    event.name = "BOOKING_PAYMENT_INITIATED";
    event.known = true;
    assert_says(&event, NULL, "Payment started\nThe customer has begun to pay;");
    event.name = "BOOKING_APPLAUDED";
    assert_silent(&event, NULL, "not an event that has words here");
    event.known = false;
    assert_says(&event, NULL, "not an event that has words here");
}

/* ---- facts ---- */

static void all_of_a_series_a_group_and_a_team(void **state)
{
    (void)state;
    struct event event = full_event(KIND_CREATED);
    assert_says(&event, NULL, "Series:      3 times, weekly\n");
    assert_says(&event, NULL, "Places:      2 of 6 taken\n");
    assert_says(&event, NULL, "Team:        Sales\n");
    assert_says(&event, NULL,
        "Hosts:       Adaeze Obi <adaeze@example.org>\n"
        "             Bram Teller <bram@example.org>\n");
    assert_says(&event, NULL, "Host notes:  notes-secret\n");
    event.booking.series_count = 0;
    event.booking.series_interval = 2;
    assert_says(&event, NULL, "Series:      every 2 weeks\n");
    event.booking.series_frequency = NULL;
    event.booking.series_interval = 0;
    assert_says(&event, NULL, "Series:      part of a series\n");
    event.booking.in_series = false;
    assert_silent(&event, NULL, "Series:");
    event.booking.whole_series = true;
    assert_says(&event, NULL, "all meetings of the series that were still to come");
}

static void all_dates_of_a_series_are_listed(void **state)
{
    (void)state;
    struct calendar_entry entries[3] = {
        {.start = at("2026-11-24T15:00:00Z"), .end = at("2026-11-24T15:30:00Z")},
        {.start = at("2026-12-01T15:00:00Z"), .end = at("2026-12-01T15:30:00Z")},
        {.start = at("2026-12-08T15:00:00Z"), .end = TIME_NONE}};
    const struct cut_limits limits = {.text = 100, .line = 100, .url = 100, .items = 2};
    const struct view_options few = {.audience = AUDIENCE_OWNER, .limits = &limits};
    struct event event = event_of(KIND_CREATED);
    struct decision decision = decided();
    decision.occurrences = entries;
    decision.occurrence_count = 3;
    decision.taken = 4;
    struct rendered mail = render_as(&event, &decision, &owner);
    assert_part(&mail, "Dates:       Tue 24 Nov 2026, 16:00 to 16:30 CET\n"
                       "             Tue 1 Dec 2026, 16:00 to 16:30 CET\n"
                       "             Tue 8 Dec 2026, 16:00 CET\n");
    assert_part(&mail, "Places:      4 taken\n");
    rendered_free(&mail);
    mail = render_as(&event, &decision, &few);
    assert_part(&mail, "1 Dec 2026, 16:00 to 16:30 CET\n             (1 more are left out here)\n");
    rendered_free(&mail);
    mail = render_as(&event, &decision, &customer);
    assert_part(&mail, "Dates:       Tue 24 Nov 2026, 07:00 to 07:30 PST\n");
    assert_null(strstr(buf_text(&mail.text), "Places:"));
    rendered_free(&mail);
}

static void a_telephone_number_can_be_called(void **state)
{
    (void)state;
    struct person people[] = {ada, {.name = "Bea", .phone = "030 / 77-1"}};
    struct event event = event_of(KIND_CREATED);
    people[0].phone = "+1 (503) 555-0177";
    event.booking.attendees = people;
    assert_says(&event, NULL, "Phone:       +1 (503) 555-0177\n");
    assert_page(&event, &owner, "href=\"tel:+15035550177\"", true);
    event.booking.attendee_count = 2;
    assert_says(&event, NULL,
        "Phone:       Ada Example: +1 (503) 555-0177\n             Bea: 030 / 77-1\n");
    assert_page(&event, &owner, "href=\"tel:030771\"", true);
}

static void an_address_that_cannot_be_mailed_is_shown(void **state)
{
    (void)state;
    struct person odd = {.name = "Jule", .written_email = "j\xc3\xbc@example.com"};
    struct event event = event_of(KIND_CREATED);
    event.booking.attendees = &odd;
    assert_says(&event, NULL, "Who:         Jule <j\xc3\xbc@example.com>\n");
    assert_says(&event, NULL, "No mail went to j\xc3\xbc@example.com: ");
    assert_page(&event, &owner, "mailto:j", false);
    odd.email = "jule@xn--bcher-kva.example.com";
    odd.written_email = "jule@b\xc3\xbc"
                        "cher.example.com";
    assert_says(&event, NULL, "Jule <jule@b\xc3\xbc");
    assert_silent(&event, NULL, "No mail went");
    assert_page(&event, &owner, "mailto:jule@xn--bcher-kva.example.com", true);
}

static void keys_of_a_provider_become_words(void **state)
{
    (void)state;
    struct event event = full_event(KIND_CREATED);
    event.booking.answers[0].question = "the provider's English";
    event.booking.location = "In person";
    event.booking.location_word = "in_person";
    assert_says(&event, NULL, "Where:       In person\n");
    assert_says(&event, NULL, "  What is this meeting about?\n      Prices\n");
    event.booking.location = "+49 30 5";
    event.booking.location_word = "phone_call_by_host";
    assert_says(&event, NULL, "Where:       Phone call to the customer: +49 30 5\n");
    event.booking.location_word = "not_a_word";
    assert_says(&event, NULL, "Where:       +49 30 5\n");
}

static void long_links_are_short_to_read(void **state)
{
    (void)state;
    struct event event = full_event(KIND_CREATED);
    assert_page(&event, &owner,
        "href=\"https://meet.example.com/a-room-with-a-long-name?with=parameters\"", true);
    assert_page(&event, &owner, ">meet.example.com/...</a>", true);
    event.booking.join_url = event.booking.location = "https://meet.example.com/ab";
    assert_page(&event, &owner, ">meet.example.com/ab</a>", true);
}

/* ---- the inbox ---- */

static void the_preview_adds_to_the_subject(void **state)
{
    (void)state;
    struct event event = event_of(KIND_RESCHEDULED);
    event.booking.location = "Google Meet";
    event.booking.notes = "Bring cake";
    event.booking.reason = "A clash";
    event.booking.previous_start = at("2026-11-23T15:00:00Z");
    struct decision decision = decided();
    cJSON *view = view_json(&event, &decision, &owner);
    assert_string_equal(json_text(view, "preview"),
        "Previously: Mon 23 Nov 2026, 16:00 CET \xc2\xb7 A clash \xc2\xb7 Google Meet \xc2\xb7 "
        "30 min \xc2\xb7 Bring cake");
    cJSON_Delete(view);
}

static void a_subject_names_a_year_that_is_not_near(void **state)
{
    (void)state;
    struct event event = event_of(KIND_CREATED);
    event.booking.end = TIME_NONE;
    event.booking.start = at("2027-06-01T08:00:00Z");
    assert_subject(&event, "Ada Example, Tue 1 Jun 10:00: Intro call");
    event.booking.start = at("2027-11-24T15:00:00Z");
    assert_subject(&event, "Ada Example, Wed 24 Nov 2027 16:00: Intro call");
    event.booking.start = at("2026-09-01T08:00:00Z");
    assert_subject(&event, "Ada Example, Tue 1 Sep 2026 10:00: Intro call");
}

/* U+2068 and U+2069 keep the order of the words around text of the other direction. */
static void right_to_left_text_is_isolated(void **state)
{
    (void)state;
    struct person noa = {.name = "\xd7\xa0\xd7\xa2"};
    struct event event = event_of(KIND_CANCELLED);
    event.booking.attendees = &noa;
    assert_subject(&event,
        "Cancelled: \xe2\x81\xa8\xd7\xa0\xd7\xa2\xe2\x81\xa9, Tue 24 Nov 16:00: Intro call");
    assert_page(
        &event, &owner, ">Intro call with \xe2\x81\xa8\xd7\xa0\xd7\xa2\xe2\x81\xa9</h1>", true);
    assert_says(&event, NULL, "Who:         \xd7\xa0\xd7\xa2\n");
    event.kind = KIND_NO_SHOW;
    assert_says(&event, NULL, "\xe2\x81\xa8\xd7\xa0\xd7\xa2\xe2\x81\xa9 did not come.\n");
    event.booking.notes = "\xd7\xa0\xd7\xa2";
    assert_page(&event, &owner,
        " dir=\"auto\" style=\"padding:9px 0;border-top:1px solid #e4e8eb\">"
        "\xd7\xa0\xd7\xa2<br>",
        true);
}

static void a_form_names_its_sender(void **state)
{
    (void)state;
    struct answer answers[] = {{.question = "Company name", .answer = "Example Ltd"},
        {.question = "Mail", .answer = "zoe@example.com"},
        {.question = "Full name", .answer = "Zoe Sender"}};
    struct event event = event_of(KIND_FORM);
    event.booking.start = event.booking.end = TIME_NONE;
    event.booking.attendee_count = 0;
    event.booking.answers = answers;
    event.booking.answer_count = 3;
    assert_subject(&event, "Form: Zoe Sender: Intro call");
    event.booking.answer_count = 2;
    assert_subject(&event, "Form: zoe@example.com: Intro call");
    event.booking.answer_count = 1;
    assert_subject(&event, "Form: Intro call");
}

/* "no" that somebody wrote stays as it is. */
static void a_tick_is_in_the_language_of_the_mail(void **state)
{
    (void)state;
    struct buf why = {0}, text = {0};
    struct templates *german = templates_open(NULL, "de", &why);
    struct answer answers[] = {{.question = "Box one", .answer = "yes", .answer_word = "yes"},
        {.question = "Box two", .answer = "no", .answer_word = "no"},
        {.question = "Words", .answer = "no"}};
    const struct view_options options = {
        .audience = AUDIENCE_OWNER, .recipient = "owner@example.org"};
    struct event event = event_of(KIND_CREATED);
    struct decision decision = decided();
    event.booking.answers = answers;
    event.booking.answer_count = 3;
    assert_non_null(german);
    render_part(&event, &decision, german, &options, PART_TEXT, &text);
    assert_non_null(strstr(buf_text(&text), "  Box one\n      ja\n"));
    assert_non_null(strstr(buf_text(&text), "  Box two\n      nein\n"));
    assert_non_null(strstr(buf_text(&text), "  Words\n      no\n"));
    buf_free(&text);
    templates_close(german);
}

static void a_payment_is_in_the_language_of_the_mail(void **state)
{
    static const struct {
        const char *payment, *shown;
    } cases[] = {{"49.00 EUR, paid", "49.00 EUR, bezahlt"}, {"paid", "bezahlt"},
        {"1,200.00 USD, not paid yet", "1,200.00 USD, noch nicht bezahlt"},
        {"5000 JPY, not paid", "5000 JPY, nicht bezahlt"}, {"0.100 KWD", "0.100 KWD"}};
    (void)state;
    struct buf why = {0};
    struct templates *german = templates_open(NULL, "de", &why);
    const struct view_options options = {
        .audience = AUDIENCE_OWNER, .recipient = "owner@example.org"};
    assert_non_null(german);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct event event = event_of(KIND_PAID);
        struct decision decision = decided();
        struct buf text = {0};
        char line[80];
        event.booking.payment = cases[i].payment;
        render_part(&event, &decision, german, &options, PART_TEXT, &text);
        snprintf(line, sizeof line, " %s\n", cases[i].shown);
        if (!strstr(buf_text(&text), line))
            fail_msg("missing: %s in %s", line, buf_text(&text));
        buf_free(&text);
    }
    templates_close(german);
}

/* ---- readers ---- */

static void clocks_are_the_readers(void **state)
{
    (void)state;
    struct person twelve = ada;
    struct event event = event_of(KIND_CREATED);
    twelve.clock_form = CLOCK_FORM_12;
    event.booking.attendees = &twelve;
    assert_customer(&event, "Tue 24 Nov 2026, 7:00 AM to 7:30 AM PST", true);
    assert_says(&event, NULL, "16:00 to 16:30 CET");
    event.booking.organizer.clock_form = CLOCK_FORM_12;
    assert_says(&event, NULL, "16:00 to 16:30 CET");
    const struct view_options host = {.audience = AUDIENCE_OWNER, .recipient = "BOB@example.org"};
    struct decision decision = decided();
    struct rendered mail = render_as(&event, &decision, &host);
    assert_part(&mail, "4:00 PM to 4:30 PM CET");
    rendered_free(&mail);
}

static void languages_are_found_by_their_tags(void **state)
{
    (void)state;
    static const struct {
        const char *tag, *heading;
    } rows[] = {{"de", "Verschoben"}, {"de-AT", "Verschoben"}, {"DE_de", "Verschoben"},
        {"en-GB", "Moved"}, {"fr", "Moved"}, {"d", "Moved"}, {"", "Moved"}, {NULL, "Moved"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_string_equal(
            templates_word(templates_for(templates, rows[i].tag), "heading_rescheduled"),
            rows[i].heading);
}

/* ---- words ---- */

/* A word of the user's own may hold tags; what is mailed is what it says. */
static void a_status_with_tags_is_filled_in(void **state)
{
    (void)state;
    char dir[] = "/tmp/bookspool-unit-XXXXXX", path[64];
    struct buf why = {0}, text = {0};
    struct event event = event_of(KIND_CREATED);
    struct decision decision = decided();
    event.booking.status = "accepted";
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/en.lang", dir);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs("status_accepted=yes, by {{booking.organizer.name}}\n", file);
    assert_int_equal(fclose(file), 0);
    struct templates *own = templates_open(dir, "en", &why);
    assert_non_null(own);
    render_part(&event, &decision, own, &owner, PART_TEXT, &text);
    assert_non_null(strstr(buf_text(&text), "Status:      yes, by Bob Owner\n"));
    templates_close(own);
    buf_free(&text);
    remove(path);
    remove(dir);
}

static void places_are_those_of_the_providers(void **state)
{
    (void)state;
    static const char *const words[] = {"in_person", "in_person_at_customer", "phone_call_by_host",
        "phone_call_by_customer", "video", "link", "somewhere_else", "cal_video", "google_meet",
        "zoom", "microsoft_teams", "webex", "goto_meeting"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        char key[64];
        snprintf(key, sizeof key, "place_%s", words[i]);
        assert_non_null(place_text(words[i]));
        assert_string_equal(templates_english(templates, key), place_text(words[i]));
    }
}

static bool may_be_alike(const char *key)
{
    static const char *const names[] = {"dir", "place_cal_video", "place_google_meet", "place_zoom",
        "place_microsoft_teams", "place_webex", "place_goto_meeting", "label_link", "label_team",
        "detail_domain", "agenda_line"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(names[i], key) == 0)
            return true;
    return false;
}

static void nothing_is_left_in_english(void **state)
{
    (void)state;
    const struct templates *german = templates_for(templates, "de");
    size_t words = 0;
    for (const struct template_built_in *file = templates_built_in; file->name; file++)
        for (const char *line = (const char *)file->data;
             strcmp(file->name, "en.lang") == 0 && *line;
             line = strchrnul(line, '\n'), line += *line == '\n') {
            char key[64];
            size_t len = strcspn(line, "=\n");
            if (*line == '#' || line[len] != '=')
                continue;
            snprintf(key, sizeof key, "%.*s", (int)len, line);
            const char *text = templates_word(german, key);
            words++;
            if (strcmp(text, templates_english(templates, key)) == 0 && !may_be_alike(key))
                fail_msg("%s is not translated: %s", key, text);
        }
    assert_true(words > 150);
}

/* ---- names of values ---- */

static void assert_names(const cJSON *value)
{
    const cJSON *item;
    cJSON_ArrayForEach (item, value) {
        if (item->string && !view_name_known(item->string))
            fail_msg("view_names.c lacks %s", item->string);
        assert_names(item);
    }
}

static void every_name_of_a_context_is_known(void **state)
{
    (void)state;
    struct overlap overlap = {"calendly", "u1", "Consulting", "Ben", at("2026-11-24T15:15:00Z"),
        at("2026-11-24T16:00:00Z")};
    for (enum event_kind kind = 0; kind < KINDS; kind++)
        for (int audience = 0; audience < 2; audience++) {
            struct event event = full_event(kind);
            struct decision decision = decided();
            decision.previous_start = at("2026-11-23T15:00:00Z");
            decision.overlaps = &overlap;
            decision.overlap_count = 1;
            decision.late = kind % 2;
            event.booking.previous_organizer = hosts[1];
            event.booking.stand_in = hosts[1];
            cJSON *view = view_json(&event, &decision, audience ? &customer : &owner);
            assert_names(view);
            cJSON_Delete(view);
        }
    assert_false(view_name_known("abuot"));
    assert_true(view_name_known("location_changed"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_kind_shows_a_customer_what_is_the_hosts),
        cmocka_unit_test(a_hidden_address_is_in_no_kind_of_mail),
        cmocka_unit_test(links_to_change_a_booking_are_the_customers),
        cmocka_unit_test(nothing_to_join_where_nothing_takes_place),
        cmocka_unit_test(a_new_host_is_named_beside_the_old_one),
        cmocka_unit_test(a_new_place_is_shown_with_the_old_one),
        cmocka_unit_test(who_waits_is_let_in_at_once),
        cmocka_unit_test(a_host_who_did_not_come_is_no_guests_fault),
        cmocka_unit_test(reports_have_words_and_labels),
        cmocka_unit_test(what_is_known_needs_no_excuse),
        cmocka_unit_test(all_of_a_series_a_group_and_a_team),
        cmocka_unit_test(all_dates_of_a_series_are_listed),
        cmocka_unit_test(a_telephone_number_can_be_called),
        cmocka_unit_test(an_address_that_cannot_be_mailed_is_shown),
        cmocka_unit_test(keys_of_a_provider_become_words),
        cmocka_unit_test(long_links_are_short_to_read),
        cmocka_unit_test(the_preview_adds_to_the_subject),
        cmocka_unit_test(a_subject_names_a_year_that_is_not_near),
        cmocka_unit_test(right_to_left_text_is_isolated),
        cmocka_unit_test(a_form_names_its_sender),
        cmocka_unit_test(a_tick_is_in_the_language_of_the_mail),
        cmocka_unit_test(a_payment_is_in_the_language_of_the_mail),
        cmocka_unit_test(clocks_are_the_readers),
        cmocka_unit_test(languages_are_found_by_their_tags),
        cmocka_unit_test(a_status_with_tags_is_filled_in),
        cmocka_unit_test(places_are_those_of_the_providers),
        cmocka_unit_test(nothing_is_left_in_english),
        cmocka_unit_test(every_name_of_a_context_is_known),
    };
    return cmocka_run_group_tests(tests, open_templates, close_templates);
}
