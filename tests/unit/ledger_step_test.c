/* A reconciled event and the webhook of the same step, in both orders: ledger/step.h. */
#include "ledger_scene.h"

#include "ledger/step.h"
#include "spool/record.h"

/* clang-format off */
#define NEW    KIND_CREATED
#define MOVE   KIND_RESCHEDULED
#define CANCEL KIND_CANCELLED
/* clang-format on */

/* One event; `webhook`: what the webhook of the same step says besides. */
struct line {
    enum event_kind kind;
    const char *uid, *previous, *status, *seat, *who;
    bool reconciled;
    int sent, start;
    enum decision_result result;
    const char *reason;
};

static int play(struct ledger *ledger, const struct line *lines)
{
    int mails = 0;
    for (int i = 0; lines[i].uid; i++) {
        const struct line *l = &lines[i];
        const struct step step = {.kind = l->kind,
            .uid = l->uid,
            .previous = l->previous,
            .status = l->status,
            .seat = l->seat,
            .who = l->who,
            .name = l->kind == CANCEL ? "it.ended" : "it.began",
            .sent = l->sent,
            .start = l->start,
            /* the bodies differ */
            .reason = l->reconciled ? NULL : "as the webhook says",
            .calendly = true};
        struct event event;
        struct decision decision;
        scene_event(&step, i + 1, &event);
        event.reconciled = l->reconciled;
        scene_enter(ledger, &event, event.received_at + 2 * SCENE_MOVE_WAIT, &decision);
        if (decision.result != l->result || strcmp(decision.reason, l->reason) != 0)
            fail_msg("line %d: %s (%s), not %s (%s)", i + 1, decision_result_name(decision.result),
                decision.reason, decision_result_name(l->result), l->reason);
        mails += decision.result == DECISION_NOTIFY;
        decision_free(&decision);
        event_free(&event);
    }
    return mails;
}

static void play_all(const struct line *lines, int wanted)
{
    struct ledger *ledger = scene_ledger();
    assert_int_equal(play(ledger, lines), wanted);
    ledger_close(ledger);
}

#define YES   DECISION_NOTIFY, "first-report"
#define KNOWN DECISION_SUPPRESS, "known-already"
#define AGAIN DECISION_SUPPRESS, "repeated-fact"
#define SAME  DECISION_SUPPRESS, "reconciled"

static void a_booking_is_one_fact_in_both_orders(void **state)
{
    (void)state;
    play_all((const struct line[]){{NEW, "a", .start = 9, .sent = 1, .result = YES},
                 {NEW, "a", .start = 9, .reconciled = true, .sent = 0, .result = KNOWN}, {0}},
        1);
    play_all((const struct line[]){{NEW, "a", .start = 9, .reconciled = true, .result = YES},
                 {NEW, "a", .start = 9, .sent = 1, .result = SAME},
                 {NEW, "a", .start = 9, .sent = 2, .result = SAME}, {0}},
        1);
}

static void a_cancellation_is_one_fact_in_both_orders(void **state)
{
    (void)state;
    play_all((const struct line[]){{NEW, "a", .start = 9, .result = YES},
                 {CANCEL, "a", .start = 9, .sent = 5, .result = YES},
                 {CANCEL, "a", .start = 9, .reconciled = true, .sent = 4, .result = KNOWN}, {0}},
        2);
    play_all((const struct line[]){{NEW, "a", .start = 9, .result = YES},
                 {CANCEL, "a", .start = 9, .reconciled = true, .sent = 4, .result = YES},
                 {CANCEL, "a", .start = 9, .sent = 5, .result = SAME}, {0}},
        2);
}

static void a_move_is_one_fact_in_both_orders(void **state)
{
    (void)state;
    play_all((const struct line[]){{NEW, "a", .start = 9, .result = YES},
                 {MOVE, "b", "a", .start = 10, .sent = 5, .result = YES},
                 {CANCEL, "a", .status = "moved", .start = 9, .sent = 5,
                     .result = DECISION_SUPPRESS, "joined"},
                 {MOVE, "b", "a", .start = 10, .reconciled = true, .sent = 4, .result = KNOWN},
                 {CANCEL, "a", .status = "moved", .start = 9, .reconciled = true, .sent = 4,
                     .result = KNOWN},
                 {0}},
        2);
    play_all((const struct line[]){{NEW, "a", .start = 9, .result = YES},
                 {MOVE, "b", "a", .start = 10, .reconciled = true, .sent = 4, .result = YES},
                 {CANCEL, "a", .status = "moved", .start = 9, .reconciled = true, .sent = 4,
                     .result = KNOWN},
                 {MOVE, "b", "a", .start = 10, .sent = 5, .result = SAME},
                 {CANCEL, "a", .status = "moved", .start = 9, .sent = 5,
                     .result = DECISION_SUPPRESS, "joined"},
                 {0}},
        2);
}

/* The half of a move whose other half is nowhere was mailed by itself. */
static void a_half_that_was_mailed_alone_is_not_mailed_again(void **state)
{
    (void)state;
    play_all((const struct line[]){{NEW, "a", .start = 9, .result = YES},
                 {CANCEL, "a", .status = "moved", .start = 9, .reconciled = true, .sent = 4,
                     .result = DECISION_NOTIFY, "partner-missing"},
                 {CANCEL, "a", .status = "moved", .start = 9, .sent = 5, .result = SAME}, {0}},
        2);
}

/* A move whose creation was not seen is news, although its end is known. */
static void a_move_of_a_live_booking_is_news(void **state)
{
    (void)state;
    play_all(
        (const struct line[]){{NEW, "a", .start = 9, .result = YES},
            {CANCEL, "b", .start = 10, .sent = 6, .result = YES},
            {MOVE, "b", "a", .start = 10, .reconciled = true, .sent = 4, .result = DECISION_NOTIFY,
                "late"},
            {MOVE, "b", "a", .start = 10, .reconciled = true, .sent = 3, .result = AGAIN}, {0}},
        3);
}

static void each_seat_is_a_fact_of_its_own(void **state)
{
    (void)state;
    play_all(
        (const struct line[]){
            {NEW, "a", .seat = "1", .who = "ada@example.com", .start = 9, .result = YES},
            {NEW, "a", .seat = "2", .who = "bea@example.com", .start = 9, .reconciled = true,
                .result = YES},
            {NEW, "a", .seat = "1", .who = "ada@example.com", .start = 9, .reconciled = true,
                .result = KNOWN},
            {NEW, "a", .seat = "2", .who = "bea@example.com", .start = 9, .sent = 3,
                .result = SAME},
            {NEW, "a", .seat = "3", .who = "cem@example.com", .start = 9, .sent = 3, .result = YES},
            {0}},
        3);
}

static void a_request_and_its_answers(void **state)
{
    (void)state;
    play_all(
        (const struct line[]){{KIND_REQUESTED, "a", .start = 9, .reconciled = true, .result = YES},
            {KIND_REQUESTED, "a", .start = 9, .sent = 1, .result = SAME},
            {NEW, "a", .start = 9, .reconciled = true, .sent = 2, .result = YES},
            {KIND_REQUESTED, "a", .start = 9, .reconciled = true, .sent = 0, .result = AGAIN},
            {NEW, "a", .start = 9, .sent = 3, .result = SAME}, {0}},
        2);
    play_all((const struct line[]){{KIND_REQUESTED, "a", .start = 9, .result = YES},
                 {KIND_REJECTED, "a", .start = 9, .reconciled = true, .sent = 2, .result = YES},
                 {KIND_REJECTED, "a", .start = 9, .sent = 3, .result = SAME}, {0}},
        2);
}

/* ---- what the ledger says before an event is entered ---- */

static struct ledger_look look_at(
    struct ledger *ledger, enum event_kind kind, const char *uid, const char *previous)
{
    const struct step step = {.kind = kind, .uid = uid, .previous = previous, .start = 9};
    struct event event;
    struct ledger_look look;
    scene_event(&step, 99, &event);
    event.provider = "calendly";
    event.reconciled = true;
    if (!ledger_look(ledger, &event, &look))
        fail_msg("%s", ledger_failure(ledger));
    event_free(&event);
    return look;
}

static void a_look_changes_nothing(void **state)
{
    (void)state;
    struct ledger *ledger = scene_ledger();
    struct buf before = {0}, after = {0};
    play(ledger, (const struct line[]){{NEW, "a", .start = 9, .result = YES}, {0}});
    scene_dump(ledger, &before);
    struct ledger_look look = look_at(ledger, NEW, "a", NULL);
    assert_true(look.known && look.own_live && !look.previous_live);
    look = look_at(ledger, MOVE, "b", "a");
    assert_true(!look.known && !look.own_live && look.previous_live);
    look = look_at(ledger, CANCEL, "a", NULL);
    assert_true(!look.known && look.own_live);
    scene_dump(ledger, &after);
    assert_string_equal(buf_text(&before), buf_text(&after));
    buf_free(&before);
    buf_free(&after);
    ledger_close(ledger);
}

static void bookings_of_one_event_are_counted(void **state)
{
    (void)state;
    struct ledger *ledger = scene_ledger();
    int64_t all, live;
    play(ledger, (const struct line[]){{NEW, "e1/invitees/a", .start = 9, .result = YES},
                     {NEW, "e1/invitees/b", .start = 9, .result = YES},
                     {NEW, "e11/invitees/a", .start = 9, .result = YES},
                     {CANCEL, "e1/invitees/b", .start = 9, .sent = 1, .result = YES}, {0}});
    assert_true(ledger_count(ledger, "calendly", "e1/invitees/", &all, &live));
    assert_int_equal(all, 2);
    assert_int_equal(live, 1);
    assert_true(ledger_count(ledger, "calcom", "e1/invitees/", &all, &live));
    assert_int_equal(all, 0);
    ledger_close(ledger);
}

/* ---- ids ---- */

static void id_of(struct step step, char id[ID_SIZE])
{
    struct event event;
    struct fact fact;
    scene_event(&step, 1, &event);
    assert_true(step_of(&event, &event.arena, &fact));
    assert_true(step_id("calcom", &fact, id));
    event_free(&event);
}

static void an_id_is_that_of_the_step(void **state)
{
    (void)state;
    char one[ID_SIZE], other[ID_SIZE];
    id_of((struct step){.kind = NEW, .uid = "a", .start = 9, .sent = 1}, one);
    assert_true(id_valid(one));
    id_of((struct step){.kind = NEW, .uid = "a", .start = 9, .sent = 7, .reason = "x"}, other);
    assert_string_equal(one, other);
    const struct step others[] = {{.kind = NEW, .uid = "b", .start = 9},
        {.kind = NEW, .uid = "a", .start = 10}, {.kind = CANCEL, .uid = "a", .start = 9},
        {.kind = KIND_REQUESTED, .uid = "a", .start = 9},
        {.kind = NEW, .uid = "a", .start = 9, .seat = "1", .who = "ada@example.com"}};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        id_of(others[i], other);
        assert_string_not_equal(one, other);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_booking_is_one_fact_in_both_orders),
        cmocka_unit_test(a_cancellation_is_one_fact_in_both_orders),
        cmocka_unit_test(a_move_is_one_fact_in_both_orders),
        cmocka_unit_test(a_half_that_was_mailed_alone_is_not_mailed_again),
        cmocka_unit_test(a_move_of_a_live_booking_is_news),
        cmocka_unit_test(each_seat_is_a_fact_of_its_own),
        cmocka_unit_test(a_request_and_its_answers),
        cmocka_unit_test(a_look_changes_nothing),
        cmocka_unit_test(bookings_of_one_event_are_counted),
        cmocka_unit_test(an_id_is_that_of_the_step),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
