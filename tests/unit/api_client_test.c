/* api: retries, tokens, pages and errors, against a small server. */
#include "api_scene.h"

#include "base/clock.h"

static void a_revoked_token_costs_one_request(void **state)
{
    struct scene scene;
    scene_open(state, &scene, PROVIDER_CALENDLY, "second-token",
        (const char *const[]){ME, DENIED, ME, ME, NULL});
    for (int i = 0; i < 3; i++) {
        assert_int_equal(scene_get(&scene, "/users/me"), API_OK);
        assert_non_null(cJSON_GetObjectItem(scene.answer.json, "resource"));
    }
    assert_int_equal(scene.peer.log->count, 4);
    assert_true(peer_was_asked(&scene.peer, 0, "Authorization: Bearer first-token\r\n"));
    assert_true(peer_was_asked(&scene.peer, 1, "Bearer first-token\r\n"));
    assert_true(peer_was_asked(&scene.peer, 2, "Bearer second-token\r\n"));
    assert_true(peer_was_asked(&scene.peer, 3, "Bearer second-token\r\n"));
    scene_close(&scene);
}

static void tokens_that_are_all_refused_are_reported(void **state)
{
    struct scene scene;
    scene_open(
        state, &scene, PROVIDER_CALENDLY, "second-token", (const char *const[]){DENIED, NULL});
    assert_int_equal(scene_get(&scene, "/users/me"), API_UNAUTHORIZED);
    assert_int_equal(scene.peer.log->count, 2);
    scene_says(&scene, "(CALENDLY_API_TOKEN) and ");
    scene_says(&scene, "set CALENDLY_API_TOKEN in drain.env");
    scene_close(&scene);
    scene_open(state, &scene, PROVIDER_CALCOM, NULL, (const char *const[]){DENIED, NULL});
    assert_int_equal(scene_get(&scene, "/v2/me"), API_UNAUTHORIZED);
    assert_int_equal(scene.peer.log->count, 1);
    scene_close(&scene);
    scene_open(state, &scene, PROVIDER_CALCOM, NULL, (const char *const[]){ME, NULL});
    api_close(scene.api);
    conf_free(&scene.conf);
    unsetenv("CALCOM_API_KEY");
    assert_true(conf_load(&scene.conf, CONF_TOOL));
    scene.api = api_open(&scene.conf, PROVIDER_CALCOM, NULL, &(struct buf){0});
    assert_false(api_has_token(&scene.conf, PROVIDER_CALCOM));
    assert_int_equal(scene_get(&scene, "/v2/me"), API_NO_TOKEN);
    assert_int_equal(scene.peer.log->count, 0);
    scene_says(&scene, "set CALCOM_API_KEY in drain.env");
    scene_close(&scene);
}

static void a_limit_is_waited_for(void **state)
{
    struct scene scene;
    const char *limited = answer_text("429 Too Many Requests", "X-RateLimit-Reset: 1\r\n", "{}");
    scene_open(
        state, &scene, PROVIDER_CALENDLY, NULL, (const char *const[]){limited, ME, limited, NULL});
    int64_t start = clock_monotonic();
    assert_int_equal(scene_get(&scene, "/users/me"), API_OK);
    assert_true(clock_monotonic() - start >= 1000);
    assert_int_equal(scene.peer.log->count, 2);
    api_set_patience(scene.api, 500); /* the wait would end too late */
    start = clock_monotonic();
    assert_int_equal(scene_get(&scene, "/users/me"), API_LIMITED);
    assert_int_equal(scene.peer.log->count, 3);
    scene_close(&scene);
}

static bool stop_now(void)
{
    return true;
}

static void failures_are_tried_again_where_that_is_safe(void **state)
{
    struct scene scene;
    const char *broken = answer_text("502 Bad Gateway", "", "<html>");
    scene_open(state, &scene, PROVIDER_CALENDLY, NULL,
        (const char *const[]){broken, "", ME, broken, NULL});
    assert_int_equal(scene_get(&scene, "/users/me"), API_OK);
    assert_int_equal(scene.peer.log->count, 3);
    cJSON *body = cJSON_CreateObject();
    cJSON_AddStringToObject(body, "url", "https://hooks.x.test/");
    api_answer_free(&scene.answer);
    assert_int_equal(api_send(scene.api, "POST", "/webhook_subscriptions", body, &scene.answer),
        API_UNREACHABLE);
    assert_int_equal(scene.peer.log->count, 4); /* it may have been done */
    assert_true(peer_was_asked(&scene.peer, 3, "POST /webhook_subscriptions HTTP/1.1\r\n"));
    assert_true(peer_was_asked(&scene.peer, 3, "{\"url\":\"https://hooks.x.test/\"}"));
    assert_true(peer_was_asked(&scene.peer, 3, "Content-Type: application/json\r\n"));
    cJSON_Delete(body);
    api_set_stop(scene.api, stop_now);
    assert_int_equal(scene_get(&scene, "/users/me"), API_UNREACHABLE);
    assert_int_equal(scene.peer.log->count, 5);
    scene_says(&scene, "status 502");
    scene_close(&scene);
}

static void a_removal_that_is_repeated_counts_as_done(void **state)
{
    struct scene scene;
    const char *gone = answer_text("404 Not Found", "", "{}");
    scene_open(state, &scene, PROVIDER_CALENDLY, NULL,
        (const char *const[]){"HTTP/1.1 204 No Content\r\n\r\n", gone, "", gone, NULL});
    const enum api_result expected[] = {API_OK, API_NOT_FOUND, API_OK};
    for (int i = 0; i < 3; i++) {
        api_answer_free(&scene.answer);
        assert_int_equal(
            api_send(scene.api, "DELETE", "/webhook_subscriptions/1", NULL, &scene.answer),
            expected[i]);
    }
    assert_true(peer_was_asked(&scene.peer, 0, "DELETE /webhook_subscriptions/1 HTTP/1.1\r\n"));
    assert_false(peer_was_asked(&scene.peer, 0, "Content-Length"));
    scene_close(&scene);
}

static void refusals_are_explained(void **state)
{
    static const struct {
        const char *status, *headers, *body, *path;
        enum api_result result;
        const char *words;
    } cases[] = {
        {"403 Forbidden", "",
            "{\"title\":\"Permission Denied\",\"message\":\"Missing required scopes: "
            "webhooks:write, users:read\"}",
            "/webhook_subscriptions", API_FORBIDDEN,
            "lacks the scopes webhooks:write, users:read;"},
        {"403 Forbidden", "WWW-Authenticate: Bearer error=\"insufficient_scope\"\r\n", "{}",
            "/scheduled_events?user=u", API_FORBIDDEN, "lacks the scopes scheduled_events:read;"},
        {"403 Forbidden", "",
            "{\"title\":\"Permission Denied\",\"message\":\"Please upgrade to a paid Calendly "
            "account.\"}",
            "/webhook_subscriptions", API_FORBIDDEN, "Please upgrade to a paid"},
        {"400 Bad Request", "",
            "{\"title\":\"Invalid Argument\",\"message\":\"The supplied parameters are invalid.\","
            "\"details\":[{\"parameter\":\"user\",\"message\":\"must be\\u0007\\u009b \xff\"}]}",
            "/x", API_REFUSED, "The supplied parameters are invalid.; user must be \xef\xbf\xbd"},
        {"409 Conflict", "", "{\"title\":\"Already Exists\",\"message\":\"Hook with this url\"}",
            "/x", API_CONFLICT, "it exists already"},
        {"404 Not Found", "", "{\"message\":\"token first-token\"}", "/x", API_NOT_FOUND, "404"},
        {"302 Found", "Location: https://evil.test/\r\n", "", "/x", API_STRANGE,
            "check the base CALENDLY_API_BASE"},
        {"200 OK", "", "<html>", "/x", API_STRANGE, "not JSON"},
        {"200 OK", "", "", "/x", API_STRANGE, "not JSON"},
        {"501 Not Implemented", "", "", "/x", API_UNREACHABLE, "status 501"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct scene scene;
        scene_open(state, &scene, PROVIDER_CALENDLY, NULL,
            (const char *const[]){
                answer_text(cases[i].status, cases[i].headers, cases[i].body), NULL});
        assert_int_equal(scene_get(&scene, cases[i].path), cases[i].result);
        scene_says(&scene, cases[i].words);
        assert_null(scene.answer.json);
        assert_int_equal(scene.peer.log->count, 1);
        scene_close(&scene);
    }
}

static void a_secret_that_comes_back_is_not_shown(void **state)
{
    static const char *const members[] = {"signing_key", "secret"};
    for (size_t i = 0; i < sizeof members / sizeof *members; i++) {
        struct scene scene;
        char answer[128];
        cJSON *body = cJSON_CreateObject();
        cJSON_AddStringToObject(body, members[i], "a-webhook-secret");
        snprintf(answer, sizeof answer, "{\"message\":\"%s a-webhook-secret is bad\"}", members[i]);
        scene_open(state, &scene, PROVIDER_CALENDLY, NULL,
            (const char *const[]){answer_text("400 Bad Request", "", answer),
                answer_text("400 Bad Request", "", "{\"message\":\"this is bad\"}"), NULL});
        assert_int_equal(api_send(scene.api, "POST", "/x", body, &scene.answer), API_REFUSED);
        scene_says(&scene, "400");
        assert_null(strstr(scene.answer.error, "a-webhook-secret"));
        assert_int_equal(api_send(scene.api, "POST", "/x", body, &scene.answer), API_REFUSED);
        scene_says(&scene, "this is bad");
        cJSON_Delete(body);
        scene_close(&scene);
    }
}

static void a_token_is_shown_to_no_other_host(void **state)
{
    struct scene scene;
    scene_open(state, &scene, PROVIDER_CALENDLY, NULL, (const char *const[]){ME, NULL});
    assert_int_equal(scene_get(&scene, "http://127.0.0.2:1/users/me"), API_STRANGE);
    assert_int_equal(scene_get(&scene, "https://evil.test/users/me"), API_STRANGE);
    assert_int_equal(scene.peer.log->count, 0);
    char full[128];
    snprintf(full, sizeof full, "%s/users/me", scene.peer.base);
    assert_int_equal(scene_get(&scene, full), API_OK);
    scene_close(&scene);
    struct buf why = {0};
    setenv("CALENDLY_API_BASE", "http://api.x.test", 1);
    assert_true(conf_load(&scene.conf, CONF_TOOL));
    assert_null(api_open(&scene.conf, PROVIDER_CALENDLY, NULL, &why));
    assert_non_null(strstr(buf_text(&why), "CALENDLY_API_BASE: must be https://HOST"));
    conf_free(&scene.conf);
    buf_free(&why);
}

static void the_version_is_named_to_calcom(void **state)
{
    struct scene scene;
    scene_open(state, &scene, PROVIDER_CALCOM, NULL, (const char *const[]){ME, NULL});
    scene_get(&scene, "/v2/bookings?take=5");
    scene_get(&scene, "/v2/event-types");
    assert_true(peer_was_asked(&scene.peer, 0, "cal-api-version: 2024-08-13\r\n"));
    assert_true(peer_was_asked(&scene.peer, 0, "Bearer first-token\r\n"));
    assert_true(peer_was_asked(&scene.peer, 1, "cal-api-version: 2024-06-14\r\n"));
    scene_close(&scene);
}

struct seen {
    char text[256];
    int most;
};

static bool see(void *context, const cJSON *item)
{
    struct seen *seen = context;
    size_t len = strlen(seen->text);
    snprintf(seen->text + len, sizeof seen->text - len, "%d ", item->valueint);
    return --seen->most != 0;
}

static void lists_go_on_by_token_on_the_known_host(void **state)
{
    struct scene scene;
    struct seen seen = {.most = 0};
    scene_open(state, &scene, PROVIDER_CALENDLY, NULL,
        (const char *const[]){
            answer_text("200 OK", "",
                "{\"collection\":[1,2],\"pagination\":{\"next_page\":"
                "\"https://evil.test/x?page_token=zzz\",\"next_page_token\":\"a&b\"}}"),
            answer_text("200 OK", "",
                "{\"collection\":[3],\"pagination\":{\"next_page\":"
                "\"https://evil.test/x?count=1&page_token=c%3D\"}}"),
            answer_text(
                "200 OK", "", "{\"collection\":[4],\"pagination\":{\"next_page_token\":null}}"),
            NULL});
    assert_int_equal(
        api_list(scene.api, "/scheduled_events?user=u", see, &seen, &scene.answer), API_OK);
    assert_string_equal(seen.text, "1 2 3 4 ");
    assert_true(peer_was_asked(&scene.peer, 0, "GET /scheduled_events?user=u&count=100 HTTP"));
    assert_true(peer_was_asked(
        &scene.peer, 1, "GET /scheduled_events?user=u&count=100&page_token=a%26b HTTP"));
    assert_true(peer_was_asked(
        &scene.peer, 2, "GET /scheduled_events?user=u&count=100&page_token=c%3D HTTP"));
    assert_int_equal(scene.peer.log->count, 3);
    scene_close(&scene);
}

static void lists_go_on_by_number(void **state)
{
    struct scene scene;
    struct seen seen = {.most = 0};
    scene_open(state, &scene, PROVIDER_CALCOM, NULL,
        (const char *const[]){
            answer_text("200 OK", "", "{\"data\":[1,2],\"pagination\":{\"hasNextPage\":true}}"),
            answer_text("200 OK", "", "{\"data\":[3],\"pagination\":{\"hasNextPage\":false}}"),
            answer_text("200 OK", "", "{\"data\":[5,6]}"),
            answer_text("200 OK", "", "{\"data\":[7]}"),
            answer_text("200 OK", "", "{\"data\":[8,9]}"), NULL});
    assert_int_equal(api_list(scene.api, "/v2/bookings", see, &seen, &scene.answer), API_OK);
    assert_string_equal(seen.text, "1 2 3 ");
    assert_true(peer_was_asked(&scene.peer, 1, "GET /v2/bookings?skip=2 HTTP"));
    assert_int_equal(api_list(scene.api, "/v2/webhooks?take=2", see, &seen, &scene.answer), API_OK);
    assert_string_equal(seen.text, "1 2 3 5 6 7 ");
    assert_true(peer_was_asked(&scene.peer, 3, "GET /v2/webhooks?take=2&skip=2 HTTP"));
    /* a server that knows no pages gives the first one again */
    assert_int_equal(api_list(scene.api, "/v2/x?take=2", see, &seen, &scene.answer), API_OK);
    assert_string_equal(seen.text, "1 2 3 5 6 7 8 9 ");
    assert_int_equal(scene.peer.log->count, 6);
    seen.most = 1;
    assert_int_equal(api_list(scene.api, "/v2/x?take=2", see, &seen, &scene.answer), API_OK);
    assert_string_equal(seen.text, "1 2 3 5 6 7 8 9 8 ");
    scene_close(&scene);
    scene_open(state, &scene, PROVIDER_CALCOM, NULL, (const char *const[]){ME, NULL});
    assert_int_equal(api_list(scene.api, "/v2/x", see, &seen, &scene.answer), API_STRANGE);
    scene_says(&scene, "is not a list");
    scene_close(&scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            a_revoked_token_costs_one_request, scratch_up, scratch_down),
        cmocka_unit_test_setup_teardown(
            tokens_that_are_all_refused_are_reported, scratch_up, scratch_down),
        cmocka_unit_test_setup_teardown(a_limit_is_waited_for, scratch_up, scratch_down),
        cmocka_unit_test_setup_teardown(
            failures_are_tried_again_where_that_is_safe, scratch_up, scratch_down),
        cmocka_unit_test_setup_teardown(
            a_removal_that_is_repeated_counts_as_done, scratch_up, scratch_down),
        cmocka_unit_test_setup_teardown(refusals_are_explained, scratch_up, scratch_down),
        cmocka_unit_test_setup_teardown(
            a_secret_that_comes_back_is_not_shown, scratch_up, scratch_down),
        cmocka_unit_test_setup_teardown(
            a_token_is_shown_to_no_other_host, scratch_up, scratch_down),
        cmocka_unit_test_setup_teardown(the_version_is_named_to_calcom, scratch_up, scratch_down),
        cmocka_unit_test_setup_teardown(
            lists_go_on_by_token_on_the_known_host, scratch_up, scratch_down),
        cmocka_unit_test_setup_teardown(lists_go_on_by_number, scratch_up, scratch_down),
    };
    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
