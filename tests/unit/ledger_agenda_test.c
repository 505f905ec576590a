/* What the ledger has for a day, and which agendas were made. */
#include "ledger_scene.h"

#include "ledger/agenda.h"

enum { BEFORE = -400000, NOW = 3600 }; /* seconds after SCENE_START; `since` is SCENE_START */

static void enter(struct ledger *ledger, const struct step *steps, size_t count)
{
    static int number;
    for (size_t i = 0; i < count; i++) {
        struct event event;
        struct decision decision;
        scene_event(&steps[i], ++number, &event);
        event.booking.location = "Room 7";
        scene_enter(ledger, &event, event.received_at, &decision);
        decision_free(&decision);
        event_free(&event);
    }
}

static void add_list(struct buf *got, const char *name, const struct agenda_list *list)
{
    static const char *const changes[] = {"new", "moved", "changed", "cancelled", "declined", ""};
    buf_printf(got, "%s:", name);
    for (size_t i = 0; i < list->count; i++) {
        const struct agenda_item *item = &list->item[i];
        buf_printf(got, " %s%s@%d%s%s", item->uid, changes[item->change],
            (int)((item->start - SCENE_DAY) / SCENE_HOUR), item->request ? "?" : "",
            item->overlaps ? "!" : "");
        if (item->previous_start != TIME_NONE)
            buf_printf(got, "<%d", (int)((item->previous_start - SCENE_DAY) / SCENE_HOUR));
        if (item->others)
            buf_printf(got, "+%zu", item->others);
    }
    buf_putc(got, '\n');
}

static void check_list(const struct step *steps, size_t count, const char *wanted)
{
    struct ledger *ledger = scene_ledger();
    const struct agenda_span span = {.start = SCENE_DAY,
        .end = SCENE_DAY + 24 * SCENE_HOUR,
        .now = SCENE_START + NOW * 1000,
        .since = SCENE_START};
    struct agenda agenda;
    struct buf got = {0};
    enter(ledger, steps, count);
    if (!ledger_agenda(ledger, &span, &agenda))
        fail_msg("%s", ledger_failure(ledger));
    add_list(&got, "day", &agenda.bookings);
    add_list(&got, "requests", &agenda.requests);
    add_list(&got, "changes", &agenda.changes);
    assert_string_equal(buf_text(&got), wanted);
    agenda_free(&agenda);
    buf_free(&got);
    ledger_close(ledger);
}

#define CHECK(wanted, ...)                                                                         \
    do {                                                                                           \
        const struct step steps_[] = {__VA_ARGS__};                                                \
        check_list(steps_, sizeof steps_ / sizeof *steps_, wanted);                                \
    } while (0)

static void a_day_has_what_takes_time_of_it(void **state)
{
    (void)state;
    CHECK("day: night@-1 one@9 late@23\nrequests:\nchanges:\n",
        {KIND_CREATED, .uid = "one", .start = 9, .sent = BEFORE},
        {KIND_CREATED, .uid = "night", .start = -1, .minutes = 90, .sent = BEFORE},
        {KIND_CREATED, .uid = "eve", .start = -2, .minutes = 120, .sent = BEFORE},
        {KIND_CREATED, .uid = "late", .start = 23, .sent = BEFORE},
        {KIND_CREATED, .uid = "next", .start = 24, .sent = BEFORE},
        {KIND_CREATED, .uid = "off", .start = 10, .sent = BEFORE},
        {KIND_CANCELLED, .uid = "off", .start = 10, .sent = BEFORE + 9});
}

static void overlaps_are_of_one_organizer(void **state)
{
    (void)state;
    CHECK("day: a@9! b@9! c@9\nrequests:\nchanges:\n",
        {KIND_CREATED, .uid = "a", .start = 9, .minutes = 90, .sent = BEFORE},
        {KIND_CREATED, .uid = "b", .start = 9, .sent = BEFORE},
        {KIND_CREATED, .uid = "c", .start = 9, .organizer = "other@example.org", .sent = BEFORE});
    /* one that asks to move does not conflict with itself; what only touches does not overlap */
    CHECK("day: a@9 d@9? b@10\nrequests: d@9?\nchanges:\n",
        {KIND_CREATED, .uid = "a", .start = 9, .minutes = 60, .sent = BEFORE},
        {KIND_CREATED, .uid = "b", .start = 10, .sent = BEFORE},
        {KIND_REQUESTED, .uid = "d", .previous = "a", .start = 9, .sent = BEFORE + 9});
}

static void requests_wait_until_they_are_over(void **state)
{
    (void)state;
    CHECK("day: b@9?\nrequests: b@9? c@500?\nchanges: ddeclined@30\n",
        {KIND_REQUESTED, .uid = "a", .start = -100, .sent = BEFORE},
        {KIND_REQUESTED, .uid = "b", .start = 9, .sent = 10},
        {KIND_REQUESTED, .uid = "c", .start = 500, .sent = BEFORE},
        {KIND_REQUESTED, .uid = "d", .start = 30, .sent = BEFORE},
        {KIND_REJECTED, .uid = "d", .start = 30, .sent = 10});
}

static void changes_are_what_the_reader_does_not_know(void **state)
{
    (void)state;
    CHECK("day: known@9 new@10\nrequests:\nchanges: new"
          "new@10 gonecancelled@12 laternew@99\n",
        {KIND_CREATED, .uid = "known", .start = 9, .sent = BEFORE},
        {KIND_CREATED, .uid = "new", .start = 10, .sent = 10},
        {KIND_CREATED, .uid = "gone", .start = 12, .sent = BEFORE},
        {KIND_CANCELLED, .uid = "gone", .start = 12, .sent = 10},
        {KIND_CREATED, .uid = "later", .start = 99, .sent = 10},
        {KIND_CREATED, .uid = "over", .start = -3, .sent = 10},
        {KIND_CREATED, .uid = "future", .start = 50, .sent = NOW + 1});
}

static void a_move_is_told_from_the_time_that_was_known(void **state)
{
    (void)state;
    CHECK("day:\nrequests:\nchanges: cmoved@60<9 enew@61 gmoved@70<30\n",
        {KIND_CREATED, .uid = "a", .start = 9, .sent = BEFORE},
        {KIND_RESCHEDULED, .uid = "b", .previous = "a", .start = 40, .sent = 10},
        {KIND_RESCHEDULED, .uid = "c", .previous = "b", .start = 60, .sent = 20},
        {KIND_CREATED, .uid = "d", .start = 50, .sent = 10},
        {KIND_RESCHEDULED, .uid = "e", .previous = "d", .start = 61, .sent = 20},
        {KIND_RESCHEDULED, .uid = "g", .previous = "f", .start = 70, .old_start = 30, .sent = 20});
}

static void what_arrived_late_counts_by_its_arrival(void **state)
{
    (void)state;
    CHECK("day: a@9\nrequests:\nchanges: anew@9\n",
        {KIND_CREATED, .uid = "a", .start = 9, .sent = BEFORE, .came = 30});
}

static void invitees_of_one_meeting_are_one_item(void **state)
{
    (void)state;
    CHECK("day: e/invitees/1@9+1 s@11+1\nrequests:\nchanges:\n",
        {KIND_CREATED, .uid = "e/invitees/1", .calendly = true, .who = "a@example.org", .start = 9,
            .sent = BEFORE},
        {KIND_CREATED, .uid = "e/invitees/2", .calendly = true, .who = "b@example.org", .start = 9,
            .sent = BEFORE},
        {KIND_CREATED, .uid = "s", .seat = "1", .who = "a@example.org", .start = 11,
            .sent = BEFORE},
        {KIND_CREATED, .uid = "s", .seat = "2", .who = "b@example.org", .start = 11,
            .sent = BEFORE + 9});
}

static void an_organizer_has_what_is_the_organizers(void **state)
{
    (void)state;
    const struct step steps[] = {{KIND_CREATED, .uid = "a", .start = 9, .sent = 10},
        {KIND_CREATED, .uid = "b", .start = 10, .organizer = "Other@example.org", .sent = 10},
        {KIND_REQUESTED, .uid = "c", .start = 40, .organizer = "other@example.org", .sent = 10}};
    struct ledger *ledger = scene_ledger();
    struct agenda all, own;
    struct buf got = {0};
    enter(ledger, steps, 3);
    const struct agenda_span span = {
        SCENE_DAY, SCENE_DAY + 24 * SCENE_HOUR, SCENE_START + 60000, SCENE_START};
    assert_true(ledger_agenda(ledger, &span, &all));
    assert_true(agenda_of_organizer(&all, "OTHER@example.org", &own));
    add_list(&got, "day", &own.bookings);
    add_list(&got, "requests", &own.requests);
    add_list(&got, "changes", &own.changes);
    assert_string_equal(buf_text(&got), "day: b@10\nrequests: c@40?\nchanges: bnew@10\n");
    assert_string_equal(own.bookings.item[0].place, "Room 7");
    agenda_free(&own);
    agenda_free(&all);
    buf_free(&got);
    ledger_close(ledger);
}

/* b has two hosts, of whom one has a too, and the other c. */
static void each_host_has_what_they_share(void **state)
{
    (void)state;
    const struct step steps[] = {
        {KIND_CREATED, .uid = "a", .start = 9, .minutes = 60, .organizer = "one@example.org"},
        {KIND_CREATED, .uid = "b", .start = 9, .minutes = 60, .organizer = "one@example.org"},
        {KIND_CREATED, .uid = "c", .start = 9, .minutes = 60, .organizer = "two@example.org"}};
    struct person hosts[] = {{.email = "one@example.org"}, {.email = "Two@example.org"}};
    const struct agenda_span span = {
        SCENE_DAY, SCENE_DAY + 24 * SCENE_HOUR, SCENE_START + 60000, SCENE_START};
    struct ledger *ledger = scene_ledger();
    struct agenda all, own;
    for (int i = 0; i < 3; i++) {
        struct event event;
        struct decision decision;
        scene_event(&steps[i], 500 + i, &event);
        if (i == 1) {
            event.booking.hosts = hosts;
            event.booking.host_count = 2;
        }
        scene_enter(ledger, &event, event.received_at, &decision);
        decision_free(&decision);
        event_free(&event);
    }
    assert_true(ledger_agenda(ledger, &span, &all));
    static const struct {
        const char *host, *day;
    } rows[] = {{"one@example.org", "day: a@9! b@9!\n"}, {"TWO@example.org", "day: b@9! c@9!\n"},
        {"wo@example.org", "day:\n"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct buf got = {0};
        assert_true(agenda_of_organizer(&all, rows[i].host, &own));
        add_list(&got, "day", &own.bookings);
        assert_string_equal(buf_text(&got), rows[i].day);
        agenda_free(&own);
        buf_free(&got);
    }
    agenda_free(&all);
    ledger_close(ledger);
}

static void a_mark_is_kept(void **state)
{
    (void)state;
    struct ledger *ledger = scene_ledger();
    char id[ID_SIZE], same[ID_SIZE];
    bool known;
    /* printf 'agenda\0002027-01-18owner@example.org' | sha256sum */
    assert_true(agenda_id("2027-01-18", "Owner@Example.org", id));
    assert_true(agenda_id("2027-01-18", "owner@example.org", same));
    assert_string_equal(id, same);
    assert_string_equal(id, "6eafc59e6ba887964b74171029216d34");
    assert_true(ledger_agenda_known(ledger, id, &known));
    assert_false(known);
    for (int twice = 0; twice < 2; twice++) {
        assert_true(ledger_begin(ledger));
        assert_true(ledger_agenda_mark(ledger, id, "2027-01-18", "mailed", SCENE_START));
        assert_true(ledger_commit(ledger));
        assert_true(ledger_agenda_known(ledger, id, &known));
        assert_true(known);
    }
    assert_true(agenda_id("2027-01-19", "owner@example.org", same));
    assert_true(ledger_agenda_known(ledger, same, &known));
    assert_false(known);
    assert_true(ledger_begin(ledger)); /* a year and more later the old one goes */
    assert_true(
        ledger_agenda_mark(ledger, same, "2028-04-01", "empty", SCENE_START + 401 * MS_PER_DAY));
    assert_true(ledger_commit(ledger));
    assert_true(ledger_agenda_known(ledger, id, &known));
    assert_false(known);
    ledger_close(ledger);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_day_has_what_takes_time_of_it),
        cmocka_unit_test(overlaps_are_of_one_organizer),
        cmocka_unit_test(requests_wait_until_they_are_over),
        cmocka_unit_test(changes_are_what_the_reader_does_not_know),
        cmocka_unit_test(a_move_is_told_from_the_time_that_was_known),
        cmocka_unit_test(what_arrived_late_counts_by_its_arrival),
        cmocka_unit_test(invitees_of_one_meeting_are_one_item),
        cmocka_unit_test(an_organizer_has_what_is_the_organizers),
        cmocka_unit_test(each_host_has_what_they_share),
        cmocka_unit_test(a_mark_is_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
