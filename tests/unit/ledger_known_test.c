/* What is kept of a booking's details: one body over another, what an event lacks, and what it is
 * completed by. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/json.h"
#include "ledger/known.h"

static struct person ada = {.name = "Ada", .email = "ada@example.com", .phone = "+49 30 1"};
static struct person other_ada = {.email = "ADA@example.com",
    .written_email = "ADA@example.com",
    .timezone = "Asia/Tokyo",
    .language = "de",
    .clock_form = CLOCK_FORM_24};
static struct person zoe = {.name = "Zoe", .email = "zoe@example.com"};
static struct answer answers[] = {{.question = "Why?", .answer = "So", .answer_word = "w"}};
static const char *guests[] = {"guest@example.net"};

static struct event event_of(enum event_kind kind)
{
    return (struct event){.kind = kind,
        .known = true,
        .booking = {.uid = "a",
            .title = "Call",
            .start = TIME_NONE,
            .end = TIME_NONE,
            .previous_start = TIME_NONE,
            .previous_end = TIME_NONE}};
}

static void assert_details(const char *details, const char *member, const char *wanted)
{
    cJSON *root = details ? json_parse(details, strlen(details)) : NULL;
    const cJSON *found = json_path(root, member);
    char *print = found ? cJSON_PrintUnformatted(found) : NULL;
    if (wanted ? !print || strcmp(print, wanted) != 0 : print != NULL)
        fail_msg("%s: %s, wanted %s, in %s", member, print ? print : "none",
            wanted ? wanted : "none", details ? details : "none");
    cJSON_free(print);
    cJSON_Delete(root);
}

static const char *details_of(struct arena *arena, struct booking booking)
{
    struct event event = event_of(KIND_CREATED);
    const char *title = booking.title;
    booking.uid = "a";
    booking.title = title ? title : "Call";
    booking.previous_start = booking.previous_end = TIME_NONE;
    event.booking = booking;
    return known_merge(arena, NULL, &event, true);
}

static void which_bodies_tell(void **state)
{
    (void)state;
    for (enum event_kind kind = 0; kind < KINDS; kind++) {
        struct event event = event_of(kind);
        bool tells = kind == KIND_CREATED || kind == KIND_RESCHEDULED || kind == KIND_REQUESTED ||
                     kind == KIND_PAID || kind == KIND_LOCATION_CHANGED ||
                     kind == KIND_REASSIGNED || kind == KIND_INSTANT || kind == KIND_OTHER;
        assert_int_equal(known_tells(&event), tells);
        event.booking.title = NULL;
        assert_false(known_tells(&event));
        event.booking.title = "Call";
        event.booking.uid = NULL;
        assert_false(known_tells(&event));
    }
}

static void the_newer_body_goes_over_the_older(void **state)
{
    struct arena arena = {0};
    struct event event = event_of(KIND_CREATED);
    (void)state;
    const char *before = details_of(&arena, (struct booking){.title = "Old",
                                                .team = "Desk",
                                                .location = "Room 1",
                                                .start = 1000,
                                                .end = 2000,
                                                .organizer = zoe,
                                                .attendees = &ada,
                                                .attendee_count = 1,
                                                .hide_notes = true});
    event.booking.location_word = "zoom";
    event.booking.attendees = &other_ada;
    event.booking.attendee_count = 1;
    event.booking.organizer = ada;
    event.booking.answers = answers, event.booking.answer_count = 1;
    event.booking.guests = guests, event.booking.guest_count = 1;
    const char *newest = known_merge(&arena, before, &event, true);
    assert_details(newest, "title", "\"Call\"");
    assert_details(newest, "team", "\"Desk\"");
    assert_details(newest, "start", "1000");
    assert_details(newest, "location", NULL); /* a place goes with its word */
    assert_details(newest, "location_word", "\"zoom\"");
    assert_details(newest, "hide_notes", "true");
    assert_details(newest, "organizer.name", "\"Ada\"");
    assert_details(newest, "guests", "[\"guest@example.net\"]");
    assert_details(
        newest, "answers", "[{\"question\":\"Why?\",\"answer\":\"So\",\"answer_word\":\"w\"}]");
    assert_details(newest, "attendees",
        "[{\"name\":\"Ada\",\"email\":\"ADA@example.com\",\"written_email\":\"ADA@example.com\","
        "\"phone\":\"+49 30 1\",\"timezone\":\"Asia/Tokyo\",\"language\":\"de\","
        "\"clock_form\":2}]");
    const char *late = known_merge(&arena, before, &event, false);
    assert_details(late, "title", "\"Old\"");
    assert_details(late, "location", "\"Room 1\"");
    assert_details(late, "location_word", NULL);
    assert_details(late, "organizer.name", "\"Zoe\"");
    assert_details(late, "guests", "[\"guest@example.net\"]");
    event.kind = KIND_OTHER;
    event.known = false; /* nobody knows what its members mean */
    assert_string_equal(known_merge(&arena, before, &event, true), before);
    assert_details(known_merge(&arena, NULL, &event, true), "title", "\"Call\"");
    arena_free(&arena);
}

static void two_texts_are_joined(void **state)
{
    struct arena arena = {0};
    (void)state;
    const char *joined = known_join(&arena, "{\"title\":\"A\"}",
        "{\"title\":\"B\",\"team\":\"T\",\"previous_location\":\"L\"}");
    assert_details(joined, "title", "\"A\"");
    assert_details(joined, "team", "\"T\"");
    assert_details(joined, "previous_location", "\"L\"");
    assert_null(known_join(&arena, NULL, NULL));
    assert_null(known_join(&arena, "no JSON", "{}"));
    arena_free(&arena);
}

/* ---- what an event lacks ---- */

static void of_another_person_only_what_is_not_personal(void **state)
{
    struct arena arena = {0};
    struct event event = event_of(KIND_PAID);
    (void)state;
    const char *details = details_of(&arena, (struct booking){.notes = "mine",
                                                 .cancel_url = "https://x.example/cancel",
                                                 .join_url = "https://x.example/join",
                                                 .attendees = &ada,
                                                 .attendee_count = 1,
                                                 .answers = answers,
                                                 .answer_count = 1});
    const char *own = known_select(&arena, details, &event, true, NULL);
    const char *others = known_select(&arena, details, &event, false, "Europe/Berlin");
    assert_details(own, "notes", "\"mine\"");
    assert_details(own, "cancel_url", "\"https://x.example/cancel\"");
    assert_details(own, "attendees",
        "[{\"name\":\"Ada\",\"email\":\"ada@example.com\",\"phone\":\"+49 30 1\"}]");
    assert_details(others, "notes", NULL);
    assert_details(others, "cancel_url", NULL);
    assert_details(others, "attendees", NULL);
    assert_details(others, "answers", NULL);
    assert_details(others, "join_url", "\"https://x.example/join\"");
    assert_details(others, "organizer", "{\"timezone\":\"Europe/Berlin\"}");
    arena_free(&arena);
}

static void what_a_host_hides_stays_hidden(void **state)
{
    struct arena arena = {0};
    struct event event = event_of(KIND_CANCELLED);
    (void)state;
    const char *details = details_of(&arena, (struct booking){.hide_organizer_email = true,
                                                 .hide_notes = true,
                                                 .hide_details = true,
                                                 .reply_to = "desk@example.org"});
    const char *lacks = known_select(&arena, details, &event, true, NULL);
    assert_details(lacks, "hide_organizer_email", "true");
    assert_details(lacks, "hide_notes", "true");
    assert_details(lacks, "hide_details", "true");
    assert_details(lacks, "reply_to", "\"desk@example.org\"");
    assert_details(lacks, "title", NULL);
    event.booking.hide_organizer_email = event.booking.hide_notes = true;
    event.booking.hide_details = true;
    event.booking.reply_to = "own@example.org";
    assert_null(known_select(&arena, details, &event, true, NULL));
    arena_free(&arena);
}

static void the_place_and_the_host_before_a_change(void **state)
{
    static const struct {
        const char *was, *was_word, *was_url, *is, *is_url; /* the place */
        const char *named;                                  /* by the event itself */
        const char *wanted, *wanted_word;
    } rows[] = {
        {"Room 1", NULL, NULL, "Room 2", NULL, NULL, "\"Room 1\"", NULL},
        {"Room 1", "in_person", NULL, NULL, NULL, NULL, "\"Room 1\"", "\"in_person\""},
        {"Zoom", "zoom", "https://zoom.example/1", "Room 2", NULL, NULL,
            "\"https://zoom.example/1\"", NULL},
        {"Room 1", NULL, NULL, "x", "https://zoom.example/1", NULL, "\"Room 1\"", NULL},
        {"Room 1", NULL, NULL, "Room 1", NULL, NULL, NULL, NULL},
        {NULL, NULL, NULL, "Room 2", NULL, NULL, NULL, NULL},
        {"Room 1", NULL, NULL, "Room 2", NULL, "Room 0", NULL, NULL},
    };
    struct arena arena = {0};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct event event = event_of(KIND_LOCATION_CHANGED);
        event.booking.location = rows[i].is;
        event.booking.join_url = rows[i].is_url;
        event.booking.previous_location = rows[i].named;
        const char *details = details_of(&arena, (struct booking){.location = rows[i].was,
                                                     .location_word = rows[i].was_word,
                                                     .join_url = rows[i].was_url});
        const char *lacks = known_select(&arena, details, &event, true, NULL);
        assert_details(lacks, "previous_location", rows[i].wanted);
        assert_details(lacks, "previous_location_word", rows[i].wanted_word);
        event.booking.previous_location = NULL;
        event.booking.previous_location_word = "zoom";
        assert_null(known_select(&arena, details, &event, true, NULL));
        event.booking.previous_location_word = NULL;
        event.kind = KIND_RESCHEDULED;
        assert_null(known_select(&arena, details, &event, true, NULL));
    }
    struct event event = event_of(KIND_REASSIGNED);
    const char *details = details_of(&arena, (struct booking){.organizer = ada});
    event.booking.organizer = zoe;
    assert_details(
        known_select(&arena, details, &event, true, NULL), "previous_organizer.name", "\"Ada\"");
    event.booking.organizer = other_ada;
    assert_null(known_select(&arena, details, &event, true, NULL));
    event.booking.organizer = (struct person){0};
    assert_non_null(known_select(&arena, details, &event, true, NULL));
    arena_free(&arena);
}

/* ---- completing ---- */

static void an_event_is_completed(void **state)
{
    struct event event = event_of(KIND_PAID);
    struct person hosts[] = {zoe, ada};
    struct decision decision = {.known =
                                    "{\"title\":\"Old\",\"event_type\":\"Intro\",\"notes\":\"n\","
                                    "\"organizer\":{\"email\":\"ZOE@example.com\","
                                    "\"timezone\":\"Asia/Tokyo\"}}",
        .taken = 3};
    struct booking *b = &event.booking;
    (void)state;
    b->event_type = "https://api.example/event_types/1";
    b->organizer = zoe;
    b->hosts = hosts, b->host_count = 2;
    b->places = 5;
    ledger_complete(&decision, &event);
    assert_string_equal(b->title, "Call");
    assert_string_equal(b->notes, "n");
    assert_string_equal(b->event_type, "Intro");
    assert_string_equal(b->organizer.name, "Zoe");
    assert_string_equal(b->organizer.timezone, "Asia/Tokyo");
    assert_string_equal(b->hosts[0].timezone, "Asia/Tokyo");
    assert_null(b->hosts[1].timezone);
    assert_int_equal(b->places_taken, 3);
    decision.taken = 4; /* its own number counts */
    decision.known = "{\"event_type\":\"Other\"}";
    ledger_complete(&decision, &event);
    assert_int_equal(b->places_taken, 3);
    assert_string_equal(b->event_type, "Intro");
    b->event_type = "https://api.example/1";
    decision.known = "{\"event_type\":\"https://api.example/2\"}";
    ledger_complete(&decision, &event);
    assert_string_equal(b->event_type, "https://api.example/1");
    b->places = b->places_taken = 0;
    decision = (struct decision){.taken = 4};
    ledger_complete(&decision, &event);
    assert_int_equal(b->places_taken, 0);
    arena_free(&event.arena);
}

/* ---- words of a decision ---- */

static void words_and_back(void **state)
{
    enum decision_result result;
    enum calendar_change change;
    (void)state;
    for (enum decision_result r = DECISION_NOTIFY; r <= DECISION_DEFER; r++) {
        assert_true(decision_result_parse(decision_result_name(r), &result));
        assert_int_equal(result, r);
    }
    for (enum calendar_change c = CALENDAR_UNTOUCHED; c <= CALENDAR_CANCELLED; c++) {
        assert_true(calendar_change_parse(calendar_change_name(c), &change));
        assert_int_equal(change, c);
    }
    assert_false(decision_result_parse("mailed", &result) || decision_result_parse(NULL, &result));
    assert_false(calendar_change_parse("moved", &change) || calendar_change_parse(NULL, &change));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(which_bodies_tell),
        cmocka_unit_test(the_newer_body_goes_over_the_older),
        cmocka_unit_test(two_texts_are_joined),
        cmocka_unit_test(of_another_person_only_what_is_not_personal),
        cmocka_unit_test(what_a_host_hides_stays_hidden),
        cmocka_unit_test(the_place_and_the_host_before_a_change),
        cmocka_unit_test(an_event_is_completed),
        cmocka_unit_test(words_and_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
