/* What of a body is removed before somebody reads it, and that the rest stays. */
#include <dirent.h>

#include "base/json.h"
#include "provider/redact.h"
#include "provider_body.h"

static void check(const char *body, const char *expected)
{
    struct arena arena = {0};
    const char *text = body_redacted(&arena, body, strlen(body));
    if (!expected)
        assert_null(text);
    else {
        assert_non_null(text);
        assert_string_equal(text, expected);
    }
    assert_false(arena.failed);
    arena_free(&arena);
}

static void secret_members_go(void **state)
{
    (void)state;
    check("{\"a\":1,\"password\":\"x\"}", "{\"a\":1,\"password\":\"(removed)\"}");
    check("{\"payload\":{\"videoCallData\":{\"url\":\"https://v.example/"
          "1\",\"password\":\"j.w.t\"}}}",
        "{\"payload\":{\"videoCallData\":{\"url\":\"https://v.example/"
        "1\",\"password\":\"(removed)\"}"
        "}}");
    check("[{\"meetingPassword\":\"x\"},{\"one_time-PassWord\":7}]",
        "[{\"meetingPassword\":\"(removed)\"},{\"one_time-PassWord\":\"(removed)\"}]");
    check("{\"apiKey\":{\"id\":1},\"clientSecrets\":[\"a\",\"b\"]}",
        "{\"apiKey\":\"(removed)\",\"clientSecrets\":\"(removed)\"}");
    check("{\"delegationCredential\":{\"domain\":\"d\",\"serviceAccountKey\":{\"a\":1},\"key\":"
          "\"k\"}}",
        "{\"delegationCredential\":{\"domain\":\"d\",\"serviceAccountKey\":\"(removed)\",\"key\":"
        "\"(removed)\"}}");
    check("{\"cancel_url\":\"https://c.example/x\",\"reschedule_url\":\"https://c.example/y\"}",
        "{\"cancel_url\":\"(removed)\",\"reschedule_url\":\"(removed)\"}");
    check("{\"downloadLink\":\"https://c.example/x\",\"downloadLinks\":{\"recording\":\"y\"}}",
        "{\"downloadLink\":\"(removed)\",\"downloadLinks\":\"(removed)\"}");
}

static void what_gives_nothing_away_stays(void **state)
{
    (void)state;
    check("{\"password\":null,\"hasPassword\":true}", "{\"password\":null,\"hasPassword\":true}");
    check("{\"secretExpiresAt\":\"2026-12-24\",\"token_expiry\":3}",
        "{\"secretExpiresAt\":\"2026-12-24\",\"token_expiry\":3}");
    check("{\"title\":\"The password is a "
          "secret\",\"pinned\":1,\"keyboard\":2,\"passenger\":\"A\",\"author\":\"B\"}",
        "{\"title\":\"The password is a "
        "secret\",\"pinned\":1,\"keyboard\":2,\"passenger\":\"A\",\"author\":\"B\"}");
    check("{\"id\":12345678901,\"price\":49.5,\"uid\":\"u\"}",
        "{\"id\":12345678901,\"price\":49.5,\"uid\":\"u\"}");
    check("{\"name\":\"Zo\xc3\xab\"}", "{\"name\":\"Zo\xc3\xab\"}");
    check("false", "false");
}

static void secrets_in_links_go(void **state)
{
    (void)state;
    struct arena arena = {0};
    static const struct {
        const char *text, *redacted;
    } rows[] = {
        {"https://z.example/j/1?pwd=abc", "https://z.example/j/1?pwd=(removed)"},
        {"https://z.example/j/1?pwd=abc&lang=de#x",
            "https://z.example/j/1?pwd=(removed)&lang=de#x"},
        {"see https://z.example/?a=1&amp;token=a.b-c here",
            "see https://z.example/?a=1&amp;token=(removed) here"},
        {"two ?token=a and ?access_token=b", "two ?token=(removed) and ?access_token=(removed)"},
        {"https://z.example/?tokens", "https://z.example/?tokens"},
        {"https://z.example/?token=", "https://z.example/?token="},
        {"https://z.example/?spin=abc", "https://z.example/?spin=abc"},
        {"", ""},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_string_equal(redact_text(&arena, rows[i].text), rows[i].redacted);
    assert_null(redact_text(&arena, NULL));
    arena_free(&arena);
    check("{\"location\":\"https://z.example/j/1?pwd=abc\"}",
        "{\"location\":\"https://z.example/j/1?pwd=(removed)\"}");
}

static void a_body_that_is_no_json(void **state)
{
    (void)state;
    check("title=Intro&start=2026-11-24", "title=Intro&start=2026-11-24");
    check("", "");
    check("title=Intro&password=x", NULL);
    check("{\"oneTimePassword\": 1", NULL);
    check("The link: https://z.example/?pwd=1", NULL);
    struct arena arena = {0};
    assert_string_equal(body_redacted(&arena, "a\0b", 3), "a b");
    assert_null(body_redacted(&arena, "a\0token", 7));
    arena_free(&arena);
}

/* All secrets of the samples are called invented. */
static void no_sample_gives_one_away(void **state)
{
    (void)state;
    static const char *const folders[] = {"calcom", "calendly"};
    static const char *const invented[] = {"invented-join-credential", "invented-one-time-password",
        "invented-password", "token=invented", "/cancellations/", "/reschedulings/"};
    size_t found = 0;
    for (size_t i = 0; i < 2; i++) {
        char path[512];
        snprintf(path, sizeof path, SAMPLES "%s", folders[i]);
        DIR *folder = opendir(path);
        assert_non_null(folder);
        for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
            struct buf body = {0};
            struct arena arena = {0};
            if (entry->d_name[0] == '.')
                continue;
            snprintf(path, sizeof path, "%s/%s", folders[i], entry->d_name);
            body_read(path, &body);
            const char *text = body_redacted(&arena, body.data, body.len);
            assert_non_null(text);
            for (size_t k = 0; k < sizeof invented / sizeof *invented; k++) {
                found += strstr(buf_text(&body), invented[k]) != NULL;
                if (strstr(text, invented[k]))
                    fail_msg("%s shows %s", path, invented[k]);
            }
            arena_free(&arena);
            buf_free(&body);
        }
        closedir(folder);
    }
    assert_in_range(found, 20, 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(secret_members_go),
        cmocka_unit_test(what_gives_nothing_away_stays),
        cmocka_unit_test(secrets_in_links_go),
        cmocka_unit_test(a_body_that_is_no_json),
        cmocka_unit_test(no_sample_gives_one_away),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
