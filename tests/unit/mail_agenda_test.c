/* The mail about one day: what its lists say, what is left out of long ones, and what it says when
 * no template can be used. */
#include "mail_view.h"
#include "scratch.h"

#include "mail/agenda.h"
#include "mail/message.h"
#include "mail/reading.h"

enum { MANY = 101, TEXT_MAX = 120 };

static struct agenda agenda;
static struct agenda_item items[MANY], asked[MANY], changed[MANY];

static struct agenda_item item_of(const char *who, const char *start)
{
    return (struct agenda_item){.provider = "calcom",
        .title = "Intro call",
        .who = who,
        .organizer = "bob@example.org",
        .start = start ? at(start) : TIME_NONE,
        .end = start ? at(start) + 1800 * 1000 : TIME_NONE,
        .previous_start = TIME_NONE,
        .change = AGENDA_CHANGES};
}

/* One booking of the day. */
static int up(void **state)
{
    items[0] = item_of("Ada", "2027-01-18T08:00:00Z");
    agenda = (struct agenda){.bookings = {.item = items, .count = 1},
        .requests = {.item = asked},
        .changes = {.item = changed}};
    return scratch_up(state);
}

/* What its reader sees; `folder` has templates, or is NULL. */
static struct buf read_mail(const char *folder, const char *since, struct buf *why)
{
    struct zone zone;
    struct agenda_mail mail = {.agenda = &agenda,
        .zone = &zone,
        .since = at(since),
        .date = at("2027-01-18T06:00:00Z"),
        .name = ID "-0123456789ab",
        .id = ID,
        .recipient = "owner@example.org"};
    struct composer composer = {.from = "bookspool@example.net"};
    struct buf bytes = {0}, preview = {0};
    assert_true(day_parse("2027-01-18", &mail.day));
    zone_open(&zone, "Europe/Berlin");
    composer.templates = templates_open(folder, "en", why);
    if (!composer.templates)
        fail_msg("%s", buf_text(why));
    assert_true(agenda_compose(&composer, &mail, &bytes, why));
    assert_in_range(bytes.len, 100, 1 << 20);
    assert_true(message_preview(bytes.data, bytes.len, &preview));
    templates_close(composer.templates);
    zone_close(&zone);
    buf_free(&bytes);
    return preview;
}

static void assert_mail(const char *since, const char *const *parts, const char *unwanted)
{
    struct buf why = {0}, preview = read_mail(NULL, since, &why);
    assert_int_equal(why.len, 0);
    for (; *parts; parts++)
        if (!strstr(buf_text(&preview), *parts))
            fail_msg("missing: %s\nin: %s", *parts, buf_text(&preview));
    if (unwanted && strstr(buf_text(&preview), unwanted))
        fail_msg("unwanted: %s\nin: %s", unwanted, buf_text(&preview));
    buf_free(&preview);
    buf_free(&why);
}

#define YESTERDAY "2027-01-17T06:00:00Z"
#define SAYS(...) ((const char *const[]){__VA_ARGS__, NULL})

static void a_day_with_one_booking(void **state)
{
    (void)state;
    assert_mail(YESTERDAY,
        SAYS("Subject: Mon 18 Jan 2027: 1 booking from 09:00\n",
            "18 January 2027 (Europe/Berlin)\n", "\n09:00", "\n  Ada\n  Intro call\n"),
        "Host");
}

static void places_in_words_and_as_links(void **state)
{
    static const struct {
        const char *place, *word, *link, *wanted, *unwanted;
    } rows[] = {
        {NULL, NULL, NULL, "  Intro call\n", "://"},
        {"Room 7", NULL, NULL, "\n  Room 7\n", NULL},
        {"integrations:zoom", "zoom", NULL, "\n  Zoom\n", "integrations"},
        {"Room 7", "no_such_word", NULL, "\n  Room 7\n", "no_such_word"},
        {"https://meet.example/1", NULL, NULL, "\n  https://meet.example/1\n", NULL},
        {"https://meet.example/1", NULL, "https://meet.example/2", "\n  https://meet.example/2\n",
            "example/1"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        items[0].place = rows[i].place;
        items[0].place_word = rows[i].word;
        items[0].link = rows[i].link;
        assert_mail(YESTERDAY, SAYS(rows[i].wanted), rows[i].unwanted);
    }
}

static void what_a_line_says(void **state)
{
    static char longest[TEXT_MAX + 2], cut[TEXT_MAX + 4];
    (void)state;
    memset(longest, 'x', TEXT_MAX + 1);
    memset(cut, 'x', TEXT_MAX);
    strcpy(cut + TEXT_MAX, "...");
    items[0].title = longest;
    items[0].others = 3;
    items[0].overlaps = true;
    items[1] = item_of(NULL, "2027-01-17T22:30:00Z"); /* since the evening before */
    items[1].organizer = "eve@example.org";
    items[2] = item_of("Cid", NULL);
    items[2].request = true;
    items[2].provider = "other";
    items[2].title = items[2].organizer = NULL;
    agenda.bookings.count = 3;
    assert_mail(YESTERDAY,
        SAYS("3 bookings from 09:00, with overlaps", "\n  Ada and 3 more\n", cut,
            "\n  ! Overlaps another booking.\n", "\n  (no name)\n", "\n  Host: eve@example.org\n",
            "\n  Host: bob@example.org\n", "\n  ! This request waits for a yes or no.\n"),
        longest);
}

static void requests_and_changes(void **state)
{
    static const char *const words[AGENDA_CHANGES] = {[AGENDA_NEW] = "\n  New: Mon 18 Jan",
        [AGENDA_MOVED] = "\n  Moved: Mon 18 Jan",
        [AGENDA_CHANGED] = "\n  Changed: Mon 18 Jan",
        [AGENDA_CANCELLED] = "\n  Cancelled: Mon 18 Jan",
        [AGENDA_DECLINED] = "\n  Declined: Mon 18 Jan"};
    (void)state;
    agenda.bookings.count = 0;
    asked[0] = item_of("Zoe", "2027-01-20T08:00:00Z");
    agenda.requests.count = agenda.changes.count = 1;
    for (enum agenda_change change = 0; change < AGENDA_CHANGES; change++) {
        changed[0] = item_of("Ada", "2027-01-18T08:00:00Z");
        changed[0].change = change;
        if (change == AGENDA_MOVED)
            changed[0].previous_start = at("2027-01-19T08:00:00Z");
        assert_mail(YESTERDAY,
            SAYS("No bookings, 1 open request\n", "\nSince yesterday:\n", words[change],
                "\n    Zoe, Intro call\n",
                change == AGENDA_MOVED ? "\n    Previously: Tue 19 Jan" : ""),
            change == AGENDA_MOVED ? NULL : "Previously");
    }
    assert_mail("2027-01-14T06:00:00Z", SAYS("\nSince Thu 14 Jan"), "Since yesterday");
}

static void of_a_long_list_the_end_is_left_out(void **state)
{
    (void)state;
    for (size_t i = 0; i < MANY; i++)
        items[i] = asked[i] = changed[i] = item_of(i ? "Ada" : "First", "2027-01-18T08:00:00Z");
    items[MANY - 1].who = "Last";
    agenda.bookings.count = agenda.requests.count = agenda.changes.count = MANY;
    assert_mail(YESTERDAY,
        SAYS("101 bookings from 09:00, 101 open requests", "\n  First\n",
            "\nAnd more than a mail shows: bookspool agenda\n",
            "\n  And more than a mail shows: bookspool agenda\n"),
        "Last");
}

/* A template that is right, and that goes on too long for a day like this one. */
static void without_templates_the_facts(void **state)
{
    struct scratch *s = *state;
    static const char loops[] = "{{#bookings}}{{#bookings}}{{#bookings}}{{#bookings}}.{{/bookings}}"
                                "{{/bookings}}{{/bookings}}{{/bookings}}";
    scratch_write(s, "agenda.txt", loops, sizeof loops - 1);
    for (size_t i = 0; i < MANY; i++)
        items[i] = item_of("Ada", "2027-01-18T08:00:00Z");
    items[1] = item_of(NULL, NULL);
    items[1].title = NULL;
    agenda.bookings.count = MANY;
    agenda.changes.count = 1;
    changed[0] = items[0];
    changed[0].change = AGENDA_CANCELLED;
    struct buf why = {0}, preview = read_mail(s->path, YESTERDAY, &why);
    char wanted[700];
    assert_non_null(strstr(buf_text(&why), "agenda.txt:1:"));
    snprintf(wanted, sizeof wanted,
        "Subject: Agenda: 2027-01-18\n\n"
        "No template could be used for this mail, so it has only the facts:\n%s\n\n2027-01-18:\n"
        "2027-01-18 09:00 CET  Ada, Intro call\n, \n2027-01-18 09:00 CET  Ada, Intro call\n",
        buf_text(&why));
    assert_int_equal(strncmp(buf_text(&preview), wanted, strlen(wanted)), 0);
    assert_null(strstr(buf_text(&preview), "Open requests"));
    assert_non_null(strstr(
        buf_text(&preview), "\nChanges:\n2027-01-18 09:00 CET  Ada, Intro call (cancelled)\n"));
    buf_free(&preview);
    buf_free(&why);
}

int main(void)
{
#define AGENDA_TEST(f) cmocka_unit_test_setup_teardown(f, up, scratch_down)
    const struct CMUnitTest tests[] = {
        AGENDA_TEST(a_day_with_one_booking),
        AGENDA_TEST(places_in_words_and_as_links),
        AGENDA_TEST(what_a_line_says),
        AGENDA_TEST(requests_and_changes),
        AGENDA_TEST(of_a_long_list_the_end_is_left_out),
        AGENDA_TEST(without_templates_the_facts),
    };
    message_setup();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
