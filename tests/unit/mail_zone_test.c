/* Times in the zones of both sides, and the pieces that dates are made of. */
#include "mail_view.h"

#include <unistd.h>

#include "mail/zone.h"

/* ---- zones ---- */

static void the_zone_of_the_settings_comes_first(void **state)
{
    (void)state;
    struct event event = event_of(KIND_CREATED);
    assert_says(&event, "Asia/Kolkata", "When:        Tue 24 Nov 2026, 20:30 to 21:00 IST");
    assert_says(&event, NULL, "When:        Tue 24 Nov 2026, 16:00 to 16:30 CET");
    event.booking.organizer.timezone = NULL;
    assert_says(&event, NULL, "When:        Tue 24 Nov 2026, 15:00 to 15:30 UTC\n");
}

static void their_time_only_where_it_differs(void **state)
{
    (void)state;
    struct event event = event_of(KIND_CREATED);
    event.booking.timezone = "Europe/Paris";
    assert_silent(&event, NULL, "Their time");
    event.booking.timezone = "Europe/London";
    assert_says(&event, NULL, "Their time:  Tue 24 Nov 2026, 15:00 to 15:30 GMT (Europe/London)");
    event.booking.timezone = NULL; /* then the attendee's own */
    assert_says(&event, NULL, "Their time:  Tue 24 Nov 2026, 07:00 to 07:30 PST");
}

/* In 2026 Europe leaves summer time on 25 October, the United States on 1 November. */
static void both_zones_change_on_their_own_days(void **state)
{
    (void)state;
    struct event event = event_of(KIND_CREATED);
    struct booking *booking = &event.booking;
    booking->timezone = "America/New_York";
    booking->start = at("2026-10-28T15:00:00Z");
    booking->end = at("2026-10-28T15:30:00Z");
    assert_says(&event, NULL, "When:        Wed 28 Oct 2026, 16:00 to 16:30 CET");
    assert_says(&event, NULL, "Their time:  Wed 28 Oct 2026, 11:00 to 11:30 EDT");
    booking->start = at("2026-10-25T00:30:00Z");
    booking->end = at("2026-10-25T01:15:00Z");
    assert_says(&event, NULL, "When:        Sun 25 Oct 2026, 02:30 CEST to 02:15 CET");
    booking->start = at("2026-11-01T05:30:00Z");
    booking->end = at("2026-11-01T06:15:00Z");
    assert_says(&event, NULL, "Their time:  Sun 1 Nov 2026, 01:30 EDT to 01:15 EST");
    booking->start = at("2026-03-29T00:30:00Z"); /* the hour that is not there */
    booking->end = at("2026-03-29T01:30:00Z");
    assert_says(&event, NULL, "When:        Sun 29 Mar 2026, 01:30 CET to 03:30 CEST");
}

static void a_span_over_midnight_names_both_days(void **state)
{
    (void)state;
    struct event event = event_of(KIND_CREATED);
    event.booking.start = at("2026-12-31T22:30:00Z");
    event.booking.end = at("2026-12-31T23:30:00Z");
    assert_says(
        &event, NULL, "Thu 31 Dec 2026, 23:30 CET to Fri 1 Jan 2027, 00:30 CET (Europe/Berlin)\n");
    event.booking.end = TIME_NONE;
    assert_says(&event, NULL, "When:        Thu 31 Dec 2026, 23:30 CET (Europe/Berlin)\n");
}

static void an_unknown_zone_is_utc_and_says_so(void **state)
{
    (void)state;
    static const char *const names[] = {"Mars/Base", "/usr/share/zoneinfo/Europe/Berlin",
        "../zoneinfo/Europe/Berlin", "Europe/../Europe/Berlin", "", "/dev/zero", "zone.tab",
        "Europe", "Europe/Berlin/", "Europe//Berlin", ":Europe/Berlin", "Europe/Berlin\xff",
        "../../etc/passwd", "leapseconds", "leap-seconds.list", "tzdata.zi", "posixrules",
        "localtime", "right/Europe/Berlin", "EST5EDT4", "+05"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct event event = event_of(KIND_CREATED);
        char expected[200];
        snprintf(expected, sizeof expected,
            "Tue 24 Nov 2026, 15:00 to 15:30 UTC (the time zone \"%s\" is not known here)\n",
            names[i]);
        assert_says(&event, names[i], expected);
        event.booking.timezone = names[i];
        assert_says(&event, NULL, expected);
    }
}

static void zones_without_a_name_show_their_offset(void **state)
{
    (void)state;
    struct event event = event_of(KIND_CREATED);
    assert_says(&event, "America/Sao_Paulo", "12:00 to 12:30 UTC-03 (America/Sao_Paulo)\n");
    assert_says(&event, "Asia/Kathmandu", "20:45 to 21:15 UTC+0545 (Asia/Kathmandu)\n");
}

/* Files of the zone folder that hold no zone; GLib writes to standard error about such. */
static void files_that_are_no_zones_are_unknown_silently(void **state)
{
    (void)state;
    static const struct {
        const char *name, *text;
        size_t len;
    } files[] = {{"Leapseconds", "# no zone", 9}, {"Empty", "", 0}, {"Short", "TZif2", 5}};
    char dir[] = "/tmp/zones-XXXXXX", path[64];
    assert_non_null(mkdtemp(dir));
    setenv("TZDIR", dir, 1);
    g_log_set_always_fatal(G_LOG_LEVEL_CRITICAL | G_LOG_LEVEL_WARNING | G_LOG_FATAL_MASK);
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        struct zone zone;
        snprintf(path, sizeof path, "%s/%s", dir, files[i].name);
        FILE *file = fopen(path, "w");
        assert_non_null(file);
        fwrite(files[i].text, 1, files[i].len, file);
        fclose(file);
        zone_open(&zone, files[i].name);
        assert_false(zone.known);
        zone_close(&zone);
        unlink(path);
    }
    unsetenv("TZDIR");
    rmdir(dir);
}

/* Copies one zone's file to a folder that TZDIR names. */
static void copy_zone(const char *dir, const char *name)
{
    char command[300];
    snprintf(command, sizeof command,
        "mkdir -p %s/$(dirname %s) && cp /usr/share/zoneinfo/%s %s/%s", dir, name, name, dir, name);
    assert_int_equal(system(command), 0);
}

/* As on Debian 13 without tzdata-legacy. */
static void old_names_lead_to_the_present_ones(void **state)
{
    (void)state;
    char dir[] = "/tmp/zones-XXXXXX", command[64];
    assert_non_null(mkdtemp(dir));
    copy_zone(dir, "Asia/Ho_Chi_Minh");
    copy_zone(dir, "America/Los_Angeles");
    setenv("TZDIR", dir, 1);
    struct event event = event_of(KIND_CREATED);
    assert_says(&event, "Asia/Saigon", "22:00 to 22:30 UTC+07 (Asia/Ho_Chi_Minh)");
    assert_says(&event, "US/Pacific", "07:00 to 07:30 PST (America/Los_Angeles)");
    assert_true(zone_known("Asia/Saigon"));
    assert_true(zone_known("UTC"));
    assert_false(zone_known("Asia/Calcutta")); /* its present zone is missing, too */
    assert_false(zone_known("US/Mars"));
    assert_false(zone_known("../Asia/Saigon"));
    unsetenv("TZDIR");
    assert_true(zone_known("Europe/Kyiv"));
    snprintf(command, sizeof command, "rm -r %s", dir);
    assert_int_equal(system(command), 0);
}

static void the_system_s_zone(void **state)
{
    (void)state;
    char name[ZONE_SYSTEM];
    setenv("TZ", ":Asia/Tokyo", 1);
    assert_true(zone_system(name));
    assert_string_equal(name, "Asia/Tokyo");
    setenv("TZ", "Etc/UTC", 1);
    assert_true(zone_system(name));
    assert_string_equal(name, "UTC");
    setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3", 1); /* a rule, no name */
    assert_false(zone_system(name));
    unsetenv("TZ");
}

/* A time in the last hours of 9999 is in 10000 elsewhere. */
static void late_times_are_readable(void **state)
{
    (void)state;
    struct event event = event_of(KIND_CREATED);
    event.booking.start = at("9999-12-31T23:59:59Z");
    event.booking.end = at("1970-01-01T00:00:00Z");
    assert_says(
        &event, NULL, "When:        Sat 1 Jan 10000, 00:59 CET to Thu 1 Jan 1970, 01:00 CET");
    event.booking.start = at("9999-12-31T23:30:00-05:00");
    event.booking.end = at("9999-12-31T23:59:00-05:00");
    assert_says(&event, "UTC", "When:        Sat 1 Jan 10000, 04:30 to 04:59 UTC");
}

static const char *value_of(const cJSON *view, const char *path)
{
    const char *text = json_text(view, path);
    return text ? text : "(none)";
}

static void pieces_of_a_time(void **state)
{
    (void)state;
    struct event event = event_of(KIND_CREATED);
    struct decision decision = decided();
    event.booking.start = at("2026-03-01T23:05:00Z"); /* Monday in Berlin, five past midnight */
    event.booking.end = at("2026-03-02T00:35:00Z");
    cJSON *view = view_json(&event, &decision, &owner);
    static const char *const rows[][2] = {{"start.weekday", "Mon"},
        {"start.weekday_long", "Monday"}, {"start.day", "2"}, {"start.day_2", "02"},
        {"start.month", "Mar"}, {"start.month_2", "03"}, {"start.month_long", "March"},
        {"start.year", "2026"}, {"start.clock", "00:05"}, {"start.clock_12", "12:05 AM"},
        {"start.zone", "CET"}, {"end.clock_12", "1:35 AM"}, {"duration", "1 h 30 min"},
        {"zone_name", "Europe/Berlin"}, {"tone.name", "new"},
        {"when_theirs", "Sun 1 Mar 2026, 15:05 to 16:35 PST (America/Los_Angeles)"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_string_equal(value_of(view, rows[i][0]), rows[i][1]);
    assert_true(json_true(view, "is.created"));
    cJSON_Delete(view);
}

/* What words may leave out, and what is not said at all. */
static void likeness_and_length(void **state)
{
    (void)state;
    static const struct {
        const char *end;
        bool same_day;
        const char *duration;
    } rows[] = {{"2026-11-24T15:30:00Z", true, "30 min"}, {"2026-11-24T15:00:00Z", true, NULL},
        {"2026-12-24T15:00:00Z", false, "720 h"}, {"2027-11-24T15:00:00Z", false, "8760 h"},
        {"2026-11-24T14:00:00Z", true, NULL}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct event event = event_of(KIND_CREATED);
        struct decision decision = decided();
        event.booking.end = at(rows[i].end);
        cJSON *view = view_json(&event, &decision, &owner);
        assert_int_equal(json_true(view, "same_day"), rows[i].same_day);
        assert_string_equal(
            value_of(view, "duration"), rows[i].duration ? rows[i].duration : "(none)");
        assert_int_equal(json_get(view, "length") != NULL, rows[i].duration != NULL);
        cJSON_Delete(view);
    }
}

/* A zone of theirs that is unknown is named, whatever its clocks show. */
static void a_zone_of_theirs_that_is_unknown(void **state)
{
    (void)state;
    struct person nobody = {
        .name = "Ada Example", .email = "ada@example.com", .timezone = "Mars/Base"};
    struct event event = event_of(KIND_CREATED);
    struct decision decision = decided();
    const struct view_options utc = {.timezone = "UTC", .audience = AUDIENCE_OWNER};
    event.booking.attendees = &nobody;
    cJSON *view = view_json(&event, &decision, &utc);
    assert_non_null(strstr(value_of(view, "when_theirs"), "Mars/Base"));
    cJSON_Delete(view);
}

/* Midnight is 12:00 AM, noon 12:00 PM; the whole hour after either is 12. */
static void clocks_of_twelve_hours(void **state)
{
    (void)state;
    static const char *const rows[][2] = {{"2026-03-02T00:00:00Z", "12:00 AM"},
        {"2026-03-02T00:59:00Z", "12:59 AM"}, {"2026-03-02T01:00:00Z", "1:00 AM"},
        {"2026-03-02T11:59:00Z", "11:59 AM"}, {"2026-03-02T12:00:00Z", "12:00 PM"},
        {"2026-03-02T12:30:00Z", "12:30 PM"}, {"2026-03-02T13:05:00Z", "1:05 PM"},
        {"2026-03-02T23:59:00Z", "11:59 PM"}};
    const struct view_options utc = {.timezone = "UTC", .audience = AUDIENCE_OWNER};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct event event = event_of(KIND_CREATED);
        struct decision decision = decided();
        event.booking.start = at(rows[i][0]);
        cJSON *view = view_json(&event, &decision, &utc);
        assert_string_equal(value_of(view, "start.clock_12"), rows[i][1]);
        cJSON_Delete(view);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_zone_of_the_settings_comes_first),
        cmocka_unit_test(their_time_only_where_it_differs),
        cmocka_unit_test(both_zones_change_on_their_own_days),
        cmocka_unit_test(a_span_over_midnight_names_both_days),
        cmocka_unit_test(an_unknown_zone_is_utc_and_says_so),
        cmocka_unit_test(zones_without_a_name_show_their_offset),
        cmocka_unit_test(files_that_are_no_zones_are_unknown_silently),
        cmocka_unit_test(old_names_lead_to_the_present_ones),
        cmocka_unit_test(the_system_s_zone),
        cmocka_unit_test(late_times_are_readable),
        cmocka_unit_test(clocks_of_twelve_hours),
        cmocka_unit_test(likeness_and_length),
        cmocka_unit_test(a_zone_of_theirs_that_is_unknown),
        cmocka_unit_test(pieces_of_a_time),
    };
    return cmocka_run_group_tests(tests, open_templates, close_templates);
}
