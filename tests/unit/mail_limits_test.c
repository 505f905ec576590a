/* What does not fit into a mail, and what no template can be made for: the mail that is sent then.
 */
#include "mail_view.h"
#include "scratch.h"

#include "mail/compose.h"
#include "mail/message.h"
#include "mail/reading.h"

#define UNABLE "No template could be used for this mail, so it has only the facts:\n"

static char letters[400 * 1024]; /* no part of a mail may be as long */
static const char *body;         /* of the event; NULL: none */

static int up(void **state)
{
    memset(letters, 'x', sizeof letters - 1);
    body = "{\"triggerEvent\":\"BOOKING_CREATED\"}";
    return scratch_up(state);
}

static struct templates *opened(const char *folder)
{
    struct buf why = {0};
    struct templates *set = templates_open(folder, "en", &why);
    if (!set)
        fail_msg("%s", buf_text(&why));
    return set;
}

static void put(struct scratch *s, const char *name, const char *text)
{
    scratch_write(s, name, text, strlen(text));
}

/* A template that is right, and that no mail has room for. */
static void put_large(struct scratch *s, const char *name)
{
    char part[16];
    snprintf(part, sizeof part, "large%s", strrchr(name, '.'));
    scratch_write(s, part, letters, 200 * 1024);
    put(s, name, "{{>large}}{{>large}}");
}

struct mail {
    struct buf bytes, preview, why;
};

static struct mail composed(const struct templates *set, const struct event *event,
    const struct decision *decision, enum audience audience)
{
    const struct composer composer = {.from = "bookspool@example.net",
        .templates = (struct templates *)set,
        .calendar = ENTRY_INVITE,
        .customer_calendar = CUSTOMER_INVITE};
    struct record record = {.kind = RECORD_EVENT, .received = event->received_at, .id = ID};
    record.body = body;
    record.length = body ? strlen(body) : 0;
    const struct notice notice = {.event = event,
        .decision = decision,
        .record = &record,
        .name = ID "-0123456789ab",
        .recipient = audience == AUDIENCE_OWNER ? "owner@example.org" : "ada@example.com",
        .audience = audience};
    struct mail mail = {0};
    if (!compose_message(&composer, &notice, &mail.bytes, &mail.why))
        fail_msg("%s", buf_text(&mail.why));
    assert_in_range(mail.bytes.len, 100, 2000000);
    assert_true(message_preview(mail.bytes.data, mail.bytes.len, &mail.preview));
    return mail;
}

static void mail_free(struct mail *mail)
{
    buf_free(&mail->bytes);
    buf_free(&mail->preview);
    buf_free(&mail->why);
}

static void assert_in(const struct mail *mail, const char *part)
{
    if (!strstr(buf_text(&mail->preview), part))
        fail_msg("missing: %s\nin: %.3000s", part, buf_text(&mail->preview));
}

static void assert_not_in(const struct mail *mail, const char *part)
{
    if (strstr(buf_text(&mail->preview), part))
        fail_msg("unwanted: %s\nin: %.3000s", part, buf_text(&mail->preview));
}

/* ---- the bare facts ---- */

static void the_owner_reads_the_facts_and_why(void **state)
{
    struct scratch *s = *state;
    struct event event = event_of(KIND_CREATED);
    struct decision decision = decided();
    char wanted[2000];
    put_large(s, "default.txt");
    struct templates *set = opened(s->path);
    struct mail mail = composed(set, &event, &decision, AUDIENCE_OWNER);
    assert_non_null(strstr(buf_text(&mail.why), " bytes, which is more than 393216"));
    snprintf(wanted, sizeof wanted,
        "Subject: New booking: Intro call\n\n" UNABLE "%s\n"
        "\"bookspool show " ID "\" prints the complete event.\n\n"
        "New booking\nWhat: Intro call\nWhen: 2026-11-24T15:00:00Z - 2026-11-24T15:30:00Z\n"
        "Who: Ada Example <ada@example.com>\nHost: Bob Owner <bob@example.org>\n"
        "Booking ID: uid-1\nEvent ID: " ID "\n[body.json: application/octet-stream]\n",
        buf_text(&mail.why));
    assert_string_equal(buf_text(&mail.preview), wanted);
    mail_free(&mail);
    templates_close(set);
}

static void facts_that_are_not_known_are_left_out(void **state)
{
    struct scratch *s = *state;
    struct person many[12] = {{.name = "Ada"}, {.email = "b@example.com"}, {0}};
    struct event event = event_of(KIND_CANCELLED);
    struct decision decision = decided();
    put_large(s, "default.txt");
    struct templates *set = opened(s->path);
    event.booking.title = NULL;
    event.booking.event_type = letters + sizeof letters - 300;
    event.booking.end = TIME_NONE;
    event.booking.organizer = (struct person){0};
    event.booking.uid = NULL;
    event.booking.attendees = many;
    event.booking.attendee_count = 12;
    struct mail mail = composed(set, &event, &decision, AUDIENCE_OWNER);
    assert_in(&mail, "\nWhen: 2026-11-24T15:00:00Z\nWho: Ada\nWho: <b@example.com>\nWho: ... (+2)");
    assert_not_in(&mail, "Host:");
    assert_not_in(&mail, "Booking ID:");
    char what[220] = "What: ";
    memset(what + 6, 'x', 200);
    strcpy(what + 206, "...\n");
    assert_in(&mail, what);
    mail_free(&mail);
    event.booking.event_type = NULL;
    event.booking.start = TIME_NONE;
    mail = composed(set, &event, &decision, AUDIENCE_OWNER);
    assert_not_in(&mail, "What:");
    assert_not_in(&mail, "When:");
    mail_free(&mail);
    templates_close(set);
}

/* A customer reads no word about templates, and nobody else's name. */
static void a_customer_reads_the_facts_alone(void **state)
{
    struct scratch *s = *state;
    struct event event = event_of(KIND_CREATED);
    struct decision decision = decided();
    put_large(s, "customer.txt");
    struct templates *set = opened(s->path);
    struct mail mail = composed(set, &event, &decision, AUDIENCE_CUSTOMER);
    assert_string_equal(buf_text(&mail.preview),
        "Subject: Your booking is confirmed: Intro call\n\nYour booking is confirmed\n"
        "What: Intro call\nWhen: 2026-11-24T15:00:00Z - 2026-11-24T15:30:00Z\n"
        "Host: Bob Owner <bob@example.org>\n");
    mail_free(&mail);
    templates_close(set);
}

/* Words of one's own that cannot be used as they are. */
static void words_with_tags_and_empty_ones(void **state)
{
    struct scratch *s = *state;
    struct event event = event_of(KIND_CREATED);
    struct decision decision = decided();
    put_large(s, "default.txt");
    put(s, "en.lang", "heading_created={{#by}}{{by}}{{/by}}\nlabel_who=\nlabel_what=Topic\n");
    struct templates *set = opened(s->path);
    struct mail mail = composed(set, &event, &decision, AUDIENCE_OWNER);
    assert_in(&mail, "Subject: Booking: created: Intro call\n");
    assert_in(&mail, "\nTopic: Intro call\n");
    assert_in(&mail, "\nWho: Ada Example <ada@example.com>\n");
    mail_free(&mail);
    templates_close(set);
}

/* ---- less than all of it ---- */

static void the_page_is_left_out_first(void **state)
{
    struct scratch *s = *state;
    struct event event = event_of(KIND_CREATED);
    struct decision decision = decided();
    put_large(s, "default.html");
    put(s, "default.txt", "short: {{what}}\n");
    struct templates *set = opened(s->path);
    struct mail mail = composed(set, &event, &decision, AUDIENCE_OWNER);
    assert_in(&mail, "\nshort: Intro call\n[body.json: application/octet-stream]\n");
    assert_null(strstr(buf_text(&mail.bytes), "text/html"));
    assert_true(mail.why.len > 0);
    mail_free(&mail);
    body = NULL;
    mail = composed(set, &event, &decision, AUDIENCE_OWNER);
    assert_not_in(&mail, "[body");
    mail_free(&mail);
    templates_close(set);
}

static void a_long_subject_is_cut(void **state)
{
    struct scratch *s = *state;
    struct event event = event_of(KIND_CREATED);
    struct decision decision = decided();
    char subject[700] = "", wanted[600] = "Subject: ";
    memset(subject, 'y', 600);
    memset(wanted + strlen(wanted), 'y', 500);
    strcat(wanted, "...\n\n");
    put(s, "default.subject", subject);
    struct templates *set = opened(s->path);
    struct mail mail = composed(set, &event, &decision, AUDIENCE_OWNER);
    assert_in(&mail, wanted);
    mail_free(&mail);
    templates_close(set);
}

/* Each text and list of a booking at its longest: who, what and when are read, and the body goes
 * along. */
static void long_texts_are_cut(void **state)
{
    static struct person people[150], hosts[150];
    static struct answer answers[700];
    static struct detail details[150];
    static const char *guests[700];
    struct event event = event_of(KIND_CREATED);
    struct decision decision = decided();
    struct templates *set = opened(NULL);
    struct booking *b = &event.booking;
    char url[2200] = "https://example.org/";
    (void)state;
    memset(url + strlen(url), 'u', 2100);
    for (size_t i = 0; i < 150; i++) {
        people[i] = hosts[i] = ada;
        details[i] =
            (struct detail){.word = "label_team", .text = letters + 390000, .when = TIME_NONE};
    }
    for (size_t i = 0; i < 700; i++) {
        guests[i] = "guest@example.net";
        answers[i] = (struct answer){.question = "Why?", .answer = letters + 390000};
    }
    b->description = b->notes = b->reason = letters + 300000;
    b->join_url = url;
    b->attendees = people, b->attendee_count = 150;
    b->hosts = hosts, b->host_count = 150;
    b->details = details, b->detail_count = 150;
    b->guests = guests, b->guest_count = 700;
    b->answers = answers, b->answer_count = 700;
    struct mail mail = composed(set, &event, &decision, AUDIENCE_OWNER);
    assert_in(&mail, "Ada Example <ada@example.com>");
    assert_in(&mail, "Intro call");
    assert_in(&mail, "24 Nov 2026");
    assert_in(&mail, "xxx... ");
    assert_in(&mail, "[body.json: application/octet-stream]\n");
    assert_not_in(&mail, "uuuuuuu");
    assert_not_in(&mail, UNABLE);
    mail_free(&mail);
    templates_close(set);
}

/* ---- the body that goes along ---- */

static void what_kind_of_body_it_is(void **state)
{
    static const struct {
        const char *body, *file; /* NULL: none */
    } rows[] = {
        {"{\"a\":1}", "[body.json: "},
        {"[1]", "[body.json: "},
        {"Ada booked\n", "[body.txt: "},
        {"password: hush\n", NULL},
        {NULL, NULL},
    };
    struct event event = event_of(KIND_OTHER);
    struct decision decision = decided();
    struct templates *set = opened(NULL);
    char *large = calloc(1, 1100000);
    (void)state;
    event.name = NULL;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        body = rows[i].body;
        struct mail mail = composed(set, &event, &decision, AUDIENCE_OWNER);
        assert_in(&mail, rows[i].file ? rows[i].file : "");
        if (!rows[i].file)
            assert_not_in(&mail, "[body");
        mail_free(&mail);
    }
    assert_non_null(large);
    memset(large, 'z', 1099999);
    body = large;
    struct mail mail = composed(set, &event, &decision, AUDIENCE_OWNER);
    assert_in(&mail, "[body-beginning.txt: ");
    mail_free(&mail);
    free(large);
    templates_close(set);
}

static void further_entries_are_further_files(void **state)
{
    struct event event = event_of(KIND_RESCHEDULED);
    struct decision decision = decided();
    struct calendar_entry other = {.uid = "uid-0",
        .calendar = CALENDAR_CANCELLED,
        .calendar_uid = "uid-0@bookspool",
        .sequence = 2,
        .start = event.booking.start - 3600 * 1000,
        .end = event.booking.start,
        .owner = true};
    struct templates *set = opened(NULL);
    (void)state;
    decision.calendar = CALENDAR_CONFIRMED;
    decision.calendar_uid = "uid-1@bookspool";
    decision.others = &other;
    decision.other_count = 1;
    struct mail mail = composed(set, &event, &decision, AUDIENCE_OWNER);
    assert_in(&mail, "[invite.ics: ");
    assert_in(&mail, "[invite-2-2026-11-24.ics: text/calendar]\n");
    struct buf all = {0};
    assert_true(message_read(mail.bytes.data, mail.bytes.len, &all));
    assert_non_null(strstr(buf_text(&all), "\nUID:uid-0@bookspool\r\n"));
    assert_non_null(strstr(buf_text(&all), "\nUID:uid-1@bookspool\r\n"));
    buf_free(&all);
    mail_free(&mail);
    templates_close(set);
}

/* ---- parts, and the composer ---- */

static void a_part_alone(void **state)
{
    struct scratch *s = *state;
    struct event event = event_of(KIND_CREATED);
    const struct decision decision = decided();
    const struct record record = {.id = ID};
    const struct notice notice = {
        .event = &event, .decision = &decision, .record = &record, .recipient = "o@example.org"};
    struct buf out = {0}, why = {0};
    struct composer composer = {.from = "b@example.net", .templates = opened(NULL)};
    struct rendered wanted = {0};
    render_part(&event, &decision, composer.templates, &owner, PART_TEXT, &wanted.text);
    assert_true(compose_part(&composer, &notice, PART_TEXT, &out, &why));
    assert_string_equal(buf_text(&out), buf_text(&wanted.text));
    assert_int_equal(why.len, 0);
    templates_close(composer.templates);
    put_large(s, "default.txt");
    composer.templates = opened(s->path);
    buf_clear(&out);
    assert_false(compose_part(&composer, &notice, PART_SUBJECT, &out, &why));
    assert_int_equal(out.len, 0);
    assert_non_null(strstr(buf_text(&why), "which is more than"));
    templates_close(composer.templates);
    rendered_free(&wanted);
    buf_free(&out);
    buf_free(&why);
}

static void the_settings_of_a_composer(void **state)
{
    struct scratch *s = *state;
    struct conf conf;
    struct composer composer;
    struct buf why = {0};
    scratch_settings(
        s, "BOOKSPOOL_TRANSPORT=maildir:/x\nBOOKSPOOL_MAIL_FROM=Desk <d@example.org>\n");
    setenv("TZ", "Nowhere/Such", 1);
    assert_true(conf_load(&conf, CONF_DRAIN));
    assert_true(composer_open(&composer, &conf, &why));
    assert_string_equal(composer.from, "d@example.org");
    assert_string_equal(composer.from_name, "Desk");
    assert_string_equal(composer.system_zone, "");
    composer_close(&composer);
    conf_free(&conf);
    scratch_settings(s, "BOOKSPOOL_TRANSPORT=maildir:/x\n");
    setenv("TZ", "Europe/Berlin", 1);
    assert_true(conf_load(&conf, CONF_DRAIN));
    assert_true(composer_open(&composer, &conf, &why));
    assert_string_equal(composer.from, LOCAL_ADDRESS);
    assert_null(composer.from_name);
    assert_string_equal(composer.system_zone, "Europe/Berlin");
    composer_close(&composer);
    conf_free(&conf);
    char more[200];
    snprintf(
        more, sizeof more, "BOOKSPOOL_TRANSPORT=maildir:/x\nBOOKSPOOL_TEMPLATES=%s\n", s->path);
    put(s, "default.txt", "{{#open}}");
    scratch_settings(s, more);
    assert_true(conf_load(&conf, CONF_DRAIN));
    assert_false(composer_open(&composer, &conf, &why));
    assert_non_null(strstr(buf_text(&why), "default.txt:1:1"));
    assert_null(composer.templates);
    conf_free(&conf);
    buf_free(&why);
}

int main(void)
{
#define LIMITS_TEST(f) cmocka_unit_test_setup_teardown(f, up, scratch_down)
    const struct CMUnitTest tests[] = {
        LIMITS_TEST(the_owner_reads_the_facts_and_why),
        LIMITS_TEST(facts_that_are_not_known_are_left_out),
        LIMITS_TEST(a_customer_reads_the_facts_alone),
        LIMITS_TEST(words_with_tags_and_empty_ones),
        LIMITS_TEST(the_page_is_left_out_first),
        LIMITS_TEST(a_long_subject_is_cut),
        LIMITS_TEST(long_texts_are_cut),
        LIMITS_TEST(what_kind_of_body_it_is),
        LIMITS_TEST(further_entries_are_further_files),
        LIMITS_TEST(a_part_alone),
        LIMITS_TEST(the_settings_of_a_composer),
    };
    message_setup();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
