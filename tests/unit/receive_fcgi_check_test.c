#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "receive/fcgi_check.h"

enum { CAP = 1000 };
enum { BEGIN = 1, ABORT, END, PARAMS, IN, OUT, ERR, DATA, GET_VALUES };

static struct buf wire;

static int clear(void **state)
{
    (void)state;
    buf_free(&wire);
    return 0;
}

static void header(int version, int type, int id, size_t len, size_t padding)
{
    const unsigned char h[FCGI_CHECK_HEADER] = {(unsigned char)version, (unsigned char)type,
        (unsigned char)(id >> 8), (unsigned char)id, (unsigned char)(len >> 8), (unsigned char)len,
        (unsigned char)padding};
    buf_add(&wire, h, sizeof h);
}

static void record(int type, const void *data, size_t len, size_t padding)
{
    static const char zeros[255];
    header(1, type, 1, len, padding);
    buf_add(&wire, data, len);
    buf_add(&wire, zeros, padding);
}

static void begin(int role, int flags)
{
    const char body[8] = {0, (char)role, (char)flags};
    record(BEGIN, body, sizeof body, 0);
}

static void params(const char *text, size_t len)
{
    if (len)
        record(PARAMS, text, len, 0);
    record(PARAMS, NULL, 0, 0);
}

#define LENGTH_5 "\16\1CONTENT_LENGTH5"

static void complete(void)
{
    begin(1, 1);
    params(LENGTH_5, sizeof LENGTH_5 - 1);
    record(IN, "hello", 5, 3);
    record(IN, NULL, 0, 0);
}

static struct fcgi_check walk(void)
{
    struct fcgi_check check;
    fcgi_check_reset(&check, CAP);
    fcgi_check_walk(&check, wire.data, wire.len);
    return check;
}

/* The same bytes, however they come, get the same judgment, at the same byte. */
static struct fcgi_check walk_bytewise(void)
{
    struct fcgi_check check;
    fcgi_check_reset(&check, CAP);
    for (size_t len = 1; len <= wire.len; len++)
        if (fcgi_check_walk(&check, wire.data, len) != FCGI_CHECK_MORE)
            break;
    return check;
}

static void assert_broken(const char *reason)
{
    struct fcgi_check at_once = walk(), bytewise = walk_bytewise();
    assert_int_equal(at_once.state, FCGI_CHECK_BROKEN);
    assert_string_equal(at_once.reason, reason);
    assert_int_equal(bytewise.state, FCGI_CHECK_BROKEN);
    assert_string_equal(bytewise.reason, reason);
}

static void assert_state(enum fcgi_check_state state)
{
    assert_int_equal(walk().state, state);
    assert_int_equal(walk_bytewise().state, state);
}

static void whole_requests(void **state)
{
    (void)state;
    complete();
    size_t one = wire.len;
    struct fcgi_check check = walk_bytewise();
    assert_int_equal(check.state, FCGI_CHECK_COMPLETE);
    assert_true(check.keep);
    assert_int_equal(check.end, one);
    assert_int_equal(check.stdin_len, 5);
    assert_int_equal(check.length_kind, LENGTH_DECLARED);
    assert_true(check.length == 5);
    complete();
    check = walk();
    assert_int_equal(check.state, FCGI_CHECK_COMPLETE);
    assert_int_equal(check.at, one);
}

static void every_part_of_one_needs_more(void **state)
{
    (void)state;
    complete();
    for (size_t len = 0; len < wire.len; len++) {
        struct fcgi_check check;
        fcgi_check_reset(&check, CAP);
        assert_int_equal(fcgi_check_walk(&check, wire.data, len), FCGI_CHECK_MORE);
        assert_true(check.at <= len);
    }
}

/* libfcgi stops reading at the last header; what pads it is used up and not handed on. */
static void last_padding(void **state)
{
    (void)state;
    begin(1, 0);
    params("", 0);
    record(IN, NULL, 0, 9);
    struct fcgi_check check = walk_bytewise();
    assert_int_equal(check.state, FCGI_CHECK_COMPLETE);
    assert_false(check.keep);
    assert_int_equal(check.at, wire.len);
    assert_int_equal(check.end, wire.len - 9);
}

static void pairs_straddle_records(void **state)
{
    (void)state;
    static const char pairs[] = "\200\0\0\16\200\0\0\4CONTENT_LENGTH1001\0\0\1\0x\0\1y";
    size_t len = sizeof pairs - 1;
    for (size_t size = 1; size <= len; size++) {
        buf_clear(&wire);
        begin(1, 0);
        for (size_t at = 0; at < len; at += size)
            record(PARAMS, pairs + at, len - at < size ? len - at : size, at % 5);
        record(PARAMS, NULL, 0, 0);
        size_t end = wire.len;
        struct fcgi_check check = walk_bytewise();
        assert_int_equal(check.state, FCGI_CHECK_TOO_LARGE);
        assert_int_equal(check.params_end, end);
    }
}

static void too_large(void **state)
{
    (void)state;
    static const char body[CAP + 1];
    begin(1, 0);
    params(LENGTH_5, sizeof LENGTH_5 - 1);
    size_t end = wire.len;
    record(IN, body, CAP, 0);
    assert_state(FCGI_CHECK_MORE);
    record(IN, body, 1, 0);
    assert_state(FCGI_CHECK_TOO_LARGE);
    assert_int_equal(walk().params_end, end);
    unsigned char tail[FCGI_CHECK_HEADER];
    struct fcgi_check check = walk();
    fcgi_check_stdin_end(&check, tail);
    assert_memory_equal(tail, "\1\5\0\1\0\0\0\0", FCGI_CHECK_HEADER);
}

/* What is no POST has no body, whatever the cap. */
static void a_body_of_another_method(void **state)
{
    (void)state;
    static const char get[] = "\16\3REQUEST_METHODGET";
    static const char get_with_length[] = "\16\3REQUEST_METHODGET\16\1CONTENT_LENGTH1";
    static const char length_first[] = "\16\1CONTENT_LENGTH1\16\4REQUEST_METHODHEAD";
    static const char post[] = "\16\4REQUEST_METHODPOST\16\3REQUEST_METHODGET" LENGTH_5;
    begin(1, 1);
    params(get, sizeof get - 1);
    assert_state(FCGI_CHECK_MORE);
    record(IN, "x", 1, 0);
    assert_state(FCGI_CHECK_TOO_LARGE);
    buf_clear(&wire);
    begin(1, 1);
    params(get, sizeof get - 1);
    record(IN, NULL, 0, 0);
    assert_state(FCGI_CHECK_COMPLETE);
    buf_clear(&wire);
    begin(1, 1);
    params(get_with_length, sizeof get_with_length - 1);
    assert_state(FCGI_CHECK_TOO_LARGE);
    buf_clear(&wire);
    begin(1, 1);
    params(length_first, sizeof length_first - 1);
    assert_state(FCGI_CHECK_TOO_LARGE);
    buf_clear(&wire);
    begin(1, 1);
    params(post, sizeof post - 1);
    record(IN, "hello", 5, 0);
    record(IN, NULL, 0, 0);
    assert_state(FCGI_CHECK_COMPLETE);
}

static void only_the_first_length_counts(void **state)
{
    (void)state;
    static const char twice[] = LENGTH_5 "\16\4CONTENT_LENGTH9999";
    begin(1, 0);
    params(twice, sizeof twice - 1);
    assert_state(FCGI_CHECK_MORE);
    buf_clear(&wire);
    static const char longest[] = "\16\36CONTENT_LENGTH999999999999999999999999999999";
    begin(1, 0);
    params(longest, sizeof longest - 1);
    assert_state(FCGI_CHECK_TOO_LARGE);
    buf_clear(&wire);
    static const char nonsense[] = "\16\5CONTENT_LENGTH9999x";
    begin(1, 0);
    params(nonsense, sizeof nonsense - 1);
    assert_state(FCGI_CHECK_MORE);
}

static void lying_lengths(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t len;
        const char *reason;
    } cases[] = {
        {"\377\377\377\376\377\377\377\376", 8, "params-length"},
        {"\1\377\377\377\376x", 6, "params-length"},
        {"\200\1\0\1\1", 5, "params-length"},
        {"\4\4abcd", 6, "params-cut"},
        {"\4\4abcd\1\2", 8, "params-cut"},
        {"\200", 1, "params-cut"},
        {"\200\0\0\1", 4, "params-cut"},
        {"\1", 1, "params-cut"},
        {"\1\200\0", 3, "params-cut"},
        {"\1\0x\1", 4, "params-cut"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        buf_clear(&wire);
        begin(1, 0);
        params(cases[i].text, cases[i].len);
        assert_broken(cases[i].reason);
    }
}

static void wrong_records(void **state)
{
    (void)state;
    static const struct {
        int version, type, id;
        size_t len, padding;
        const char *reason;
    } first[] =
        {
            {2, BEGIN, 1, 8, 0, "record-version"},
            {0, 0, 0, 0, 0, "record-version"},
            {1, GET_VALUES, 0, 0, 0, "management-record"},
            {1, BEGIN, 0, 8, 0, "management-record"},
            {1, BEGIN, 1, 7, 0, "begin-length"},
            {1, BEGIN, 1, 16, 0, "begin-length"},
            {1, BEGIN, 1, 8, 8, "begin-padding"},
            {1, PARAMS, 1, 0, 0, "record-order"},
            {1, IN, 1, 0, 0, "record-order"},
            {1, ABORT, 1, 0, 0, "record-order"},
            {1, DATA, 1, 0, 0, "record-type"},
            {1, 255, 1, 0, 0, "record-type"},
        },
      after_begin[] = {
          {1, BEGIN, 1, 8, 0, "second-begin"},
          {1, BEGIN, 2, 8, 0, "request-id"},
          {1, PARAMS, 257, 0, 0, "request-id"},
          {1, GET_VALUES, 0, 0, 0, "management-record"},
          {1, IN, 1, 0, 0, "record-order"},
          {1, PARAMS, 1, 0, 4, "params-padding"},
          {1, OUT, 1, 0, 0, "record-type"},
          {3, PARAMS, 1, 0, 0, "record-version"},
      };
    for (size_t i = 0; i < sizeof first / sizeof *first; i++) {
        buf_clear(&wire);
        header(first[i].version, first[i].type, first[i].id, first[i].len, first[i].padding);
        assert_broken(first[i].reason);
    }
    for (size_t i = 0; i < sizeof after_begin / sizeof *after_begin; i++) {
        buf_clear(&wire);
        begin(1, 0);
        header(after_begin[i].version, after_begin[i].type, after_begin[i].id, after_begin[i].len,
            after_begin[i].padding);
        assert_broken(after_begin[i].reason);
    }
}

static void order_after_params(void **state)
{
    (void)state;
    begin(1, 0);
    params("", 0);
    record(PARAMS, "\1\0x", 3, 0);
    assert_broken("record-order");
}

static void roles(void **state)
{
    (void)state;
    for (int role = 0; role < 4; role++) {
        buf_clear(&wire);
        begin(role, 0);
        if (role == 1)
            assert_state(FCGI_CHECK_MORE);
        else
            assert_broken("role");
    }
}

static void aborted(void **state)
{
    (void)state;
    begin(1, 0);
    record(ABORT, NULL, 0, 0);
    assert_state(FCGI_CHECK_ABORTED);
}

static void params_size(void **state)
{
    (void)state;
    static const char pair[] = "\1\1xy";
    begin(1, 0);
    for (size_t n = 0; n + 4 <= FCGI_CHECK_PARAMS_MAX; n += 4)
        record(PARAMS, pair, 4, 0);
    assert_state(FCGI_CHECK_MORE);
    record(PARAMS, pair, 4, 0);
    assert_broken("params-size");
}

/* Hardly any content, and the longest padding there is. */
static void padding_without_end(void **state)
{
    (void)state;
    begin(1, 0);
    for (int i = 0; i < 1100; i++)
        record(PARAMS, "\0\0", 2, 255);
    assert_broken("records-size");
}

/* Whatever comes: no read past the end, no state but the known ones, and no going back. */
static void noise(void **state)
{
    (void)state;
    srandom(20261121);
    for (int round = 0; round < 3000; round++) {
        buf_clear(&wire);
        complete();
        for (int flips = round % 6; flips >= 0; flips--)
            wire.data[random() % (long)wire.len] = (char)random();
        char *exact = malloc(wire.len);
        assert_non_null(exact);
        memcpy(exact, wire.data, wire.len);
        struct fcgi_check at_once = walk(), check;
        fcgi_check_reset(&check, CAP);
        fcgi_check_walk(&check, exact, wire.len / 2);
        fcgi_check_walk(&check, exact, wire.len);
        assert_int_equal(check.state, at_once.state);
        if (check.state == FCGI_CHECK_COMPLETE)
            assert_int_equal(check.at, at_once.at);
        assert_true(check.at <= wire.len);
        free(exact);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(whole_requests, clear),
        cmocka_unit_test_teardown(every_part_of_one_needs_more, clear),
        cmocka_unit_test_teardown(last_padding, clear),
        cmocka_unit_test_teardown(pairs_straddle_records, clear),
        cmocka_unit_test_teardown(too_large, clear),
        cmocka_unit_test_teardown(a_body_of_another_method, clear),
        cmocka_unit_test_teardown(only_the_first_length_counts, clear),
        cmocka_unit_test_teardown(lying_lengths, clear),
        cmocka_unit_test_teardown(wrong_records, clear),
        cmocka_unit_test_teardown(order_after_params, clear),
        cmocka_unit_test_teardown(roles, clear),
        cmocka_unit_test_teardown(aborted, clear),
        cmocka_unit_test_teardown(params_size, clear),
        cmocka_unit_test_teardown(padding_without_end, clear),
        cmocka_unit_test_teardown(noise, clear),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
