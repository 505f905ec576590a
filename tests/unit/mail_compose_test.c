/* Complete messages: which parts, for whom, from whom, and the same bytes each time. */
#include "mail_view.h"

#include <gmime/gmime.h>

#include "mail/compose.h"
#include "mail/message.h"

static const char body[] = "{\"triggerEvent\":\"SOMETHING_NEW\"}";

static struct record record_of(const struct event *event)
{
    struct record record = {.kind = RECORD_EVENT,
        .received = event->received_at,
        .body = body,
        .length = sizeof body - 1};
    strcpy(record.id, ID);
    return record;
}

static struct composer composer_of(const char *reply_to)
{
    return (struct composer){.from = "bookspool@example.net",
        .reply_to = reply_to,
        .templates = templates,
        .calendar = ENTRY_INVITE,
        .customer_calendar = CUSTOMER_INVITE};
}

static struct buf composed(const struct composer *composer, const struct event *event,
    const struct decision *decision, enum audience audience)
{
    struct buf out = {0}, why = {0};
    const struct record record = record_of(event);
    const struct notice notice = {.event = event,
        .decision = decision,
        .record = &record,
        .name = ID "-0123456789ab",
        .recipient = audience == AUDIENCE_OWNER ? "owner@example.org" : "ada@example.com",
        .audience = audience};
    if (!compose_message(composer, &notice, &out, &why))
        fail_msg("%s", buf_text(&why));
    return out;
}

/* ---- reading it back ---- */

struct found {
    const char *type;
    char *text; /* of the first part of that type; g_free */
    GString *types;
};

static void see(GMimeObject *parent, GMimeObject *part, gpointer context)
{
    (void)parent;
    struct found *found = context;
    char *type = g_mime_content_type_get_mime_type(g_mime_object_get_content_type(part));
    g_string_append_printf(found->types, "%s%s", found->types->len ? " " : "", type);
    if (GMIME_IS_PART(part) && found->type && strcmp(type, found->type) == 0 && !found->text) {
        GMimeStream *stream = g_mime_stream_mem_new();
        g_mime_data_wrapper_write_to_stream(g_mime_part_get_content(GMIME_PART(part)), stream);
        GByteArray *bytes = g_mime_stream_mem_get_byte_array(GMIME_STREAM_MEM(stream));
        found->text = g_strndup((const char *)bytes->data, bytes->len);
        g_object_unref(stream);
    }
    g_free(type);
}

static struct found read_back(const struct buf *mail, const char *type)
{
    GMimeStream *stream = g_mime_stream_mem_new_with_buffer(mail->data, mail->len);
    GMimeParser *parser = g_mime_parser_new_with_stream(stream);
    GMimeMessage *message = g_mime_parser_construct_message(parser, NULL);
    struct found found = {.type = type, .types = g_string_new(NULL)};
    see(NULL, g_mime_message_get_mime_part(message), &found);
    if (GMIME_IS_MULTIPART(g_mime_message_get_mime_part(message)))
        g_mime_multipart_foreach(
            GMIME_MULTIPART(g_mime_message_get_mime_part(message)), see, &found);
    g_object_unref(message);
    g_object_unref(parser);
    g_object_unref(stream);
    return found;
}

static void found_free(struct found *found)
{
    g_free(found->text);
    g_string_free(found->types, TRUE);
}

static void assert_types(const struct buf *mail, const char *expected)
{
    struct found found = read_back(mail, NULL);
    assert_string_equal(found.types->str, expected);
    found_free(&found);
}

/* RFC 5545 3.1: a long line goes on after CR LF and a blank. */
static void unfold(char *text)
{
    char *to = text;
    for (const char *from = text; *from;)
        if (strncmp(from, "\r\n ", 3) == 0)
            from += 3;
        else
            *to++ = *from++;
    *to = '\0';
}

static void assert_calendar(const struct buf *mail, const char *const *lines)
{
    struct found found = read_back(mail, "text/calendar");
    assert_non_null(found.text);
    unfold(found.text);
    for (; *lines; lines++)
        if (!strstr(found.text, *lines))
            fail_msg("missing: %s in\n%s", *lines, found.text);
    found_free(&found);
}

static void assert_attendees(const struct buf *mail, bool expected)
{
    struct found found = read_back(mail, "text/calendar");
    assert_int_equal(strstr(found.text, "ATTENDEE") != NULL, expected);
    found_free(&found);
}

static struct decision entry(enum calendar_change change)
{
    struct decision decision = decided();
    decision.calendar = change;
    decision.calendar_uid = "uid-1@bookspool";
    decision.sequence = 3;
    return decision;
}

/* ---- parts ---- */

static void text_and_page_without_a_calendar(void **state)
{
    (void)state;
    struct event event = event_of(KIND_NO_SHOW);
    const struct composer composer = composer_of(NULL);
    struct decision decision = decided();
    struct buf mail = composed(&composer, &event, &decision, AUDIENCE_OWNER);
    assert_types(&mail, "multipart/alternative text/plain text/html");
    buf_free(&mail);
}

static void the_owners_entry_is_published(void **state)
{
    (void)state;
    struct event event = event_of(KIND_CREATED);
    const struct composer composer = composer_of("answers@example.org");
    struct decision decision = entry(CALENDAR_CONFIRMED);
    struct buf mail = composed(&composer, &event, &decision, AUDIENCE_OWNER);
    assert_types(&mail, "multipart/mixed multipart/alternative text/plain text/html "
                        "text/calendar application/ics");
    assert_calendar(&mail,
        (const char *const[]){"METHOD:PUBLISH\r\n", "UID:uid-1@bookspool\r\n", "SEQUENCE:3\r\n",
            "DTSTART:20261124T150000Z\r\n", "SUMMARY:Intro call with Ada Example\r\n",
            "mailto:bookspool@example.net\r\n", "STATUS:CONFIRMED\r\n", NULL});
    assert_attendees(&mail, false);
    assert_non_null(strstr(buf_text(&mail), "\r\nReply-To: Ada Example <ada@example.com>\r\n"));
    buf_free(&mail);
}

/* Outlook throws a mail away whose organizer reads it. */
static void who_mails_himself_is_no_organizer(void **state)
{
    (void)state;
    struct event event = event_of(KIND_CREATED);
    struct composer composer = composer_of(NULL);
    composer.from = "Owner@example.org";
    struct decision decision = entry(CALENDAR_CONFIRMED);
    struct buf mail = composed(&composer, &event, &decision, AUDIENCE_OWNER);
    assert_calendar(&mail, (const char *const[]){"ORGANIZER:mailto:noreply@example.org\r\n", NULL});
    assert_non_null(strstr(buf_text(&mail), "\r\nFrom: Owner@example.org\r\n"));
    buf_free(&mail);
}

static void the_customer_is_invited(void **state)
{
    (void)state;
    struct event event = event_of(KIND_CREATED);
    struct composer composer = composer_of(NULL);
    struct decision decision = entry(CALENDAR_CONFIRMED);
    struct buf mail = composed(&composer, &event, &decision, AUDIENCE_CUSTOMER);
    assert_calendar(
        &mail, (const char *const[]){"METHOD:REQUEST\r\n", "mailto:bob@example.org\r\n",
                   "mailto:ada@example.com\r\n", "SUMMARY:Intro call with Bob Owner\r\n", NULL});
    assert_non_null(strstr(buf_text(&mail), "\r\nReply-To: Bob Owner <bob@example.org>\r\n"));
    buf_free(&mail);
    composer.reply_to = "answers@example.org";
    mail = composed(&composer, &event, &decision, AUDIENCE_CUSTOMER);
    assert_calendar(&mail, (const char *const[]){"mailto:answers@example.org\r\n", NULL});
    buf_free(&mail);
    composer.reply_to = event.booking.organizer.email = NULL;
    mail = composed(&composer, &event, &decision, AUDIENCE_CUSTOMER);
    assert_calendar(&mail, (const char *const[]){"mailto:bookspool@example.net\r\n", NULL});
    buf_free(&mail);
}

static void what_is_cancelled_is_taken_out_of_calendars(void **state)
{
    (void)state;
    struct event event = event_of(KIND_CANCELLED);
    const struct composer composer = composer_of(NULL);
    struct decision decision = entry(CALENDAR_CANCELLED);
    for (enum audience audience = AUDIENCE_OWNER; audience <= AUDIENCE_CUSTOMER; audience++) {
        struct buf mail = composed(&composer, &event, &decision, audience);
        assert_calendar(
            &mail, (const char *const[]){"METHOD:CANCEL\r\n", "STATUS:CANCELLED\r\n", NULL});
        buf_free(&mail);
    }
    decision = entry(CALENDAR_TENTATIVE);
    struct buf mail = composed(&composer, &event, &decision, AUDIENCE_OWNER);
    assert_calendar(&mail, (const char *const[]){"STATUS:TENTATIVE\r\n", NULL});
    buf_free(&mail);
}

static void no_entry_without_what_it_needs(void **state)
{
    (void)state;
    const struct composer composer = composer_of(NULL);
    for (int i = 0; i < 3; i++) {
        struct event event = event_of(KIND_CREATED);
        struct decision decision = entry(CALENDAR_CONFIRMED);
        if (i == 0)
            decision.calendar = CALENDAR_UNTOUCHED;
        if (i == 1)
            decision.calendar_uid = NULL;
        if (i == 2)
            event.booking.start = TIME_NONE;
        struct buf mail = composed(&composer, &event, &decision, AUDIENCE_OWNER);
        assert_types(&mail, "multipart/alternative text/plain text/html");
        buf_free(&mail);
    }
}

/* The ledger's word for it: late, and an entry cancelled that is not the event's own. */
static void a_move_that_comes_late_takes_the_old_entry_away(void **state)
{
    (void)state;
    struct event event = event_of(KIND_RESCHEDULED);
    const struct composer composer = composer_of(NULL);
    struct decision decision = entry(CALENDAR_CANCELLED);
    decision.late = true;
    decision.previous_start = at("2026-11-23T09:00:00Z");
    decision.previous_end = at("2026-11-23T09:30:00Z");
    struct buf mail = composed(&composer, &event, &decision, AUDIENCE_OWNER);
    assert_calendar(&mail, (const char *const[]){"METHOD:CANCEL\r\n",
                               "DTSTART:20261123T090000Z\r\n", "DTEND:20261123T093000Z\r\n", NULL});
    buf_free(&mail);
}

static void a_seat_given_up_goes_out_of_one_calendar_only(void **state)
{
    (void)state;
    struct event event = event_of(KIND_CANCELLED);
    const struct composer composer = composer_of(NULL);
    struct decision decision = entry(CALENDAR_CONFIRMED);
    event.booking.seat = "7001";
    struct buf mail = composed(&composer, &event, &decision, AUDIENCE_OWNER);
    assert_calendar(&mail, (const char *const[]){"METHOD:PUBLISH\r\n", "STATUS:CONFIRMED\r\n",
                               "SUMMARY:Intro call\r\n", NULL});
    buf_free(&mail);
    mail = composed(&composer, &event, &decision, AUDIENCE_CUSTOMER);
    assert_calendar(
        &mail, (const char *const[]){"METHOD:CANCEL\r\n", "STATUS:CANCELLED\r\n", NULL});
    buf_free(&mail);
}

static void what_is_not_understood_travels_along(void **state)
{
    (void)state;
    struct event event = event_of(KIND_OTHER);
    const struct composer composer = composer_of(NULL);
    struct decision decision = decided();
    struct buf mail = composed(&composer, &event, &decision, AUDIENCE_OWNER);
    struct found found = read_back(&mail, "application/octet-stream");
    assert_string_equal(found.text, body);
    assert_non_null(strstr(buf_text(&mail), "body.json"));
    found_free(&found);
    buf_free(&mail);
    mail = composed(&composer, &event, &decision, AUDIENCE_CUSTOMER);
    assert_types(&mail, "multipart/alternative text/plain text/html");
    buf_free(&mail);
}

/* ---- headers ---- */

/* The value of a header that is in one line; NULL: the mail has none. g_free. */
static char *header_of(const struct event *event, const struct composer *composer,
    enum audience audience, const char *name)
{
    struct decision decision = decided();
    struct buf mail = composed(composer, event, &decision, audience);
    char *start = g_strdup_printf("\r\n%s: ", name);
    const char *end_of_headers = strstr(buf_text(&mail), "\r\n\r\n");
    const char *found = strstr(buf_text(&mail), start);
    char *value = NULL;
    if (found && found < end_of_headers) {
        found += strlen(start);
        value = g_strndup(found, strcspn(found, "\r"));
    }
    g_free(start);
    buf_free(&mail);
    return value;
}

static void assert_header(const struct event *event, const struct composer *composer,
    enum audience audience, const char *name, const char *expected)
{
    char *value = header_of(event, composer, audience, name);
    if (g_strcmp0(value, expected) != 0)
        fail_msg("%s: %s, expected %s", name, value ? value : "none", expected ? expected : "none");
    g_free(value);
}

static void a_reply_reaches_the_one_customer(void **state)
{
    (void)state;
    static struct person several[] = {
        {.name = "Zoe", .email = "zoe@example.com"}, {.name = "Yve", .email = "yve@example.com"}};
    static struct answer answers[] = {
        {.question = "Name", .answer = "Zoe"}, {.question = "Mail", .answer = "zoe@example.com"}};
    struct event event = event_of(KIND_CREATED);
    struct composer composer = composer_of("answers@example.org");
    event.booking.attendees = several;
    assert_header(&event, &composer, AUDIENCE_OWNER, "Reply-To", "Zoe <zoe@example.com>");
    event.booking.attendee_count = 2;
    assert_header(&event, &composer, AUDIENCE_OWNER, "Reply-To", NULL);
    event.booking.attendee_count = 0;
    assert_header(&event, &composer, AUDIENCE_OWNER, "Reply-To", "answers@example.org");
    event.kind = KIND_FORM;
    event.booking.answers = answers;
    event.booking.answer_count = 2;
    assert_header(&event, &composer, AUDIENCE_OWNER, "Reply-To", "zoe@example.com");
    struct person telephone = {.name = "Tel", .email = "4930@sms.cal.com"};
    event = event_of(KIND_CREATED);
    event.booking.attendees = &telephone;
    composer.reply_to = NULL;
    assert_header(&event, &composer, AUDIENCE_OWNER, "Reply-To", NULL);
}

static void a_customers_reply_goes_to_who_may_be_known(void **state)
{
    (void)state;
    struct event event = event_of(KIND_CANCELLED);
    struct composer composer = composer_of(NULL);
    event.booking.reply_to = "desk@example.org";
    assert_header(&event, &composer, AUDIENCE_CUSTOMER, "Reply-To", "desk@example.org");
    event.booking.reply_to = NULL;
    assert_header(&event, &composer, AUDIENCE_CUSTOMER, "Reply-To", "Bob Owner <bob@example.org>");
    event.booking.hide_organizer_email = true;
    assert_header(&event, &composer, AUDIENCE_CUSTOMER, "Reply-To", NULL);
    composer.reply_to = "answers@example.org";
    assert_header(&event, &composer, AUDIENCE_CUSTOMER, "Reply-To", "answers@example.org");
}

static void the_sender_may_have_a_name(void **state)
{
    (void)state;
    struct event event = event_of(KIND_CREATED);
    struct composer composer = composer_of(NULL);
    composer.from_name = "Bookings, Ltd";
    assert_header(
        &event, &composer, AUDIENCE_OWNER, "From", "\"Bookings, Ltd\" <bookspool@example.net>");
    composer.from_name = "B\xc3\xbc"
                         "cher";
    assert_header(&event, &composer, AUDIENCE_OWNER, "From", "=?UTF-8?B?QsO8Y2hlcg==?=");
}

static void mails_of_a_booking_are_a_thread(void **state)
{
    (void)state;
    struct event event = event_of(KIND_CREATED);
    const struct composer composer = composer_of(NULL);
    event.booking.ical_uid = "uid-1@Cal.com";
    char *one = header_of(&event, &composer, AUDIENCE_OWNER, "References");
    assert_true(
        one && g_str_has_prefix(one, "<booking-") && g_str_has_suffix(one, "@example.net>"));
    assert_null(strstr(one, "uid"));
    assert_header(&event, &composer, AUDIENCE_OWNER, "In-Reply-To", one);
    assert_header(&event, &composer, AUDIENCE_OWNER, "X-Entity-Ref-ID", NULL);
    event.kind = KIND_CANCELLED;
    event.booking.uid = "uid-2";
    assert_header(&event, &composer, AUDIENCE_OWNER, "References", one);
    event.provider = "calendly";
    char *other = header_of(&event, &composer, AUDIENCE_OWNER, "References");
    assert_string_not_equal(one, other);
    event.kind = KIND_FORM;
    assert_header(&event, &composer, AUDIENCE_OWNER, "References", NULL);
    assert_header(&event, &composer, AUDIENCE_OWNER, "X-Entity-Ref-ID", ID);
    assert_header(&event, &composer, AUDIENCE_OWNER, "X-Auto-Response-Suppress", "OOF, AutoReply");
    g_free(one);
    g_free(other);
}

static void the_reader_chooses_the_language(void **state)
{
    (void)state;
    struct event event = event_of(KIND_NO_SHOW);
    struct composer composer = composer_of(NULL);
    struct decision decision = decided();
    struct person person = ada;
    person.language = "de-CH";
    event.booking.attendees = &person;
    event.booking.organizer.language = "de";
    for (int fixed = 0; fixed < 2; fixed++) {
        composer.one_language = fixed;
        struct buf mail = composed(&composer, &event, &decision, AUDIENCE_OWNER);
        assert_non_null(strstr(buf_text(&mail), "Subject: No-show: "));
        buf_free(&mail);
        mail = composed(&composer, &event, &decision, AUDIENCE_CUSTOMER);
        assert_int_equal(strstr(buf_text(&mail), "Nicht erschienen: Bob Owner") != NULL, !fixed);
        buf_free(&mail);
    }
}

static void a_calendar_part_is_in_the_language_of_its_mail(void **state)
{
    (void)state;
    struct event event = event_of(KIND_CREATED);
    struct composer composer = composer_of(NULL);
    struct decision decision = entry(CALENDAR_CONFIRMED);
    struct answer answers[] = {{.question = "Helm?", .answer = "no", .answer_word = "no"},
        {.question = "Said", .answer = "no"}};
    struct person person = ada;
    person.language = "de-AT";
    event.booking.attendees = &person;
    event.booking.notes = "Two bikes";
    event.booking.answers = answers;
    event.booking.answer_count = 2;
    for (int fixed = 0; fixed < 2; fixed++) {
        composer.one_language = fixed;
        struct buf mail = composed(&composer, &event, &decision, AUDIENCE_CUSTOMER);
        assert_calendar(
            &mail, (const char *const[]){fixed ? "Notes: Two bikes" : "Notizen: Two bikes",
                       fixed ? "Helm? no\\nSaid: no" : "Helm? nein\\nSaid: no", NULL});
        buf_free(&mail);
        mail = composed(&composer, &event, &decision, AUDIENCE_OWNER);
        assert_calendar(&mail, (const char *const[]){"Notes: Two bikes", NULL});
        buf_free(&mail);
    }
}

/* A mail passes many hands. */
static void secrets_do_not_travel_along(void **state)
{
    (void)state;
    static const char secret[] = "{\"triggerEvent\":\"BOOKING_PAYMENT_INITIATED\",\"payload\":{"
                                 "\"uid\":\"u9\",\"videoCallData\":{\"password\":\"pw-77\"}}}";
    struct event event = event_of(KIND_OTHER);
    struct decision decision = decided();
    const struct composer composer = composer_of(NULL);
    struct record record = record_of(&event);
    record.body = secret;
    record.length = sizeof secret - 1;
    const struct notice notice = {.event = &event,
        .decision = &decision,
        .record = &record,
        .name = ID "-0123456789ab",
        .recipient = "owner@example.org"};
    for (int known = 0; known < 2; known++) {
        struct buf out = {0}, why = {0};
        event.name = known ? "BOOKING_PAYMENT_INITIATED" : "contact.created";
        assert_true(compose_message(&composer, &notice, &out, &why));
        struct found found = read_back(&out, "application/octet-stream");
        assert_int_equal(found.text == NULL, known);
        if (!known) {
            assert_non_null(strstr(found.text, "u9"));
            assert_null(strstr(found.text, "pw-77"));
        }
        found_free(&found);
        buf_free(&out);
    }
}

static void the_same_bytes_each_time(void **state)
{
    (void)state;
    struct event event = event_of(KIND_CREATED);
    const struct composer composer = composer_of(NULL);
    struct decision decision = entry(CALENDAR_CONFIRMED);
    struct buf one = composed(&composer, &event, &decision, AUDIENCE_OWNER);
    struct buf two = composed(&composer, &event, &decision, AUDIENCE_OWNER);
    assert_int_equal(one.len, two.len);
    assert_memory_equal(one.data, two.data, one.len);
    buf_free(&one);
    buf_free(&two);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_and_page_without_a_calendar),
        cmocka_unit_test(the_owners_entry_is_published),
        cmocka_unit_test(who_mails_himself_is_no_organizer),
        cmocka_unit_test(the_customer_is_invited),
        cmocka_unit_test(what_is_cancelled_is_taken_out_of_calendars),
        cmocka_unit_test(no_entry_without_what_it_needs),
        cmocka_unit_test(a_move_that_comes_late_takes_the_old_entry_away),
        cmocka_unit_test(a_seat_given_up_goes_out_of_one_calendar_only),
        cmocka_unit_test(what_is_not_understood_travels_along),
        cmocka_unit_test(a_reply_reaches_the_one_customer),
        cmocka_unit_test(a_customers_reply_goes_to_who_may_be_known),
        cmocka_unit_test(the_sender_may_have_a_name),
        cmocka_unit_test(mails_of_a_booking_are_a_thread),
        cmocka_unit_test(the_reader_chooses_the_language),
        cmocka_unit_test(a_calendar_part_is_in_the_language_of_its_mail),
        cmocka_unit_test(secrets_do_not_travel_along),
        cmocka_unit_test(the_same_bytes_each_time),
    };
    message_setup();
    return cmocka_run_group_tests(tests, open_templates, close_templates);
}
