/* What a Content-Security-Policy allows, and what would have to be added. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tool/csp.h"

#define PAGE       "https://www.example.org/contact/"
#define SCRIPT_URL "https://app.cal.com/embed/embed.js"

static const struct csp_request script = {.use = CSP_SCRIPT, .url = SCRIPT_URL, .by_script = true},
                                tag = {.use = CSP_SCRIPT, .url = SCRIPT_URL},
                                with_nonce = {.use = CSP_SCRIPT,
                                    .url = SCRIPT_URL,
                                    .nonce = "Rnd1"},
                                own = {.use = CSP_SCRIPT,
                                    .url = "https://www.example.org/contact/a.js"},
                                frame = {.use = CSP_FRAME, .url = "https://app.cal.com/"},
                                element = {.use = CSP_STYLE_INLINE},
                                attribute = {.use = CSP_STYLE_ATTRIBUTE},
                                markup = {.use = CSP_MARKUP};

static const struct {
    const char *policy;
    const struct csp_request *request;
    bool allowed;
    const char *directive; /* that decided */
} rows[] = {
    /* falling back */
    {"img-src 'none'", &script, true, ""},
    {"default-src 'self'", &script, false, "default-src"},
    {"default-src 'none'; script-src https://app.cal.com", &script, true, "script-src"},
    {"script-src https://app.cal.com; script-src-elem 'self'", &script, false, "script-src-elem"},
    {"script-src 'none'; script-src-elem https://app.cal.com", &script, true, "script-src-elem"},
    {"default-src 'none'; child-src https://app.cal.com", &frame, true, "child-src"},
    {"child-src *; frame-src 'none'", &frame, false, "frame-src"},
    {"default-src https:", &frame, true, "default-src"},
    {"script-src *", &frame, true, ""},
    {"style-src 'unsafe-inline'; style-src-attr 'none'", &element, true, "style-src"},
    {"style-src 'unsafe-inline'; style-src-attr 'none'", &attribute, false, "style-src-attr"},
    {"style-src-elem 'unsafe-inline'", &attribute, true, ""},
    /* names, blanks, repetitions */
    {"SCRIPT-SRC\t'SELF'  HTTPS://APP.CAL.COM", &script, true, "script-src"},
    {"script-src https://app.cal.com; script-src 'none'", &script, true, "script-src"},
    {";; script-src 'none' ;", &script, false, "script-src"},
    {"script-src", &script, false, "script-src"},
    {"script-src 'none' https://app.cal.com", &script, true, "script-src"},
    /* hosts */
    {"script-src app.cal.com", &script, true, "script-src"},
    {"script-src cal.com", &script, false, "script-src"},
    {"script-src *.cal.com", &script, true, "script-src"},
    {"script-src *.app.cal.com", &script, false, "script-src"},
    {"script-src *.al.com", &script, false, "script-src"},
    {"script-src app.cal.com.example.net", &script, false, "script-src"},
    {"script-src *", &script, true, "script-src"},
    {"script-src https:", &script, true, "script-src"},
    {"script-src http:", &script, true, "script-src"},
    {"script-src wss: data: blob:", &script, false, "script-src"},
    {"script-src http://app.cal.com", &script, true, "script-src"},
    {"script-src https://app.cal.com:443", &script, true, "script-src"},
    {"script-src https://app.cal.com:8443", &script, false, "script-src"},
    {"script-src https://app.cal.com:*", &script, true, "script-src"},
    {"script-src http://app.cal.com:80", &script, true, "script-src"},
    {"script-src https://app.cal.com/embed/", &script, true, "script-src"},
    {"script-src https://app.cal.com/embed", &script, false, "script-src"},
    {"script-src https://app.cal.com/embed/embed.js", &script, true, "script-src"},
    {"script-src https://app.cal.com/Embed/", &script, false, "script-src"},
    {"script-src 'self'", &own, true, "script-src"},
    {"script-src 'self'", &script, false, "script-src"},
    {"script-src https://app.cal.com", &own, false, "script-src"},
    /* nonces, hashes, strict-dynamic */
    {"script-src 'nonce-Rnd1'", &with_nonce, true, "script-src"},
    {"script-src 'nonce-rnd1'", &with_nonce, false, "script-src"},
    {"script-src 'nonce-Rnd1'", &script, false, "script-src"},
    {"script-src 'nonce-Rnd1' https://app.cal.com", &script, true, "script-src"},
    {"script-src 'nonce-Rnd1' 'strict-dynamic'", &script, true, "script-src"},
    {"script-src 'nonce-Rnd1' 'strict-dynamic'", &tag, false, "script-src"},
    {"script-src 'nonce-Rnd1' 'strict-dynamic' https://app.cal.com", &tag, false, "script-src"},
    {"script-src 'nonce-Rnd1' 'Strict-Dynamic'", &with_nonce, true, "script-src"},
    {"style-src 'unsafe-inline'", &element, true, "style-src"},
    {"style-src 'unsafe-inline' 'nonce-a'", &element, false, "style-src"},
    {"style-src 'unsafe-inline' 'sha256-AAAA'", &attribute, false, "style-src"},
    {"style-src * 'self'", &element, false, "style-src"},
    {"default-src 'unsafe-inline' 'strict-dynamic'", &element, true, "default-src"},
    /* other */
    {"require-trusted-types-for 'script'", &markup, false, "require-trusted-types-for"},
    {"trusted-types default", &markup, true, ""},
    {"sandbox; script-src *", &script, false, "sandbox"},
    {"sandbox allow-scripts; script-src *", &script, true, "script-src"},
};

static void the_rules(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct csp csp = {0};
        csp_add(&csp, rows[i].policy, false);
        assert_int_equal(csp.count, 1);
        struct csp_answer answer = csp_ask(&csp.policies[0], PAGE, rows[i].request);
        if (answer.allowed != rows[i].allowed || strcmp(answer.directive, rows[i].directive) != 0)
            fail_msg("%s: %d by %s", rows[i].policy, answer.allowed, answer.directive);
        csp_free(&csp);
    }
}

static void an_inline_script_by_its_hash(void **state)
{
    (void)state;
    const struct csp_request text = {
        .use = CSP_SCRIPT_INLINE, .text = "alert('Hello, world.');", .len = 23};
    const struct {
        const char *policy;
        bool allowed;
    } cases[] = {
        {"script-src 'sha256-qznLcsROx4GACP2dm0UCKCzCG+HiZ1guq6ZZDob/Tng='",
            true}, /* of CSP3 itself */
        {"script-src 'SHA256-qznLcsROx4GACP2dm0UCKCzCG-HiZ1guq6ZZDob_Tng='", true},
        {"script-src 'sha256-qznLcsROx4GACP2dm0UCKCzCG+HiZ1guq6ZZDob/Tnh='", false},
        {"script-src 'unsafe-inline'", true},
        {"script-src 'unsafe-inline' 'sha256-AAAA'", false},
        {"script-src 'unsafe-inline' 'strict-dynamic'", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct csp csp = {0};
        csp_add(&csp, cases[i].policy, false);
        struct csp_answer answer = csp_ask(&csp.policies[0], PAGE, &text);
        if (answer.allowed != cases[i].allowed)
            fail_msg("%s: %d", cases[i].policy, answer.allowed);
        csp_free(&csp);
    }
}

static void integrity_counts_where_all_of_it_is_listed(void **state)
{
    (void)state;
    struct csp csp = {0};
    struct csp_request request = {
        .use = CSP_SCRIPT, .url = SCRIPT_URL, .integrity = "sha256-AAAA sha384-BBBB"};
    csp_add(&csp, "script-src 'sha256-AAAA' 'sha384-BBBB', script-src 'sha256-AAAA'", false);
    assert_true(csp_ask(&csp.policies[0], PAGE, &request).allowed);
    assert_false(csp_ask(&csp.policies[1], PAGE, &request).allowed);
    csp_free(&csp);
}

static void commas_separate_policies_of_a_header_only(void **state)
{
    (void)state;
    struct csp csp = {0};
    csp_add(&csp, "default-src 'self', , script-src *;,frame-src 'none'", false);
    assert_int_equal(csp.count, 3);
    csp_add(&csp, "script-src a.example,b.example", true);
    assert_int_equal(csp.count, 4);
    for (int i = 0; i < 20; i++)
        csp_add(&csp, "img-src 'self'", true);
    assert_int_equal(csp.count, 24);
    assert_string_equal(csp.policies[0].directives[0].sources[0], "'self'");
    csp_free(&csp);
}

static void a_sandbox_of_meta_does_not_count(void **state)
{
    (void)state;
    struct csp csp = {0};
    csp_add(&csp, "sandbox; script-src *", true);
    assert_true(csp_ask(&csp.policies[0], PAGE, &script).allowed);
    csp_free(&csp);
}

static void self_is_the_page_and_its_secure_form(void **state)
{
    (void)state;
    struct csp csp = {0};
    csp_add(&csp, "script-src 'self'", false);
    assert_true(csp_ask(&csp.policies[0], "http://www.example.org/", &own).allowed);
    assert_false(csp_ask(&csp.policies[0], "https://example.org/", &own).allowed);
    assert_false(csp_ask(&csp.policies[0], "https://www.example.org:8443/", &own).allowed);
    csp_free(&csp);
}

/* The policy that would allow it all; then it does. NULL: no source would. */
static const struct {
    const char *before;
    const char *after;
} amended[] = {
    {"default-src 'none'", "default-src 'none'; script-src https://app.cal.com; frame-src "
                           "https://app.cal.com; style-src 'unsafe-inline'"},
    {"default-src 'self'; frame-src 'none'",
        "default-src 'self'; frame-src https://app.cal.com; script-src 'self' https://app.cal.com; "
        "style-src 'self' 'unsafe-inline'"},
    {"script-src 'self'; style-src 'nonce-x' 'self'",
        "script-src 'self' https://app.cal.com; style-src 'self' 'unsafe-inline'"},
    {"script-src-elem 'self'; child-src 'none'; style-src-attr 'none'",
        "script-src-elem 'self' https://app.cal.com; child-src 'none'; style-src-attr "
        "'unsafe-inline'; "
        "frame-src https://app.cal.com"},
    {"script-src https://app.cal.com", "script-src https://app.cal.com"},
    {"script-src 'nonce-x' 'strict-dynamic' 'self'", NULL},
    {"sandbox", NULL},
};

static void what_would_allow(void **state)
{
    (void)state;
    const struct csp_request *const wanted[] = {&tag, &frame, &element, &attribute};
    for (size_t i = 0; i < sizeof amended / sizeof *amended; i++) {
        struct csp csp = {0};
        struct buf line = {0};
        bool could = true;
        csp_add(&csp, amended[i].before, false);
        for (size_t k = 0; k < sizeof wanted / sizeof *wanted; k++)
            could = csp_amend(&csp, &csp.policies[0], PAGE, wanted[k]) && could;
        csp_print(&csp.policies[0], &line);
        assert_int_equal(could, amended[i].after != NULL);
        if (could)
            assert_string_equal(buf_text(&line), amended[i].after);
        for (size_t k = 0; could && k < sizeof wanted / sizeof *wanted; k++)
            assert_true(csp_ask(&csp.policies[0], PAGE, wanted[k]).allowed);
        buf_free(&line);
        csp_free(&csp);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_rules),
        cmocka_unit_test(an_inline_script_by_its_hash),
        cmocka_unit_test(integrity_counts_where_all_of_it_is_listed),
        cmocka_unit_test(commas_separate_policies_of_a_header_only),
        cmocka_unit_test(a_sandbox_of_meta_does_not_count),
        cmocka_unit_test(self_is_the_page_and_its_secure_form),
        cmocka_unit_test(what_would_allow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
