#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/json.h"
#include "report/sentry.h"

#define ID "0123456789abcdef0123456789abcdef"

/* ---- the DSN ---- */

static void dsns(void **state)
{
    static const struct {
        const char *text, *url, *key;
    } good[] = {
        {"https://abc@o1.ingest.example.io/42", "https://o1.ingest.example.io/api/42/envelope/",
            "abc"},
        {"https://abc:secret@errors.example.org/7/", "https://errors.example.org/api/7/envelope/",
            "abc"},
        {"http://k@127.0.0.1:8969/deep/path/p1", "http://127.0.0.1:8969/deep/path/api/p1/envelope/",
            "k"},
    };
    static const char *const bad[] = {"", "abc", "https://example.org/1", "https://k@example.org",
        "https://k@localhost@example.org/1", "https://k@example.org/", "ftp://k@example.org/1",
        "https://@example.org/1", "https://k@/1", "https://example.org/a@b/1",
        "https://k@exa mple.org/1", "https://k@example.org/1?x=1", "xhttps://k@example.org/1",
        ("https://"
         "0123456789012345678901234567890123456789012345678901234567890123456789012345678901"
         "2345678901234567890123456789012345678901234567890123456789@example.org/1")};
    struct sentry_dsn dsn;
    const char *why;
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        assert_true(sentry_dsn_parse(good[i].text, &dsn, &why));
        assert_string_equal(dsn.url, good[i].url);
        assert_string_equal(dsn.key, good[i].key);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (sentry_dsn_parse(bad[i], &dsn, &why))
            fail_msg("taken: %s", bad[i]);
}

/* ---- envelopes ---- */

/* The item of an envelope: three lines, of which the second has the length of the third. */
static cJSON *item_of(struct buf *envelope, const char *type)
{
    const char *text = buf_text(envelope), *second = strchr(text, '\n') + 1;
    const char *third = strchr(second, '\n') + 1;
    cJSON *head = json_parse(second, (size_t)(third - 1 - second));
    assert_string_equal(json_text(head, "type"), type);
    assert_int_equal(json_get(head, "length")->valueint, strlen(third) - 1);
    cJSON_Delete(head);
    cJSON *item = json_parse(third, strlen(third) - 1);
    assert_non_null(item);
    return item;
}

static void an_error(void **state)
{
    const struct sentry_source source = {.environment = "staging", .now = 1795255200123};
    const struct incident incident = {.when = 1795255199000,
        .program = "bookspool-drain",
        .reason = "blocked",
        .cause = "smtp-auth-535",
        .count = 3};
    struct buf out = {0};
    (void)state;
    assert_true(sentry_event(&source, ID, &incident, &out));
    assert_non_null(strstr(buf_text(&out), "\"sent_at\":\"2026-11-21T10:00:00.123Z\""));
    cJSON *event = item_of(&out, "event");
    assert_string_equal(json_text(event, "event_id"), ID);
    assert_string_equal(json_text(event, "timestamp"), "2026-11-21T09:59:59.000Z");
    assert_string_equal(json_text(event, "environment"), "staging");
    assert_string_equal(
        json_text(event, "logentry.formatted"), "bookspool-drain: blocked smtp-auth-535");
    assert_string_equal(json_text(event, "tags.cause"), "smtp-auth-535");
    assert_int_equal(json_path(event, "extra.count")->valueint, 3);
    char *print = cJSON_PrintUnformatted(json_get(event, "fingerprint"));
    assert_string_equal(print, "[\"bookspool-drain\",\"blocked\",\"smtp-auth-535\"]");
    assert_null(json_get(event, "server_name"));
    assert_null(json_get(event, "user"));
    cJSON_free(print);
    cJSON_Delete(event);
    buf_free(&out);
    const struct incident without = {.program = "bookspool-fcgi", .reason = "spool-full"};
    assert_true(sentry_event(&source, ID, &without, &out));
    event = item_of(&out, "event");
    assert_string_equal(json_text(event, "logentry.formatted"), "bookspool-fcgi: spool-full");
    assert_string_equal(json_text(event, "tags.cause"), "-");
    cJSON_Delete(event);
    buf_free(&out);
}

static void check_ins(void **state)
{
    const struct sentry_source source = {.now = 1795255200123};
    const struct sentry_monitor monitor = {5, 15};
    struct buf out = {0};
    (void)state;
    assert_true(sentry_check_in(&source, ID, SENTRY_IN_PROGRESS, 0, &monitor, &out));
    cJSON *item = item_of(&out, "check_in");
    assert_string_equal(json_text(item, "check_in_id"), ID);
    assert_string_equal(json_text(item, "monitor_slug"), "bookspool-drain");
    assert_string_equal(json_text(item, "status"), "in_progress");
    assert_null(json_get(item, "duration"));
    assert_null(json_get(item, "environment"));
    assert_int_equal(json_path(item, "monitor_config.max_runtime")->valueint, 15);
    cJSON_Delete(item);
    buf_free(&out);
    assert_true(sentry_check_in(&source, ID, SENTRY_ERROR, 1500, &monitor, &out));
    item = item_of(&out, "check_in");
    assert_string_equal(json_text(item, "status"), "error");
    assert_true(json_get(item, "duration")->valuedouble == 1.5);
    cJSON_Delete(item);
    buf_free(&out);
}

/* ---- limits ---- */

static void limits(void **state)
{
    static const struct {
        long status;
        const char *rate, *after;
        int64_t errors, monitors; /* in seconds from now; 0: no limit */
    } cases[] = {
        {200, "", "", 0, 0},
        {200, "60:error:key:reason", "", 60, 0},
        {200, "60:transaction;monitor:organization", "", 0, 60},
        {200, "2700::organization", "", 2700, 2700},
        {200, "30", "", 0, 0},
        {200, "10:default, 20:monitor:x, 15:error", "", 15, 20},
        {200, "60:unknown:key", "", 0, 0},
        {200, "60:errors:key, 70:err, 80:ERROR", "", 80, 0},
        {200, "error, -5:error, 1e10:error,:error, 7:monitor", "", 0, 7},
        {429, "", "120", 120, 120},
        {429, "", "", 60, 60},
        {429, "", "Wed, 21 Oct 2026 07:28:00 GMT", 60, 60},
        {429, "", "99999999", 86400, 86400},
        {429, "", "-1", 60, 60},
        {429, "5:monitor:key", "120", 0, 5},
        {503, "", "120", 0, 0},
    };
    const int64_t now = 1000000;
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct sentry_limits got = {0};
        sentry_read_limits(&got, cases[i].status, cases[i].rate, cases[i].after, now);
        assert_int_equal(got.errors, cases[i].errors ? now + cases[i].errors * 1000 : 0);
        assert_int_equal(got.monitors, cases[i].monitors ? now + cases[i].monitors * 1000 : 0);
    }
    struct sentry_limits longer = {.errors = now + 90000};
    sentry_read_limits(&longer, 200, "60:error", "", now);
    assert_int_equal(longer.errors, now + 90000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dsns),
        cmocka_unit_test(an_error),
        cmocka_unit_test(check_ins),
        cmocka_unit_test(limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
