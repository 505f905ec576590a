/* http/retry: how long the headers of an answer ask to wait. */
#include "scratch.h"

#include "http/retry.h"

#define NOW INT64_C(1800000000500)

static void expect(int64_t wait, const char *headers)
{
    struct http_answer answer = {0};
    buf_puts(&answer.headers, "HTTP/1.1 429 Too Many Requests\r\n");
    buf_puts(&answer.headers, headers);
    int64_t found = http_retry_wait(&answer, NOW);
    if (found != wait)
        fail_msg("%s: %lld, expected %lld", headers, (long long)found, (long long)wait);
    http_answer_free(&answer);
}

static void reads_seconds_and_points_in_time(void **state)
{
    (void)state;
    expect(60000, "X-RateLimit-Limit: 50\r\nX-RateLimit-Remaining: 0\r\nX-RateLimit-Reset: 60\r\n");
    expect(7000, "x-ratelimit-reset:7\r\n");
    expect(12000, "X-RateLimit-Reset-Default: 12\r\n");
    expect(9500, "X-RateLimit-Reset: 1800000010\r\n");
    expect(9500, "X-RateLimit-Reset: 1800000010000\r\n");
    expect(0, "X-RateLimit-Reset: 1700000000\r\n"); /* over */
    expect(0, "Retry-After: 0\r\n");
    expect(3000, "Retry-After: 3\r\nX-RateLimit-Reset: 60\r\n");
    expect(3000, "Retry-After: 2.5\r\n");
    expect(9500, "Retry-After: Fri, 15 Jan 2027 08:00:10 GMT\r\n");
    expect(0, "Retry-After: Fri, 15 Jan 2021 08:00:10 GMT\r\n");
    expect(30000, "RateLimit-Reset: 30\r\n");
}

static void takes_the_limit_that_is_used_up(void **state)
{
    (void)state;
    expect(60000, "X-RateLimit-Remaining-Short: 0\r\nX-RateLimit-Reset-Short: 60\r\n"
                  "X-RateLimit-Remaining-Day: 400\r\nX-RateLimit-Reset-Day: 86400\r\n");
    expect(90000, "X-RateLimit-Reset-a: 60\r\nX-RateLimit-Reset-b: 90\r\n");
    expect(5000, "X-RateLimit-Remaining: 3\r\nX-RateLimit-Reset: 5\r\n"); /* all have some left */
}

static void knows_when_nothing_is_said(void **state)
{
    static const char *const none[] = {"", "X-RateLimit-Reset: soon\r\n",
        "X-RateLimit-Reset: -5\r\n", "X-RateLimit-Reset: 5s\r\n", "Retry-After: later\r\n",
        "X-RateLimit-Limit: 50\r\n", "X-RateLimit-Resets\r\n", "XX-RateLimit-Reset: 5\r\n"};
    (void)state;
    for (size_t i = 0; i < sizeof none / sizeof *none; i++)
        expect(-1, none[i]);
    expect(4000, "Retry-After: later\r\nX-RateLimit-Reset: 4\r\n");
}

static void knows_what_may_pass(void **state)
{
    (void)state;
    static const long passing[] = {408, 425, 429, 500, 502, 503, 504, 520};
    static const long lasting[] = {200, 301, 400, 401, 403, 404, 409, 422, 501, 505, 511};
    for (size_t i = 0; i < sizeof passing / sizeof *passing; i++)
        assert_true(http_retry_status(passing[i]));
    for (size_t i = 0; i < sizeof lasting / sizeof *lasting; i++)
        assert_false(http_retry_status(lasting[i]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_seconds_and_points_in_time),
        cmocka_unit_test(takes_the_limit_that_is_used_up),
        cmocka_unit_test(knows_when_nothing_is_said),
        cmocka_unit_test(knows_what_may_pass),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
