/* Every row of the table of providers is complete, and the rows differ where they must. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "provider/provider.h"

#define BODY "{\"an\":\"event\"}"
#define NOW  INT64_C(1795255200123) /* 2026-11-21T10:00:00.123Z */

static void every_row_is_complete(void **state)
{
    (void)state;
    for (enum provider p = 0; p < PROVIDERS; p++) {
        const struct provider_row *row = provider_table[p];
        assert_true(row->name && *row->name && strlen(row->name) < 16);
        assert_int_equal(strspn(row->name, "abcdefghijklmnopqrstuvwxyz"), strlen(row->name));
        assert_true(row->title && *row->title);
        assert_true(row->signature_header && *row->signature_header);
        assert_true(row->verify && row->sign && row->envelope && row->map);
        assert_int_equal(row->version_header != NULL, row->versions && row->versions[0]);
        assert_true(provider_version_known(p, NULL) && provider_version_known(p, ""));
        assert_false(provider_version_known(p, "1999-12-31"));
        for (int i = 0; row->versions && row->versions[i]; i++)
            assert_true(provider_version_known(p, row->versions[i]));
        for (int i = 0; i < PROVIDER_SECRETS; i++) {
            assert_true(settings[row->secret[i]].secret);
            assert_int_equal(settings[row->secret[i]].kind, SETTING_TEXT);
        }
        assert_int_equal(settings[row->endpoint].kind, SETTING_ENDPOINT);
        assert_int_equal(settings[row->window].kind, SETTING_SECONDS);
        assert_int_equal(settings[row->base_url].kind, SETTING_URL);
    }
}

static void a_ping_is_one_at_its_provider_alone(void **state)
{
    (void)state;
    for (enum provider p = 0; p < PROVIDERS; p++)
        for (enum provider q = 0; q < PROVIDERS; q++) {
            struct envelope envelope;
            const char *ping = provider_table[q]->ping;
            assert_true(provider_envelope(p, NULL, ping, strlen(ping), &envelope));
            assert_int_equal(envelope.ping, p == q);
        }
}

static void no_two_rows_share_what_is_their_own(void **state)
{
    (void)state;
    for (enum provider p = 0; p < PROVIDERS; p++)
        for (enum provider q = 0; q < p; q++) {
            const struct provider_row *a = provider_table[p], *b = provider_table[q];
            assert_string_not_equal(a->name, b->name);
            assert_string_not_equal(a->title, b->title);
            assert_string_not_equal(a->signature_header, b->signature_header);
            assert_int_not_equal(a->endpoint, b->endpoint);
            assert_int_not_equal(a->window, b->window);
            for (int i = 0; i < PROVIDER_SECRETS; i++)
                for (int k = 0; k < PROVIDER_SECRETS; k++)
                    assert_int_not_equal(a->secret[i], b->secret[k]);
            assert_true(a->map != b->map);
        }
}

static void names_lead_to_their_rows(void **state)
{
    (void)state;
    enum provider found;
    for (enum provider p = 0; p < PROVIDERS; p++) {
        assert_true(provider_parse(provider_name(p), &found));
        assert_int_equal(found, p);
        assert_string_equal(provider_title(provider_name(p)), provider_table[p]->title);
    }
    assert_false(provider_parse("", &found));
    assert_false(provider_parse("CALCOM", &found));
    assert_string_equal(provider_title("another"), "another");
}

static void all_names_are_listed(void **state)
{
    (void)state;
    struct buf names = {0};
    provider_list_names(&names);
    for (enum provider p = 0; p < PROVIDERS; p++)
        assert_non_null(strstr(buf_text(&names), provider_name(p)));
    assert_non_null(strstr(buf_text(&names), " or "));
    buf_free(&names);
}

/* What a row signs is what it verifies, and what no other row with the same secret verifies. */
static void rows_verify_what_they_sign(void **state)
{
    (void)state;
    struct provider_secrets secrets;
    assert_true(provider_secrets_open(&secrets, "the same secret", NULL));
    for (enum provider p = 0; p < PROVIDERS; p++) {
        char header[256];
        assert_true(
            provider_sign(p, secrets.hmac[0], BODY, strlen(BODY), NOW, header, sizeof header));
        for (enum provider q = 0; q < PROVIDERS; q++) {
            int which = -1;
            bool right =
                provider_verify(q, &secrets, header, BODY, strlen(BODY), &which) == SIGNATURE_RIGHT;
            assert_int_equal(right, p == q);
            assert_int_equal(which, p == q ? 0 : -1);
        }
    }
    provider_secrets_close(&secrets);
}

/* Anything may come as a body. */
static void every_row_takes_any_body(void **state)
{
    (void)state;
    static const char *const bodies[] = {
        "", "{", "false", "\"text\"", "7", "[]", "{}", "{\"payload\":[]}"};
    for (enum provider p = 0; p < PROVIDERS; p++)
        for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
            struct envelope envelope;
            struct event event;
            const struct webhook webhook = {.provider = p,
                .id = "00112233445566778899aabbccddeeff",
                .received = NOW,
                .body = bodies[i],
                .length = strlen(bodies[i])};
            assert_true(provider_envelope(p, NULL, bodies[i], strlen(bodies[i]), &envelope));
            assert_string_equal(envelope.event, "-");
            assert_true(envelope.anonymous);
            assert_true(provider_map(&webhook, &event));
            assert_string_equal(event.provider, provider_name(p));
            assert_int_equal(event.kind, KIND_OTHER);
            assert_int_equal(event.received_at, NOW);
            event_free(&event);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_is_complete),
        cmocka_unit_test(a_ping_is_one_at_its_provider_alone),
        cmocka_unit_test(no_two_rows_share_what_is_their_own),
        cmocka_unit_test(names_lead_to_their_rows),
        cmocka_unit_test(all_names_are_listed),
        cmocka_unit_test(rows_verify_what_they_sign),
        cmocka_unit_test(every_row_takes_any_body),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
