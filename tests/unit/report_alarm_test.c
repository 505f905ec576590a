#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/json.h"
#include "report/alarm.h"

#define MINUTE INT64_C(60000)

static struct alarm_book book;
static struct alarm_targets targets;
static struct health health;
static int64_t now;
static bool mail_alone;

static void add_target(enum alarm_target_kind kind, const char *name)
{
    struct alarm_target *target = &targets.item[targets.count++];
    *target = (struct alarm_target){.kind = kind};
    strcpy(target->name, name);
}

static int begin(void **state)
{
    (void)state;
    book = (struct alarm_book){0};
    targets = (struct alarm_targets){0};
    health = (struct health){0};
    now = 1795255200000;
    mail_alone = false;
    add_target(ALARM_BY_POST, "https://example.org/hook");
    return 0;
}

static void set_check(const char *name, enum health_state state)
{
    struct health_check *check = NULL;
    for (size_t i = 0; i < health.count; i++)
        if (strcmp(health.check[i].name, name) == 0)
            check = &health.check[i];
    if (!check)
        check = &health.check[health.count++];
    *check = (struct health_check){.name = name,
        .provider = PROVIDERS,
        .state = state,
        .advice = state == HEALTH_PASS ? NULL : "repair it"};
    strcpy(check->text, state == HEALTH_PASS ? "all is well" : "it is broken");
}

/* Enters the health after so long; how many reports wait then. */
static size_t after(int64_t time)
{
    now += time;
    alarm_enter(&book, &health, &targets, mail_alone, now);
    return book.report_count;
}

static void check_last(enum alarm_change change, enum health_state state)
{
    const struct alarm_report *last = &book.report[book.report_count - 1];
    assert_int_equal(last->change, change);
    assert_int_equal(last->state, state);
    assert_int_equal(last->at, now);
}

static void a_change_is_reported_and_what_lasts_is_not(void **state)
{
    (void)state;
    set_check("spool:room", HEALTH_PASS);
    assert_int_equal(after(0), 0);
    set_check("spool:room", HEALTH_WARN);
    assert_int_equal(after(MINUTE), 1);
    check_last(ALARM_RAISED, HEALTH_WARN);
    for (int i = 0; i < 100; i++)
        assert_int_equal(after(MINUTE), 1);
    set_check("spool:room", HEALTH_FAIL);
    assert_int_equal(after(MINUTE), 2);
    check_last(ALARM_WORSE, HEALTH_FAIL);
    /* Better again, and worse again: known already. */
    set_check("spool:room", HEALTH_WARN);
    assert_int_equal(after(MINUTE), 2);
    set_check("spool:room", HEALTH_FAIL);
    assert_int_equal(after(MINUTE), 2);
    set_check("spool:room", HEALTH_PASS);
    assert_int_equal(after(MINUTE), 2);
    assert_int_equal(after(ALARM_CALM - 1), 2);
    assert_int_equal(after(1), 3);
    check_last(ALARM_CLEARED, HEALTH_PASS);
    assert_int_equal(book.alarm_count, 0);
    assert_int_equal(after(MINUTE), 3);
}

static void what_comes_and_goes_is_one_alarm(void **state)
{
    (void)state;
    for (int i = 0; i < 50; i++) {
        set_check("clock:skew", i % 2 ? HEALTH_PASS : HEALTH_WARN);
        assert_int_equal(after(MINUTE), 1);
    }
}

static void once_a_day_it_is_said_again(void **state)
{
    (void)state;
    set_check("held:count", HEALTH_WARN);
    assert_int_equal(after(0), 1);
    book.report_count = 0;
    assert_int_equal(after(ALARM_REMINDER - 1), 0);
    assert_int_equal(after(1), 1);
    check_last(ALARM_LASTS, HEALTH_WARN);
    assert_int_equal(book.report[0].since, now - ALARM_REMINDER);
}

static void a_clock_that_is_set_back_delays_it_by_a_day(void **state)
{
    (void)state;
    now += 365 * MS_PER_DAY;
    set_check("held:count", HEALTH_WARN);
    assert_int_equal(after(0), 1);
    now -= 365 * MS_PER_DAY;
    assert_int_equal(after(0), 1);
    assert_int_equal(after(ALARM_REMINDER - 1), 1);
    assert_int_equal(after(1), 2);
    check_last(ALARM_LASTS, HEALTH_WARN);
}

static void a_check_that_is_gone_clears(void **state)
{
    (void)state;
    set_check("webhook:silence", HEALTH_FAIL);
    assert_int_equal(after(0), 1);
    health.count = 0;
    after(MINUTE);
    assert_int_equal(after(ALARM_CALM), 2);
    check_last(ALARM_CLEARED, HEALTH_PASS);
}

static void each_provider_is_an_alarm_of_its_own(void **state)
{
    (void)state;
    set_check("webhook:silence", HEALTH_FAIL);
    health.check[0].provider = 0;
    health.check[1] = health.check[0];
    health.check[1].provider = 1;
    health.count = 2;
    assert_int_equal(after(0), 2);
    assert_string_equal(book.report[0].name, "webhook:silence:calcom");
    assert_string_equal(book.report[1].name, "webhook:silence:calendly");
    assert_string_not_equal(book.report[0].id, book.report[1].id);
    assert_true(id_is_alarm(book.report[0].id));
}

static void mail_does_not_report_on_itself(void **state)
{
    (void)state;
    add_target(ALARM_BY_MAIL, "mailto:ann@example.org");
    set_check("transport:blocked", HEALTH_FAIL);
    set_check("spool:room", HEALTH_FAIL);
    mail_alone = true;
    assert_int_equal(after(0), 3);
    for (size_t i = 0; i < 3; i++)
        assert_false(strcmp(book.report[i].name, "transport:blocked") == 0 &&
                     strncmp(book.report[i].target, "mailto:", 7) == 0);
    begin(NULL);
    add_target(ALARM_BY_MAIL, "mailto:ann@example.org");
    set_check("transport:blocked", HEALTH_FAIL);
    assert_int_equal(after(0), 2); /* by the second transport */
}

static void reports_that_do_not_arrive_are_dropped_after_a_day(void **state)
{
    (void)state;
    set_check("held:count", HEALTH_WARN);
    assert_int_equal(after(0), 1);
    now += ALARM_DROP + 1;
    assert_int_equal(alarm_enter(&book, &health, &targets, false, now), 1);
    assert_int_equal(book.report_count, 1);
    check_last(ALARM_LASTS, HEALTH_WARN);
}

static void the_book_comes_back_from_json(void **state)
{
    (void)state;
    set_check("held:count", HEALTH_WARN);
    set_check("spool:room", HEALTH_FAIL);
    after(0);
    set_check("held:count", HEALTH_PASS);
    after(MINUTE);
    static struct alarm_book copy;
    cJSON *root = cJSON_CreateObject();
    alarm_book_write(&book, root);
    alarm_book_read(&copy, root);
    cJSON_Delete(root);
    assert_int_equal(copy.alarm_count, book.alarm_count);
    assert_int_equal(copy.report_count, book.report_count);
    assert_memory_equal(copy.alarm, book.alarm, book.alarm_count * sizeof *book.alarm);
    assert_memory_equal(copy.report, book.report, book.report_count * sizeof *book.report);
    alarm_book_read(&copy, NULL);
    assert_int_equal(copy.alarm_count + copy.report_count, 0);
}

static void what_a_chat_and_ntfy_get(void **state)
{
    (void)state;
    struct alarm_target ntfy = {.kind = ALARM_BY_NTFY, .topic = "bookings"};
    struct buf out = {0};
    set_check("spool:room", HEALTH_FAIL);
    after(0);
    assert_true(alarm_json(&book.report[0], &targets.item[0], &out));
    cJSON *json = json_parse(out.data, out.len);
    assert_string_equal(json_text(json, "text"), "bookspool: it is broken");
    assert_string_equal(json_text(json, "content"), "bookspool: it is broken");
    assert_string_equal(json_text(json, "change"), "raised");
    assert_string_equal(json_text(json, "state"), "fail");
    assert_string_equal(json_text(json, "advice"), "repair it");
    cJSON_Delete(json);
    buf_free(&out);
    assert_true(alarm_json(&book.report[0], &ntfy, &out));
    json = json_parse(out.data, out.len);
    assert_string_equal(json_text(json, "topic"), "bookings");
    assert_int_equal(json_get(json, "priority")->valueint, 5);
    assert_non_null(strstr(json_text(json, "message"), "What to do: repair it.\n"));
    cJSON_Delete(json);
    buf_free(&out);
}

static void assert_text(enum alarm_change change, const char *advice, const char *want)
{
    struct alarm_report report = {.change = change,
        .state = change == ALARM_CLEARED ? HEALTH_PASS : HEALTH_FAIL,
        .since = 1795255200000,
        .at = 1795258800000,
        .name = "spool:room",
        .text = "no room"};
    struct buf out = {0};
    strcpy(report.advice, advice);
    alarm_text(&report, &out);
    assert_string_equal(buf_text(&out), want);
    buf_free(&out);
}

static void the_text_of_each_change(void **state)
{
#define AGAIN                                                                                      \
    "\"bookspool status\" has all of it. You hear of it again once a day, and when it is over.\n"
    (void)state;
    assert_text(ALARM_RAISED, "free some",
        "no room.\n\nWhat to do: free some.\n\nSince 2026-11-21T10:00:00Z.\n"
        "State: fail. Check: spool:room.\n\n" AGAIN);
    assert_text(ALARM_WORSE, "",
        "worse: no room.\n\nSince 2026-11-21T10:00:00Z.\n"
        "State: fail. Check: spool:room.\n\n" AGAIN);
    assert_text(ALARM_LASTS, "",
        "still: no room.\n\nSince 2026-11-21T10:00:00Z.\n"
        "State: fail. Check: spool:room.\n\n" AGAIN);
    assert_text(ALARM_CLEARED, "",
        "over: no room.\n\nIt began at 2026-11-21T10:00:00Z and was over at "
        "2026-11-21T11:00:00Z.\nState: pass. Check: spool:room.\n\nNothing is left to do.\n");
}

static void the_priority_at_ntfy(void **state)
{
    static const struct {
        enum alarm_change change;
        enum health_state state;
        int priority;
        const char *tag;
    } rows[] = {{ALARM_RAISED, HEALTH_WARN, 4, "warning"}, {ALARM_WORSE, HEALTH_FAIL, 5, "warning"},
        {ALARM_CLEARED, HEALTH_PASS, 2, "white_check_mark"}};
    const struct alarm_target ntfy = {.kind = ALARM_BY_NTFY, .topic = "bookings"};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct alarm_report report = {.change = rows[i].change, .state = rows[i].state};
        struct buf out = {0};
        assert_true(alarm_json(&report, &ntfy, &out));
        cJSON *json = json_parse(out.data, out.len);
        assert_int_equal(json_get(json, "priority")->valueint, rows[i].priority);
        assert_string_equal(json_get(json, "tags")->child->valuestring, rows[i].tag);
        cJSON_Delete(json);
        buf_free(&out);
    }
}

/* ---- limits of the book ---- */

/* When the book is full, the oldest report goes, and that is counted. */
static void the_newest_reports_are_kept(void **state)
{
    (void)state;
    while (targets.count < ALARM_TARGETS_MAX)
        add_target(ALARM_BY_POST, "https://example.org/other");
    set_check("spool:room", HEALTH_WARN);
    size_t dropped = 0, entered = 0;
    for (int i = 0; i < 10; i++) {
        set_check("spool:room", i % 2 ? HEALTH_PASS : HEALTH_WARN);
        now += ALARM_CALM;
        dropped += alarm_enter(&book, &health, &targets, false, now);
        now += ALARM_CALM;
        dropped += alarm_enter(&book, &health, &targets, false, now);
        entered += ALARM_TARGETS_MAX;
    }
    assert_int_equal(book.report_count, ALARM_REPORTS_MAX);
    assert_int_equal(dropped, entered - ALARM_REPORTS_MAX);
    check_last(ALARM_CLEARED, HEALTH_PASS);
}

static void an_alarm_without_room_is_left_out(void **state)
{
    (void)state;
    book.alarm_count = ALARMS_MAX;
    for (size_t i = 0; i < ALARMS_MAX; i++)
        book.alarm[i] = (struct alarm){
            .name = "other", .state = HEALTH_WARN, .since = now, .reported = now, .passed = now};
    set_check("spool:room", HEALTH_FAIL);
    assert_int_equal(after(0), 0);
    assert_int_equal(book.alarm_count, ALARMS_MAX);
}

/* A clock that was set back does not make an alarm last longer than the calm. */
static void it_ends_with_a_clock_that_was_set_back(void **state)
{
    (void)state;
    set_check("spool:room", HEALTH_WARN);
    after(0);
    set_check("spool:room", HEALTH_PASS);
    assert_int_equal(after(365 * MS_PER_DAY), 0); /* dropped for its age */
    now -= 300 * MS_PER_DAY;
    after(0);
    assert_int_equal(book.alarm_count, 1);
    after(ALARM_CALM);
    assert_int_equal(book.alarm_count, 0);
    check_last(ALARM_CLEARED, HEALTH_PASS);
}

/* What another version, or a person, wrote: what is not understood is left out. */
static void a_strange_book(void **state)
{
#define WHEN "\"2026-11-21T10:00:00Z\""
    static const struct {
        const char *json;
        size_t alarms, reports;
    } rows[] = {
        {"{}", 0, 0},
        {"{\"alarms\":7,\"reports\":\"x\"}", 0, 0},
        {"{\"alarms\":[{\"name\":\"a\",\"since\":" WHEN ",\"state\":\"fail\"}]}", 1, 0},
        {"{\"alarms\":[{\"name\":\"a\",\"since\":\"yesterday\"}]}", 0, 0},
        {"{\"alarms\":[{\"since\":" WHEN "}]}", 0, 0},
        {"{\"reports\":[{\"change\":\"worse\",\"since\":" WHEN ",\"at\":" WHEN "}]}", 0, 1},
        {"{\"reports\":[{\"change\":\"new\",\"since\":" WHEN ",\"at\":" WHEN "}]}", 0, 0},
        {"{\"reports\":[{\"since\":" WHEN ",\"at\":" WHEN "}]}", 0, 0},
        {"{\"reports\":[{\"change\":\"worse\",\"since\":" WHEN "}]}", 0, 0},
        {"{\"reports\":[{\"change\":\"worse\",\"at\":" WHEN "}]}", 0, 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        cJSON *root = json_parse(rows[i].json, strlen(rows[i].json));
        assert_non_null(root);
        alarm_book_read(&book, root);
        cJSON_Delete(root);
        if (book.alarm_count != rows[i].alarms || book.report_count != rows[i].reports)
            fail_msg("%s: %zu, %zu", rows[i].json, book.alarm_count, book.report_count);
        if (book.alarm_count) {
            assert_int_equal(book.alarm[0].state, HEALTH_FAIL);
            assert_int_equal(book.alarm[0].worst, HEALTH_PASS);
            assert_true(book.alarm[0].reported == TIME_NONE);
        }
        if (book.report_count)
            assert_int_equal(book.report[0].change, ALARM_WORSE);
    }
}

static void a_book_with_too_much(void **state)
{
    cJSON *root = cJSON_CreateObject(), *alarms = cJSON_AddArrayToObject(root, "alarms"),
          *reports = cJSON_AddArrayToObject(root, "reports");
    static const char item[] =
        "{\"name\":\"a\",\"change\":\"worse\",\"since\":" WHEN ",\"at\":" WHEN "}";
    (void)state;
    for (size_t i = 0; i < ALARMS_MAX + ALARM_REPORTS_MAX; i++) {
        cJSON_AddItemToArray(alarms, json_parse(item, sizeof item - 1));
        cJSON_AddItemToArray(reports, json_parse(item, sizeof item - 1));
    }
    alarm_book_read(&book, root);
    cJSON_Delete(root);
    assert_int_equal(book.alarm_count, ALARMS_MAX);
    assert_int_equal(book.report_count, ALARM_REPORTS_MAX);
}

/* ---- BOOKSPOOL_ALARM ---- */

static bool read_setting(const char *text, struct buf *faults)
{
    struct conf conf = {0};
    conf.value[SET_ALARM].text = (char *)(uintptr_t)text;
    return alarm_targets_read(&conf, &targets, faults);
}

static void the_setting(void **state)
{
    static const char *const bad[] = {"ann@example.org", "mailto:", "mailto:ann", "https://",
        "http://example.org/hook", "http://localhost:80@example.org/",
        "http://localhost@example.org/", "http://127.0.0.1:80@example.org/x",
        "ntfy:http://localhost:80@example.org/topic", "http://localhost.example.org/",
        "http://127.0.0.1.example.org/", "https:///x", "ftp://example.org",
        "ntfy:https://ntfy.example.org/", "ntfy:topic", "https://example.org/a b",
        "mailto:a@b.example,,",
        "mailto:a@b.example,mailto:a@b.example,mailto:a@b.example,mailto:a@b.example,"
        "mailto:a@b.example,mailto:a@b.example,mailto:a@b.example,mailto:a@b.example,"
        "mailto:a@b.example"};
    struct buf faults = {0};
    (void)state;
    assert_true(read_setting("mailto:ann@example.org, https://chat.example.org/hooks/x,"
                             "ntfy:https://ntfy.example.org/my-topic,http://127.0.0.1:9/x",
        &faults));
    assert_int_equal(targets.count, 4);
    assert_string_equal(targets.item[0].text, "ann@example.org");
    assert_string_equal(targets.item[2].text, "https://ntfy.example.org/");
    assert_string_equal(targets.item[2].topic, "my-topic");
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (read_setting(bad[i], &faults))
            fail_msg("taken: %s", bad[i]);
    char url[ALARM_TARGET_SIZE + 1];
    memset(url, 'x', sizeof url - 1);
    memcpy(url, "https://", 8);
    url[sizeof url - 1] = '\0';
    assert_false(read_setting(url, &faults));
    url[sizeof url - 2] = '\0';
    assert_true(read_setting(url, &faults));
    assert_string_equal(targets.item[0].text, url);
    buf_clear(&faults);
    assert_true(read_setting(NULL, &faults));
    assert_int_equal(targets.count, 0);
    assert_int_equal(faults.len, 0);
    buf_free(&faults);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_change_is_reported_and_what_lasts_is_not, begin),
        cmocka_unit_test_setup(what_comes_and_goes_is_one_alarm, begin),
        cmocka_unit_test_setup(once_a_day_it_is_said_again, begin),
        cmocka_unit_test_setup(a_clock_that_is_set_back_delays_it_by_a_day, begin),
        cmocka_unit_test_setup(a_check_that_is_gone_clears, begin),
        cmocka_unit_test_setup(each_provider_is_an_alarm_of_its_own, begin),
        cmocka_unit_test_setup(mail_does_not_report_on_itself, begin),
        cmocka_unit_test_setup(reports_that_do_not_arrive_are_dropped_after_a_day, begin),
        cmocka_unit_test_setup(the_book_comes_back_from_json, begin),
        cmocka_unit_test_setup(what_a_chat_and_ntfy_get, begin),
        cmocka_unit_test_setup(the_text_of_each_change, begin),
        cmocka_unit_test_setup(the_priority_at_ntfy, begin),
        cmocka_unit_test_setup(the_newest_reports_are_kept, begin),
        cmocka_unit_test_setup(an_alarm_without_room_is_left_out, begin),
        cmocka_unit_test_setup(it_ends_with_a_clock_that_was_set_back, begin),
        cmocka_unit_test_setup(a_strange_book, begin),
        cmocka_unit_test_setup(a_book_with_too_much, begin),
        cmocka_unit_test_setup(the_setting, begin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
