/* What is read out of a page. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tool/markup.h"

static const char page[] =
    "<!DOCTYPE html><!-- <script src=commented.js></script> -->\n"
    "<html><head><META content=\"script-src &#39;self&#39;; frame-src a&amp;b\" "
    "HTTP-EQUIV='Content-Security-Policy'>\n"
    "<meta http-equiv=content-security-policy-report-only content=\"default-src 'none'\">\n"
    "<link rel='stylesheet' href=/a.css><link rel=icon href=/i.svg>\n"
    "<script async nonce = \"n1\" integrity='sha256-AA==' src=\"/b.js?x=1&amp;y=2\"></script>\n"
    "<script>if (1 < 2) { t = '<iframe src=\"/no\">'; } // </scripts></SCRIPT >\n"
    "<style>a::before { content: '<a href=/no>' }</style></head>\n"
    "<body><meta http-equiv=content-security-policy content=\"too late\">\n"
    "<p title=\"<a href='/no'>\">1 < 2 <a class=x\nhref=https://cal.com/x/y>book</a>\n"
    "<div data-url='https://calendly.com/x' class='wide calendly-inline-widget'></div>\n"
    "<iframe src=/frame src=/second><a name=z><script src=/unclosed";

static const struct {
    enum markup_kind kind;
    const char *url, *nonce, *integrity, *text;
} wanted[] = {
    {MARKUP_POLICY, NULL, NULL, NULL, "script-src 'self'; frame-src a&b"},
    {MARKUP_STYLE_SHEET, "/a.css", NULL, NULL, NULL},
    {MARKUP_SCRIPT, "/b.js?x=1&y=2", "n1", "sha256-AA==", NULL},
    {MARKUP_SCRIPT, NULL, NULL, NULL, "if (1 < 2) { t = '<iframe src=\"/no\">'; } // </scripts>"},
    {MARKUP_LINK, "https://cal.com/x/y", NULL, NULL, NULL},
    {MARKUP_WIDGET, "https://calendly.com/x", NULL, NULL, NULL},
    {MARKUP_FRAME, "/frame", NULL, NULL, NULL},
    {MARKUP_SCRIPT, "/unclosed", NULL, NULL, NULL},
};

static void expect_text(const char *got, const char *want)
{
    if (want)
        assert_string_equal(got, want);
    else
        assert_null(got);
}

static void tags_and_nothing_else(void **state)
{
    (void)state;
    struct markup markup = {0};
    markup_read(&markup, page);
    assert_int_equal(markup.count, sizeof wanted / sizeof *wanted);
    for (size_t i = 0; i < markup.count; i++) {
        const struct markup_item *item = &markup.items[i];
        assert_int_equal(item->kind, wanted[i].kind);
        expect_text(item->url, wanted[i].url);
        expect_text(item->nonce, wanted[i].nonce);
        expect_text(item->integrity, wanted[i].integrity);
        if (wanted[i].text) {
            assert_int_equal(item->len, strlen(wanted[i].text));
            assert_memory_equal(item->text, wanted[i].text, item->len);
        }
    }
    markup_free(&markup);
}

/* A page may end anywhere; the sanitizers watch. */
static void each_beginning(void **state)
{
    (void)state;
    char part[sizeof page];
    for (size_t len = 0; len < sizeof page; len++) {
        struct markup markup = {0};
        memcpy(part, page, len);
        part[len] = '\0';
        markup_read(&markup, part);
        assert_true(markup.count <= sizeof wanted / sizeof *wanted);
        markup_free(&markup);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tags_and_nothing_else),
        cmocka_unit_test(each_beginning),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
