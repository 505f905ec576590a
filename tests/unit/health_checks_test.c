/* From facts to checks: each limit, and what a state of the whole is made of. */
#include "scratch.h"

#include "base/clock.h"
#include "health/health.h"

#define MINUTE (INT64_C(60) * MS_PER_SECOND)
#define HOUR   (60 * MINUTE)
#define NOW    INT64_C(1800000000000)

static struct health_facts facts;
static struct health health;

/* An installation on which all is well. */
static int up(void **state)
{
    (void)state;
    memset(&facts, 0, sizeof facts);
    facts.now = NOW;
    facts.counted = facts.space_known = facts.limits.secrets_known = true;
    facts.limits.stale = 10 * MINUTE;
    facts.limits.grace = 5 * MINUTE;
    facts.limits.key_age = 80 * 24 * HOUR;
    facts.limits.reserve_bytes = 100;
    facts.limits.reserve_inodes = 10;
    facts.space = (struct spool_space){.bytes = 1000, .inodes = 100};
    for (enum provider p = 0; p < PROVIDERS; p++) {
        facts.limits.secret[p][0] = true;
        facts.limits.window[p] = 5 * MINUTE;
    }
    for (enum spool_dir dir = 0; dir < SPOOL_DIRS; dir++)
        facts.survey.oldest[dir] = TIME_NONE;
    facts.counters.value[COUNT_SINCE] = NOW - 24 * HOUR;
    facts.counters.value[COUNT_DRAIN_LAST_AT] = facts.counters.value[COUNT_DRAIN_ACTIVE_AT] =
        NOW - MINUTE;
    return 0;
}

static void set_ago(enum counter which, int64_t ago)
{
    facts.counters.value[which] = (uint64_t)(NOW - ago);
}

static enum health_state whole(const char **reason)
{
    health_check_all(&facts, &health);
    assert_in_range(health.count, 10, HEALTH_CHECKS_MAX);
    return health_state(&health, PROVIDERS, reason);
}

static void assert_whole(enum health_state want, const char *want_reason)
{
    const char *reason;
    enum health_state got = whole(&reason);
    if (got != want || (want_reason && (!reason || strcmp(reason, want_reason) != 0)))
        fail_msg("%s, %s; want %s, %s", health_state_name(got), reason ? reason : "no reason",
            health_state_name(want), want_reason ? want_reason : "no reason");
    if (!want_reason)
        assert_null(reason);
}

static void all_is_well(void **state)
{
    (void)state;
    assert_whole(HEALTH_PASS, NULL);
    for (size_t i = 0; i < health.count; i++) {
        assert_non_null(health.check[i].name);
        assert_true(*health.check[i].text);
        assert_null(health.check[i].advice);
    }
}

static void the_disk_warns_at_twice_its_reserve(void **state)
{
    (void)state;
    facts.space.bytes = 199;
    assert_whole(HEALTH_WARN, "spool-filling");
    facts.space = (struct spool_space){.bytes = 1000, .inodes = 19};
    assert_whole(HEALTH_WARN, "spool-filling");
    facts.space.inodes = -1; /* a file system without a fixed number */
    assert_whole(HEALTH_PASS, NULL);
    facts.storing = "spool-full";
    assert_whole(HEALTH_FAIL, "spool-full");
}

static void a_provider_without_a_secret_fails_alone(void **state)
{
    const char *reason;
    (void)state;
    facts.limits.secret[PROVIDER_CALCOM][0] = false;
    assert_whole(HEALTH_PASS, NULL);
    assert_int_equal(health_state(&health, PROVIDER_CALCOM, &reason), HEALTH_FAIL);
    assert_string_equal(reason, "no-secret");
    assert_int_equal(health_state(&health, PROVIDER_CALENDLY, &reason), HEALTH_PASS);
    facts.limits.secret[PROVIDER_CALENDLY][0] = false;
    assert_whole(HEALTH_FAIL, "no-secret");
    facts.limits.secret[PROVIDER_CALENDLY][1] = true; /* the secondary one is enough */
    assert_whole(HEALTH_PASS, NULL);
    facts.limits.secret[PROVIDER_CALENDLY][1] = false;
    facts.limits.secrets_known = false; /* a program that may not know says nothing */
    assert_whole(HEALTH_PASS, NULL);
}

static void half_of_stale_warns_and_all_of_it_fails(void **state)
{
    (void)state;
    set_ago(COUNT_DRAIN_LAST_AT, 6 * MINUTE);
    set_ago(COUNT_DRAIN_ACTIVE_AT, 4 * MINUTE); /* a long run goes on */
    assert_whole(HEALTH_PASS, NULL);
    set_ago(COUNT_DRAIN_ACTIVE_AT, 6 * MINUTE);
    assert_whole(HEALTH_WARN, "drain-stale");
    set_ago(COUNT_DRAIN_LAST_AT, 11 * MINUTE);
    set_ago(COUNT_DRAIN_ACTIVE_AT, 11 * MINUTE);
    assert_whole(HEALTH_FAIL, "drain-stale");
}

static void the_first_run_is_waited_for(void **state)
{
    (void)state;
    facts.counters.value[COUNT_DRAIN_LAST_AT] = facts.counters.value[COUNT_DRAIN_ACTIVE_AT] = 0;
    set_ago(COUNT_SINCE, 4 * MINUTE);
    assert_whole(HEALTH_PASS, NULL);
    facts.limits.grace = -1; /* for a person */
    assert_whole(HEALTH_WARN, "drain-stale");
    facts.limits.grace = 5 * MINUTE;
    set_ago(COUNT_SINCE, 6 * MINUTE);
    assert_whole(HEALTH_WARN, "drain-stale");
    set_ago(COUNT_SINCE, 11 * MINUTE);
    assert_whole(HEALTH_FAIL, "drain-stale");
    facts.counted = false;
    assert_whole(HEALTH_WARN, "drain-stale");
}

static void a_run_that_was_blocked_warns_until_one_ends_well(void **state)
{
    const char *reason;
    (void)state;
    set_ago(COUNT_DRAIN_LAST_AT, 3 * MINUTE);
    set_ago(COUNT_DRAIN_FAILED_AT, 2 * MINUTE);
    assert_whole(HEALTH_WARN, "drain-blocked");
    set_ago(COUNT_DRAIN_BLOCKED_AT, 2 * MINUTE);
    assert_whole(HEALTH_WARN, "drain-blocked");
    set_ago(COUNT_DRAIN_LAST_AT, 11 * MINUTE);
    assert_whole(HEALTH_FAIL, "drain-blocked");
    assert_int_equal(health_state(&health, PROVIDER_CALCOM, &reason), HEALTH_WARN);
    set_ago(COUNT_DRAIN_LAST_AT, 0);
    assert_whole(HEALTH_PASS, NULL);
}

static void what_is_late_warns_and_fails(void **state)
{
    static const enum spool_dir dirs[] = {DIR_NEW, DIR_REPLAY};
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        facts.survey.oldest[dirs[i]] = NOW + MINUTE; /* half of a move is deferred */
        assert_whole(HEALTH_PASS, NULL);
        facts.survey.oldest[dirs[i]] = NOW - 6 * MINUTE;
        assert_whole(HEALTH_WARN, "events-late");
        facts.survey.oldest[dirs[i]] = NOW - 11 * MINUTE;
        assert_whole(HEALTH_FAIL, "events-late");
        facts.survey.oldest[dirs[i]] = TIME_NONE;
    }
    set_ago(COUNT_OUT_DUE_AT, 6 * MINUTE);
    assert_whole(HEALTH_PASS, NULL); /* out/ is empty now */
    facts.survey.count[DIR_OUT] = 1;
    assert_whole(HEALTH_WARN, "mails-late");
    set_ago(COUNT_OUT_DUE_AT, 11 * MINUTE);
    assert_whole(HEALTH_FAIL, "mails-late");
    set_ago(COUNT_OUT_DUE_AT, -MINUTE);
    facts.survey.oldest[DIR_OUT] = NOW - HOUR;
    assert_whole(HEALTH_PASS, NULL);
    facts.survey.oldest[DIR_OUT] = NOW - 2 * HOUR - 1;
    assert_whole(HEALTH_WARN, "mail-late");
}

static void a_late_mail_warns_for_two_hours(void **state)
{
    (void)state;
    set_ago(COUNT_MAIL_STUCK_AT, 119 * MINUTE);
    assert_whole(HEALTH_WARN, "mail-stuck");
    set_ago(COUNT_MAIL_STUCK_AT, 121 * MINUTE);
    assert_whole(HEALTH_PASS, NULL);
}

static void what_waits_for_a_person_warns(void **state)
{
    static const struct {
        enum spool_dir dir;
        const char *reason;
    } rows[] = {
        {DIR_BAD, "events-in-bad"}, {DIR_HELD, "events-held"}, {DIR_FAILED, "mails-given-up"}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        facts.survey.count[rows[i].dir] = 3;
        facts.survey.oldest[rows[i].dir] = NOW - 90 * 24 * HOUR;
        assert_whole(HEALTH_WARN, rows[i].reason);
        facts.survey.count[rows[i].dir] = 0;
    }
    facts.counters.value[COUNT_UNCOMPOSED_NOW] = 1;
    assert_whole(HEALTH_WARN, "events-not-composed");
    facts.counters.value[COUNT_UNCOMPOSED_NOW] = 0;
    facts.counters.value[COUNT_OUT_WAITING + WAITING_UNKNOWN] = 1;
    assert_whole(HEALTH_WARN, "outcome-unknown");
    facts.counters.value[COUNT_OUT_WAITING + WAITING_UNKNOWN] = 0;
    facts.counters.value[COUNT_OUT_WAITING + WAITING_ACCEPTED] = 1;
    assert_whole(HEALTH_WARN, "not-renamed");
    facts.counters.value[COUNT_OUT_WAITING + WAITING_ACCEPTED] = 0;
    facts.survey.count[DIR_NEW] = 1001;
    assert_whole(HEALTH_WARN, "queue-long");
}

static void silence_is_off_until_it_has_a_limit(void **state)
{
    const char *reason;
    enum counter used = counter_at(COUNT_SECRET_USED_AT, PROVIDER_CALENDLY, 1);
    (void)state;
    set_ago(used, 3 * 24 * HOUR);
    assert_whole(HEALTH_PASS, NULL);
    facts.limits.silence[PROVIDER_CALENDLY] = 4 * 24 * HOUR;
    assert_whole(HEALTH_WARN, "no-webhook");
    set_ago(used, 5 * 24 * HOUR);
    assert_whole(HEALTH_FAIL, "no-webhook");
    assert_int_equal(health_state(&health, PROVIDER_CALENDLY, &reason), HEALTH_FAIL);
    assert_int_equal(health_state(&health, PROVIDER_CALCOM, &reason), HEALTH_PASS);
    set_ago(counter_at(COUNT_SECRET_USED_AT, PROVIDER_CALENDLY, 0), HOUR); /* the other secret */
    assert_whole(HEALTH_PASS, NULL);
    set_ago(counter_at(COUNT_SECRET_USED_AT, PROVIDER_CALENDLY, 0), 5 * 24 * HOUR);
    assert_whole(HEALTH_FAIL, "no-webhook");
    set_ago(counter_at(COUNT_ACCEPTED_AT, PROVIDER_CALENDLY, 0), HOUR); /* by an earlier secret */
    assert_whole(HEALTH_PASS, NULL);
    facts.limits.silence[PROVIDER_CALCOM] = 4 * 24 * HOUR; /* never one: since counting began */
    assert_whole(HEALTH_PASS, NULL);
    set_ago(COUNT_SINCE, 5 * 24 * HOUR);
    assert_whole(HEALTH_FAIL, "no-webhook");
}

static void an_old_secret_warns_a_while_before_it_is_due(void **state)
{
    (void)state;
    set_ago(counter_at(COUNT_SECRET_SINCE, PROVIDER_CALCOM, 0), 70 * 24 * HOUR);
    assert_whole(HEALTH_PASS, NULL);
    set_ago(counter_at(COUNT_SECRET_SINCE, PROVIDER_CALCOM, 1), 71 * 24 * HOUR);
    assert_whole(HEALTH_WARN, "secret-old");
    for (size_t i = 0; i < health.count; i++)
        if (health.check[i].state != HEALTH_PASS)
            assert_string_equal(
                health.check[i].text, "calcom: the secondary secret has been in use for 71 d");
    facts.counters.value[counter_at(COUNT_SECRET_SINCE, PROVIDER_CALCOM, 1)] = 0;
    assert_whole(HEALTH_PASS, NULL);
}

static void signature_failures_of_the_window_warn(void **state)
{
    enum counter wrong = counter_at(COUNT_REQUESTS, PROVIDER_CALCOM,
                     counter_label_value(LABEL_REASON, "signature-wrong")),
                 absent = counter_at(COUNT_REQUESTS, PROVIDER_CALCOM,
                     counter_label_value(LABEL_REASON, "signature-absent"));
    (void)state;
    facts.counters.value[wrong] = 105;
    facts.counters.value[absent] = 4;
    facts.counters.value[counter_at(COUNT_LAST_WINDOW_FAILURES, PROVIDER_CALCOM, 0)] = 100;
    assert_whole(HEALTH_PASS, NULL);
    facts.counters.value[absent] = 5;
    assert_whole(HEALTH_WARN, "signatures-wrong");
}

static void only_a_webhook_from_the_future_shows_a_wrong_clock(void **state)
{
    enum counter skew = counter_at(COUNT_CLOCK_SKEW, PROVIDER_CALENDLY, 0);
    (void)state;
    facts.counters.value[skew] = (uint64_t)(-20 * HOUR);
    assert_whole(HEALTH_PASS, NULL);
    facts.counters.value[skew] = 2 * MINUTE;
    assert_whole(HEALTH_PASS, NULL);
    facts.counters.value[skew] = 3 * MINUTE;
    assert_whole(HEALTH_WARN, "clock-wrong");
}

/* ---- settings ---- */

static void assert_silence(struct scratch *s, const char *value, int64_t calcom, int64_t calendly)
{
    char text[200];
    struct conf conf;
    struct buf why = {0};
    struct health_limits limits;
    snprintf(text, sizeof text, "BOOKSPOOL_SILENCE=%s\n", value);
    scratch_settings(s, text);
    setenv("CALCOM_WEBHOOK_SECRET", "a secret of this test", 1);
    assert_true(conf_load(&conf, CONF_RECEIVE));
    bool ok = health_limits_read(&conf, &limits, &why);
    if (ok != (calcom >= 0))
        fail_msg("%s: %s", value, buf_text(&why));
    if (ok) {
        assert_int_equal(limits.silence[PROVIDER_CALCOM], calcom);
        assert_int_equal(limits.silence[PROVIDER_CALENDLY], calendly);
        assert_true(limits.secret[PROVIDER_CALCOM][0]);
        assert_false(limits.secret[PROVIDER_CALENDLY][0]);
    } else {
        assert_non_null(strstr(buf_text(&why), "BOOKSPOOL_SILENCE"));
    }
    buf_free(&why);
    conf_free(&conf);
}

static void silence_for_all_or_for_each(void **state)
{
    scratch_up(state);
    struct scratch *s = *state;
    assert_silence(s, "7d", 7 * 24 * HOUR, 7 * 24 * HOUR);
    assert_silence(s, "calcom=2d", 2 * 24 * HOUR, 0);
    assert_silence(s, "calcom=2d, calendly=36h", 2 * 24 * HOUR, 36 * HOUR);
    assert_silence(s, "3d,calcom=90m", 90 * MINUTE, 3 * 24 * HOUR);
    static const char *const wrong[] = {"7", "7w", "acme=2d", "calcom=", "30s", "400d", "calcom"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_silence(s, wrong[i], -1, -1);
    scratch_down(state);
}

static const struct health_check *check_of(const char *name)
{
    for (size_t i = 0; i < health.count; i++)
        if (strcmp(health.check[i].name, name) == 0)
            return &health.check[i];
    fail_msg("there is no %s", name);
    return NULL;
}

/* What reconciling wrote of Cal.com's subscription. */
static void subscriptions_are_as_reconciling_saw_them(void **state)
{
    static const struct {
        enum health_state want;
        const char *reason;
    } rows[] = {{HEALTH_PASS, NULL}, {HEALTH_PASS, NULL}, {HEALTH_WARN, "subscription-retrying"},
        {HEALTH_FAIL, "subscription-disabled"}, {HEALTH_FAIL, "subscription-missing"},
        {HEALTH_PASS, NULL}};
    const char *reason;
    (void)state;
    set_ago(counter_at(COUNT_SUBSCRIPTION_AT, PROVIDER_CALCOM, 0), HOUR);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        facts.counters.value[counter_at(COUNT_SUBSCRIPTION, PROVIDER_CALCOM, 0)] = i;
        assert_whole(rows[i].want, rows[i].reason);
        assert_int_equal(health_state(&health, PROVIDER_CALENDLY, &reason), HEALTH_PASS);
        if (rows[i].reason) {
            assert_true(check_of("webhook:subscription")->since == NOW - HOUR);
            assert_int_equal(check_of("webhook:subscription")->provider, PROVIDER_CALCOM);
        }
    }
}

static void lost_webhooks_warn_and_silence_fails(void **state)
{
    enum counter lost = counter_at(COUNT_WEBHOOKS_LOST, PROVIDER_CALENDLY, 0),
                 newest = counter_at(COUNT_LOST_AT, PROVIDER_CALENDLY, 0);
    (void)state;
    facts.counters.value[lost] = 3;
    assert_whole(HEALTH_PASS, NULL); /* nobody has reconciled */
    set_ago(counter_at(COUNT_RECONCILED_AT, PROVIDER_CALENDLY, 0), MINUTE);
    assert_whole(HEALTH_WARN, "webhooks-lost");
    assert_int_equal(check_of("webhook:lost")->number, 3);
    assert_true(check_of("webhook:lost")->since == TIME_NONE);
    set_ago(newest, 2 * HOUR);
    assert_whole(HEALTH_FAIL, "webhooks-silent");
    assert_true(check_of("webhook:lost")->since == NOW - 2 * HOUR);
    set_ago(counter_at(COUNT_SECRET_USED_AT, PROVIDER_CALENDLY, 0), HOUR);
    assert_whole(HEALTH_WARN, "webhooks-lost");
    facts.counters.value[lost] = 0;
    assert_whole(HEALTH_PASS, NULL);
}

/* What nobody has counted or measured is no fault, and is not said to be well known. */
static void what_is_not_known_is_not_judged(void **state)
{
    (void)state;
    facts.space_known = false;
    facts.space = (struct spool_space){0};
    assert_whole(HEALTH_PASS, NULL);
    assert_null(check_of("spool:room")->unit);
    facts.storing = "spool-full";
    assert_whole(HEALTH_FAIL, "spool-full");
    assert_null(check_of("spool:room")->unit);
    facts.storing = NULL;
    facts.limits.silence[PROVIDER_CALCOM] = HOUR;
    facts.counters.value[COUNT_SINCE] = 0; /* a file of counters without its beginning */
    assert_whole(HEALTH_PASS, NULL);
    facts.counted = false;
    set_ago(COUNT_SINCE, 2 * HOUR);
    assert_whole(HEALTH_PASS, NULL);
    facts.survey.count[DIR_HELD] = 1; /* the age of it could not be found */
    assert_whole(HEALTH_WARN, "events-held");
    assert_string_equal(check_of("held:count")->text, "held/ holds 1");
}

static void a_run_that_never_ended_well_fails_in_time(void **state)
{
    (void)state;
    facts.counters.value[COUNT_DRAIN_LAST_AT] = 0;
    set_ago(COUNT_DRAIN_FAILED_AT, MINUTE);
    set_ago(COUNT_SINCE, 9 * MINUTE);
    assert_whole(HEALTH_WARN, "drain-blocked");
    assert_null(strstr(check_of("drain:result")->text, "ended well"));
    set_ago(COUNT_SINCE, 11 * MINUTE);
    assert_whole(HEALTH_FAIL, "drain-blocked");
    facts.counters.value[COUNT_SINCE] = 0;
    assert_whole(HEALTH_WARN, "drain-blocked");
}

/* With a drain at work, the words and the advice are others, the limits the same. */
static void a_drain_at_work_is_said(void **state)
{
    (void)state;
    facts.drain_at_work = true;
    assert_whole(HEALTH_PASS, NULL);
    assert_string_equal(
        check_of("drain:activity")->text, "a drain is at work, and last went on 60 s ago");
    facts.survey.oldest[DIR_NEW] = NOW - 6 * MINUTE;
    assert_whole(HEALTH_WARN, "events-late");
    assert_string_equal(check_of("spool:oldest")->advice, "a drain is at work");
}

static void set_token(size_t slot, enum counter first, int64_t value)
{
    facts.counters.value[counter_at(first, PROVIDER_CALENDLY, slot)] = (uint64_t)value;
}

/* One token of Calendly that is well, as the drain counts it. */
static void begin_tokens(void)
{
    facts.limits.token_checks = true;
    facts.limits.token_interval = 24 * HOUR;
    set_token(0, COUNT_TOKEN_MARK, 0x1a2b3c4d);
    set_token(0, COUNT_TOKEN_SINCE, NOW - 10 * 24 * HOUR);
    set_token(0, COUNT_TOKEN_USES, 700);
    assert_whole(HEALTH_PASS, NULL);
}

static void tokens_warn_before_they_are_used_up(void **state)
{
    (void)state;
    begin_tokens();
    facts.counters.value[counter_at(COUNT_TOKEN_LIMIT, PROVIDER_CALENDLY, 0)] = 1000;
    assert_whole(HEALTH_PASS, NULL);
    set_token(0, COUNT_TOKEN_USES, 799);
    assert_whole(HEALTH_PASS, NULL);
    set_token(0, COUNT_TOKEN_USES, 800);
    assert_whole(HEALTH_WARN, "token-used-up");
    assert_string_equal(check_of("token:uses")->text,
        "Calendly: the primary token 1a2b3c4d has been used for 800 of 1000 requests");
    set_token(0, COUNT_TOKEN_USES, 700); /* in six hours: used up before the next check */
    set_token(0, COUNT_TOKEN_SINCE, NOW - 6 * HOUR);
    assert_whole(HEALTH_WARN, "token-used-up");
    facts.limits.token_interval = HOUR;
    assert_whole(HEALTH_PASS, NULL);
    set_token(1, COUNT_TOKEN_MARK, 0xff);
    set_token(1, COUNT_TOKEN_USES, 900);
    assert_whole(HEALTH_WARN, "token-used-up");
    assert_non_null(strstr(check_of("token:uses")->text, "secondary token 000000ff"));
    facts.limits.token_checks = false;
    assert_whole(HEALTH_PASS, NULL);
}

static void tokens_warn_before_they_are_old(void **state)
{
    (void)state;
    begin_tokens();
    set_token(0, COUNT_TOKEN_SINCE, NOW - 70 * 24 * HOUR);
    assert_whole(HEALTH_PASS, NULL);
    set_token(0, COUNT_TOKEN_SINCE, NOW - 70 * 24 * HOUR - 1);
    assert_whole(HEALTH_WARN, "token-old");
}

static void tokens_that_are_refused_or_lack_scopes_warn(void **state)
{
    (void)state;
    begin_tokens();
    set_token(0, COUNT_TOKEN_SCOPES, SCOPE_USERS_READ | SCOPE_WEBHOOKS_WRITE);
    assert_whole(HEALTH_WARN, "token-scopes");
    assert_string_equal(check_of("token:state")->text,
        "Calendly: API token state: the primary token 1a2b3c4d lacks users:read, webhooks:write");
    set_token(0, COUNT_TOKEN_REFUSED_AT, NOW - HOUR);
    assert_whole(HEALTH_WARN, "token-refused");
    assert_non_null(strstr(check_of("token:state")->text, "there is no other"));
    set_token(1, COUNT_TOKEN_MARK, 0xff);
    assert_whole(HEALTH_WARN, "token-refused");
    assert_non_null(strstr(check_of("token:state")->text, "the other one is used"));
    assert_true(check_of("token:state")->since == NOW - HOUR);
    set_token(0, COUNT_TOKEN_MARK, 0); /* it is not set any more */
    assert_whole(HEALTH_PASS, NULL);
}

static void each_token_is_named_by_its_slot(void **state)
{
    (void)state;
    begin_tokens(); /* without a limit of uses */
    assert_string_equal(check_of("token:uses")->text,
        "Calendly: the primary token 1a2b3c4d has been used for 700 requests");
    set_token(0, COUNT_TOKEN_SINCE, 0);
    assert_whole(HEALTH_PASS, NULL);
    assert_string_equal(check_of("token:age")->text, "Calendly: no API token has been used yet");
    set_token(1, COUNT_TOKEN_MARK, 0xff);
    set_token(1, COUNT_TOKEN_SINCE, NOW - 79 * 24 * HOUR);
    assert_whole(HEALTH_WARN, "token-old");
    assert_string_equal(check_of("token:age")->text,
        "Calendly: the secondary token 000000ff has been in use for 79 d");
    set_token(0, COUNT_TOKEN_SINCE, NOW - 80 * 24 * HOUR);
    assert_whole(HEALTH_WARN, "token-old");
    assert_non_null(strstr(check_of("token:age")->text, "primary token 1a2b3c4d"));
    set_token(1, COUNT_TOKEN_REFUSED_AT, NOW - HOUR);
    assert_whole(HEALTH_WARN, "token-refused");
    assert_non_null(strstr(check_of("token:state")->text,
        "secondary token 000000ff is refused; the other one is used"));
    set_token(1, COUNT_TOKEN_REFUSED_AT, 0);
    set_token(1, COUNT_TOKEN_SCOPES, INT64_C(1) << 20); /* of a newer version */
    assert_whole(HEALTH_WARN, "token-scopes");
    assert_non_null(strstr(check_of("token:state")->text, "000000ff lacks a scope that"));
}

int main(void)
{
#define HEALTH_TEST(f) cmocka_unit_test_setup(f, up)
    const struct CMUnitTest tests[] = {
        HEALTH_TEST(all_is_well),
        HEALTH_TEST(the_disk_warns_at_twice_its_reserve),
        HEALTH_TEST(a_provider_without_a_secret_fails_alone),
        HEALTH_TEST(half_of_stale_warns_and_all_of_it_fails),
        HEALTH_TEST(the_first_run_is_waited_for),
        HEALTH_TEST(a_run_that_was_blocked_warns_until_one_ends_well),
        HEALTH_TEST(what_is_late_warns_and_fails),
        HEALTH_TEST(a_late_mail_warns_for_two_hours),
        HEALTH_TEST(what_waits_for_a_person_warns),
        HEALTH_TEST(an_old_secret_warns_a_while_before_it_is_due),
        HEALTH_TEST(silence_is_off_until_it_has_a_limit),
        HEALTH_TEST(signature_failures_of_the_window_warn),
        HEALTH_TEST(only_a_webhook_from_the_future_shows_a_wrong_clock),
        cmocka_unit_test(silence_for_all_or_for_each),
        HEALTH_TEST(subscriptions_are_as_reconciling_saw_them),
        HEALTH_TEST(lost_webhooks_warn_and_silence_fails),
        HEALTH_TEST(what_is_not_known_is_not_judged),
        HEALTH_TEST(a_run_that_never_ended_well_fails_in_time),
        HEALTH_TEST(a_drain_at_work_is_said),
        HEALTH_TEST(tokens_warn_before_they_are_used_up),
        HEALTH_TEST(tokens_warn_before_they_are_old),
        HEALTH_TEST(tokens_that_are_refused_or_lack_scopes_warn),
        HEALTH_TEST(each_token_is_named_by_its_slot),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
