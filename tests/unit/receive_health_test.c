/* When the health warns of mail, and when it stops. */
#include "scratch.h"

#include "base/clock.h"
#include "base/counters.h"
#include "receive/health.h"
#include "receive/responder.h"

static int up(void **state)
{
    if (scratch_up(state) != 0)
        return -1;
    scratch_settings(*state, "BOOKSPOOL_RESERVE=0,0\n");
    for (enum counter i = 0; i < COUNTERS; i++)
        counter_set(i, 0);
    return 0;
}

static struct reply ask(struct scratch *s, enum provider provider)
{
    struct conf conf;
    struct responder responder;
    struct accept_batch batch;
    struct reply reply = {0};
    setenv("CALCOM_WEBHOOK_SECRET", "a secret of this test", 1); /* conf_load takes it away */
    assert_true(conf_load(&conf, CONF_RECEIVE));
    accept_init(&batch, &s->spool, false, 0, 0);
    assert_true(responder_init(&responder, &conf, &s->spool, &batch));
    health_answer(&responder, provider, &reply);
    responder_close(&responder);
    conf_free(&conf);
    return reply;
}

static void assert_passes(struct scratch *s)
{
    struct reply reply = ask(s, PROVIDERS);
    assert_int_equal(reply.status, REPLY_PASS);
    assert_null(reply.reason);
}

static void assert_warns(struct scratch *s, const char *reason)
{
    struct reply reply = ask(s, PROVIDERS);
    assert_int_equal(reply.status, REPLY_WARN);
    assert_string_equal(reply.reason, reason);
    assert_int_equal(ask(s, PROVIDER_CALENDLY).status, REPLY_FAIL); /* it has no secret */
}

static void set_ago(enum counter which, int64_t minutes)
{
    counter_set(which, (uint64_t)(clock_now() - minutes * 60 * MS_PER_SECOND));
}

static void a_run_that_was_blocked_warns_until_one_ends_well(void **state)
{
    assert_passes(*state);
    set_ago(COUNT_DRAIN_LAST_AT, 10);
    assert_passes(*state);
    set_ago(COUNT_DRAIN_BLOCKED_AT, 5);
    assert_warns(*state, "drain-blocked");
    set_ago(COUNT_DRAIN_LAST_AT, 0);
    assert_passes(*state);
}

static void a_late_mail_warns_for_two_hours(void **state)
{
    set_ago(COUNT_MAIL_STUCK_AT, 119);
    assert_warns(*state, "mail-stuck");
    set_ago(COUNT_MAIL_STUCK_AT, 121);
    assert_passes(*state);
}

static void events_in_bad_warn_until_they_are_gone(void **state)
{
    counter_set(COUNT_BAD_NOW, 1);
    assert_warns(*state, "events-in-bad");
    counter_set(COUNT_BAD_NOW, 0);
    counter_set(COUNT_UNCOMPOSED_NOW, 1);
    assert_warns(*state, "events-not-composed");
    counter_set(COUNT_UNCOMPOSED_NOW, 0);
    assert_passes(*state);
}

int main(void)
{
#define HEALTH_TEST(f) cmocka_unit_test_setup_teardown(f, up, scratch_down)
    const struct CMUnitTest tests[] = {
        HEALTH_TEST(a_run_that_was_blocked_warns_until_one_ends_well),
        HEALTH_TEST(a_late_mail_warns_for_two_hours),
        HEALTH_TEST(events_in_bad_warn_until_they_are_gone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
