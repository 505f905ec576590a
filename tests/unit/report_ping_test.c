#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "report/ping.h"

static void the_url_of_each_service(void **state)
{
    static const struct {
        const char *url, *good, *bad;
    } cases[] = {
        {"https://hc.example.org/ping/u-u-i-d", "https://hc.example.org/ping/u-u-i-d",
            "https://hc.example.org/ping/u-u-i-d/fail"},
        {"https://hc.example.org/ping/x/?create=1#a", "https://hc.example.org/ping/x?create=1",
            "https://hc.example.org/ping/x/fail?create=1"},
        {"http://127.0.0.1:3001/api/push/tok?status=up&msg=OK&ping=",
            "http://127.0.0.1:3001/api/push/tok?status=up&msg=OK",
            "http://127.0.0.1:3001/api/push/tok?status=down&msg=the+drain+failed"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct buf good = {0}, bad = {0};
        ping_url(cases[i].url, true, &good);
        ping_url(cases[i].url, false, &bad);
        assert_string_equal(buf_text(&good), cases[i].good);
        assert_string_equal(buf_text(&bad), cases[i].bad);
        buf_free(&good);
        buf_free(&bad);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(the_url_of_each_service)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
