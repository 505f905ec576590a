#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "receive/reply.h"
#include "receive/request.h"
#include "receive/responder.h"

static const char *endpoint[PROVIDERS]; /* as the settings have them by default */

static int take_endpoints(void **state)
{
    (void)state;
    for (enum provider p = 0; p < PROVIDERS; p++)
        endpoint[p] = settings[provider_table[p]->endpoint].fallback;
    return 0;
}

/* ---- replies ---- */

static void assert_reply(const struct reply *reply, const char *want)
{
    struct buf out = {0};
    reply_write(reply, NULL, &out);
    assert_string_equal(buf_text(&out), want);
    buf_free(&out);
}

static void replies(void **state)
{
    (void)state;
    assert_reply(&(struct reply){.status = REPLY_ACCEPTED, .id = "0123"},
        "Status: 200 OK\r\nContent-Type: application/json\r\nCache-Control: no-store\r\n\r\n"
        "{\"status\":\"accepted\",\"reason\":null,\"id\":\"0123\"}\n");
    assert_reply(&(struct reply){.status = REPLY_UNAVAILABLE, .reason = "spool-full"},
        "Status: 503 Service Unavailable\r\nContent-Type: application/json\r\n"
        "Cache-Control: no-store\r\nRetry-After: 60\r\n\r\n"
        "{\"status\":\"unavailable\",\"reason\":\"spool-full\",\"id\":null}\n");
    assert_reply(&(struct reply){.status = REPLY_METHOD, .allow = "POST"},
        "Status: 405 Method Not Allowed\r\nContent-Type: application/json\r\n"
        "Cache-Control: no-store\r\nAllow: POST\r\n\r\n"
        "{\"status\":\"method\",\"reason\":null,\"id\":null}\n");
    assert_reply(&(struct reply){.status = REPLY_METHOD, .allow = "POST", .head = true},
        "Status: 405 Method Not Allowed\r\nContent-Type: application/json\r\n"
        "Cache-Control: no-store\r\nAllow: POST\r\n\r\n");
}

static void health_replies(void **state)
{
    (void)state;
    assert_reply(&(struct reply){.status = REPLY_PASS},
        "Status: 200 OK\r\nContent-Type: application/health+json\r\n"
        "Cache-Control: no-store\r\n\r\n{\"status\":\"pass\"}\n");
    assert_reply(&(struct reply){.status = REPLY_FAIL, .reason = "no-secret"},
        "Status: 503 Service Unavailable\r\nContent-Type: application/health+json\r\n"
        "Cache-Control: no-store\r\nRetry-After: 60\r\n\r\n"
        "{\"status\":\"fail\"}\n");
}

/* 410 switches a webhook off, 3xx counts as a failure, 500 is never meant. */
static void status_numbers(void **state)
{
    (void)state;
    static const int want[REPLY_STATUSES] = {
        200, 200, 200, 400, 401, 403, 404, 405, 411, 413, 503, 403, 200, 200, 503, 200};
    for (int i = 0; i < REPLY_STATUSES; i++)
        assert_int_equal(reply_http_status((enum reply_status)i), want[i]);
}

/* ---- paths ---- */

static void paths(void **state)
{
    (void)state;
    static const struct {
        const char *path;
        enum route_kind kind;
        enum provider provider;
    } cases[] = {
        {"/api/calcom-webhook", ROUTE_WEBHOOK, PROVIDER_CALCOM},
        {"/api/calcom-webhook/b", ROUTE_WEBHOOK, PROVIDER_CALCOM},
        {"/api/webhooks/calendly", ROUTE_WEBHOOK, PROVIDER_CALENDLY},
        {"/api/webhooks/calendly/2", ROUTE_WEBHOOK, PROVIDER_CALENDLY},
        {"/api/health", ROUTE_HEALTH, PROVIDERS},
        {"/api/health/calcom", ROUTE_HEALTH, PROVIDER_CALCOM},
        {"/api/health/calendly", ROUTE_HEALTH, PROVIDER_CALENDLY},
        {"/metrics", ROUTE_METRICS, PROVIDERS},
        {"", ROUTE_NONE, PROVIDERS},
        {"/", ROUTE_NONE, PROVIDERS},
        {"/api/calcom-webhook/", ROUTE_NONE, PROVIDERS},
        {"/api/calcom-webhook/b/", ROUTE_NONE, PROVIDERS},
        {"/api/calcom-webhook/b/c", ROUTE_NONE, PROVIDERS},
        {"/api/calcom-webhook//", ROUTE_NONE, PROVIDERS},
        {"/api/calcom-webhookx", ROUTE_NONE, PROVIDERS},
        {"/API/calcom-webhook", ROUTE_NONE, PROVIDERS},
        {"api/calcom-webhook", ROUTE_NONE, PROVIDERS},
        {"/api/webhooks", ROUTE_NONE, PROVIDERS},
        {"/api/health/", ROUTE_NONE, PROVIDERS},
        {"/api/health/other", ROUTE_NONE, PROVIDERS},
        {"/metrics/", ROUTE_NONE, PROVIDERS},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct route route = route_find(cases[i].path, endpoint);
        assert_int_equal(route.kind, cases[i].kind);
        assert_int_equal(route.provider, cases[i].provider);
    }
}

static void an_exact_match_wins(void **state)
{
    (void)state;
    const char *nested[PROVIDERS];
    memcpy(nested, endpoint, sizeof nested);
    nested[PROVIDER_CALCOM] = "/hooks";
    nested[PROVIDER_CALENDLY] = "/hooks/calendly";
    assert_int_equal(route_find("/hooks/calendly", nested).provider, PROVIDER_CALENDLY);
    assert_int_equal(route_find("/hooks/calcom", nested).provider, PROVIDER_CALCOM);
    assert_int_equal(route_find("/hooks/calendly/b", nested).provider, PROVIDER_CALENDLY);
}

/* ---- requests ---- */

static void lengths(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum request_length kind;
        uint64_t length;
    } cases[] = {
        {NULL, LENGTH_ABSENT, 0},
        {"", LENGTH_ABSENT, 0},
        {"0", LENGTH_DECLARED, 0},
        {"1048576", LENGTH_DECLARED, 1048576},
        {"007", LENGTH_DECLARED, 7},
        {"999999999999999999", LENGTH_DECLARED, 999999999999999999},
        {"18446744073709551617", LENGTH_DECLARED, UINT64_MAX},
        {"-1", LENGTH_NONSENSE, 0},
        {"+1", LENGTH_NONSENSE, 0},
        {" 1", LENGTH_NONSENSE, 0},
        {"1 ", LENGTH_NONSENSE, 0},
        {"0x10", LENGTH_NONSENSE, 0},
        {"1e3", LENGTH_NONSENSE, 0},
        {"5, 5", LENGTH_NONSENSE, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint64_t length = 42;
        assert_int_equal(request_parse_length(cases[i].text, &length), cases[i].kind);
        if (cases[i].kind == LENGTH_DECLARED)
            assert_true(length == cases[i].length);
    }
}

static const char *find(void *context, const char *name)
{
    const char *const(*pair)[2] = context;
    for (; (*pair)[0]; pair++)
        if (strcmp((*pair)[0], name) == 0)
            return (*pair)[1];
    return NULL;
}

static void variables(void **state)
{
    (void)state;
    static const char *const given[][2] = {{"REQUEST_METHOD", "POST"}, {"SCRIPT_NAME", "/api"},
        {"PATH_INFO", "/x"}, {"HTTP_X_CAL_SIGNATURE_256", "abc"},
        {"HTTP_CALENDLY_WEBHOOK_SIGNATURE", "t=1,v1=2"}, {NULL, NULL}};
    struct request request;
    request_fill(&request, LENGTH_DECLARED, 12, find, (void *)given);
    assert_string_equal(request.method, "POST");
    assert_string_equal(request.path, "/api/x");
    assert_int_equal(request.length_kind, LENGTH_DECLARED);
    assert_true(request.length == 12);
    assert_string_equal(request.signature[PROVIDER_CALCOM], "abc");
    assert_string_equal(request.signature[PROVIDER_CALENDLY], "t=1,v1=2");
    assert_string_equal(request.content_type, "");
}

static void nothing_given(void **state)
{
    (void)state;
    static const char *const none[][2] = {{NULL, NULL}};
    struct request request;
    request_fill(&request, LENGTH_ABSENT, 0, find, (void *)none);
    assert_string_equal(request.method, "");
    assert_string_equal(request.path, "");
    assert_null(request.signature[PROVIDER_CALCOM]);
    assert_int_equal(request.length_kind, LENGTH_ABSENT);
}

/* A path that is cut could become one of ours. */
static void longest_path(void **state)
{
    (void)state;
    static char path[REQUEST_PATH_SIZE + 1];
    const char *const given[][2] = {{"SCRIPT_NAME", path}, {NULL, NULL}};
    struct request request;
    memset(path, 'x', REQUEST_PATH_SIZE - 1);
    request_fill(&request, LENGTH_ABSENT, 0, find, (void *)given);
    assert_int_equal(strlen(request.path), REQUEST_PATH_SIZE - 1);
    path[REQUEST_PATH_SIZE - 1] = 'x';
    request_fill(&request, LENGTH_ABSENT, 0, find, (void *)given);
    assert_string_equal(request.path, "");
}

/* ---- lines ---- */

static void limited_lines(void **state)
{
    (void)state;
    struct log_limit limit = {0};
    unsigned long dropped;
    for (int i = 0; i < LOG_LIMIT_LINES; i++)
        assert_true(log_limit_allows(&limit, 1000 + i, &dropped));
    for (int i = 0; i < 7; i++)
        assert_false(log_limit_allows(&limit, 2000, &dropped));
    assert_int_equal(dropped, 0);
    assert_true(log_limit_allows(&limit, 1000 + LOG_LIMIT_PERIOD_MS, &dropped));
    assert_int_equal(dropped, 7);
    assert_true(log_limit_allows(&limit, 1001 + LOG_LIMIT_PERIOD_MS, &dropped));
    assert_int_equal(dropped, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(replies),
        cmocka_unit_test(health_replies),
        cmocka_unit_test(status_numbers),
        cmocka_unit_test(paths),
        cmocka_unit_test(an_exact_match_wins),
        cmocka_unit_test(lengths),
        cmocka_unit_test(variables),
        cmocka_unit_test(nothing_given),
        cmocka_unit_test(longest_path),
        cmocka_unit_test(limited_lines),
    };
    return cmocka_run_group_tests(tests, take_endpoints, NULL);
}
