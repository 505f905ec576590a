/* Names of events, levels and query values, as both APIs want them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "api/subscription.h"
#include "event/event.h"

static const char *explained(enum provider provider, const char *name)
{
    static struct buf why;
    buf_clear(&why);
    webhook_event_explain(provider, name, &why);
    return buf_text(&why);
}

static void names(void **state)
{
    (void)state;
    assert_non_null(webhook_event_find(PROVIDER_CALENDLY, "invitee.created"));
    assert_null(webhook_event_find(PROVIDER_CALENDLY, "invitee.rescheduled"));
    assert_null(webhook_event_find(PROVIDER_CALCOM, "BOOKING_CONFIRMED"));
    assert_non_null(
        strstr(explained(PROVIDER_CALENDLY, "invitee.rescheduled"), "a move is sent as"));
    assert_non_null(
        strstr(explained(PROVIDER_CALCOM, "BOOKING_CREATD"), "did you mean BOOKING_CREATED?"));
    assert_non_null(strstr(explained(PROVIDER_CALCOM, "x"), "lists those that exist"));
}

/* What is subscribed has words in mails: none is mapped as an unknown event. */
static void usual_events_are_understood(void **state)
{
    (void)state;
    for (enum provider p = 0; p < PROVIDERS; p++)
        for (const struct webhook_event *one = webhook_events(p); one->name; one++) {
            struct event event = {0};
            struct buf body = {0};
            buf_printf(&body, "{\"triggerEvent\":\"%s\",\"event\":\"%s\",\"payload\":{}}",
                one->name, one->name);
            const struct webhook webhook = {
                .provider = p, .id = "0", .body = body.data, .length = body.len};
            assert_true(provider_map(&webhook, &event));
            assert_true(event.known);
            arena_free(&event.arena);
            buf_free(&body);
        }
}

static void levels(void **state)
{
    (void)state;
    char path[128];
    assert_true(calcom_level_path("team-event-type:3/7", path, sizeof path));
    assert_string_equal(path, "/v2/teams/3/event-types/7/webhooks");
    assert_true(calcom_level_path("user", path, sizeof path));
    assert_string_equal(path, "/v2/webhooks");
    assert_false(calcom_level_path("event-type:7x", path, sizeof path));
    assert_false(calcom_level_path("event-type:", path, sizeof path));
    assert_false(calcom_level_path("", path, sizeof path));
}

static void encoded(void **state)
{
    (void)state;
    struct buf out = {0};
    subscription_encode(&out, "https://a.b/c?d=e&f+\xc3\xbc~");
    assert_string_equal(out.data, "https%3A%2F%2Fa.b%2Fc%3Fd%3De%26f%2B%C3%BC~");
    buf_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(names),
        cmocka_unit_test(usual_events_are_understood), cmocka_unit_test(levels),
        cmocka_unit_test(encoded)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
