#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "event/clean.h"

#define FFFD "\xef\xbf\xbd"

struct pair {
    const char *given, *cleaned;
};

typedef const char *cleaner(struct arena *arena, const char *text);

static void check(cleaner *clean, const struct pair *pairs, size_t count)
{
    struct arena arena = {0};
    for (size_t i = 0; i < count; i++) {
        const char *got = clean(&arena, pairs[i].given);
        const char *want = pairs[i].cleaned;
        if (!got != !want || (got && strcmp(got, want) != 0))
            fail_msg("row %zu: \"%s\"", i, got ? got : "(null)");
    }
    assert_false(arena.failed);
    arena_free(&arena);
}

#define CHECK(clean, pairs) check(clean, pairs, sizeof pairs / sizeof *pairs)

static void lines(void **state)
{
    (void)state;
    static const struct pair pairs[] = {
        {NULL, NULL},
        {"", NULL},
        {" \t\r\n", NULL},
        {"\x01\x02\x7f", NULL},
        {"Ada Example", "Ada Example"},
        {"  Ada \t  Example \n", "Ada Example"},
        {" Ada  B. Example, ~ ", "Ada B. Example, ~"},
        {"Ada \x7f\x01 Example", "Ada Example"},
        {"Ada\r\nBcc: eve@example.com", "Ada Bcc: eve@example.com"},
        {"a\xc2\x85"
         "b\xe2\x80\xa8"
         "c\xe2\x80\xa9"
         "d\xc2\xa0"
         "e\xe3\x80\x80"
         "f",
            "a b c d e f"},
        {"bell\a, esc\x1b[31m, del\x7f, csi\xc2\x9b", "bell, esc[31m, del, csi"},
        {"\xe2\x80\xae"
         "evil\xe2\x80\xac \xe2\x81\xa6x\xe2\x81\xa9",
            "evil x"},
        {"\xd7\xa9\xd7\x9c\xd7\x95\xd7\x9d \xe2\x80\x8f",
            "\xd7\xa9\xd7\x9c\xd7\x95\xd7\x9d \xe2\x80\x8f"},
        {"Zo\xc3\xab \xf0\x9f\x8f\x9d", "Zo\xc3\xab \xf0\x9f\x8f\x9d"},
    };
    CHECK(clean_line, pairs);
}

/* Unicode 15, tables 3-8 to 3-11 */
static void broken_utf8(void **state)
{
    (void)state;
    static const struct pair pairs[] = {
        {"\xc0\xaf\xe0\x80\xbf\xf0\x81\x82"
         "A",
            FFFD FFFD FFFD FFFD FFFD FFFD FFFD FFFD "A"},
        {"\xed\xa0\x80\xed\xbf\xbf\xed\xaf"
         "A",
            FFFD FFFD FFFD FFFD FFFD FFFD FFFD FFFD "A"},
        {"\xf4\x91\x92\x93\xff"
         "A\x80\xbf"
         "B",
            FFFD FFFD FFFD FFFD FFFD "A" FFFD FFFD "B"},
        {"\xe1\x80\xe2\xf0\x91\x92\xf1\xbf"
         "A",
            FFFD FFFD FFFD FFFD "A"},
        {"cut \xf0\x9f\x8f", "cut " FFFD},
        {"cut \xc3", "cut " FFFD},
        {"\xf4\x8f\xbf\xbf", "\xf4\x8f\xbf\xbf"},
    };
    CHECK(clean_line, pairs);
    CHECK(clean_text, pairs);
}

static void texts(void **state)
{
    (void)state;
    static const struct pair pairs[] = {
        {NULL, NULL},
        {" \r\n \n", NULL},
        {"a\r\nb\rc\nd", "a\nb\nc\nd"},
        {"a\n\n\n\n b", "a\n\n b"},
        {"\n\n  a  \n  b  \n", "a\n  b"},
        {"a \t b", "a   b"},
        {"a b  c \n d e ", "a b  c\n d e"},
        {"a\xe2\x80\xa8"
         "b\vc",
            "a\nb\nc"},
        {"a\x1b[0m\x08\xe2\x80\xae"
         "b",
            "a[0mb"},
    };
    CHECK(clean_text, pairs);
}

static void addresses(void **state)
{
    (void)state;
    static const struct pair pairs[] = {
        {NULL, NULL},
        {"", NULL},
        {"ada@example.com", "ada@example.com"},
        {" ada+calls@example.com\r\n", "ada+calls@example.com"},
        {"ada@example.com\r\nRCPT TO:<eve@example.com>", NULL},
        {"<ada@example.com>", NULL},
        {"Ada <ada@example.com>", NULL},
        {"\"ada example\"@example.com", NULL},
        {"ada@[127.0.0.1]", NULL},
        {"ada@example..com", NULL},
        {".ada@example.com", NULL},
        {"ada@-example.com", NULL},
        {"ada@example.com,eve@example.com", NULL},
        {"ada@eve@example.com", NULL},
        {"zo\xc3\xab@example.com", NULL},
        {"Email-less", NULL},
        {" ada@b\xc3\xbc\x63her.example ", "ada@xn--bcher-kva.example"},
        {"ada@B\xc3\x9c\x43HER.example", "ada@xn--bcher-kva.example"},
        {"ada@stra\xc3\x9f\x65.example", "ada@xn--strae-oqa.example"},
        {"ada@b\xc3\xbc..example", NULL},
        {"zo\xc3\xab@b\xc3\xbc.example", NULL},
        {"b\xc3\xbc\x63her.example", NULL},
        {"ada@b\xc3\xbc\x63her.example\r\nBcc: eve@example.com", NULL},
        {"ada@b\xc3\xbc cher.example", NULL},
        {"ada@b\xc3.example", NULL},
        {"ada@b\xe2\x80\xae\xc3\xbc.example", NULL},
        {"ada@\xef\xbd\x81\xef\xbc\x8e\x65xample", "ada@a.example"},
    };
    CHECK(clean_address, pairs);
}

static void urls(void **state)
{
    (void)state;
    static const struct pair pairs[] = {
        {NULL, NULL},
        {"https://example.com/a?b=c&d=%20#e", "https://example.com/a?b=c&d=%20#e"},
        {" HTTP://[::1]:8080/ ", "HTTP://[::1]:8080/"},
        {"https://", NULL},
        {"https:///x", NULL},
        {"javascript:alert(1)", NULL},
        {"ftp://example.com/", NULL},
        {"https://example.com/a b", NULL},
        {"https://example.com/\"onclick=", NULL},
        {"https://example.com/<b>", NULL},
        {"https://example.com/'", NULL},
        {"https://example.com/`", NULL},
        {"https://example.com/\\", NULL},
        {"https://example.com/\r\nX: y", NULL},
        {"https://ex\xc3\xa4mple.com/", NULL},
        {"+1 555 0100", NULL},
    };
    CHECK(clean_url, pairs);
}

static void tokens(void **state)
{
    (void)state;
    static const struct pair pairs[] = {
        {NULL, NULL},
        {"", NULL},
        {"BOOKING_CREATED", "BOOKING_CREATED"},
        {"invitee_no_show.created", "invitee_no_show.created"},
        {"a b", NULL},
        {"a\n", NULL},
        {"0123456789012345678901234567890123456789012345678901234567890123",
            "0123456789012345678901234567890123456789012345678901234567890123"},
        {"01234567890123456789012345678901234567890123456789012345678901234", NULL},
    };
    CHECK(clean_token, pairs);
}

/* Characters are counted, not bytes, and none is cut in two. */
static void long_ones_are_cut(void **state)
{
    (void)state;
    enum { MANY = 30000 };
    struct arena arena = {0};
    char *wide = malloc(2 * MANY + 1);
    assert_non_null(wide);
    for (size_t i = 0; i < MANY; i++)
        memcpy(wide + 2 * i, "\xc3\xab", 3);
    const char *line = clean_line(&arena, wide);
    assert_int_equal(strlen(line), 2 * CLEAN_LINE_MAX + 3);
    assert_string_equal(line + 2 * CLEAN_LINE_MAX, "...");
    const char *text = clean_text(&arena, wide);
    assert_int_equal(strlen(text), 2 * CLEAN_TEXT_MAX + 3);
    wide[2 * CLEAN_LINE_MAX] = '\0';
    assert_string_equal(clean_line(&arena, wide), wide);
    free(wide);
    arena_free(&arena);
}

/* Blanks count, and are no end by themselves. */
static void long_ascii_is_cut(void **state)
{
    (void)state;
    struct arena arena = {0};
    char words[CLEAN_LINE_MAX + 8];
    for (int i = 0; i < CLEAN_LINE_MAX + 7; i++)
        words[i] = i % 2 ? ' ' : 'a';
    for (int len = CLEAN_LINE_MAX - 3; len < CLEAN_LINE_MAX + 7; len++) {
        int kept = len % 2 ? len : len - 1; /* without the last blank */
        char *given = arena_strndup(&arena, words, (size_t)len);
        char *want = kept <= CLEAN_LINE_MAX
                         ? arena_printf(&arena, "%.*s", kept, words)
                         : arena_printf(&arena, "%.*s...", CLEAN_LINE_MAX, words);
        assert_string_equal(clean_line(&arena, given), want);
    }
    arena_free(&arena);
}

static void no_memory_is_told(void **state)
{
    (void)state;
    struct arena arena = {.failed = true};
    assert_null(clean_line(&arena, "a"));
    assert_null(clean_text(&arena, "a"));
    assert_null(clean_address(&arena, "a@b.example"));
    assert_null(clean_url(&arena, "https://a.example/"));
    assert_null(clean_token(&arena, "a"));
    assert_true(arena.failed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines),
        cmocka_unit_test(broken_utf8),
        cmocka_unit_test(texts),
        cmocka_unit_test(addresses),
        cmocka_unit_test(urls),
        cmocka_unit_test(tokens),
        cmocka_unit_test(long_ones_are_cut),
        cmocka_unit_test(long_ascii_is_cut),
        cmocka_unit_test(no_memory_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
