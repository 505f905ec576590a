/* Days of a zone's calendar, and when BOOKSPOOL_AGENDA is due, also where clocks change. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "mail/schedule.h"

enum { HOURS = 3600 * 1000 };

static int64_t at(const char *text)
{
    int64_t when;
    assert_true(time_parse(text, &when));
    return when;
}

static day_number day(const char *text)
{
    day_number number;
    assert_true(day_parse(text, &number));
    return number;
}

static void check_instant(const char *zone_name, const char *date, int minutes, const char *wanted)
{
    struct zone zone;
    char got[TIME_TEXT];
    zone_open(&zone, zone_name);
    assert_true(zone.known);
    time_format(day_instant(&zone, day(date), minutes), got);
    assert_string_equal(got, wanted);
    zone_close(&zone);
}

static void a_time_of_day_is_one_instant(void **state)
{
    (void)state;
    check_instant("Europe/Berlin", "2027-01-18", 7 * 60, "2027-01-18T06:00:00Z");
    check_instant("Europe/Berlin", "2027-07-18", 7 * 60, "2027-07-18T05:00:00Z");
    check_instant("Europe/Berlin", "2027-03-28", 7 * 60, "2027-03-28T05:00:00Z");
    check_instant("Europe/Berlin", "2027-03-28", 60, "2027-03-28T00:00:00Z");
    check_instant("Europe/Berlin", "2027-10-31", 7 * 60, "2027-10-31T06:00:00Z");
    check_instant("America/New_York", "2027-03-14", 7 * 60, "2027-03-14T11:00:00Z");
    check_instant("Pacific/Kiritimati", "2027-01-01", 0, "2026-12-31T10:00:00Z");
    check_instant("Asia/Kathmandu", "2027-01-01", 6 * 60 + 30, "2027-01-01T00:45:00Z");
}

static void a_skipped_time_is_later_and_a_repeated_one_the_first(void **state)
{
    (void)state;
    check_instant("Europe/Berlin", "2027-03-28", 150, "2027-03-28T01:30:00Z"); /* 03:30 */
    check_instant("Europe/Berlin", "2027-10-31", 150, "2027-10-31T00:30:00Z"); /* 02:30 CEST */
    check_instant("America/New_York", "2027-11-07", 90, "2027-11-07T05:30:00Z");
    /* Havana's clocks go forward at midnight: the day begins at one o'clock. */
    check_instant("America/Havana", "2026-03-08", 0, "2026-03-08T05:00:00Z");
}

static void check_length(const char *zone_name, const char *date, int hours)
{
    struct zone zone;
    zone_open(&zone, zone_name);
    int64_t length = day_instant(&zone, day(date) + 1, 0) - day_instant(&zone, day(date), 0);
    assert_int_equal(length, (int64_t)hours * HOURS);
    zone_close(&zone);
}

static void days_have_23_and_25_hours(void **state)
{
    (void)state;
    check_length("Europe/Berlin", "2027-03-28", 23);
    check_length("Europe/Berlin", "2027-10-31", 25);
    check_length("Europe/Berlin", "2027-10-30", 24);
    check_length("America/New_York", "2027-03-14", 23);
    check_length("America/New_York", "2027-11-07", 25);
    check_length("America/Havana", "2026-03-08", 23);
    check_length("UTC", "2027-03-28", 24);
}

static void an_instant_belongs_to_a_day(void **state)
{
    (void)state;
    struct zone zone;
    day_number got;
    zone_open(&zone, "Europe/Berlin");
    assert_true(day_of(&zone, at("2027-03-28T21:59:59Z"), &got));
    assert_int_equal(got, day("2027-03-28"));
    assert_true(day_of(&zone, at("2027-03-28T22:00:00Z"), &got));
    assert_int_equal(got, day("2027-03-29"));
    assert_int_equal(day_weekday(got), 1);
    assert_int_equal(day_weekday(day("1970-01-01")), 4);
    assert_int_equal(day_weekday(day("2028-02-29")), 2);
    zone_close(&zone);
}

static void only_dates_are_days(void **state)
{
    (void)state;
    static const char *const wrong[] = {"", "2027-1-18", "2027-02-29", "2027-13-01", "18.01.2027",
        "2027-01-18 ", "2027-01-181", "today"};
    day_number number;
    char text[DAY_TEXT];
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_false(day_parse(wrong[i], &number));
    day_format(day("2028-02-29"), text);
    assert_string_equal(text, "2028-02-29");
}

/* ---- the setting ---- */

static bool opened(struct schedule *schedule, const char *value, struct buf *why)
{
    struct conf conf = {0};
    conf.value[SET_AGENDA].text = (char *)value;
    conf.value[SET_MAIL_TO].text = (char *)"one@example.org, two@example.org";
    return schedule_open(schedule, &conf, "local@localhost", why);
}

/* "HH:MM DAYS READERS FLAGS" */
static void check_setting(const char *value, const char *wanted)
{
    static const char *const names[] = {"", "Mo", "Tu", "We", "Th", "Fr", "Sa", "Su"};
    struct schedule schedule;
    struct buf why = {0}, got = {0};
    assert_true(opened(&schedule, value, &why));
    buf_printf(&got, "%02d:%02d ", schedule.minutes / 60, schedule.minutes % 60);
    for (int i = 1; i <= 7; i++)
        if (schedule.days[i])
            buf_puts(&got, names[i]);
    for (size_t i = 0; i < schedule.reader_count; i++)
        buf_printf(&got, " %s", schedule.readers[i]);
    buf_printf(&got, "%s%s%s", schedule.tomorrow ? " +tomorrow" : "",
        schedule.always ? " +always" : "", schedule.organizers ? " +organizers" : "");
    assert_string_equal(buf_text(&got), wanted);
    schedule_free(&schedule);
    buf_free(&got);
    buf_free(&why);
}

#define OWNERS "one@example.org two@example.org"

static void the_setting_has_a_time_and_words(void **state)
{
    (void)state;
    check_setting("07:00", "07:00 MoTuWeThFrSaSu " OWNERS);
    check_setting("7:05 owner", "07:05 MoTuWeThFrSaSu " OWNERS);
    check_setting("23:59 Mon-Fri", "23:59 MoTuWeThFr " OWNERS);
    check_setting("00:00, sat-mon, wed", "00:00 MoWeSaSu " OWNERS);
    check_setting("18:00 tomorrow always", "18:00 MoTuWeThFrSaSu " OWNERS " +tomorrow +always");
    check_setting(
        "07:00 ann@example.org, organizer", "07:00 MoTuWeThFrSaSu ann@example.org +organizers");
    check_setting("07:00 organizer", "07:00 MoTuWeThFrSaSu +organizers");
    check_setting(
        "07:00 TWO@example.org owner", "07:00 MoTuWeThFrSaSu TWO@example.org one@example.org");
}

static void other_settings_are_refused(void **state)
{
    (void)state;
    static const char *const wrong[] = {"", "7", "24:00", "07:60", "07:0", "07:000", "007:00",
        "owner 07:00", "07:00 Mond", "07:00 Mon-", "07:00 Mon-Fry", "07:00 ann@", "07:00 Owner"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct schedule schedule;
        struct buf why = {0};
        if (opened(&schedule, wrong[i], &why) || !strstr(buf_text(&why), "BOOKSPOOL_AGENDA: "))
            fail_msg("\"%s\": %s", wrong[i], buf_text(&why));
        schedule_free(&schedule);
        buf_free(&why);
    }
    struct schedule schedule;
    struct buf why = {0};
    assert_true(opened(&schedule, NULL, &why));
    assert_false(schedule.on);
    schedule_free(&schedule);
}

/* ---- when it is due ---- */

static void check_latest(const char *value, const char *zone_name, const char *now, const char *due,
    const char *about, const char *before)
{
    struct schedule schedule;
    struct buf why = {0};
    struct zone zone;
    struct mailing mailing;
    char text[TIME_TEXT], date[DAY_TEXT];
    assert_true(opened(&schedule, value, &why));
    zone_open(&zone, zone_name);
    assert_true(schedule_latest(&schedule, &zone, at(now), &mailing));
    time_format(mailing.due, text);
    assert_string_equal(text, due);
    day_format(mailing.day, date);
    assert_string_equal(date, about);
    time_format(mailing.before, text);
    assert_string_equal(text, before);
    zone_close(&zone);
    schedule_free(&schedule);
}

static void the_latest_mailing_is_due(void **state)
{
    (void)state;
    check_latest("07:00", "Europe/Berlin", "2027-01-18T06:00:00Z", "2027-01-18T06:00:00Z",
        "2027-01-18", "2027-01-17T06:00:00Z");
    check_latest("07:00", "Europe/Berlin", "2027-01-18T05:59:59Z", "2027-01-17T06:00:00Z",
        "2027-01-17", "2027-01-16T06:00:00Z");
    /* a Sunday; the day before and after a change of clocks */
    check_latest("07:00 Mon-Fri", "Europe/Berlin", "2027-03-28T12:00:00Z", "2027-03-26T06:00:00Z",
        "2027-03-26", "2027-03-25T06:00:00Z");
    check_latest("07:00 Mon-Fri", "Europe/Berlin", "2027-03-29T05:00:00Z", "2027-03-29T05:00:00Z",
        "2027-03-29", "2027-03-26T06:00:00Z");
    check_latest("07:00", "America/New_York", "2027-11-07T12:30:00Z", "2027-11-07T12:00:00Z",
        "2027-11-07", "2027-11-06T11:00:00Z");
    check_latest("18:30 tomorrow", "Asia/Kolkata", "2027-12-31T13:00:00Z", "2027-12-31T13:00:00Z",
        "2028-01-01", "2027-12-30T13:00:00Z");
    check_latest("01:00 Wed", "UTC", "2027-01-20T00:59:00Z", "2027-01-13T01:00:00Z", "2027-01-13",
        "2027-01-06T01:00:00Z");
}

/* At each minute of days on which clocks change, it becomes due once. */
static void each_day_has_one_mailing(void **state)
{
    (void)state;
    static const char *const zones[] = {"Europe/Berlin", "America/New_York", "America/Havana"};
    static const char *const values[] = {"00:00", "00:30", "01:30", "02:30", "03:00", "23:59"};
    for (size_t z = 0; z < 3; z++)
        for (size_t v = 0; v < 6; v++) {
            struct schedule schedule;
            struct buf why = {0};
            struct zone zone;
            assert_true(opened(&schedule, values[v], &why));
            zone_open(&zone, zones[z]);
            int64_t last = 0;
            day_number last_day = 0;
            for (int64_t now = at("2026-01-01T12:00:00Z"); now < at("2027-01-01T12:00:00Z");
                 now += 10 * 60000) {
                struct mailing mailing;
                assert_true(schedule_latest(&schedule, &zone, now, &mailing));
                if (last && mailing.due != last) {
                    assert_true(mailing.due > last && mailing.due <= now);
                    assert_true(mailing.due > now - 10 * 60000);
                    assert_int_equal(mailing.day, last_day + 1);
                    assert_int_equal(mailing.before, last);
                }
                last = mailing.due;
                last_day = mailing.day;
            }
            zone_close(&zone);
            schedule_free(&schedule);
        }
}

static void without_a_setting_it_is_the_zone_of_the_system(void **state)
{
    (void)state;
    struct zone zone;
    struct zone_time local;
    const char *was = getenv("TZ");
    char *kept = was ? strdup(was) : NULL;
    setenv("TZ", "Asia/Kathmandu", 1);
    day_zone_open(&zone, NULL);
    assert_true(zone_local(&zone, at("2027-01-01T00:00:00Z"), &local));
    assert_int_equal(local.hour * 60 + local.minute, 5 * 60 + 45);
    zone_close(&zone);
    if (kept)
        setenv("TZ", kept, 1);
    else
        unsetenv("TZ");
    free(kept);
    day_zone_open(&zone, "Europe/Berlin");
    assert_string_equal(zone.name, "Europe/Berlin");
    zone_close(&zone);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_time_of_day_is_one_instant),
        cmocka_unit_test(a_skipped_time_is_later_and_a_repeated_one_the_first),
        cmocka_unit_test(days_have_23_and_25_hours),
        cmocka_unit_test(an_instant_belongs_to_a_day),
        cmocka_unit_test(only_dates_are_days),
        cmocka_unit_test(the_setting_has_a_time_and_words),
        cmocka_unit_test(other_settings_are_refused),
        cmocka_unit_test(the_latest_mailing_is_due),
        cmocka_unit_test(each_day_has_one_mailing),
        cmocka_unit_test(without_a_setting_it_is_the_zone_of_the_system),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
