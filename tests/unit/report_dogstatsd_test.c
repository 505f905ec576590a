/* The lines of a DogStatsD report: growth, ages, tags, and nothing that the protocol cannot hold.
 */
#include "scratch.h"

#include "base/clock.h"
#include "report/dogstatsd_text.h"

#define NOW INT64_C(1800000000000)

static struct health_facts facts;
static struct health health;
static struct counters last;
static struct buf tags, all;
static size_t wanted; /* lines to take */

static int up(void **state)
{
    (void)state;
    memset(&facts, 0, sizeof facts);
    memset(&health, 0, sizeof health);
    memset(&last, 0, sizeof last);
    facts.now = NOW;
    buf_clear(&tags);
    buf_clear(&all);
    wanted = 1000000;
    return 0;
}

static int down(void **state)
{
    (void)state;
    buf_free(&tags);
    buf_free(&all);
    return 0;
}

static bool take(void *context, const struct buf *line, enum counter position)
{
    (void)context, (void)position;
    if (wanted-- == 0)
        return false;
    buf_printf(&all, "\n%s\n", buf_text(line));
    return true;
}

static const char *lines(const struct counters *before)
{
    buf_clear(&all);
    assert_true(dogstatsd_lines(&facts, &health, before, &tags, take, NULL));
    return buf_text(&all);
}

static void assert_line(const char *text, const char *line)
{
    char want[300];
    snprintf(want, sizeof want, "\n%s\n", line);
    if (!strstr(text, want))
        fail_msg("%s is missing in%s", line, text);
}

static void assert_no(const char *text, const char *name)
{
    if (strstr(text, name))
        fail_msg("%s is in%s", name, text);
}

static void only_growth_is_reported(void **state)
{
    enum counter accepted = counter_at(
        COUNT_REQUESTS, PROVIDER_CALENDLY, counter_label_value(LABEL_REASON, "accepted"));
    (void)state;
    facts.counters.value[accepted] = 12;
    assert_no(lines(NULL), "|c"); /* nothing of the past */
    last.value[accepted] = 9;
    assert_line(lines(&last), "bookspool.requests:3|c|#provider:calendly,reason:accepted");
    last.value[accepted] = 12;
    assert_no(lines(&last), "|c");
    last.value[accepted] = 100; /* the file of counters began anew */
    assert_line(lines(&last), "bookspool.requests:12|c|#provider:calendly,reason:accepted");
}

static void times_are_reported_as_ages(void **state)
{
    (void)state;
    assert_no(lines(&last), "bookspool.drain_last_success_age");
    assert_line(lines(&last), "bookspool.spool_oldest_age_seconds:0|g|#directory:new");
    facts.counters.value[COUNT_DRAIN_LAST_AT] = (uint64_t)(NOW - 61500);
    facts.counters.value[COUNT_OUT_DUE_AT] = (uint64_t)(NOW + 5000);
    facts.counters.value[COUNT_CLOCK_SKEW] = (uint64_t)INT64_C(-1250);
    facts.counters.value[COUNT_FREE_BYTES] = UINT64_C(10) << 40;
    assert_line(lines(&last), "bookspool.drain_last_success_age_seconds:61|g");
    assert_line(lines(&last), "bookspool.out_due_age_seconds:0|g");
    assert_line(lines(&last), "bookspool.clock_skew_seconds:-1.250|g|#provider:calcom");
    assert_line(lines(&last), "bookspool.spool_free_mebibytes:10485760|g");
    assert_no(lines(&last), "timestamp");
}

static void histograms_have_the_rate_that_counts_right(void **state)
{
    (void)state;
    facts.counters.value[COUNT_MAILED_TIME + 1] = 8;  /* up to a second */
    facts.counters.value[COUNT_MAILED_TIME + 4] = 1;  /* up to a minute */
    facts.counters.value[COUNT_MAILED_TIME + 13] = 2; /* above all bounds */
    last.value[COUNT_MAILED_TIME + 1] = 4;
    assert_line(lines(&last), "bookspool.accepted_to_mailed_seconds:1|h|@0.25");
    assert_line(lines(&last), "bookspool.accepted_to_mailed_seconds:60|h");
    assert_line(lines(&last), "bookspool.accepted_to_mailed_seconds:432000|h|@0.5");
}

static void tags_hold_nothing_that_ends_them(void **state)
{
    (void)state;
    dogstatsd_add_tag(&tags, "env", "a|b,c#d:e\nf g\xc3\xa4");
    dogstatsd_add_tag(&tags, "service", NULL);
    dogstatsd_add_tag(&tags, "version", "");
    dogstatsd_add_tag(&tags, "where", "x-1.2/y");
    assert_string_equal(buf_text(&tags), "env:a_b_c_d_e_f_g__,where:x-1.2/y");
    facts.counters.value[COUNT_OTHER_REQUESTS] = 1;
    assert_line(lines(&last), "bookspool.other_requests:1|c|#env:a_b_c_d_e_f_g__,where:x-1.2/y");
}

static void checks_and_events(void **state)
{
    struct buf line = {0};
    (void)state;
    health.count = 1;
    health.check[0] = (struct health_check){.name = "spool:room",
        .provider = PROVIDER_CALCOM,
        .state = HEALTH_FAIL,
        .reason = "spool-full",
        .text = "no room|no event\nstorm: m:x",
        .advice = "free some"};
    assert_line(lines(NULL), "_sc|bookspool.health|2|m:spool-full");
    assert_line(lines(NULL),
        "_sc|bookspool.check|2|#check:spool.room,provider:calcom|m:no room/no event\\nstorm\\: "
        "m\\:x");
    dogstatsd_event(&health.check[0], &tags, &line);
    const char *title = "bookspool: spool:room fails",
               *text = "no room/no event\\nstorm\\: m\\:x\\nfree some";
    char want[300];
    snprintf(want, sizeof want,
        "_e{%zu,%zu}:%s|%s|k:bookspool-spool:room|t:error|#check:spool.room,provider:calcom",
        strlen(title), strlen(text), title, text);
    assert_string_equal(buf_text(&line), want);
    buf_clear(&line);
    health.check[0].state = HEALTH_PASS; /* without advice; with tags of the installation */
    health.check[0].provider = PROVIDERS;
    health.check[0].advice = NULL;
    dogstatsd_add_tag(&tags, "env", "test");
    dogstatsd_event(&health.check[0], &tags, &line);
    snprintf(want, sizeof want,
        "_e{35,%zu}:bookspool: spool:room is well again|no room/no event\\nstorm\\: m\\:x"
        "|k:bookspool-spool:room|t:success|#env:test,check:spool.room",
        strlen("no room/no event\\nstorm\\: m\\:x"));
    assert_string_equal(buf_text(&line), want);
    assert_line(lines(NULL), "_sc|bookspool.health|0|#env:test|m:all is well");
    assert_non_null(strstr(buf_text(&all), "_sc|bookspool.check|0|#env:test,check:spool.room|m:"));
    buf_free(&line);
}

static void it_ends_when_no_more_is_taken(void **state)
{
    (void)state;
    size_t most = 0;
    health.count = 1;
    health.check[0] = (struct health_check){.name = "spool:room", .provider = PROVIDERS};
    facts.counters.value[COUNT_OTHER_REQUESTS] = 1;
    facts.counters.value[COUNT_MAILED_TIME] = 1;
    for (const char *c = lines(&last); *c; c++)
        most += *c == '\n';
    most /= 2;
    for (size_t i = 0; i <= most; i++) {
        wanted = i;
        assert_true(dogstatsd_lines(&facts, &health, &last, &tags, take, NULL) == (i == most));
    }
}

int main(void)
{
#define TEXT_TEST(f) cmocka_unit_test_setup_teardown(f, up, down)
    const struct CMUnitTest tests[] = {
        TEXT_TEST(only_growth_is_reported),
        TEXT_TEST(times_are_reported_as_ages),
        TEXT_TEST(histograms_have_the_rate_that_counts_right),
        TEXT_TEST(tags_hold_nothing_that_ends_them),
        TEXT_TEST(checks_and_events),
        TEXT_TEST(it_ends_when_no_more_is_taken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
