/* Secrets in the text of receive.env: what changes, and what stays. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tool/secret_file.h"

static void check(const char *before, const char *name, const char *value, const char *after)
{
    struct buf text = {0};
    buf_puts(&text, before);
    secret_file_edit(&text, name, value);
    assert_string_equal(buf_text(&text), after);
    buf_free(&text);
}

static void sets(void **state)
{
    (void)state;
    check("", "A", "x", "A=x\n");
    check("# words\nB=1", "A", "x", "# words\nB=1\nA=x\n");
    check("#A=\nB=1\n", "A", "x", "#A=\nA=x\nB=1\n");
    check("  A = old\nB=1\n", "A", "x", "A=x\nB=1\n");
    check("A=1\nA=2\n", "A", "x", "A=x\n");
    check("AA=1\n# A is one\n", "A", "x", "AA=1\n# A is one\nA=x\n");
}

static void removes(void **state)
{
    (void)state;
    check("A=old\nB=1\n", "A", NULL, "#A=\nB=1\n");
    check("#A=\nA=old\n", "A", NULL, "#A=\n");
    check("B=1\n", "A", NULL, "B=1\n");
}

/* A value is read back as it was, by the same quotes that settings files have. */
static void quotes(void **state)
{
    (void)state;
    check("", "A", "a b", "A='a b'\n");
    check("", "A", "it's", "A=\"it's\"\n");
    check("", "A", "x#y", "A='x#y'\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sets), cmocka_unit_test(removes), cmocka_unit_test(quotes)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
