#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "event/event.h"

#define ID "00112233445566778899aabbccddeeff"

/* The members of a person, from their JSON values. */
#define PERSON(name, email, phone, zone, language, clock)                                          \
    "{\"name\":" name ",\"email\":" email ",\"written_email\":null,\"phone\":" phone               \
    ",\"timezone\":" zone ",\"language\":" language ",\"clock\":" clock "}"
#define NOBODY PERSON("null", "null", "null", "null", "null", "null")

static struct event empty_event(void)
{
    struct event event = {
        .provider = "calendly",
        .kind = KIND_OTHER,
        .received_at = INT64_C(1795255200123),
        .sent_at = TIME_NONE,
        .booking = {.start = TIME_NONE,
            .end = TIME_NONE,
            .previous_start = TIME_NONE,
            .previous_end = TIME_NONE},
    };
    strcpy(event.id, ID);
    return event;
}

static void check(const struct event *event, const char *expected)
{
    cJSON *json = event_to_json(event);
    assert_non_null(json);
    char *text = cJSON_PrintUnformatted(json);
    assert_string_equal(text, expected);
    free(text);
    cJSON_Delete(json);
}

static void absent_members_are_null(void **state)
{
    (void)state;
    struct event event = empty_event();
    check(&event,
        "{\"id\":\"" ID "\",\"provider\":\"calendly\",\"event\":null,\"known\":false,"
        "\"kind\":\"other\",\"reconciled\":false,\"received_at\":\"2026-11-21T10:00:00.123Z\","
        "\"sent_at\":null,"
        "\"booking\":{\"uid\":null,\"previous_uid\":null,\"group_uid\":null,\"ical_uid\":null,"
        "\"sequence\":0,\"status\":null,\"seat\":null,\"places\":null,\"places_taken\":null,"
        "\"series\":null,\"calendar_written\":false,\"title\":null,\"event_type\":null,"
        "\"description\":null,\"notes\":null,\"host_notes\":null,\"link\":null,"
        "\"start\":null,\"end\":null,\"timezone\":null,\"previous_start\":null,"
        "\"previous_end\":null,\"location\":null,\"location_word\":null,"
        "\"previous_location\":null,\"previous_location_word\":null,\"join_url\":null,"
        "\"reschedule_url\":null,\"cancel_url\":null,\"manage_url\":null,\"reason\":null,"
        "\"by\":null,\"asked_to_rebook\":false,\"payment\":null,"
        "\"private\":{\"organizer_email\":false,\"notes\":false,\"details\":false},"
        "\"reply_to\":null,\"team\":null,\"organizer\":" NOBODY ",\"hosts\":[],"
        "\"previous_organizer\":" NOBODY ",\"stand_in\":" NOBODY ",\"attendees\":[],"
        "\"guests\":[],\"answers\":[],\"details\":[]}}");
    event_free(&event);
}

static void present_members_are_told_in_order(void **state)
{
    (void)state;
    struct person people[] = {{.name = "Ada \"Quote\" Example",
                                  .email = "ada@example.com",
                                  .phone = "+491",
                                  .timezone = "Europe/Berlin",
                                  .language = "de",
                                  .clock_form = CLOCK_FORM_24},
        {0}};
    const char *guests[] = {"gus@example.com"};
    struct answer answers[] = {
        {.question = "Why?", .word = "about", .answer = "Line\nline", .answer_word = "yes"}};
    struct person host = {.name = "Olga"};
    struct detail details[] = {{.word = "domain", .text = "example.org", .when = TIME_NONE},
        {.word = "expires", .when = 4000}};
    struct event event = empty_event();
    event.name = "invitee.created";
    event.known = true;
    event.kind = KIND_CREATED;
    event.sent_at = INT64_C(1795255199000);
    event.booking = (struct booking){.uid = "u",
        .previous_uid = "p",
        .group_uid = "g",
        .ical_uid = "i",
        .sequence = 3,
        .status = "active",
        .seat = "s",
        .places = 6,
        .places_taken = 2,
        .in_series = true,
        .series_count = 3,
        .series_frequency = "weekly",
        .series_interval = 1,
        .whole_series = true,
        .calendar_written = true,
        .title = "t",
        .event_type = "e",
        .description = "d",
        .notes = "n",
        .host_notes = "h",
        .link = "https://example.com/",
        .start = 0,
        .end = 1000,
        .timezone = "Europe/Berlin",
        .previous_start = 2000,
        .previous_end = 3999,
        .location = "l",
        .location_word = "in_person",
        .previous_location = "k",
        .previous_location_word = "zoom",
        .join_url = "j",
        .reschedule_url = "ru",
        .cancel_url = "cu",
        .manage_url = "mu",
        .reason = "r",
        .by = "b",
        .asked_to_rebook = true,
        .payment = "49.00 EUR, paid",
        .hide_organizer_email = true,
        .hide_notes = true,
        .hide_details = true,
        .reply_to = "desk@example.org",
        .team = "Sales",
        .organizer = host,
        .hosts = &host,
        .host_count = 1,
        .previous_organizer = {.name = "Piet"},
        .stand_in = {.name = "Sara"},
        .attendees = people,
        .attendee_count = 2,
        .guests = guests,
        .guest_count = 1,
        .answers = answers,
        .answer_count = 1,
        .details = details,
        .detail_count = 2};
    check(&event,
        "{\"id\":\"" ID "\",\"provider\":\"calendly\",\"event\":\"invitee.created\",\"known\":true,"
        "\"kind\":\"created\",\"reconciled\":false,\"received_at\":\"2026-11-21T10:00:00.123Z\","
        "\"sent_at\":\"2026-11-21T09:59:59.000Z\",\"booking\":{\"uid\":\"u\",\"previous_uid\":"
        "\"p\","
        "\"group_uid\":\"g\",\"ical_uid\":\"i\",\"sequence\":3,\"status\":\"active\",\"seat\":"
        "\"s\","
        "\"places\":6,\"places_taken\":2,\"series\":{\"count\":3,\"frequency\":\"weekly\","
        "\"interval\":1,\"whole\":true},\"calendar_written\":true,\"title\":\"t\","
        "\"event_type\":\"e\",\"description\":\"d\",\"notes\":\"n\",\"host_notes\":\"h\","
        "\"link\":\"https://example.com/\",\"start\":\"1970-01-01T00:00:00Z\","
        "\"end\":\"1970-01-01T00:00:01Z\",\"timezone\":\"Europe/Berlin\","
        "\"previous_start\":\"1970-01-01T00:00:02Z\",\"previous_end\":\"1970-01-01T00:00:03Z\","
        "\"location\":\"l\",\"location_word\":\"in_person\",\"previous_location\":\"k\","
        "\"previous_location_word\":\"zoom\",\"join_url\":\"j\",\"reschedule_url\":\"ru\","
        "\"cancel_url\":\"cu\",\"manage_url\":\"mu\",\"reason\":\"r\",\"by\":\"b\","
        "\"asked_to_rebook\":true,\"payment\":\"49.00 EUR, paid\","
        "\"private\":{\"organizer_email\":true,\"notes\":true,\"details\":true},"
        "\"reply_to\":\"desk@example.org\",\"team\":\"Sales\","
        "\"organizer\":" PERSON("\"Olga\"", "null", "null", "null", "null",
            "null") ","
                    "\"hosts\":[" PERSON("\"Olga\"", "null", "null", "null", "null",
                        "null") "],"
                                "\"previous_organizer\":" PERSON("\"Piet\"", "null", "null", "null",
                                    "null",
                                    "null") ","
                                            "\"stand_in\":" PERSON("\"Sara\"", "null", "null",
                                                "null", "null",
                                                "null") ","
                                                        "\"attendees\":[" PERSON(
                                                            "\"Ada \\\"Quote\\\" Example\"",
                                                            "\"ada@example.com\"", "\"+491\"",
                                                            "\"Europe/Berlin\"", "\"de\"",
                                                            "\"24\"") "," NOBODY
                                                                      "],\"guests\":[\"gus@example."
                                                                      "com\"],"
                                                                      "\"answers\":[{\"question\":"
                                                                      "\"Why?\",\"word\":\"about\","
                                                                      "\"answer\":\"Line\\nline\","
                                                                      "\"answer_word\":\"yes\"}]"
                                                                      ","
                                                                      "\"details\":[{\"word\":"
                                                                      "\"domain\",\"text\":"
                                                                      "\"example.org\",\"when\":"
                                                                      "null},"
                                                                      "{\"word\":\"expires\","
                                                                      "\"text\":null,\"when\":"
                                                                      "\"1970-01-01T00:00:04Z\"}]}"
                                                                      "}");
    event_free(&event);
}

static void kind_names_go_both_ways(void **state)
{
    (void)state;
    for (int i = 0; i < KINDS; i++) {
        enum event_kind kind;
        assert_true(event_kind_parse(event_kind_name((enum event_kind)i), &kind));
        assert_int_equal(kind, i);
    }
    enum event_kind kind;
    assert_false(event_kind_parse("Created", &kind));
    assert_false(event_kind_parse("", &kind));
    assert_string_equal(event_kind_name(KIND_NO_SHOW), "no_show");
    assert_string_equal(event_kind_name(KIND_OUT_OF_OFFICE), "out_of_office");
}

static size_t allocations_left;

static void *scarce_malloc(size_t size)
{
    if (allocations_left == 0)
        return NULL;
    allocations_left--;
    return malloc(size);
}

/* Every allocation in turn is the one that fails; the sanitizers watch for leaks. */
static void every_shortage_of_memory_is_told(void **state)
{
    (void)state;
    struct person people[] = {{.name = "Ada", .email = "ada@example.com"}};
    const char *guests[] = {"gus@example.com"};
    struct answer answers[] = {{.question = "Why?", .answer = "So"}};
    struct event event = empty_event();
    event.booking.attendees = people;
    event.booking.guests = guests;
    event.booking.answers = answers;
    event.booking.attendee_count = event.booking.guest_count = event.booking.answer_count = 1;
    cJSON *json = NULL;
    size_t failed = 0;
    for (size_t i = 0; !json && i < 1000; i++) {
        allocations_left = i;
        cJSON_InitHooks(&(cJSON_Hooks){.malloc_fn = scarce_malloc, .free_fn = free});
        json = event_to_json(&event);
        cJSON_InitHooks(NULL);
        failed += json == NULL;
    }
    assert_non_null(json);
    assert_in_range(failed, 60, 200);
    cJSON_Delete(json);
    event_free(&event);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(absent_members_are_null),
        cmocka_unit_test(present_members_are_told_in_order),
        cmocka_unit_test(kind_names_go_both_ways),
        cmocka_unit_test(every_shortage_of_memory_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
