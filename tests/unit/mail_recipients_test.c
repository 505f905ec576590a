/* Who gets a mail: BOOKSPOOL_MAIL_TO, BOOKSPOOL_NOTIFY and BOOKSPOOL_MAIL_ATTENDEE. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "mail/recipients.h"

static void settings_are(struct conf *conf, const char *notify, bool customers)
{
    *conf = (struct conf){0};
    conf->value[SET_MAIL_TO].text = (char *)"owner@example.org, second@example.org";
    conf->value[SET_NOTIFY].text = (char *)notify;
    conf->value[SET_MAIL_ATTENDEE].number = customers;
}

static struct person attendees[] = {{.name = "Ada", .email = "ada@customer.example"},
    {.name = "Tel", .email = "491701234567@sms.cal.com"},
    {.name = "TEL", .email = "491701234568@SMS.CAL.COM"}, {.name = "Nobody"}};

/* "address address/c": /c marks the customers. */
static void check_event(const char *notify, bool customers, const struct event *event,
    const struct decision *given, const char *wanted)
{
    struct conf conf;
    struct buf why = {0}, got = {0};
    struct recipient_list list;
    struct decision decision;
    decision_init(&decision);
    settings_are(&conf, notify, customers);
    struct recipients *recipients = recipients_open(&conf, "local@localhost", &why);
    assert_string_equal(buf_text(&why), "");
    assert_true(recipients_of(recipients, event, given ? given : &decision, &list));
    for (size_t i = 0; i < list.count; i++)
        buf_printf(&got, "%s%s%s", i ? " " : "", list.item[i].address,
            list.item[i].audience == AUDIENCE_CUSTOMER ? "/c" : "");
    assert_string_equal(buf_text(&got), wanted);
    recipient_list_free(&list);
    recipients_close(recipients);
    buf_free(&got);
    buf_free(&why);
}

static void check(const char *notify, bool customers, enum event_kind kind, const char *organizer,
    const struct decision *given, const char *wanted)
{
    struct event event = {.kind = kind};
    event.booking.organizer.email = organizer;
    event.booking.attendees = attendees;
    event.booking.attendee_count = sizeof attendees / sizeof *attendees;
    check_event(notify, customers, &event, given, wanted);
}

static void check_hosts(const char *notify, struct person *hosts, size_t count, const char *before,
    enum event_kind kind, const char *wanted)
{
    struct event event = {.kind = kind};
    event.booking.organizer = hosts[0];
    event.booking.hosts = hosts;
    event.booking.host_count = count;
    event.booking.previous_organizer.email = before;
    check_event(notify, false, &event, NULL, wanted);
}

#define OWNERS "owner@example.org second@example.org"
#define ANN    "ann@example.org"

static void without_rules_the_owners_are_mailed(void **state)
{
    (void)state;
    check(NULL, false, KIND_CREATED, ANN, NULL, OWNERS);
    check(NULL, false, KIND_OTHER, NULL, NULL, OWNERS);
    check(NULL, false, KIND_PING, NULL, NULL, "");
}

static void the_first_rule_that_fits_decides(void **state)
{
    (void)state;
    static const char rules[] = "meeting_started, meeting_ended: none; "
                                "cancelled of ann@example.org: Ann@example.org, owner;"
                                "no_show: ops@example.org ; * of ben@example.org: organizer";
    check(rules, false, KIND_MEETING_ENDED, ANN, NULL, "");
    check(rules, false, KIND_CANCELLED, "ANN@example.org", NULL, "Ann@example.org " OWNERS);
    check(rules, false, KIND_CANCELLED, "zoe@example.org", NULL, OWNERS);
    check(rules, false, KIND_NO_SHOW, "ben@example.org", NULL, "ops@example.org");
    check(rules, false, KIND_CREATED, "ben@example.org", NULL, "ben@example.org");
    check(rules, false, KIND_CREATED, NULL, NULL, OWNERS);
}

static void nobody_by_mistake_is_the_owners(void **state)
{
    (void)state;
    check("*: organizer", false, KIND_CREATED, NULL, NULL, OWNERS);
    check("*: organizer", false, KIND_CREATED, ANN, NULL, ANN);
    check("*: organizer, none", false, KIND_FORM, NULL, NULL, "");
}

static void every_host_counts(void **state)
{
    (void)state;
    static struct person hosts[] = {{.email = "emil@example.org"}, {.email = "Dora@example.org"},
        {.name = "Without an address"}};
    check_hosts("* of dora@example.org: boss@example.org; *: owner", hosts, 3, NULL, KIND_CREATED,
        "boss@example.org");
    check_hosts("*: organizer", hosts, 3, NULL, KIND_CREATED, "emil@example.org Dora@example.org");
    check_hosts("*: organizer", hosts + 2, 1, NULL, KIND_CREATED, OWNERS);
    check_hosts("* of zoe@example.org: none", hosts, 3, NULL, KIND_CREATED, OWNERS);
}

static void a_booking_given_away_concerns_two(void **state)
{
    (void)state;
    static struct person bram = {.email = "bram@example.org"};
    check_hosts("*: organizer", &bram, 1, "adaeze@example.org", KIND_REASSIGNED,
        "bram@example.org adaeze@example.org");
    check_hosts("* of adaeze@example.org: none; *: organizer", &bram, 1, "adaeze@example.org",
        KIND_REASSIGNED, "bram@example.org");
    check_hosts("* of bram@example.org: b@example.org; * of adaeze@example.org: a@example.org",
        &bram, 1, "adaeze@example.org", KIND_REASSIGNED, "b@example.org a@example.org");
    check_hosts(NULL, &bram, 1, "adaeze@example.org", KIND_REASSIGNED, OWNERS);
    check_hosts("*: organizer", &bram, 1, "adaeze@example.org", KIND_CANCELLED, "bram@example.org");
    check_hosts("*: organizer", &bram, 1, NULL, KIND_REASSIGNED, "bram@example.org");
}

static void what_it_means_decides_and_not_what_it_is_called(void **state)
{
    (void)state;
    struct decision moved;
    decision_init(&moved);
    moved.meaning = KIND_RESCHEDULED;
    check("rescheduled: moves@example.org", false, KIND_CREATED, ANN, &moved, "moves@example.org");
}

static void customers_are_mailed_about_their_booking_only(void **state)
{
    (void)state;
    struct decision late;
    decision_init(&late);
    late.late = true;
    check(NULL, true, KIND_CREATED, ANN, NULL, OWNERS " ada@customer.example/c");
    check("*: none", true, KIND_CANCELLED, ANN, NULL, "ada@customer.example/c");
    check(NULL, true, KIND_NO_SHOW, ANN, NULL, OWNERS);
    check(NULL, true, KIND_HOST_NO_SHOW, ANN, NULL, OWNERS);
    check(NULL, true, KIND_LOCATION_CHANGED, ANN, NULL, OWNERS " ada@customer.example/c");
    check(NULL, true, KIND_REASSIGNED, ANN, NULL, OWNERS " ada@customer.example/c");
    check(NULL, true, KIND_CREATED, ANN, &late, OWNERS);
    check("*: ADA@customer.example", true, KIND_CREATED, ANN, NULL, "ADA@customer.example");
}

static void a_wrong_rule_is_named(void **state)
{
    (void)state;
    static const struct {
        const char *rules, *complaint;
    } cases[] = {
        {"created", "\"created\": expected KINDS: WHOM"},
        {"creatd: none", "\"creatd\": expected * or a kind of event: created rescheduled"},
        {"created of: none", "expected a host's address"},
        {"of ann@example.org: none", "expected kinds of event"},
        {"created:", "expected addresses after the colon"},
        {"created: ", "expected addresses after the colon"},
        {"created: nobody", "\"nobody\": expected addresses"},
        {"created: a@b.example c@d.example", "expected addresses separated by commas"},
        {": owner", "expected kinds of event"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct conf conf;
        struct buf why = {0};
        settings_are(&conf, cases[i].rules, false);
        assert_null(recipients_open(&conf, "local@localhost", &why));
        assert_non_null(strstr(buf_text(&why), "BOOKSPOOL_NOTIFY: "));
        if (!strstr(buf_text(&why), cases[i].complaint))
            fail_msg("\"%s\" gives: %s", cases[i].rules, buf_text(&why));
        buf_free(&why);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_rules_the_owners_are_mailed),
        cmocka_unit_test(the_first_rule_that_fits_decides),
        cmocka_unit_test(nobody_by_mistake_is_the_owners),
        cmocka_unit_test(every_host_counts),
        cmocka_unit_test(a_booking_given_away_concerns_two),
        cmocka_unit_test(what_it_means_decides_and_not_what_it_is_called),
        cmocka_unit_test(customers_are_mailed_about_their_booking_only),
        cmocka_unit_test(a_wrong_rule_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
