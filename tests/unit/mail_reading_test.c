/* Finished messages read back: of our own and of others' making. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "mail/message.h"
#include "mail/reading.h"

static void assert_read(
    bool (*read)(const char *, size_t, struct buf *), const char *message, const char *wanted)
{
    struct buf out = {0};
    assert_true(read(message, strlen(message), &out));
    assert_string_equal(buf_text(&out), wanted);
    buf_free(&out);
}

static const char mixed[] =
    "Subject: =?utf-8?Q?Zo=C3=AB?=\r\nX-Empty:\r\nMIME-Version: 1.0\r\n"
    "Content-Type: multipart/mixed; boundary=b\r\n\r\n"
    "--b\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    "YQ0KYg==\r\n"
    "--b\r\nContent-Type: text/html\r\n\r\n<p>a</p>\r\n"
    "--b\r\nContent-Type: text/calendar\r\n\r\nUID:lo\r\n ng\r\nX:t\r\n\tab\r\n.\r\n"
    "--b\r\nContent-Type: application/json; name=body.json\r\n"
    "Content-Disposition: attachment; filename=body.json\r\n\r\n{}\r\n"
    "--b--\r\n";

static void all_of_it_for_a_search(void **state)
{
    struct buf out = {0};
    (void)state;
    assert_true(message_read(mixed, sizeof mixed - 1, &out));
    static const char *const parts[] = {
        "Zo\xc3\xab\n", "\na\r\nb\n", "\n<p>a</p>\n", "\nUID:long\r\nX:tab\r\n.", "\n{}\n"};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        if (!strstr(buf_text(&out), parts[i]))
            fail_msg("missing: %s\nin: %s", parts[i], buf_text(&out));
    buf_free(&out);
}

static void what_a_reader_sees(void **state)
{
    (void)state;
    assert_read(
        message_preview, mixed, "Subject: Zo\xc3\xab\n\na\nb\n[body.json: application/json]\n");
    assert_read(message_preview, "To: a@example.org\n\nhello\n", "Subject: \n\nhello\n");
    assert_read(
        message_preview, "Subject: page\nContent-Type: text/html\n\n<p>\n", "Subject: page\n\n");
    assert_read(message_preview, "Subject: none\nContent-Type: multipart/mixed; boundary=b\n\n",
        "Subject: none\n\n");
}

static void parts_without_content(void **state)
{
    (void)state;
    assert_read(message_read, "Subject: a\n\n", "a\n\n");
}

static void what_cannot_be_read(void **state)
{
    struct buf failed = {.failed = true}, out = {0};
    (void)state;
    assert_false(message_read(mixed, sizeof mixed - 1, &failed));
    assert_false(message_preview(mixed, sizeof mixed - 1, &failed));
    buf_free(&failed);
    assert_false(message_read("\0\xff", 2, &out));
    assert_false(message_preview("\0\xff", 2, &out));
    assert_int_equal(out.len, 0);
    buf_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_of_it_for_a_search),
        cmocka_unit_test(what_a_reader_sees),
        cmocka_unit_test(parts_without_content),
        cmocka_unit_test(what_cannot_be_read),
    };
    message_setup();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
