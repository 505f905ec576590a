/* What is counted of a secret's use goes with the secret, and only webhooks are a use. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/counters.h"
#include "provider/signature.h"
#include "receive/count.h"

static const char first[] = "the-first-secret", second[] = "the-second-secret", third[] = "a-third";

/* A receiver starts with these; no file is open, so the counters are in memory. */
static void start(const char *primary, const char *secondary, int64_t now)
{
    struct secret_marks marks = {0};
    marks.mark[PROVIDER_CALENDLY][0] = secret_mark(primary);
    marks.mark[PROVIDER_CALENDLY][1] = secondary ? secret_mark(secondary) : 0;
    count_secrets(&marks, now);
}

static void answer(enum reply_status status, int which, int64_t now)
{
    struct judgment judgment = {.reply.status = status,
        .route = {.kind = ROUTE_WEBHOOK, .provider = PROVIDER_CALENDLY},
        .which = which};
    count_answer(&judgment, now);
}

static void assert_slot(size_t slot, int uses, int64_t last, int64_t since)
{
    assert_int_equal(counter_get(counter_at(COUNT_SECRET_USED, PROVIDER_CALENDLY, slot)), uses);
    assert_int_equal(counter_get(counter_at(COUNT_SECRET_USED_AT, PROVIDER_CALENDLY, slot)), last);
    assert_int_equal(counter_get(counter_at(COUNT_SECRET_SINCE, PROVIDER_CALENDLY, slot)), since);
}

static void its_use_goes_with_a_secret(void **state)
{
    (void)state;
    start(first, NULL, 100);
    answer(REPLY_ACCEPTED, 0, 110);
    answer(REPLY_DUPLICATE, 0, 120);
    assert_slot(0, 2, 120, 100);
    start(second, first, 200);
    assert_slot(0, 0, 0, 200);
    assert_slot(1, 2, 120, 100);
    start(second, first, 210); /* once more */
    answer(REPLY_ACCEPTED, 0, 220);
    answer(REPLY_STALE, 1, 230);
    assert_slot(0, 1, 220, 200);
    assert_slot(1, 3, 230, 100);
    start(first, second, 300); /* back again */
    assert_slot(0, 3, 230, 100);
    assert_slot(1, 1, 220, 200);
}

static void an_empty_place_keeps_the_last_use_for_the_monitors(void **state)
{
    (void)state;
    start(second, first, 400);
    start(second, NULL, 410);
    assert_slot(1, 3, 230, 0);
    start(second, third, 420);
    assert_slot(1, 0, 0, 420);
    answer(REPLY_ACCEPTED, 1, 430);
    start(third, NULL, 440); /* not counted twice */
    assert_slot(0, 1, 430, 420);
    assert_slot(1, 0, 0, 0);
}

static void a_ping_is_no_use(void **state)
{
    (void)state;
    answer(REPLY_PONG, 0, 500);
    assert_slot(0, 1, 430, 420);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(its_use_goes_with_a_secret),
        cmocka_unit_test(an_empty_place_keeps_the_last_use_for_the_monitors),
        cmocka_unit_test(a_ping_is_no_use),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
