/* The rules alone, from states that a ledger is seldom in: each row is a state, an event, and the
 * decision. What a ledger remembers from event to event is in ledger_rules_test. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "ledger/rules.h"

#define NONE TIME_NONE

static struct person ada = {.name = "Ada", .email = "ada@example.com"};

static struct event event_of(enum event_kind kind, const char *uid, int64_t sent)
{
    return (struct event){.provider = "calcom",
        .kind = kind,
        .received_at = sent,
        .sent_at = sent,
        .booking = {.uid = uid,
            .start = 5000,
            .end = 6000,
            .previous_start = NONE,
            .previous_end = NONE,
            .attendees = &ada,
            .attendee_count = 1}};
}

static struct booking_row row_of(const char *uid, enum booking_state state)
{
    return (struct booking_row){.provider = "calcom",
        .uid = uid,
        .state = state,
        .stamp = 100,
        .start = 5000,
        .end = 6000,
        .calendar_uid = uid,
        .sequence = state == STATE_NAMED ? -1 : 0,
        .born = 50,
        .changed = NONE};
}

/* "notify - confirmed 1 a; other cancelled 2 b owner customer" */
static void describe(const struct decision *d, struct buf *out)
{
    buf_printf(out, "%s%s %s %d %s", decision_result_name(d->result), d->late ? " late" : "",
        calendar_change_name(d->calendar), (int)d->sequence,
        d->calendar_uid ? d->calendar_uid : "none");
    for (size_t i = 0; i < d->other_count; i++) {
        const struct calendar_entry *other = &d->others[i];
        bool derived = strstr(other->calendar_uid, "@bookspool") != NULL;
        buf_printf(out, "; %s %s %d %s%s%s", other->uid, calendar_change_name(other->calendar),
            (int)other->sequence, derived ? "derived" : other->calendar_uid,
            other->owner ? " owner" : "", other->customer ? " customer" : "");
    }
    for (size_t i = 0; i < d->occurrence_count; i++)
        buf_printf(out, "; of %s %s %d", d->occurrences[i].uid,
            calendar_change_name(d->occurrences[i].calendar), (int)d->occurrences[i].sequence);
}

static struct rules_writes decide(
    const struct event *event, const struct rules_state *known, const char *wanted)
{
    struct decision decision;
    struct rules_writes writes;
    struct buf got = {0};
    decision_init(&decision);
    assert_true(rules_decide(event, known, event->received_at, 60000, &decision, &writes));
    describe(&decision, &got);
    if (strcmp(buf_text(&got), wanted) != 0)
        fail_msg("%s\n  and not %s", buf_text(&got), wanted);
    writes.own.calendar_uid = NULL; /* in the arena, maybe */
    buf_free(&got);
    decision_free(&decision);
    return writes;
}

/* ---- which step is known ---- */

static void steps_that_are_known(void **state)
{
    static const struct {
        enum event_kind kind;
        const char *seat;
        int64_t start;
        int own, previous; /* states; -1: not known */
        enum presence person;
        bool known;
    } rows[] = {
        {KIND_CREATED, NULL, 5000, -1, -1, PERSON_UNKNOWN, false},
        {KIND_CREATED, NULL, 5000, STATE_PENDING, -1, PERSON_UNKNOWN, false},
        {KIND_CREATED, NULL, 5000, STATE_ACCEPTED, -1, PERSON_UNKNOWN, true},
        {KIND_CREATED, NULL, 7000, STATE_ACCEPTED, -1, PERSON_UNKNOWN, false},
        {KIND_CREATED, NULL, NONE, STATE_ACCEPTED, -1, PERSON_UNKNOWN, true},
        {KIND_CREATED, NULL, 5000, STATE_CANCELLED, -1, PERSON_UNKNOWN, true},
        {KIND_RESCHEDULED, NULL, 5000, STATE_ACCEPTED, STATE_ACCEPTED, PERSON_UNKNOWN, false},
        {KIND_RESCHEDULED, NULL, 5000, STATE_ACCEPTED, STATE_PENDING, PERSON_UNKNOWN, false},
        {KIND_RESCHEDULED, NULL, 5000, STATE_ACCEPTED, STATE_MOVED, PERSON_UNKNOWN, true},
        {KIND_REQUESTED, NULL, 5000, STATE_NAMED, -1, PERSON_UNKNOWN, false},
        {KIND_REQUESTED, NULL, 5000, STATE_PENDING, -1, PERSON_UNKNOWN, true},
        {KIND_REQUESTED, NULL, 5000, STATE_REJECTED, -1, PERSON_UNKNOWN, true},
        {KIND_CANCELLED, NULL, 5000, STATE_ACCEPTED, -1, PERSON_UNKNOWN, false},
        {KIND_CANCELLED, NULL, 5000, STATE_MOVED, -1, PERSON_UNKNOWN, true},
        {KIND_CANCELLED, "s", 5000, STATE_ACCEPTED, -1, PERSON_PRESENT, false},
        {KIND_CANCELLED, "s", 5000, STATE_ACCEPTED, -1, PERSON_GONE, true},
        {KIND_CREATED, "s", 5000, STATE_ACCEPTED, -1, PERSON_UNKNOWN, false},
        {KIND_CREATED, "s", 5000, STATE_ACCEPTED, -1, PERSON_PRESENT, true},
        {KIND_CREATED, "s", 5000, STATE_CANCELLED, -1, PERSON_UNKNOWN, true},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct event event = event_of(rows[i].kind, "b", 200);
        struct booking_row own = row_of("b", rows[i].own < 0 ? 0 : (enum booking_state)rows[i].own);
        struct booking_row previous =
            row_of("a", rows[i].previous < 0 ? 0 : (enum booking_state)rows[i].previous);
        const struct rules_state known = {.own = rows[i].own < 0 ? NULL : &own,
            .previous = rows[i].previous < 0 ? NULL : &previous,
            .person = rows[i].person};
        event.booking.seat = rows[i].seat;
        event.booking.start = rows[i].start;
        if (rules_is_step_known(&event, &known) != rows[i].known)
            fail_msg("row %zu", i);
    }
}

static void who_asks_for_the_same_entry(void **state)
{
    struct event event = event_of(KIND_CREATED, "b", 200);
    struct booking_row own = row_of("b", STATE_NAMED);
    (void)state;
    assert_false(rules_asks_same_entry(&event, NULL, NULL));
    event.booking.ical_uid = "x";
    assert_true(rules_asks_same_entry(&event, NULL, NULL));
    assert_true(rules_asks_same_entry(&event, &own, NULL));
    assert_false(rules_asks_same_entry(&event, NULL, "a"));
    own.sequence = 0;
    assert_false(rules_asks_same_entry(&event, &own, NULL));
    own = row_of("b", STATE_ACCEPTED);
    assert_false(rules_asks_same_entry(&event, &own, NULL));
    event.booking.in_series = true;
    assert_false(rules_asks_same_entry(&event, NULL, NULL));
}

static void an_instant_meeting_is_a_booking_when_accepted(void **state)
{
    struct event event = event_of(KIND_INSTANT, "b", 200);
    (void)state;
    assert_false(rules_about_booking(&event));
    event.booking.status = "awaiting";
    assert_false(rules_about_booking(&event));
    event.booking.status = "accepted";
    assert_true(rules_about_booking(&event));
    event.booking.start = NONE;
    assert_false(rules_about_booking(&event));
    event.booking.start = 5000;
    event.booking.uid = NULL;
    assert_false(rules_about_booking(&event));
}

/* ---- changes of what waits ---- */

static void a_change_while_it_is_pending(void **state)
{
    struct event event = event_of(KIND_LOCATION_CHANGED, "b", 200);
    struct booking_row own = row_of("b", STATE_PENDING);
    const struct rules_state known = {.own = &own};
    (void)state;
    struct rules_writes writes = decide(&event, &known, "notify tentative 1 b");
    assert_int_equal(writes.own.state, STATE_PENDING);
    own.previous_uid = "a"; /* a request to move has no entry of its own */
    decide(&event, &known, "notify untouched 0 b");
    own.previous_uid = NULL;
    own.stamp = 300;
    decide(&event, &known, "notify late untouched 0 b");
}

/* Under another iCalUID after that, the old entry ends and the new one begins. */
static void a_change_with_another_provider_uid(void **state)
{
    struct event event = event_of(KIND_REASSIGNED, "b", 200);
    struct booking_row own = row_of("b", STATE_ACCEPTED);
    const struct rules_state known = {.own = &own};
    (void)state;
    own.calendar_uid = own.ical_uid = "old@Cal.com";
    own.sequence = 3;
    event.booking.ical_uid = "new@Cal.com";
    decide(
        &event, &known, "notify confirmed 1 new@Cal.com; b cancelled 4 old@Cal.com owner customer");
    own.calendar_uid = "derived"; /* the entry had another one anyway */
    decide(&event, &known, "notify confirmed 4 derived");
    event.booking.ical_uid = NULL;
    decide(&event, &known, "notify confirmed 4 derived");
}

static void other_times_of_an_older_event(void **state)
{
    struct event event = event_of(KIND_RESCHEDULED, "b", 90);
    struct booking_row own = row_of("b", STATE_ACCEPTED);
    const struct rules_state known = {.own = &own};
    (void)state;
    decide(&event, &known, "notify confirmed 1 b"); /* the same times */
    event.booking.end = 7000;
    decide(&event, &known, "notify late untouched 0 b");
    event.booking.end = event.booking.start = NONE;
    decide(&event, &known, "notify confirmed 1 b");
    own.changed = 95; /* a newer change of the place */
    decide(&event, &known, "notify late untouched 0 b");
    own.changed = 80;
    decide(&event, &known, "notify confirmed 1 b");
}

/* ---- one entry and two bookings ---- */

static void the_entry_of_another_booking(void **state)
{
    struct event event = event_of(KIND_CREATED, "b", 200);
    struct booking_row other = row_of("a", STATE_ACCEPTED);
    const struct rules_state known = {.same_entry = &other};
    (void)state;
    event.booking.ical_uid = other.calendar_uid = "x@Cal.com";
    other.stamp = 300;
    other.previous_uid = "b"; /* it may continue this one: only the link is missing */
    decide(&event, &known, "notify late untouched 0 x@Cal.com");
    other.stamp = NONE;
    other.previous_uid = NULL;
    struct rules_writes writes = {0};
    struct decision decision;
    decision_init(&decision);
    assert_true(rules_decide(&event, &known, 200, 60000, &decision, &writes));
    assert_int_equal(decision.calendar, CALENDAR_CONFIRMED); /* two bookings, two entries */
    assert_non_null(strstr(decision.calendar_uid, "@bookspool"));
    decision_free(&decision);
}

static void a_move_of_what_moved_elsewhere(void **state)
{
    struct event event = event_of(KIND_RESCHEDULED, "c", 200);
    struct booking_row previous = row_of("a", STATE_MOVED);
    const struct rules_state known = {.previous = &previous};
    (void)state;
    event.booking.previous_uid = "a";
    event.booking.ical_uid = "c@Cal.com";
    previous.replaced_by = "b"; /* not by this one, so its entry is that of b */
    struct rules_writes writes = decide(&event, &known, "notify confirmed 1 c@Cal.com");
    assert_string_equal(writes.previous.replaced_by, "b");
    previous.replaced_by = "c";
    decide(&event, &known, "notify confirmed 1 a");
}

static void a_move_from_an_entry_to_another(void **state)
{
    struct event event = event_of(KIND_RESCHEDULED, "b", 200);
    struct booking_row own = row_of("b", STATE_ACCEPTED), previous = row_of("a", STATE_ACCEPTED);
    const struct rules_state known = {.own = &own, .previous = &previous};
    (void)state;
    event.booking.previous_uid = "a";
    struct rules_writes writes =
        decide(&event, &known, "notify confirmed 1 b; a cancelled 1 a owner customer");
    assert_int_equal(writes.previous.state, STATE_MOVED);
    own.stamp = 300; /* a newer event is known, and the old entry has to go all the same */
    event.booking.start = 4000;
    decide(&event, &known, "notify late cancelled 1 a");
    event.booking.start = 5000;
    own.stamp = 100;
    previous.stamp = 500; /* the row keeps the newest stamp */
    writes = decide(&event, &known, "notify confirmed 1 b; a cancelled 1 a owner customer");
    assert_int_equal(writes.previous.stamp, 500);
}

/* ---- seats ---- */

static void a_seat_of_a_request(void **state)
{
    struct event event = event_of(KIND_CANCELLED, "b", 200);
    struct booking_row own = row_of("b", STATE_PENDING);
    struct rules_state known = {.own = &own, .others = 2};
    (void)state;
    event.booking.seat = "s";
    struct rules_writes writes = decide(&event, &known, "notify tentative 1 b");
    assert_int_equal(writes.own.state, STATE_PENDING);
    assert_true(writes.left);
    event.booking.places_taken = 5; /* the body counts more than is known */
    struct decision decision;
    decision_init(&decision);
    assert_true(rules_decide(&event, &known, 200, 60000, &decision, &writes));
    assert_int_equal(decision.taken, 5);
    decision_free(&decision);
    known.others = 0;
    event.booking.places_taken = 0;
    writes = decide(&event, &known, "notify cancelled 1 b");
    assert_int_equal(writes.own.state, STATE_EMPTY);
    event.booking.places_taken = 1;
    writes = decide(&event, &known, "notify tentative 1 b");
    known.person = PERSON_GONE;
    known.person_stamp = 100;
    decide(&event, &known, "notify untouched 0 b");
}

static void one_seat_of_a_request_moves(void **state)
{
    struct event event = event_of(KIND_RESCHEDULED, "b", 200);
    struct booking_row previous = row_of("a", STATE_PENDING);
    struct rules_state known = {.previous = &previous, .previous_others = 2};
    (void)state;
    event.booking.previous_uid = "a";
    event.booking.seat = "s";
    event.booking.ical_uid = "b@Cal.com";
    struct rules_writes writes = decide(&event, &known,
        "notify confirmed 1 b@Cal.com; a cancelled 1 a customer; a tentative 1 a owner");
    assert_true(writes.left_previous);
    assert_int_equal(writes.previous.state, STATE_PENDING);
    previous.state = STATE_CANCELLED; /* nobody is left there */
    writes = decide(&event, &known, "notify confirmed 1 a");
    assert_false(writes.left_previous);
}

/* ---- group events ---- */

static void a_move_out_of_a_group_and_into_one(void **state)
{
    struct event event = event_of(KIND_RESCHEDULED, "b", 200);
    struct booking_row previous = row_of("a", STATE_ACCEPTED);
    struct rules_state known = {.previous = &previous,
        .group = {.sequence = -1},
        .previous_group = {.sequence = 4, .others = 1}};
    (void)state;
    event.booking.previous_uid = "a";
    previous.group_uid = "g1";
    struct rules_writes writes =
        decide(&event, &known, "notify confirmed 1 a; g1 confirmed 5 derived owner");
    assert_int_equal(writes.previous_group_sequence, 5);
    known.previous_group.others = 0;
    decide(&event, &known, "notify confirmed 1 a; g1 cancelled 5 derived owner");
    event.booking.group_uid = "g2";
    event.booking.places = 3;
    decide(&event, &known,
        "notify confirmed 1 a; g2 confirmed 0 derived owner; g1 cancelled 5 derived owner");
    event.booking.group_uid = "g1"; /* within one group event */
    writes = decide(&event, &known, "notify confirmed 1 a; g1 confirmed 0 derived owner");
    assert_int_equal(writes.previous_group_sequence, -1);
    event.booking.group_uid = "g2";
    previous.group_uid = NULL;
    decide(&event, &known,
        "notify confirmed 1 a; g2 confirmed 0 derived owner; a cancelled 1 a owner");
}

static void the_group_that_somebody_leaves(void **state)
{
    struct event event = event_of(KIND_CANCELLED, "b", 200);
    struct booking_row own = row_of("b", STATE_ACCEPTED);
    struct rules_state known = {.own = &own, .group = {.sequence = 2, .others = 1}};
    (void)state;
    event.booking.group_uid = own.group_uid = "g";
    decide(&event, &known, "notify cancelled 1 b; g confirmed 3 derived owner");
    event.booking.places = 4; /* the body's own count, which is of the others alone */
    decide(&event, &known, "notify cancelled 1 b; g cancelled 3 derived owner");
    event.booking.places_taken = 2;
    event.booking.start = event.booking.end = NONE;
    decide(&event, &known, "notify cancelled 1 b; g confirmed 3 derived owner");
    own.state = STATE_CANCELLED;
    own.replaced_by = "c";
    decide(&event, &known, "notify late untouched 0 b");
}

/* ---- series ---- */

static void a_series_goes_along(void **state)
{
    struct event event = event_of(KIND_CANCELLED, "b", 200);
    struct booking_row own = row_of("b", STATE_ACCEPTED);
    struct booking_row rows[] = {row_of("d", STATE_ACCEPTED), row_of("c", STATE_ACCEPTED),
        row_of("past", STATE_ACCEPTED), row_of("asked", STATE_PENDING)};
    struct rules_state known = {.own = &own, .series = rows, .series_count = 4};
    (void)state;
    event.booking.whole_series = true;
    rows[0].start = NONE;
    rows[0].stamp = NONE;
    rows[1].stamp = 300; /* newer than the event */
    rows[2].start = 150;
    struct rules_writes writes = decide(&event, &known,
        "notify cancelled 1 b; of d cancelled 1; of asked cancelled 1; of b cancelled 1; of c "
        "cancelled 1");
    assert_int_equal(writes.series_count, 3);
    event = event_of(KIND_CREATED, "b", 200);
    event.booking.whole_series = true;
    own.state = STATE_PENDING;
    rows[1].state = STATE_PENDING;
    rows[1].previous_uid = "x"; /* a request to move is answered by itself */
    writes = decide(&event, &known, "notify confirmed 1 b; of asked confirmed 1; of b confirmed 1");
    assert_int_equal(writes.series_count, 1);
    event.booking.start = event.booking.end = NONE;
    decide(&event, &known, "notify confirmed 1 b; of asked confirmed 1; of b confirmed 1");
    known.series_count = 0;
    decide(&event, &known, "notify confirmed 1 b");
}

/* ---- ends ---- */

static void ends_of_what_was_not_known(void **state)
{
    struct event event = event_of(KIND_REJECTED, "b", 200);
    struct booking_row own = row_of("b", STATE_PENDING), previous = row_of("a", STATE_ACCEPTED);
    struct rules_state known = {0};
    (void)state;
    event.booking.ical_uid = "b@Cal.com";
    decide(&event, &known, "notify cancelled 1 b@Cal.com");
    event.booking.previous_uid = "a";
    known.previous = &previous; /* a request to move: the old entry stays */
    struct rules_writes writes = decide(&event, &known, "notify untouched 0 a");
    assert_int_equal(writes.own.state, STATE_REJECTED);
    assert_false(writes.previous_changed);
    event = event_of(KIND_CANCELLED, "b", 200);
    known = (struct rules_state){.own = &own};
    decide(&event, &known, "notify cancelled 1 b");
    own.previous_uid = "a";
    decide(&event, &known, "notify untouched 0 b");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(steps_that_are_known),
        cmocka_unit_test(who_asks_for_the_same_entry),
        cmocka_unit_test(an_instant_meeting_is_a_booking_when_accepted),
        cmocka_unit_test(a_change_while_it_is_pending),
        cmocka_unit_test(a_change_with_another_provider_uid),
        cmocka_unit_test(other_times_of_an_older_event),
        cmocka_unit_test(the_entry_of_another_booking),
        cmocka_unit_test(a_move_of_what_moved_elsewhere),
        cmocka_unit_test(a_move_from_an_entry_to_another),
        cmocka_unit_test(a_seat_of_a_request),
        cmocka_unit_test(one_seat_of_a_request_moves),
        cmocka_unit_test(a_move_out_of_a_group_and_into_one),
        cmocka_unit_test(the_group_that_somebody_leaves),
        cmocka_unit_test(a_series_goes_along),
        cmocka_unit_test(ends_of_what_was_not_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
