/* What an answer that is no success means: scopes, the provider's reason, and what to do. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "api/words.h"
#include "base/json.h"

static void scopes_of_calls(void **state)
{
    static const struct {
        const char *method, *path;
        unsigned scope;
    } rows[] = {{"GET", "/users/me", SCOPE_USERS_READ}, {"POST", "/users/me", SCOPE_OTHER},
        {"GET", "/webhook_subscriptions?x", SCOPE_WEBHOOKS_READ},
        {"DELETE", "/webhook_subscriptions/1", SCOPE_WEBHOOKS_WRITE},
        {"GET", "/scheduled_events", SCOPE_EVENTS_READ},
        {"GET", "/event_types/1", SCOPE_EVENT_TYPES_READ}, {"GET", "/", SCOPE_OTHER},
        {"GET", "/v2/users", SCOPE_OTHER}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_int_equal(api_scope_of(rows[i].method, rows[i].path), rows[i].scope);
}

static void scopes_that_are_missing(void **state)
{
#define LONG "abcdefghijabcdefghijabcdefghijabcdefghija"
    static const struct {
        const char *json, *challenge, *path, *names;
        unsigned scopes;
    } rows[] = {
        {"{\"message\":\"no\"}", "", "/users/me", "", 0},
        {"{\"message\":\"Insufficient rights\"}", "", "/users/me", "users:read", SCOPE_USERS_READ},
        {"{\"message\":\"scopes users:read, webhooks:write, users:read\"}", "", "/x",
            "users:read, webhooks:write", SCOPE_USERS_READ | SCOPE_WEBHOOKS_WRITE},
        {"{\"message\":\"scope teams:read\"}", "", "/users/me", "teams:read", SCOPE_OTHER},
        {"{}", "error=\"insufficient_scope\", scope=\"event_types:read\"", "/x", "event_types:read",
            SCOPE_EVENT_TYPES_READ},
        {"{\"message\":\"scope " LONG ":read :read users:none\"}", "", "/x",
            "those that this call needs", SCOPE_OTHER},
        {NULL, "a scope", "/scheduled_events", "scheduled_events:read", SCOPE_EVENTS_READ},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct buf names = {0};
        cJSON *json = rows[i].json ? json_parse(rows[i].json, strlen(rows[i].json)) : NULL;
        unsigned got = api_missing_scopes(json, rows[i].challenge, "GET", rows[i].path, &names);
        assert_string_equal(buf_text(&names), rows[i].names);
        assert_int_equal(got, rows[i].scopes);
        cJSON_Delete(json);
        buf_free(&names);
    }
}

static void reasons(void **state)
{
    static const struct {
        enum provider provider;
        const char *json, *reason;
    } rows[] = {
        {PROVIDER_CALENDLY, "{}", ""},
        {PROVIDER_CALENDLY, "{\"title\":\"Bad\",\"message\":\"no\\u0007pe\"}", "Bad: nope"},
        {PROVIDER_CALENDLY, "{\"title\":\"Bad\",\"message\":\"Bad\"}", "Bad"},
        {PROVIDER_CALENDLY,
            "{\"title\":\"Bad\",\"details\":[{\"parameter\":\"url\",\"message\":\"is taken\"},"
            "{\"message\":\"more\"},{\"parameter\":\"\"}]}",
            "Bad; url is taken; more"},
        {PROVIDER_CALENDLY, "{\"details\":[{\"message\":\"alone\"}]}", "alone"},
        {PROVIDER_CALENDLY, "{\"error\":\"invalid\",\"error_description\":\"gone\"}",
            "invalid: gone"},
        {PROVIDER_CALCOM, "{\"error\":{\"code\":\"NotFound\",\"message\":\"none\"}}",
            "NotFound: none"},
        {PROVIDER_CALCOM, "{\"message\":\"plain\",\"error\":7}", "plain"},
        {PROVIDER_CALCOM, "[]", ""},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct buf out = {0};
        cJSON *json = json_parse(rows[i].json, strlen(rows[i].json));
        api_reason(rows[i].provider, json, &out);
        assert_string_equal(buf_text(&out), rows[i].reason);
        cJSON_Delete(json);
        buf_free(&out);
    }
}

static void explanations(void **state)
{
    static const struct {
        enum api_result result;
        long status;
        const char *scopes, *detail, *words;
    } rows[] = {
        {API_NO_TOKEN, 0, "", "", "Calendly: no token is set; set SET in drain.env"},
        {API_UNAUTHORIZED, 401, "", "",
            "Calendly refuses the token TOK: it is wrong, expired or revoked; make a new one and "
            "set SET in drain.env"},
        {API_FORBIDDEN, 403, "users:read", "",
            "Calendly: the token TOK lacks the scopes users:read; make one with these ticked and "
            "set SET in drain.env"},
        {API_FORBIDDEN, 403, "", "",
            "Calendly: the account, its plan or its role does not allow this (403)"},
        {API_FORBIDDEN, 403, "", "pay",
            "Calendly: the account, its plan or its role does not allow this (403): pay"},
        {API_NOT_FOUND, 404, "", "",
            "Calendly answered 404; there is nothing of that address or id, or this token may not "
            "see it"},
        {API_CONFLICT, 409, "", "taken", "Calendly answered 409: taken; it exists already"},
        {API_REFUSED, 400, "", "bad", "Calendly answered 400: bad"},
        {API_LIMITED, 429, "", "",
            "Calendly answered 429; too many requests: try again in a minute"},
        {API_UNREACHABLE, 0, "", "timeout", "Calendly (HOST): timeout; try again later"},
        {API_UNREACHABLE, 503, "", "", "Calendly (HOST); status 503; try again later"},
        {API_STRANGE, 200, "", "",
            "Calendly (HOST); status 200; that is not this API: check the base BASE"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char out[256];
        const struct api_failure failure = {.result = rows[i].result,
            .provider = PROVIDER_CALENDLY,
            .status = rows[i].status,
            .host = "HOST",
            .tokens = "TOK",
            .setting = "SET",
            .base = "BASE",
            .scopes = rows[i].scopes,
            .detail = rows[i].detail};
        api_explain(&failure, out, sizeof out);
        assert_string_equal(out, rows[i].words);
    }
}

/* Between two characters, never inside one. */
static void a_long_explanation_is_cut(void **state)
{
    const struct api_failure failure = {.result = API_REFUSED,
        .provider = PROVIDER_CALENDLY,
        .status = 400,
        .scopes = "",
        .detail = "\xc3\xa4\xc3\xb6\xe2\x82\xac"};
    static const char all[] = "Calendly answered 400: \xc3\xa4\xc3\xb6\xe2\x82\xac";
    static const size_t lengths[] = {23, 23, 25, 25, 27, 27, 27, 30};
    (void)state;
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        char out[64];
        memset(out, 'x', sizeof out);
        api_explain(&failure, out, 24 + i);
        assert_int_equal(strlen(out), lengths[i]);
        assert_int_equal(strncmp(out, all, lengths[i]), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scopes_of_calls),
        cmocka_unit_test(scopes_that_are_missing),
        cmocka_unit_test(reasons),
        cmocka_unit_test(explanations),
        cmocka_unit_test(a_long_explanation_is_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
