/* What makes a fact: the digest of an event. When facts repeat each other is in ledger_rules_test.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "ledger/fact.h"

static void digest_of(const struct event *event, char out[ID_SIZE])
{
    struct arena arena = {0};
    struct fact of;
    assert_true(fact_of(event, &arena, &of));
    memcpy(out, of.digest, ID_SIZE);
    arena_free(&arena);
}

static void differs(struct event *event, const char *before, const char *what)
{
    char now[ID_SIZE];
    digest_of(event, now);
    if (strcmp(now, before) == 0)
        fail_msg("%s is no part of the fact", what);
}

/* Sets each field to another value and back again. */
static void every_field_is_part_of_a_fact(void **state)
{
    struct person person = {.name = "n", .email = "e", .timezone = "z"};
    struct answer answer = {.question = "q", .answer = "a"};
    struct person host = {.name = "h"};
    struct detail detail = {.word = "d", .text = "t", .when = 5};
    const char *guest = "g";
    struct event event = {.kind = KIND_CREATED, .name = "N", .sent_at = 1, .received_at = 2};
    struct booking *b = &event.booking;
    b->attendees = &person, b->answers = &answer, b->guests = &guest;
    b->hosts = &host, b->details = &detail, b->in_series = true;
    b->attendee_count = b->answer_count = b->guest_count = b->host_count = b->detail_count = 1;
    const char **texts[] = {&event.name, &b->uid, &b->previous_uid, &b->ical_uid, &b->status,
        &b->seat, &b->title, &b->event_type, &b->description, &b->link, &b->timezone, &b->location,
        &b->join_url, &b->reason, &b->by, &b->payment, &b->organizer.name, &b->organizer.email,
        &b->organizer.timezone, &person.name, &person.email, &person.timezone, &answer.question,
        &answer.word, &answer.answer, &guest, &b->group_uid, &b->series_frequency, &b->notes,
        &b->host_notes, &b->location_word, &b->previous_location, &b->previous_location_word,
        &b->reschedule_url, &b->cancel_url, &b->manage_url, &b->reply_to, &b->team,
        &b->previous_organizer.name, &b->stand_in.name, &host.name, &person.written_email,
        &person.phone, &person.language, &detail.word, &detail.text};
    int64_t *numbers[] = {&b->sequence, &b->start, &b->end, &b->previous_start, &b->previous_end,
        &b->places, &b->places_taken, &b->series_count, &b->series_interval, &detail.when};
    bool *flags[] = {&b->asked_to_rebook, &b->whole_series, &b->calendar_written,
        &b->hide_organizer_email, &b->hide_notes, &b->hide_details};
    char before[ID_SIZE];
    (void)state;
    digest_of(&event, before);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        const char *kept = *texts[i];
        *texts[i] = "another";
        differs(&event, before, "a text");
        *texts[i] = kept;
    }
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        *numbers[i] += 7;
        differs(&event, before, "a number");
        *numbers[i] -= 7;
    }
    for (size_t i = 0; i < sizeof flags / sizeof *flags; i++) {
        *flags[i] = true;
        differs(&event, before, "a flag");
        *flags[i] = false;
    }
    b->guest_count = 0;
    differs(&event, before, "the number of guests");
    b->guest_count = 1;
    event.sent_at = event.received_at = 99;
    event.reconciled = true; /* the webhook of the same change may come later */
    char now[ID_SIZE];
    digest_of(&event, now);
    assert_string_equal(now, before);
    /* A field that is new in the event must come into the digest, and into this test. */
    cJSON *json = event_to_json(&event);
    assert_int_equal(cJSON_GetArraySize(json), 9);
    assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(json, "booking")), 45);
    cJSON_Delete(json);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_field_is_part_of_a_fact),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
