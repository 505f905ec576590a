/* Is an address in a text? */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "event/mention.h"

static bool has(const char *address, const char *text)
{
    struct mention mention;
    assert_true(mention_of(address, &mention));
    bool found = mention_in(&mention, text, strlen(text));
    assert_false(mention.failed);
    return found;
}

static void finds_the_address(void **state)
{
    static const char *const with[] = {
        "ann@example.org",
        "ANN@Example.ORG",
        "Ann <ann@example.org>",
        "mailto:ann@example.org",
        "Please copy ann@example.org.",
        "https://example.org/?email=ann@example.org&x=1",
        "https://example.org/?email=ann%40example.org",
        "https://example.org/?q=a%20ann%40EXAMPLE.org%2C",
        "joann@example.org, then ann@example.org",
        "\xe3\x81\xbe\xe3\x81\xa7 ann@example.org\xe3\x81\xbe\xe3\x81\xa7", /* no blank in Japanese
                                                                             */
        "'ann@example.org'",
    };
    static const char *const without[] = {
        "",
        "@",
        "ann",
        "ann@",
        "joann@example.org",
        "jo.ann@example.org",
        "jo+ann@example.org",
        "ann@example.org.uk",
        "ann@example.organ",
        "ann@mail.example.org",
        "ann+cats@example.org",
        "\xc3\xa9"
        "ann@example.org",
        "ann%4example.org",
        "ann at example.org",
    };
    (void)state;
    for (size_t i = 0; i < sizeof with / sizeof *with; i++)
        if (!has("Ann@example.org", with[i]))
            fail_msg("not found in %s", with[i]);
    for (size_t i = 0; i < sizeof without / sizeof *without; i++)
        if (has("ann@example.org", without[i]))
            fail_msg("found in %s", without[i]);
}

static void both_forms_of_a_domain(void **state)
{
    static const char *const address[] = {"ann@b\xc3\xbc"
                                          "cher.example",
        "ann@xn--bcher-kva.example"};
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        assert_true(has(address[i], "to ann@B\xc3\x9c"
                                    "CHER.example!"));
        assert_true(has(address[i], "to ann@XN--bcher-kva.example!"));
        assert_true(has(address[i], "?to=ann%40b%C3%BCcher.example"));
        assert_false(has(address[i], "to ann@bucher.example"));
    }
}

static void what_is_no_address(void **state)
{
    struct mention mention;
    (void)state;
    assert_false(mention_of("", &mention));
    assert_false(mention_of("ann", &mention));
    assert_false(mention_of("@example.org", &mention));
    assert_false(mention_of("ann@exa mple.org", &mention));
}

/* As JSON means it, at every depth, in names too; what is no JSON, byte by byte. */
static void bodies(void **state)
{
    static const char *const with[] = {
        "{\"a\":[{\"b\":\"x ann@example.org\"}]}",
        "{\"a\":\"\\u0061nn\\u0040example.org\"}",
        "{\"ann@example.org\":1}",
        "\"ann@example.org\"",
        "{\"a\":\"ann@example.org", /* torn */
        "New booking by ann@example.org",
    };
    struct mention mention;
    (void)state;
    assert_true(mention_of("ann@example.org", &mention));
    for (size_t i = 0; i < sizeof with / sizeof *with; i++)
        if (!mention_in_body(&mention, with[i], strlen(with[i])))
            fail_msg("not found in %s", with[i]);
    assert_false(mention_in_body(&mention, "{\"a\":\"ann\",\"b\":\"example.org\"}", 29));
    assert_false(mention_in_body(&mention, "", 0));
    assert_false(mention.failed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_the_address),
        cmocka_unit_test(both_forms_of_a_domain),
        cmocka_unit_test(what_is_no_address),
        cmocka_unit_test(bodies),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
