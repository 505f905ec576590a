#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "receive/fcgi_check.h"
#include "receive/libfcgi.h"

enum { OPEN_AT_ONCE = 50, LARGE = 3 * 1024 * 1024 };

static void add_record(struct buf *out, int type, const void *data, size_t len)
{
    const unsigned char h[FCGI_CHECK_HEADER] = {
        1, (unsigned char)type, 0, 1, (unsigned char)(len >> 8), (unsigned char)len};
    buf_add(out, h, sizeof h);
    buf_add(out, data, len);
}

static void make(struct buf *out, const char *value, const char *body, size_t len)
{
    char pair[64] = "\4";
    pair[1] = (char)strlen(value);
    strncpy(pair + 2, "NAME", 5);
    strncpy(pair + 6, value, sizeof pair - 7);
    buf_clear(out);
    add_record(out, 1, "\0\1\0\0\0\0\0\0", 8);
    add_record(out, 4, pair, 6 + strlen(value));
    add_record(out, 4, NULL, 0);
    for (size_t at = 0; at < len; at += 60000)
        add_record(out, 5, body + at, len - at < 60000 ? len - at : 60000);
    add_record(out, 5, NULL, 0);
}

static void selftest_passes(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++)
        assert_null(libfcgi_selftest());
}

/* Answered in another order than they came, each to its own peer. */
static void many_at_once(void **state)
{
    (void)state;
    static struct exchange x[OPEN_AT_ONCE];
    int pair[OPEN_AT_ONCE][2];
    struct buf wire = {0}, body = {0}, response = {0};
    char value[8] = "v00", got[256];
    for (int i = 0; i < OPEN_AT_ONCE; i++) {
        value[1] = (char)('0' + i / 10), value[2] = (char)('0' + i % 10);
        make(&wire, value, value, 3);
        assert_true(libfcgi_open(&x[i], wire.data, wire.len, NULL));
        buf_clear(&body);
        assert_true(libfcgi_body(&x[i], &body));
        assert_string_equal(buf_text(&body), value);
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair[i]), 0);
    }
    for (int i = OPEN_AT_ONCE - 1; i >= 0; i--) {
        buf_clear(&response);
        buf_printf(&response, "Status: 200 OK\r\n\r\n%s", libfcgi_param(&x[i], "NAME"));
        assert_true(libfcgi_answer(&x[i], pair[i][0], &response));
        ssize_t n = read(pair[i][1], got, sizeof got);
        assert_true(n > 0);
        assert_non_null(memmem(got, (size_t)n, response.data, response.len));
        close(pair[i][0]);
        close(pair[i][1]);
    }
    buf_free(&wire);
    buf_free(&body);
    buf_free(&response);
}

static void assert_large(struct buf *wire, const struct buf *content, int peer)
{
    struct exchange x;
    struct buf body = {0}, response = {0};
    assert_true(libfcgi_open(&x, wire->data, wire->len, NULL));
    assert_true(libfcgi_body(&x, &body));
    assert_int_equal(body.len, content->len);
    assert_memory_equal(body.data, content->data, content->len);
    buf_puts(&response, "Status: 200 OK\r\n\r\n");
    assert_true(libfcgi_answer(&x, peer, &response));
    buf_free(&body);
    buf_free(&response);
}

/* Above the size at which the memory file is begun anew. */
static void large_ones(void **state)
{
    (void)state;
    struct buf wire = {0}, content = {0};
    int pair[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
    for (int i = 0; content.len < LARGE; i++)
        buf_printf(&content, "%d ", i);
    make(&wire, "large", content.data, content.len);
    for (int i = 0; i < 3; i++)
        assert_large(&wire, &content, pair[0]);
    close(pair[0]);
    close(pair[1]);
    buf_free(&wire);
    buf_free(&content);
}

static void without_its_body(void **state)
{
    (void)state;
    static const unsigned char tail[FCGI_CHECK_HEADER] = {1, 5, 0, 1};
    struct buf wire = {0}, body = {0}, response = {0};
    struct exchange x;
    int pair[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    make(&wire, "cut", NULL, 0);
    assert_true(libfcgi_open(&x, wire.data, wire.len - FCGI_CHECK_HEADER, tail));
    assert_true(libfcgi_body(&x, &body));
    assert_int_equal(body.len, 0);
    buf_puts(&response, "Status: 413 Content Too Large\r\n\r\n");
    assert_true(libfcgi_answer(&x, pair[0], &response));
    close(pair[0]);
    close(pair[1]);
    buf_free(&wire);
    buf_free(&body);
    buf_free(&response);
}

/* The peer is gone: libfcgi closes the socket, and the next request is served as ever. */
static void nobody_listens(void **state)
{
    (void)state;
    struct buf wire = {0}, body = {0}, response = {0};
    struct exchange x;
    int pair[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    close(pair[1]);
    make(&wire, "gone", "body", 4);
    assert_true(libfcgi_open(&x, wire.data, wire.len, NULL));
    assert_true(libfcgi_body(&x, &body));
    buf_puts(&response, "Status: 200 OK\r\n\r\n");
    assert_false(libfcgi_answer(&x, pair[0], &response));
    assert_int_equal(close(pair[0]), -1);
    assert_null(libfcgi_selftest());
    buf_free(&wire);
    buf_free(&body);
    buf_free(&response);
}

static void refused(void **state)
{
    (void)state;
    struct exchange x;
    for (int i = 0; i < 3; i++) {
        assert_false(libfcgi_open(&x, "\2\1\0\1\0\10\0\0\0\1\0\0\0\0\0\0", 16, NULL));
        assert_null(libfcgi_selftest());
    }
}

static int start(void **state)
{
    (void)state;
    return libfcgi_init() ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(selftest_passes),
        cmocka_unit_test(many_at_once),
        cmocka_unit_test(large_ones),
        cmocka_unit_test(without_its_body),
        cmocka_unit_test(nobody_listens),
        cmocka_unit_test(refused),
    };
    return cmocka_run_group_tests(tests, start, NULL);
}
