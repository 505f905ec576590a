/* The providers' bodies, mapped, entered in the order in which they could come. */
#include "ledger_scene.h"
#include "provider_body.h"

struct life {
    const char *body; /* provider/NAME */
    const char *reason;
    enum calendar_change calendar;
    int64_t sequence;
    enum event_kind meaning;
    const char *previous_start;
    int later; /* seconds by which the body is sent later than it says */
};

#define OLD_START "2026-11-24T15:00:00Z"

/* clang-format off */
static const struct life calcom_life[] = {
    {"calcom/booking_requested.json", "first-report", CALENDAR_TENTATIVE, 0, KINDS, NULL, 0},
    {"calcom/booking_created.json", "first-report", CALENDAR_CONFIRMED, 1, KINDS, NULL, 1},
    {"calcom/booking_created.json", "repeated-fact", CALENDAR_UNTOUCHED, 0, KINDS, NULL, 2},
    {"calcom/booking_payment_initiated.json", "first-report", CALENDAR_UNTOUCHED, 0, KINDS, NULL, 3},
    {"calcom/booking_paid.json", "first-report", CALENDAR_UNTOUCHED, 0, KINDS, NULL, 4},
    {"calcom/booking_requested_move.json", "first-report", CALENDAR_UNTOUCHED, 0, KINDS, OLD_START, 5},
    {"calcom/booking_rescheduled.json", "first-report", CALENDAR_CONFIRMED, 2, KIND_RESCHEDULED, OLD_START, 6},
    {"calcom/booking_no_show_updated.json", "first-report", CALENDAR_UNTOUCHED, 0, KINDS, NULL, 7},
    {"calcom/booking_no_show_cleared.json", "first-report", CALENDAR_UNTOUCHED, 0, KINDS, NULL, 8},
    {"calcom/booking_no_show_updated.json", "first-report", CALENDAR_UNTOUCHED, 0, KINDS, NULL, 9},
    {"calcom/booking_cancelled.json", "late", CALENDAR_UNTOUCHED, 0, KINDS, NULL, 10},
    {"calcom/form_submitted.json", "first-report", CALENDAR_UNTOUCHED, 0, KINDS, NULL, 11},
    {"calcom/ooo_created.json", "first-report", CALENDAR_UNTOUCHED, 0, KINDS, NULL, 12},
    {"calcom/template_false.json", "first-report", CALENDAR_UNTOUCHED, 0, KINDS, NULL, 13},
    {0}};

static const struct life calcom_seats[] = {
    {"calcom/booking_created_seat.json", "first-report", CALENDAR_CONFIRMED, 0, KINDS, NULL, 0},
    {"calcom/booking_cancelled_seat.json", "first-report", CALENDAR_CANCELLED, 1, KINDS, NULL, 1},
    {"calcom/booking_cancelled_rebook.json", "first-report", CALENDAR_CANCELLED, 2, KINDS, NULL, 2},
    {"calcom/booking_rescheduled.json", "first-report", CALENDAR_CONFIRMED, 3, KIND_RESCHEDULED, OLD_START, 3},
    {0}};

static const struct life calendly_move[] = {
    {"calendly/invitee_canceled_moved.json", "partner-awaited", CALENDAR_UNTOUCHED, 0, KINDS, NULL, 0},
    {"calendly/invitee_created_moved.json", "first-report", CALENDAR_CONFIRMED, 1, KIND_RESCHEDULED, OLD_START, 1},
    {"calendly/invitee_created_moved.json", "repeated-fact", CALENDAR_UNTOUCHED, 0, KINDS, NULL, 2},
    {"calendly/invitee_canceled_moved.json", "joined", CALENDAR_UNTOUCHED, 0, KINDS, NULL, 3},
    {"calendly/invitee_created.json", "late", CALENDAR_UNTOUCHED, 0, KINDS, NULL, -5},
    {"calendly/routing_form_submission_created.json", "first-report", CALENDAR_UNTOUCHED, 0, KINDS, NULL, 5},
    {0}};
/* clang-format on */

static void map(const char *name, int number, int later, struct event *event, struct buf *body)
{
    enum provider provider;
    char word[16];
    snprintf(word, sizeof word, "%.*s", (int)strcspn(name, "/"), name);
    assert_true(provider_parse(word, &provider));
    body_read(name, body);
    char id[ID_SIZE];
    snprintf(id, sizeof id, "%032x", number);
    const struct webhook webhook = {.provider = provider,
        .id = id,
        .received = SCENE_START + 1000 + number,
        .body = body->data,
        .length = body->len};
    assert_true(provider_map(&webhook, event));
    if (event->sent_at != TIME_NONE)
        event->sent_at += later * 1000;
}

static void check(const struct life *life, const struct decision *d)
{
    char when[TIME_TEXT] = "";
    if (d->previous_start != TIME_NONE)
        time_format(d->previous_start, when);
    if (strcmp(d->reason, life->reason) != 0 || d->calendar != life->calendar ||
        d->sequence != life->sequence ||
        strcmp(when, life->previous_start ? life->previous_start : "") != 0)
        fail_msg("%s (+%d): %s, calendar %d, sequence %lld, from \"%s\"", life->body, life->later,
            d->reason, (int)d->calendar, (long long)d->sequence, when);
}

static void enter_all(struct ledger *ledger, const struct life *life)
{
    for (int i = 0; life[i].body; i++) {
        struct event event;
        struct decision decision;
        struct buf body = {0};
        map(life[i].body, i + 1, life[i].later, &event, &body);
        scene_enter(ledger, &event, event.received_at, &decision);
        check(&life[i], &decision);
        assert_int_equal(decision.meaning == KINDS ? event.kind : decision.meaning,
            life[i].meaning == KINDS ? event.kind : life[i].meaning);
        decision_free(&decision);
        event_free(&event);
        buf_free(&body);
    }
}

static void bodies_follow_a_booking_s_life(void **state)
{
    static const struct life *const lives[] = {calcom_life, calcom_seats, calendly_move};
    (void)state;
    for (size_t i = 0; i < sizeof lives / sizeof *lives; i++) {
        struct ledger *ledger = scene_ledger();
        enter_all(ledger, lives[i]);
        ledger_close(ledger);
    }
}

/* The entry keeps the UID that the provider's own invitation has, and else one of our making. */
static void calendar_uid_is_one_for_a_chain(void **state)
{
    static const char *const bodies[] = {"calcom/booking_created.json",
        "calcom/booking_rescheduled.json", "calendly/invitee_created.json",
        "calendly/invitee_created_moved.json"};
    struct ledger *ledger = scene_ledger();
    char uid[4][128];
    (void)state;
    for (int i = 0; i < 4; i++) {
        struct event event;
        struct decision decision;
        struct buf body = {0};
        map(bodies[i], i + 1, i, &event, &body);
        scene_enter(ledger, &event, event.received_at, &decision);
        snprintf(uid[i], sizeof uid[i], "%s", decision.calendar_uid);
        decision_free(&decision);
        event_free(&event);
        buf_free(&body);
    }
    assert_string_equal(uid[0], "exampleBooking11111111@Cal.com");
    assert_string_equal(uid[1], uid[0]);
    assert_int_equal(strspn(uid[2], "0123456789abcdef"), ID_LEN);
    assert_string_equal(uid[2] + ID_LEN, "@bookspool");
    assert_string_equal(uid[3], uid[2]);
    ledger_close(ledger);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bodies_follow_a_booking_s_life),
        cmocka_unit_test(calendar_uid_is_one_for_a_chain),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
