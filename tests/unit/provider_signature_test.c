#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "provider/provider.h"

#define SECRET "a secret of the tests"
#define SECOND "another secret"
#define BODY   "{\"triggerEvent\":\"PING\"}"
#define NOW    INT64_C(1795255200123)
#define T      "1795255200"

enum { HEADER = 256 };

static struct provider_secrets both, none;

static int open_rings(void **state)
{
    (void)state;
    return provider_secrets_open(&both, SECRET, SECOND) && provider_secrets_open(&none, NULL, "")
               ? 0
               : -1;
}

static int close_rings(void **state)
{
    (void)state;
    provider_secrets_close(&both);
    provider_secrets_close(&none);
    return 0;
}

static enum signature_result verify(
    enum provider provider, const char *header, const char *body, int *which)
{
    return provider_verify(provider, &both, header, body, strlen(body), which);
}

static void sign(enum provider provider, int key, char header[HEADER])
{
    assert_true(provider_sign(provider, both.hmac[key], BODY, strlen(BODY), NOW, header, HEADER));
}

/* RFC 4231, test case 2 */
static void hmac_is_the_published_one(void **state)
{
    (void)state;
    struct hmac *hmac = hmac_open("Jefe");
    char header[HEADER];
    assert_non_null(hmac);
    for (int again = 0; again < 2; again++) {
        assert_true(provider_sign(
            PROVIDER_CALCOM, hmac, "what do ya want for nothing?", 28, NOW, header, sizeof header));
        assert_string_equal(
            header, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    }
    hmac_close(hmac);
}

static void each_key_is_tried(void **state)
{
    (void)state;
    char header[HEADER];
    for (int provider = 0; provider < PROVIDERS; provider++)
        for (int key = 0; key < PROVIDER_SECRETS; key++) {
            int which = -1;
            sign((enum provider)provider, key, header);
            assert_int_equal(
                verify((enum provider)provider, header, BODY, &which), SIGNATURE_RIGHT);
            assert_int_equal(which, key);
        }
}

static void a_second_key_alone_has_its_place(void **state)
{
    (void)state;
    struct provider_secrets secrets;
    char header[HEADER];
    int which = -1;
    assert_true(provider_secrets_open(&secrets, "", SECOND));
    sign(PROVIDER_CALCOM, 1, header);
    assert_int_equal(provider_verify(PROVIDER_CALCOM, &secrets, header, BODY, strlen(BODY), &which),
        SIGNATURE_RIGHT);
    assert_int_equal(which, 1);
    sign(PROVIDER_CALCOM, 0, header);
    assert_int_equal(provider_verify(PROVIDER_CALCOM, &secrets, header, BODY, strlen(BODY), &which),
        SIGNATURE_WRONG);
    memset(header, '0', DIGEST_HEX); /* what the place of the absent one may hold */
    assert_int_equal(provider_verify(PROVIDER_CALCOM, &secrets, header, BODY, strlen(BODY), &which),
        SIGNATURE_WRONG);
    provider_secrets_close(&secrets);
}

static void without_a_key_nothing_is_right(void **state)
{
    (void)state;
    static const char *const headers[] = {NULL, "", "no-secret-provided", "t=1,v1=00",
        /* HMAC-SHA256 of nothing under the empty key */
        "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad"};
    int which;
    assert_true(provider_secrets_empty(&none));
    assert_false(provider_secrets_empty(&both));
    for (size_t i = 0; i < sizeof headers / sizeof *headers; i++)
        for (int provider = 0; provider < PROVIDERS; provider++)
            assert_int_equal(
                provider_verify((enum provider)provider, &none, headers[i], "", 0, &which),
                SIGNATURE_NO_SECRET);
}

/* Flips the lowest bit of each character in turn. */
static void every_flipped_bit_is_refused(void **state)
{
    (void)state;
    char header[HEADER], body[] = BODY;
    int which;
    for (int p = 0; p < PROVIDERS; p++) {
        enum provider provider = (enum provider)p;
        sign(provider, 0, header);
        for (size_t i = 0; i < strlen(header); i++)
            for (int bit = 0; bit < 7; bit++) {
                header[i] = (char)(header[i] ^ 1 << bit);
                assert_int_not_equal(verify(provider, header, BODY, &which), SIGNATURE_RIGHT);
                header[i] = (char)(header[i] ^ 1 << bit);
            }
        for (size_t i = 0; i < sizeof body - 1; i++)
            for (int bit = 0; bit < 8; bit++) {
                body[i] = (char)(body[i] ^ 1 << bit);
                assert_int_equal(
                    provider_verify(provider, &both, header, body, sizeof body - 1, &which),
                    SIGNATURE_WRONG);
                body[i] = (char)(body[i] ^ 1 << bit);
            }
        assert_int_equal(verify(provider, header, body, &which), SIGNATURE_RIGHT);
        assert_int_equal(verify(provider, header, BODY "\n", &which), SIGNATURE_WRONG);
    }
}

static void calcom_takes_one_form_only(void **state)
{
    (void)state;
    char hex[HEADER], header[2 * HEADER];
    static const struct {
        const char *form;
        enum signature_result result;
    } forms[] = {
        {"%s", SIGNATURE_RIGHT},
        {"sha256=%s", SIGNATURE_MALFORMED},
        {"v1,%s", SIGNATURE_MALFORMED},
        {" %s", SIGNATURE_MALFORMED},
        {"%s ", SIGNATURE_MALFORMED},
        {"%s0", SIGNATURE_MALFORMED},
        {"%.63s", SIGNATURE_MALFORMED},
        {"no-secret-provided%.0s", SIGNATURE_NOT_SIGNED},
        {"No-Secret-Provided%.0s", SIGNATURE_MALFORMED},
        {"%.0s", SIGNATURE_ABSENT},
    };
    int which;
    sign(PROVIDER_CALCOM, 0, hex);
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
        snprintf(header, sizeof header, forms[i].form, hex);
#pragma GCC diagnostic pop
        assert_int_equal(verify(PROVIDER_CALCOM, header, BODY, &which), forms[i].result);
    }
    assert_int_equal(verify(PROVIDER_CALCOM, NULL, BODY, &which), SIGNATURE_ABSENT);
    for (char *p = hex; *p; p++)
        if (*p >= 'a')
            *p = (char)(*p - 'a' + 'A');
    assert_int_equal(verify(PROVIDER_CALCOM, hex, BODY, &which), SIGNATURE_MALFORMED);
}

#define OTHER_V1 "00000000000000000000000000000000000000000000000000000000000000ff"

/* A @ stands for the right digest over T and the body. */
static const struct {
    const char *form;
    enum signature_result result;
} calendly_forms[] = {
    {"t=" T ",v1=@", SIGNATURE_RIGHT},
    {" t = " T " , v1 =\t@ ", SIGNATURE_RIGHT},
    {"v1=@,t=" T, SIGNATURE_RIGHT},
    {"t=" T ",v1=" OTHER_V1 ",v1=@", SIGNATURE_RIGHT},
    {"t=" T ",v1=@,v1=" OTHER_V1, SIGNATURE_RIGHT},
    {"t=" T ",v1=@,v1=short", SIGNATURE_RIGHT},
    {"t=" T ",v0=" OTHER_V1 ",v1=@,v2=", SIGNATURE_RIGHT},
    {"t=" T ",t=" T ",v1=@", SIGNATURE_RIGHT},
    {",t=" T ",,v1=@,", SIGNATURE_RIGHT},
    {"t=" T ",v1=" OTHER_V1, SIGNATURE_WRONG},
    {"t=" T ",v0=@,v1=" OTHER_V1, SIGNATURE_WRONG},
    {"t=0" T ",v1=@", SIGNATURE_WRONG},
    {"t=1795255201,v1=@", SIGNATURE_WRONG},
    {"t=" T ",t=1795255201,v1=@", SIGNATURE_MALFORMED},
    {"t=" T ",t=0" T ",v1=@", SIGNATURE_MALFORMED},
    {"t=" T ",t=,v1=@", SIGNATURE_MALFORMED},
    {"t=" T, SIGNATURE_MALFORMED},
    {"v1=@", SIGNATURE_MALFORMED},
    {"@", SIGNATURE_MALFORMED},
    {"t=,v1=@", SIGNATURE_MALFORMED},
    {"t=+" T ",v1=@", SIGNATURE_MALFORMED},
    {"t=-1,v1=@", SIGNATURE_MALFORMED},
    {"t=" T "x,v1=@", SIGNATURE_MALFORMED},
    {"t=1e9,v1=@", SIGNATURE_MALFORMED},
    {"t=0x10,v1=@", SIGNATURE_MALFORMED},
    {"t=NaN,v1=@", SIGNATURE_MALFORMED},
    {"t=1234567890123456,v1=@", SIGNATURE_MALFORMED},
    {"t=18446744073709551616,v1=@", SIGNATURE_MALFORMED},
    {"t=" T ";v1=@", SIGNATURE_MALFORMED},
    {"t=" T ",v1", SIGNATURE_MALFORMED},
    {"T=" T ",v1=@", SIGNATURE_MALFORMED},
    {"t=" T ",V1=@", SIGNATURE_MALFORMED},
    {"t=" T ",v1=@0", SIGNATURE_MALFORMED},
    {",", SIGNATURE_MALFORMED},
    {"", SIGNATURE_ABSENT},
};

static void calendly_forms_are_told_apart(void **state)
{
    (void)state;
    char right[HEADER], header[HEADER * 2];
    int which;
    sign(PROVIDER_CALENDLY, 0, right);
    const char *digest = strstr(right, "v1=") + 3;
    assert_true(strncmp(right, "t=" T ",v1=", strlen("t=" T ",v1=")) == 0);
    for (size_t i = 0; i < sizeof calendly_forms / sizeof *calendly_forms; i++) {
        const char *form = calendly_forms[i].form, *at = strchr(form, '@');
        if (at)
            snprintf(header, sizeof header, "%.*s%s%s", (int)(at - form), form, digest, at + 1);
        else
            snprintf(header, sizeof header, "%s", form);
        enum signature_result result = verify(PROVIDER_CALENDLY, header, BODY, &which);
        if (result != calendly_forms[i].result)
            fail_msg("%s: %s", form, signature_reason(result));
    }
}

/* The characters of t are signed, not its number. */
static void leading_zeros_are_signed_as_sent(void **state)
{
    (void)state;
    struct hmac *hmac = hmac_open(SECRET);
    static const char text[] = "0" T "." BODY;
    char hex[HEADER], header[HEADER * 2];
    int which;
    assert_non_null(hmac);
    assert_true(provider_sign(PROVIDER_CALCOM, hmac, text, sizeof text - 1, NOW, hex, sizeof hex));
    snprintf(header, sizeof header, "t=0" T ",v1=%s", hex);
    assert_int_equal(verify(PROVIDER_CALENDLY, header, BODY, &which), SIGNATURE_RIGHT);
    hmac_close(hmac);
}

static void a_signature_of_one_provider_is_none_of_the_other(void **state)
{
    (void)state;
    char header[HEADER];
    int which;
    sign(PROVIDER_CALCOM, 0, header);
    assert_int_equal(verify(PROVIDER_CALENDLY, header, BODY, &which), SIGNATURE_MALFORMED);
    sign(PROVIDER_CALENDLY, 0, header);
    assert_int_equal(verify(PROVIDER_CALCOM, header, BODY, &which), SIGNATURE_MALFORMED);
}

static void signing_says_when_there_is_no_room(void **state)
{
    (void)state;
    char out[HEADER];
    struct hmac *hmac = both.hmac[0];
    assert_false(provider_sign(PROVIDER_CALCOM, hmac, "", 0, NOW, out, 64));
    assert_true(provider_sign(PROVIDER_CALCOM, hmac, "", 0, NOW, out, 65));
    assert_false(provider_sign(PROVIDER_CALENDLY, hmac, "", 0, NOW, out, 65));
    assert_false(provider_sign(PROVIDER_CALENDLY, hmac, "", 0, -1, out, sizeof out));
    assert_false(provider_sign(PROVIDER_CALENDLY, hmac, "", 0, INT64_MAX, out, sizeof out));
}

static void names_are_those_of_the_log(void **state)
{
    (void)state;
    assert_string_equal(signature_reason(SIGNATURE_ABSENT), "signature-absent");
    assert_string_equal(signature_reason(SIGNATURE_NO_SECRET), "signature-no-secret");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hmac_is_the_published_one),
        cmocka_unit_test(each_key_is_tried),
        cmocka_unit_test(a_second_key_alone_has_its_place),
        cmocka_unit_test(without_a_key_nothing_is_right),
        cmocka_unit_test(every_flipped_bit_is_refused),
        cmocka_unit_test(calcom_takes_one_form_only),
        cmocka_unit_test(calendly_forms_are_told_apart),
        cmocka_unit_test(leading_zeros_are_signed_as_sent),
        cmocka_unit_test(a_signature_of_one_provider_is_none_of_the_other),
        cmocka_unit_test(signing_says_when_there_is_no_room),
        cmocka_unit_test(names_are_those_of_the_log),
    };
    return cmocka_run_group_tests(tests, open_rings, close_rings);
}
