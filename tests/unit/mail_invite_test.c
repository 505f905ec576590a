/* Which entries a mail has for its reader, and what they say and do not say. */
#include "mail_view.h"

#include "base/settings.h"
#include "mail/invite.h"

static struct composer everywhere(void)
{
    return (struct composer){.from = "bookspool@example.net",
        .templates = templates,
        .calendar = ENTRY_INVITE,
        .customer_calendar = CUSTOMER_INVITE};
}

static struct decision entry(enum calendar_change change)
{
    struct decision decision = decided();
    decision.calendar = change;
    decision.calendar_uid = "uid-1@bookspool";
    decision.sequence = 3;
    return decision;
}

/* The objects, one after the other, with unfolded lines. "": none. */
struct made {
    char text[20000];
    size_t count;
    bool as_file;
};

static void make_for(const struct composer *composer, const struct event *event,
    const struct decision *decision, enum audience audience, const char *recipient,
    struct made *made)
{
    struct arena arena = {0};
    struct buf why = {0};
    struct invites invites;
    const struct record record = {.received = event->received_at};
    const struct notice notice = {.event = event,
        .decision = decision,
        .record = &record,
        .recipient = recipient,
        .audience = audience};
    const struct view_options options = {.audience = audience, .recipient = recipient};
    struct value *view = view_make(&arena, event, decision, templates, &options, &why);
    assert_non_null(view);
    assert_true(invites_make(&arena, composer, templates, &notice, view, &invites));
    char *to = made->text;
    for (size_t i = 0; i < invites.count; i++)
        for (const char *from = buf_text(&invites.text[i]); *from;)
            if (strncmp(from, "\r\n ", 3) == 0)
                from += 3;
            else
                *to++ = *from++;
    *to = '\0';
    made->count = invites.count;
    made->as_file = invites.as_file;
    invites_free(&invites);
    arena_free(&arena);
    buf_free(&why);
}

static struct made made_for(const struct composer *composer, const struct event *event,
    const struct decision *decision, enum audience audience)
{
    struct made made;
    make_for(composer, event, decision, audience,
        audience == AUDIENCE_OWNER ? "owner@example.org" : "ada@example.com", &made);
    return made;
}

static void says(const struct made *made, const char *line)
{
    if (!strstr(made->text, line))
        fail_msg("missing: %s in\n%s", line, made->text);
}

static void hides(const struct made *made, const char *text)
{
    if (strstr(made->text, text))
        fail_msg("there is %s in\n%s", text, made->text);
}

/* ---- whether there are parts ---- */

static void the_settings_decide(void **state)
{
    (void)state;
    static const struct {
        int64_t owners, customers;
        bool written, owner, customer, as_file;
    } rows[] = {
        {ENTRY_AUTO, CUSTOMER_NONE, false, true, false, false},
        {ENTRY_AUTO, CUSTOMER_NONE, true, false, false, false},
        {ENTRY_AUTO, CUSTOMER_INVITE, true, false, true, false},
        {ENTRY_INVITE, CUSTOMER_NONE, true, true, false, false},
        {ENTRY_FILE, CUSTOMER_INVITE, true, true, true, true},
        {ENTRY_NONE, CUSTOMER_INVITE, false, false, true, false},
    };
    struct event event = event_of(KIND_CREATED);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct composer composer = everywhere();
        struct decision decision = entry(CALENDAR_CONFIRMED);
        composer.calendar = rows[i].owners;
        composer.customer_calendar = rows[i].customers;
        decision.calendar_written = rows[i].written;
        struct made owned = made_for(&composer, &event, &decision, AUDIENCE_OWNER);
        struct made customer = made_for(&composer, &event, &decision, AUDIENCE_CUSTOMER);
        assert_int_equal(owned.count, rows[i].owner);
        assert_int_equal(customer.count, rows[i].customer);
        assert_int_equal(owned.as_file, rows[i].as_file);
        assert_false(customer.as_file);
    }
}

static void nothing_for_a_customer_before_the_yes(void **state)
{
    (void)state;
    const struct composer composer = everywhere();
    struct event event = event_of(KIND_REQUESTED);
    struct decision decision = entry(CALENDAR_TENTATIVE);
    struct made owned = made_for(&composer, &event, &decision, AUDIENCE_OWNER);
    says(&owned, "STATUS:TENTATIVE\r\n");
    assert_int_equal(made_for(&composer, &event, &decision, AUDIENCE_CUSTOMER).count, 0);
    event.kind = KIND_REJECTED;
    decision = entry(CALENDAR_CANCELLED);
    decision.unconfirmed = true;
    assert_int_equal(made_for(&composer, &event, &decision, AUDIENCE_OWNER).count, 1);
    assert_int_equal(made_for(&composer, &event, &decision, AUDIENCE_CUSTOMER).count, 0);
}

/* ---- what they say ---- */

static struct answer answers[] = {
    {.question = "Which size?", .answer = "58 cm"}, {.answer = "No question"}};

static struct event full_event(struct person *who)
{
    struct event event = event_of(KIND_CREATED);
    struct booking *b = &event.booking;
    *who = ada;
    who->phone = "+1 503-555-0177";
    b->attendees = who;
    b->join_url = "https://video.example.com/7";
    b->location = "Harbour Street 5";
    b->notes = "Knee hurts.";
    b->host_notes = "Pays late.";
    b->answers = answers;
    b->answer_count = 2;
    b->reschedule_url = "https://cal.example.com/reschedule/7";
    b->cancel_url = "https://cal.example.com/cancel/7";
    return event;
}

static void an_entry_has_the_link_the_person_and_the_words(void **state)
{
    (void)state;
    const struct composer composer = everywhere();
    struct person who;
    struct event event = full_event(&who);
    struct decision decision = entry(CALENDAR_CONFIRMED);
    struct made owned = made_for(&composer, &event, &decision, AUDIENCE_OWNER);
    says(&owned, "LOCATION:Harbour Street 5\\, https://video.example.com/7\r\n");
    says(&owned, "URL:https://video.example.com/7\r\n");
    says(&owned, "DESCRIPTION:https://video.example.com/7\\nWhere: Harbour Street 5\\n"
                 "Who: Ada Example <ada@example.com>\\n");
    says(&owned, "+1 503-555-0177\\nNotes: Knee hurts.\\nWhich size? 58 cm\\n");
    hides(&owned, "Pays late");
    hides(&owned, "cal.example.com");
    hides(&owned, "CLASS");
    struct made customer = made_for(&composer, &event, &decision, AUDIENCE_CUSTOMER);
    says(&customer, "DESCRIPTION:https://video.example.com/7\\n");
    says(&customer, "Host: Bob Owner\\nNotes: Knee hurts.");
    says(&customer, "https://cal.example.com/reschedule/7\\n");
    says(&customer, "https://cal.example.com/cancel/7\r\n");
    hides(&customer, "Pays late");
    hides(&customer, "503-555");
    /* a key of the platform is no place beside the link */
    event.booking.location_word = "cal_video";
    owned = made_for(&composer, &event, &decision, AUDIENCE_OWNER);
    says(&owned, "LOCATION:https://video.example.com/7\r\n");
}

static void what_is_hidden_is_in_no_entry(void **state)
{
    (void)state;
    struct composer composer = everywhere();
    struct person who;
    struct event event = full_event(&who);
    event.booking.description = "About knees.";
    for (enum event_kind kind = 0; kind < KINDS; kind++)
        for (int i = 0; i < 2; i++)
            for (enum audience audience = AUDIENCE_OWNER; audience <= AUDIENCE_CUSTOMER;
                 audience++) {
                struct decision decision = entry(CALENDAR_CONFIRMED);
                event.kind = kind;
                event.booking.hide_notes = i == 0;
                event.booking.hide_details = i == 1;
                struct made made = made_for(&composer, &event, &decision, audience);
                hides(&made, "nee"); /* Knee, knees */
                hides(&made, "58 cm");
                hides(&made, "503-555");
                says(&made, "UID:");
                if (i == 1)
                    says(&made, "CLASS:PRIVATE\r\n");
                else
                    hides(&made, "CLASS");
            }
}

/* A host without a name is known by the address, which a customer may have to do without. */
static void all_hosts_are_named(void **state)
{
    (void)state;
    const struct composer composer = everywhere();
    struct person hosts[] = {{.name = "Bob Owner", .email = "bob@example.org"},
        {.name = "Kim Second", .email = "kim@example.org"}, {.email = "third@example.org"}};
    struct event event = event_of(KIND_CREATED);
    struct decision decision = entry(CALENDAR_CONFIRMED);
    event.booking.hosts = hosts;
    event.booking.host_count = 3;
    struct made customer = made_for(&composer, &event, &decision, AUDIENCE_CUSTOMER);
    says(&customer, "Host: Bob Owner\\nHost: Kim Second\\nHost: third@example.org");
    event.booking.hide_organizer_email = true;
    customer = made_for(&composer, &event, &decision, AUDIENCE_CUSTOMER);
    says(&customer, "Host: Bob Owner\\nHost: Kim Second");
    hides(&customer, "third@example.org");
    struct made owned = made_for(&composer, &event, &decision, AUDIENCE_OWNER);
    says(&owned, "Host: Kim Second\\nHost: third@example.org");
}

static void a_hidden_address_organizes_nothing(void **state)
{
    (void)state;
    struct composer composer = everywhere();
    struct event event = event_of(KIND_CANCELLED);
    struct decision decision = entry(CALENDAR_CANCELLED);
    event.booking.hide_organizer_email = true;
    struct made made = made_for(&composer, &event, &decision, AUDIENCE_CUSTOMER);
    says(&made, "ORGANIZER;CN=Bob Owner:mailto:bookspool@example.net\r\n");
    hides(&made, "bob@example.org");
    composer.reply_to = "answers@example.org";
    made = made_for(&composer, &event, &decision, AUDIENCE_CUSTOMER);
    says(&made, "mailto:answers@example.org\r\n");
    event.booking.reply_to = "desk@example.org";
    made = made_for(&composer, &event, &decision, AUDIENCE_CUSTOMER);
    says(&made, "mailto:desk@example.org\r\n");
    event.booking.hide_organizer_email = false;
    composer.reply_to = NULL;
    made = made_for(&composer, &event, &decision, AUDIENCE_CUSTOMER);
    says(&made, "mailto:bob@example.org\r\n");
}

/* ---- several entries ---- */

static void a_series(void **state)
{
    (void)state;
    const struct composer composer = everywhere();
    struct event event = event_of(KIND_CREATED);
    struct decision decision = entry(CALENDAR_CONFIRMED);
    struct calendar_entry list[3];
    for (int i = 0; i < 3; i++)
        list[i] = (struct calendar_entry){.uid = "x",
            .calendar = CALENDAR_CONFIRMED,
            .calendar_uid = i == 0   ? "u0"
                            : i == 1 ? "u1"
                                     : "u2",
            .sequence = i,
            .start = event.booking.start + i * MS_PER_DAY,
            .end = event.booking.end + i * MS_PER_DAY,
            .owner = true,
            .customer = true};
    decision.occurrences = list;
    decision.occurrence_count = 3;
    struct made owned = made_for(&composer, &event, &decision, AUDIENCE_OWNER);
    assert_int_equal(owned.count, 1); /* RFC 5546 3.2.1: PUBLISH may have several UIDs */
    says(&owned, "UID:u0\r\nSEQUENCE:0\r\n");
    says(&owned, "DTSTART:20261126T150000Z\r\nDTEND:20261126T153000Z\r\n");
    struct made customer = made_for(&composer, &event, &decision, AUDIENCE_CUSTOMER);
    assert_int_equal(customer.count, 3);
    says(&customer, "UID:u2\r\nSEQUENCE:2\r\n");
    hides(&customer, "uid-1@bookspool");
    decision.occurrence_count = 1; /* one that came alone is what the decision says itself */
    owned = made_for(&composer, &event, &decision, AUDIENCE_OWNER);
    says(&owned, "UID:uid-1@bookspool\r\nSEQUENCE:3\r\n");
    hides(&owned, "UID:u0");
}

static void a_group_event(void **state)
{
    (void)state;
    const struct composer composer = everywhere();
    struct event event = event_of(KIND_CANCELLED);
    struct decision decision = entry(CALENDAR_CANCELLED);
    struct calendar_entry shared = {.uid = "class",
        .calendar = CALENDAR_CONFIRMED,
        .calendar_uid = "class@bookspool",
        .sequence = 7,
        .start = event.booking.start,
        .end = event.booking.end,
        .taken = 4,
        .owner = true};
    event.booking.places = 6;
    decision.grouped = true;
    decision.others = &shared;
    decision.other_count = 1;
    struct made owned = made_for(&composer, &event, &decision, AUDIENCE_OWNER);
    assert_int_equal(owned.count, 1);
    says(&owned, "UID:class@bookspool\r\nSEQUENCE:7\r\n");
    says(&owned, "SUMMARY:Intro call (4/6)\r\n");
    says(&owned, "STATUS:CONFIRMED\r\n");
    hides(&owned, "Ada");
    struct made customer = made_for(&composer, &event, &decision, AUDIENCE_CUSTOMER);
    assert_int_equal(customer.count, 1);
    says(&customer, "METHOD:CANCEL\r\n");
    says(&customer, "UID:uid-1@bookspool\r\n");
}

static void a_booking_given_to_another_host(void **state)
{
    (void)state;
    const struct composer composer = everywhere();
    struct event event = event_of(KIND_REASSIGNED);
    struct decision decision = entry(CALENDAR_CONFIRMED);
    struct made made;
    event.booking.previous_organizer =
        (struct person){.name = "Olive", .email = "Olive@example.org"};
    make_for(&composer, &event, &decision, AUDIENCE_OWNER, "olive@example.org", &made);
    says(&made, "METHOD:CANCEL\r\n");
    says(&made, "UID:uid-1@bookspool\r\nSEQUENCE:3\r\n");
    make_for(&composer, &event, &decision, AUDIENCE_OWNER, "bob@example.org", &made);
    says(&made, "METHOD:PUBLISH\r\n");
    make_for(&composer, &event, &decision, AUDIENCE_CUSTOMER, "ada@example.com", &made);
    says(&made, "METHOD:REQUEST\r\n");
    says(&made, "ORGANIZER;CN=Bob Owner:mailto:bob@example.org\r\n");

    /* under another UID */
    struct calendar_entry old = {.uid = "uid-1",
        .calendar = CALENDAR_CANCELLED,
        .calendar_uid = "old@google.com",
        .sequence = 4,
        .start = event.booking.start,
        .end = event.booking.end,
        .owner = true,
        .customer = true};
    decision.others = &old;
    decision.other_count = 1;
    make_for(&composer, &event, &decision, AUDIENCE_OWNER, "olive@example.org", &made);
    assert_int_equal(made.count, 1);
    says(&made, "METHOD:CANCEL\r\n");
    says(&made, "UID:old@google.com\r\nSEQUENCE:4\r\n");
    make_for(&composer, &event, &decision, AUDIENCE_CUSTOMER, "ada@example.com", &made);
    assert_int_equal(made.count, 2);
    says(&made, "UID:uid-1@bookspool\r\n");
    says(&made, "UID:old@google.com\r\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_settings_decide),
        cmocka_unit_test(nothing_for_a_customer_before_the_yes),
        cmocka_unit_test(an_entry_has_the_link_the_person_and_the_words),
        cmocka_unit_test(what_is_hidden_is_in_no_entry),
        cmocka_unit_test(all_hosts_are_named),
        cmocka_unit_test(a_hidden_address_organizes_nothing),
        cmocka_unit_test(a_series),
        cmocka_unit_test(a_group_event),
        cmocka_unit_test(a_booking_given_to_another_host),
    };
    return cmocka_run_group_tests(tests, open_templates, close_templates);
}
