/* buf, arena, hex, digest, clock, address, json: the small things everything stands on. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/address.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/digest.h"
#include "base/hex.h"
#include "base/json.h"

static void buf_grows_and_is_consumed(void **state)
{
    (void)state;
    struct buf b = {0};
    for (int i = 0; i < 1000; i++)
        buf_printf(&b, "%04d", i);
    assert_int_equal(b.len, 4000);
    assert_memory_equal(b.data + 3996, "0999", 5);
    buf_consume(&b, 3996);
    assert_string_equal(buf_text(&b), "0999");
    buf_consume(&b, 100);
    assert_int_equal(b.len, 0);
    assert_false(buf_reserve(&b, SIZE_MAX - 2));
    assert_true(b.failed);
    buf_free(&b);
    assert_string_equal(buf_text(&b), "");
}

static void buf_that_failed_takes_no_more(void **state)
{
    (void)state;
    struct buf b = {0};
    buf_puts(&b, "kept");
    assert_false(buf_reserve(&b, SIZE_MAX - 2));
    buf_add(&b, "a", 1);
    buf_puts(&b, "b");
    buf_putc(&b, 'c');
    buf_printf(&b, "d");
    assert_string_equal(buf_text(&b), "kept");
    assert_int_equal(b.len, 4);
    buf_free(&b);
}

static void buf_is_used_again(void **state)
{
    (void)state;
    struct buf b = {0};
    buf_puts(&b, "small");
    const char *memory = b.data;
    b.failed = true;
    buf_reuse(&b);
    assert_ptr_equal(b.data, memory);
    assert_string_equal(buf_text(&b), "");
    buf_printf(&b, "%0*d", 100000, 7);
    assert_int_equal(b.len, 100000);
    assert_int_equal(strlen(b.data), 100000);
    buf_reuse(&b);
    assert_int_equal(b.cap, 0);
    buf_puts(&b, "again");
    assert_string_equal(buf_text(&b), "again");
    buf_free(&b);
}

static void arena_keeps_all(void **state)
{
    (void)state;
    struct arena a = {0};
    char *first = arena_strdup(&a, "first");
    char *large = arena_alloc(&a, 100000);
    char *printed = arena_printf(&a, "%d-%s", 7, "x");
    memset(large, 1, 100000);
    assert_string_equal(first, "first");
    assert_string_equal(printed, "7-x");
    assert_int_equal((uintptr_t)printed % _Alignof(max_align_t), 0);
    assert_null(arena_alloc(&a, SIZE_MAX));
    assert_true(a.failed);
    arena_free(&a);
}

static void hex_is_strict(void **state)
{
    (void)state;
    unsigned char raw[2];
    char text[5];
    assert_true(hex_decode("0aff", 4, raw, 2));
    hex_encode(raw, 2, text);
    assert_string_equal(text, "0aff");
    assert_false(hex_decode("0aFF", 4, raw, 2));
    assert_false(hex_decode("0af", 3, raw, 2));
    assert_false(hex_decode("0aff0", 5, raw, 2));
    assert_false(hex_decode("0ag0", 4, raw, 2));
}

/* FIPS 180-4, the example "abc" */
static void digest_of_abc(void **state)
{
    (void)state;
    char out[DIGEST_HEX + 1];
    struct digest_part parts[] = {{"a", 1}, {"bc", 2}};
    assert_true(digest_hex(parts, 2, out));
    assert_string_equal(out, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

static int64_t parsed(const char *text)
{
    int64_t when = TIME_NONE;
    return time_parse(text, &when) ? when : TIME_NONE;
}

static void times_in_all_their_forms(void **state)
{
    (void)state;
    const int64_t at = INT64_C(1704362400000); /* date -d 2024-01-04T10:00:00Z +%s */
    assert_int_equal(parsed("2024-01-04T10:00:00Z"), at);
    assert_int_equal(parsed("2024-01-04T10:00:00.000Z"), at);
    assert_int_equal(parsed("2024-01-04T10:00:00.123456Z"), at + 123);
    assert_int_equal(parsed("2024-01-04T10:00:00+00:00"), at);
    assert_int_equal(parsed("2024-01-04T15:30:00+05:30"), at);
    assert_int_equal(parsed("2024-01-04T02:00:00-08:00"), at);
    assert_int_equal(parsed("2024-01-04 10:00:00Z"), at);
    assert_int_equal(parsed("2016-12-31T23:59:60Z"), parsed("2016-12-31T23:59:59Z"));
    static const char *const wrong[] = {"", "now", "2024-01-04", "2024-01-04T10:00:00",
        "2024-02-31T10:00:00Z", "2024-13-01T10:00:00Z", "2024-01-04T24:00:00Z",
        "2024-01-04T10:00:00.Z", "2024-01-04T10:00:00Zx", "2024-01-04T10:00:00+0530",
        "1969-12-31T00:00:00Z", "2024-1-4T10:00:00Z", "99999-01-04T10:00:00Z"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_int_equal(parsed(wrong[i]), TIME_NONE);
}

static void times_are_written_back(void **state)
{
    (void)state;
    char out[TIME_TEXT];
    time_format_ms(INT64_C(1704362400123), out);
    assert_string_equal(out, "2024-01-04T10:00:00.123Z");
    time_format(INT64_C(1704362400123), out);
    assert_string_equal(out, "2024-01-04T10:00:00Z");
    time_format_ms(parsed("1970-01-01T00:00:00.5+01:00"), out);
    assert_string_equal(out, "1969-12-31T23:00:00.500Z");
    time_format_age(INT64_C(119) * 1000, out);
    assert_string_equal(out, "119 s");
    time_format_age(INT64_C(49) * 3600000, out);
    assert_string_equal(out, "2 d");
    time_format_age(-5, out);
    assert_string_equal(out, "0 s");
}

static void addresses(void **state)
{
    (void)state;
    static const char *const right[] = {"a@b", "first.last+tag@sub.example.org",
        "o'brien@example.ie", "root@localhost", "15551234567@sms.cal.com"};
    static const char *const wrong[] = {"", "@", "a@", "@b", "a b@c", "a@b c",
        "a@b\r\nRCPT TO:<x@y>", "<a@b>", "Bob <a@b>", "a@b,c@d", ".a@b", "a.@b", "a..b@c", "a@-b",
        "a@b-", "a@b..c", "a@b.", "\"a b\"@c", "a@[127.0.0.1]", "\xc3\xa4@b", "a@\xc3\xa4.de",
        "a@b@c"};
    for (size_t i = 0; i < sizeof right / sizeof *right; i++)
        assert_true(address_valid(right[i]));
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_false(address_valid(wrong[i]));
    char longest[300];
    memset(longest, 'a', sizeof longest);
    memcpy(longest + 250, "@b", 3);
    assert_false(address_valid(longest));
    memcpy(longest + 64, "@b", 3);
    assert_true(address_valid(longest));
    memcpy(longest + 65, "@b", 3);
    longest[64] = 'a';
    assert_false(address_valid(longest));
}

static void hosts_are_limited(void **state)
{
    (void)state;
    char text[300] = "a@";
    memset(text + 2, 'h', 63);
    assert_true(address_valid(text));
    text[2 + 63] = 'h';
    assert_false(address_valid(text));
    for (size_t i = 1; i < 254; i++)
        text[i] = i % 2 ? (i == 1 ? '@' : '.') : 'h';
    text[253] = 'h'; /* 254 in all */
    assert_true(address_valid(text));
    text[254] = 'h';
    assert_false(address_valid(text));
}

static cJSON *parse(const char *text)
{
    return json_parse(text, strlen(text));
}

static void json_names_are_exact_and_the_last_counts(void **state)
{
    (void)state;
    cJSON *json = parse("{\"UID\":\"a\",\"uid\":\"b\",\"uid\":\"c\",\"p\":{\"q\":{\"r\":\"deep\"}},"
                        "\"uids\":\"d\",\"pp\":{\"q\":7},\"\":\"nameless\"}");
    assert_string_equal(json_text(json, "uid"), "c");
    assert_string_equal(json_text(json, "p.q.r"), "deep");
    assert_string_equal(json_text(json, ""), "nameless");
    assert_null(json_text(json, "Uid"));
    assert_null(json_text(json, "ui"));
    assert_null(json_text(json, "uid.r"));
    assert_null(json_text(json, "p.x.r"));
    cJSON_Delete(json);
}

static void json_survives_what_cjson_does_not(void **state)
{
    (void)state;
    cJSON *json =
        parse("{\"a\":\"x\\ud83dy\",\"b\":\"\\udc00\",\"c\":\"1\\u00002\","
              "\"d\":\"\\ud83d\\ude00\",\"n\":12345678901234567890,\"m\":-9007199254740993,"
              "\"f\":1.5e3,\"i\":123456789012345}");
    assert_string_equal(json_text(json, "a"), "x\xef\xbf\xbdy");
    assert_string_equal(json_text(json, "b"), "\xef\xbf\xbd");
    assert_string_equal(json_text(json, "c"), "1 2");
    assert_string_equal(json_text(json, "d"), "\xf0\x9f\x98\x80");
    assert_string_equal(json_text(json, "n"), "12345678901234567890");
    assert_string_equal(json_text(json, "m"), "-9007199254740993");
    assert_true(cJSON_IsNumber(json_get(json, "f")));
    assert_true(cJSON_IsNumber(json_get(json, "i")));
    cJSON_Delete(json);
    json = json_parse("{\"a\":\"x\0y\"}", 11);
    assert_string_equal(json_text(json, "a"), "x y");
    cJSON_Delete(json);
}

/* A body is searched in steps for what needs mending; each of these is found by itself. */
static void json_is_mended_wherever_it_has_to_be(void **state)
{
    (void)state;
    static const struct {
        const char *value, *mended;
    } rows[] = {{"1234567890123456", "1234567890123456"},
        {"-9007199254740993", "-9007199254740993"},
        {"12345678901234567890", "12345678901234567890"}, {"\"\\\\\\ud83d\"", "\\\xef\xbf\xbd"},
        {"\"123456789012345x\\u0000\"", "123456789012345x "}};
    enum { PLACES = 40 };
    for (int i = 0; i < (int)(sizeof rows / sizeof *rows) * PLACES; i++) {
        struct buf text = {0};
        buf_printf(&text, "[%*s,{\"a\":%s}]", i % PLACES + 1, "7", rows[i / PLACES].value);
        cJSON *json = json_parse(text.data, text.len);
        assert_non_null(json);
        assert_string_equal(json_text(json->child->next, "a"), rows[i / PLACES].mended);
        cJSON_Delete(json);
        buf_free(&text);
    }
    cJSON *json = parse("9007199254740993");
    assert_true(cJSON_IsString(json));
    cJSON_Delete(json);
}

static void json_refuses_what_is_none(void **state)
{
    (void)state;
    static const char *const wrong[] = {"", " ", "{", "{\"a\":1} x", "{\"a\":\"\\",
        "{\"a\":\"\\u12", "nul", "\"", "-", "{\"a\"}", "a=b&c=d", "[1,]"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        cJSON *json = parse(wrong[i]);
        assert_null(json);
    }
    cJSON *json = parse(" {\"a\":1} \r\n");
    assert_non_null(json);
    cJSON_Delete(json);
    struct buf deep = {0};
    for (int i = 0; i < 10000; i++)
        buf_puts(&deep, "[{\"a\":");
    assert_null(json_parse(deep.data, deep.len));
    buf_free(&deep);
}

static void json_in_an_arena_is_the_same(void **state)
{
    (void)state;
    static const char text[] = "{\"a\":[1,{\"b\":\"\\ud83d\"}],\"c\":null}";
    struct arena arena = {0};
    const cJSON *json = json_parse_in(&arena, text, sizeof text - 1);
    assert_non_null(json);
    cJSON *other = parse(text);
    assert_true(cJSON_Compare(json, other, true));
    cJSON_Delete(other);
    assert_null(json_parse_in(&arena, "{\"a\":", 5));
    assert_int_equal(errno, EILSEQ);
    arena_free(&arena);
}

static void json_envelopes_are_read_without_what_is_in_them(void **state)
{
    (void)state;
    static const char text[] = " {\"a\":\"[{\\\"\",\"p\":{\"q\":[{\"r\":\"}]\\\"}{\"}],\"a\":1},"
                               "\"l\":[1,[2]],\"z\":\"\\udead\",\"n\":[]}\n";
    cJSON *json = json_parse_top(text, sizeof text - 1);
    assert_string_equal(json_text(json, "a"), "[{\"");
    assert_true(cJSON_IsObject(json_get(json, "p")) && !json_get(json, "p")->child);
    assert_true(cJSON_IsArray(json_get(json, "l")) && !json_get(json, "l")->child);
    assert_string_equal(json_text(json, "z"), "\xef\xbf\xbd");
    assert_true(cJSON_IsArray(json_get(json, "n")));
    cJSON_Delete(json);
    static const char backslashes[] = "{\"p\":{\"q\":\"\\\\\"},\"a\":\"\\\\\",\"z\":\"\\\\\\\"\"}";
    json = json_parse_top(backslashes, sizeof backslashes - 1);
    assert_string_equal(json_text(json, "a"), "\\");
    assert_string_equal(json_text(json, "z"), "\\\"");
    cJSON_Delete(json);
}

static void json_envelopes_must_close(void **state)
{
    (void)state;
    static const char *const wrong[] = {"", "{\"p\":{\"q\":1}", "{\"p\":{\"q\":\"}}", "{\"p\":[}}",
        "{\"p\":{}} x", "}{", "]", "[[[[", "{\"p\":{}},\"a\":1}", "\"\\"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        assert_null(json_parse_top(wrong[i], strlen(wrong[i])));
        assert_int_equal(errno, EILSEQ);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(buf_grows_and_is_consumed),
        cmocka_unit_test(buf_that_failed_takes_no_more),
        cmocka_unit_test(buf_is_used_again),
        cmocka_unit_test(arena_keeps_all),
        cmocka_unit_test(hex_is_strict),
        cmocka_unit_test(digest_of_abc),
        cmocka_unit_test(times_in_all_their_forms),
        cmocka_unit_test(times_are_written_back),
        cmocka_unit_test(addresses),
        cmocka_unit_test(hosts_are_limited),
        cmocka_unit_test(json_names_are_exact_and_the_last_counts),
        cmocka_unit_test(json_survives_what_cjson_does_not),
        cmocka_unit_test(json_is_mended_wherever_it_has_to_be),
        cmocka_unit_test(json_refuses_what_is_none),
        cmocka_unit_test(json_in_an_arena_is_the_same),
        cmocka_unit_test(json_envelopes_are_read_without_what_is_in_them),
        cmocka_unit_test(json_envelopes_must_close),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
