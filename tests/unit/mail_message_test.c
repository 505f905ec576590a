/* A composed mail, read back by GMime's own parser and looked at byte by byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <gmime/gmime.h>

#include "mail/message.h"

static const struct message usual = {
    .name = "0123456789abcdef0123456789abcdef-0123456789ab",
    .id = "0123456789abcdef0123456789abcdef",
    .from = "bookspool@example.org",
    .to = "owner@example.org",
    .date = INT64_C(1795341600123),
    .subject = "New booking: Intro call with Ada Example, Tue 24 Nov 2026, 16:00 CET",
    .text = "New booking\n\nWho: Zo\xc3\xab <zoe@example.com>\n.\nFrom here on\n",
};

static struct buf composed(const struct message *message)
{
    struct buf out = {0};
    assert_true(message_compose(message, &out));
    return out;
}

static GMimeMessage *parsed(const struct buf *mail)
{
    GMimeStream *stream = g_mime_stream_mem_new_with_buffer(mail->data, mail->len);
    GMimeParser *parser = g_mime_parser_new_with_stream(stream);
    GMimeMessage *message = g_mime_parser_construct_message(parser, NULL);
    assert_non_null(message);
    g_object_unref(parser);
    g_object_unref(stream);
    return message;
}

static GByteArray *content(GMimeObject *part)
{
    GByteArray *bytes = g_byte_array_new();
    GMimeStream *stream = g_mime_stream_mem_new_with_byte_array(bytes);
    g_mime_stream_mem_set_owner(GMIME_STREAM_MEM(stream), FALSE);
    g_mime_data_wrapper_write_to_stream(g_mime_part_get_content(GMIME_PART(part)), stream);
    g_object_unref(stream);
    return bytes;
}

/* Pure ASCII, lines that end with CR LF only, none too long; encoded words within RFC 2047. */
static void assert_wire_form(const struct buf *mail)
{
    size_t column = 0, word = 0, head = (size_t)(strstr(mail->data, "\r\n\r\n") - mail->data);
    for (size_t i = 0; i < mail->len; i++) {
        unsigned char c = (unsigned char)mail->data[i];
        assert_true(c < 0x7f);
        assert_true(c != 0);
        assert_true((c == '\r') == (i + 1 < mail->len && mail->data[i + 1] == '\n'));
        column = c == '\n' ? 0 : column + 1;
        word = c <= ' ' ? 0 : word + 1;
        assert_true(column <= 999);
        assert_true(word <= 76 || i > head);
    }
    assert_int_equal(mail->data[mail->len - 1], '\n');
}

static void assert_subject_survives(const char *subject)
{
    struct message message = usual;
    message.subject = subject;
    struct buf mail = composed(&message);
    assert_wire_form(&mail);
    GMimeMessage *read = parsed(&mail);
    assert_string_equal(g_mime_message_get_subject(read), subject);
    g_object_unref(read);
    buf_free(&mail);
}

static void headers_as_promised(void **state)
{
    (void)state;
    struct message message = usual;
    message.reply_to = "reply@example.org";
    struct buf mail = composed(&message);
    static const char *const lines[] = {
        "Date: Sun, 22 Nov 2026 10:00:00 +0000\r\n",
        "\r\nFrom: bookspool@example.org\r\n",
        "\r\nTo: owner@example.org\r\n",
        "\r\nReply-To: reply@example.org\r\n",
        "\r\nSubject: New booking: Intro call",
        "\r\nMessage-Id: <0123456789abcdef0123456789abcdef-0123456789ab@example.org>\r\n",
        "\r\nX-Bookspool-Id: 0123456789abcdef0123456789abcdef\r\n",
        "\r\nAuto-Submitted: auto-generated\r\n",
        "\r\nMIME-Version: 1.0\r\n",
        "\r\nContent-Type: text/plain; charset=utf-8\r\n",
        "\r\nContent-Transfer-Encoding: base64\r\n",
    };
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++)
        if (!strstr(mail.data, lines[i]))
            fail_msg("missing: %s in\n%s", lines[i], mail.data);
    assert_wire_form(&mail);
    buf_free(&mail);
}

static void text_survives(void **state)
{
    (void)state;
    struct buf mail = composed(&usual);
    GMimeMessage *read = parsed(&mail);
    GByteArray *text = content(g_mime_message_get_mime_part(read));
    static const char expected[] =
        "New booking\r\n\r\nWho: Zo\xc3\xab <zoe@example.com>\r\n.\r\nFrom here on\r\n";
    assert_int_equal(text->len, sizeof expected - 1);
    assert_memory_equal(text->data, expected, text->len);
    g_byte_array_unref(text);
    g_object_unref(read);
    buf_free(&mail);
}

static void assert_encoding(const char *text, const char *encoding)
{
    char header[64];
    struct message message = usual;
    message.text = text;
    struct buf mail = composed(&message);
    assert_wire_form(&mail);
    snprintf(header, sizeof header, "\r\nContent-Transfer-Encoding: %s\r\n", encoding);
    if (!strstr(mail.data, header))
        fail_msg("not in %s: %s", encoding, mail.data);
    GMimeMessage *read = parsed(&mail);
    GByteArray *bytes = content(g_mime_message_get_mime_part(read));
    assert_int_equal(bytes->len, strlen(text));
    assert_memory_equal(bytes->data, text, bytes->len);
    g_byte_array_unref(bytes);
    g_object_unref(read);
    buf_free(&mail);
}

/* Only what nothing on its way changes is sent as it is. */
static void encodings(void **state)
{
    (void)state;
    char line[999 + sizeof "\r\n"]; /* RFC 5322 2.1.1 allows 998, of which GMime uses one less */
    memset(line, 'x', sizeof line);
    strcpy(line + 997, "\r\n");
    assert_encoding(line, "7bit");
    line[997] = line[998] = 'x';
    strcpy(line + 999, "\r\n");
    assert_encoding(line, "base64");
    assert_encoding("", "7bit");
    assert_encoding("A line\r\n.\r\n\r\n- From here on \t\r\nFrom\r\n=_a_\r\n", "7bit");
    assert_encoding("no line end", "base64");
    assert_encoding("Zo\xc3\xab\r\n", "base64");
    assert_encoding("A line\r\nFrom here on\r\n", "base64");
    assert_encoding("--=_a_0123456789abcdef\r\n", "base64");
}

static void subjects_survive(void **state)
{
    (void)state;
    assert_subject_survives(usual.subject);
    assert_subject_survives("Zo\xc3\xab");
    assert_subject_survives("=?UTF-8?B?QWRh?= is what a user wrote");
    char text[700];
    for (size_t i = 0; i < 600; i += 3)
        memcpy(text + i, "\xe4\xbc\x9a", 3); /* one word without a break */
    text[600] = '\0';
    assert_subject_survives(text);
    memset(text, 'w', 600);
    assert_subject_survives(text);
    for (size_t i = 0; i < 600; i += 3)
        memcpy(text + i, "ab ", 3);
    text[599] = '\0';
    assert_subject_survives(text);
    for (size_t shift = 0; shift < 6; shift++) { /* characters of four bytes at each place */
        memset(text, 'x', shift);
        for (size_t i = 0; i < 50; i++)
            memcpy(text + shift + 4 * i, "\xf0\x9f\x98\x80", 4);
        text[shift + 200] = '\0';
        assert_subject_survives(text);
    }
}

static void same_arguments_same_bytes(void **state)
{
    (void)state;
    struct message message = usual;
    message.attachment = "{}";
    message.attachment_len = 2;
    message.attachment_name = "body.json";
    struct buf one = composed(&message), two = composed(&message);
    assert_int_equal(one.len, two.len);
    assert_memory_equal(one.data, two.data, one.len);
    message.name = "0123456789abcdef0123456789abcdef.1795341600-0123456789ab";
    struct buf other = composed(&message);
    assert_non_null(
        strstr(other.data, "<0123456789abcdef0123456789abcdef.1795341600-0123456789ab@"));
    buf_free(&one);
    buf_free(&two);
    buf_free(&other);
}

static void attachment_survives(void **state)
{
    (void)state;
    char raw[1000];
    for (size_t i = 0; i < sizeof raw; i++)
        raw[i] = (char)(i * 7);
    struct message message = usual;
    message.attachment = raw;
    message.attachment_len = sizeof raw;
    message.attachment_name = "body.json";
    struct buf mail = composed(&message);
    assert_wire_form(&mail);
    GMimeMessage *read = parsed(&mail);
    GMimeObject *mixed = g_mime_message_get_mime_part(read);
    assert_true(GMIME_IS_MULTIPART(mixed));
    assert_int_equal(g_mime_multipart_get_count(GMIME_MULTIPART(mixed)), 2);
    GMimeObject *part = g_mime_multipart_get_part(GMIME_MULTIPART(mixed), 1);
    assert_string_equal(g_mime_part_get_filename(GMIME_PART(part)), "body.json");
    GByteArray *bytes = content(part);
    assert_int_equal(bytes->len, sizeof raw);
    assert_memory_equal(bytes->data, raw, sizeof raw);
    g_byte_array_unref(bytes);
    g_object_unref(read);
    buf_free(&mail);
}

/* ---- several forms ---- */

static const char html[] = "<p>Zo\xc3\xab &amp; co</p>\n.\n<p>--=_a_</p>\n";
static const char ics[] = "BEGIN:VCALENDAR\r\nSUMMARY:Zo\xc3\xab\r\nEND:VCALENDAR\r\n";

static void add_types(GMimeObject *part, struct buf *types)
{
    GMimeContentType *type = g_mime_object_get_content_type(part);
    buf_printf(types, "%s/%s", g_mime_content_type_get_media_type(type),
        g_mime_content_type_get_media_subtype(type));
    if (!GMIME_IS_MULTIPART(part))
        return;
    int count = g_mime_multipart_get_count(GMIME_MULTIPART(part));
    for (int i = 0; i < count; i++) {
        buf_puts(types, i ? ", " : "{");
        add_types(g_mime_multipart_get_part(GMIME_MULTIPART(part), i), types);
    }
    buf_putc(types, '}');
}

/* Each combination of what a mail can hold, and what a reader finds. */
static void structures(void **state)
{
    (void)state;
    static const struct {
        const char *html, *calendar, *attachment, *types;
    } rows[] = {
        {NULL, NULL, NULL, "text/plain"},
        {html, NULL, NULL, "multipart/alternative{text/plain, text/html}"},
        {NULL, ics, NULL,
            "multipart/mixed{multipart/alternative{text/plain, text/calendar}, application/ics}"},
        {html, ics, NULL,
            "multipart/mixed{multipart/alternative{text/plain, text/html, text/calendar}, "
            "application/ics}"},
        {NULL, NULL, "{}", "multipart/mixed{text/plain, application/octet-stream}"},
        {html, NULL, "{}",
            "multipart/mixed{multipart/alternative{text/plain, text/html}, "
            "application/octet-stream}"},
        {html, ics, "{}",
            "multipart/mixed{multipart/alternative{text/plain, text/html, text/calendar}, "
            "application/ics, application/octet-stream}"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct message message = usual;
        message.html = rows[i].html;
        message.calendar = rows[i].calendar;
        message.calendar_method = "REQUEST";
        message.attachment = rows[i].attachment;
        message.attachment_len = rows[i].attachment ? strlen(rows[i].attachment) : 0;
        struct buf mail = composed(&message), again = composed(&message), types = {0};
        assert_wire_form(&mail);
        assert_string_equal(mail.data, again.data);
        GMimeMessage *read = parsed(&mail);
        add_types(g_mime_message_get_mime_part(read), &types);
        assert_string_equal(buf_text(&types), rows[i].types);
        g_object_unref(read);
        buf_free(&mail);
        buf_free(&again);
        buf_free(&types);
    }
}

static void assert_content(GMimeObject *part, const char *expected)
{
    GByteArray *bytes = content(part);
    assert_int_equal(bytes->len, strlen(expected));
    assert_memory_equal(bytes->data, expected, bytes->len);
    g_byte_array_unref(bytes);
    assert_int_equal(
        g_mime_part_get_content_encoding(GMIME_PART(part)), GMIME_CONTENT_ENCODING_BASE64);
}

static void forms_survive(void **state)
{
    (void)state;
    struct message message = usual;
    message.html = html;
    message.calendar = ics;
    message.calendar_method = "REQUEST";
    struct buf mail = composed(&message);
    GMimeMessage *read = parsed(&mail);
    GMimeMultipart *mixed = GMIME_MULTIPART(g_mime_message_get_mime_part(read));
    GMimeMultipart *forms = GMIME_MULTIPART(g_mime_multipart_get_part(mixed, 0));
    GMimeObject *page = g_mime_multipart_get_part(forms, 1);
    GMimeObject *calendar = g_mime_multipart_get_part(forms, 2);
    GMimeObject *file = g_mime_multipart_get_part(mixed, 1);
    assert_content(page, "<p>Zo\xc3\xab &amp; co</p>\r\n.\r\n<p>--=_a_</p>\r\n");
    assert_content(calendar, ics);
    assert_content(file, ics);
    assert_non_null(
        strstr(mail.data, "\r\nContent-Type: text/calendar; charset=utf-8; method=REQUEST\r\n"));
    assert_null(g_mime_part_get_filename(GMIME_PART(calendar)));
    assert_string_equal(g_mime_part_get_filename(GMIME_PART(file)), "invite.ics");
    assert_string_not_equal(
        g_mime_multipart_get_boundary(mixed), g_mime_multipart_get_boundary(forms));
    g_object_unref(read);
    buf_free(&mail);
}

/* RFC 2046 section 5.1.1: at most 70 characters, for the longest name too. */
static void boundaries_derive_from_the_name(void **state)
{
    (void)state;
    struct message message = usual;
    char name[200];
    memset(name, 'f', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    message.html = html;
    message.attachment = "x";
    message.attachment_len = 1;
    struct buf mail = composed(&message);
    assert_non_null(
        strstr(mail.data, "\r\n--=_m_0123456789abcdef0123456789abcdef-0123456789ab\r\n"));
    assert_non_null(
        strstr(mail.data, "\r\n--=_a_0123456789abcdef0123456789abcdef-0123456789ab\r\n"));
    buf_free(&mail);
    message.name = name;
    mail = composed(&message);
    GMimeMessage *read = parsed(&mail);
    assert_true(strlen(g_mime_multipart_get_boundary(
                    GMIME_MULTIPART(g_mime_message_get_mime_part(read)))) <= 70);
    g_object_unref(read);
    buf_free(&mail);
}

/* Whatever an argument holds: no header of its making, before or after decoding. */
static void nothing_is_injected(void **state)
{
    (void)state;
    static const char evil[] = "a@example.org\r\nBcc: evil@example.net\r\n\r\nbody \xff\x01";
    struct message message = {.name = evil,
        .id = evil,
        .from = evil,
        .to = evil,
        .reply_to = evil,
        .subject = evil,
        .text = evil,
        .html = evil,
        .calendar = evil,
        .calendar_method = evil,
        .attachment = evil,
        .attachment_len = sizeof evil - 1,
        .attachment_name = evil};
    struct buf mail = composed(&message);
    assert_wire_form(&mail);
    assert_null(strstr(mail.data, "\nBcc"));
    GMimeMessage *read = parsed(&mail);
    assert_null(g_mime_object_get_header(GMIME_OBJECT(read), "Bcc"));
    assert_null(strpbrk(g_mime_message_get_subject(read), "\r\n"));
    g_object_unref(read);
    buf_free(&mail);
}

static void empty_texts(void **state)
{
    (void)state;
    struct message message = usual;
    message.subject = message.text = message.html = message.calendar = message.attachment = "";
    message.calendar_method = "PUBLISH";
    struct buf mail = composed(&message);
    assert_wire_form(&mail);
    g_object_unref(parsed(&mail));
    buf_free(&mail);
}

static int setup(void **state)
{
    (void)state;
    message_setup();
    g_log_set_always_fatal(G_LOG_LEVEL_CRITICAL | G_LOG_LEVEL_WARNING);
    return 0;
}

/* Parts and headers are kept from one mail to the next. */
static void mails_before_make_no_difference(void **state)
{
    (void)state;
    struct message mails[] = {usual, usual, usual, usual, usual, usual};
    enum { MAILS = sizeof mails / sizeof *mails };
    struct buf first[MAILS];
    mails[1].name = "1123456789abcdef0123456789abcdef-0123456789ab";
    mails[1].subject = "Verschoben: Zo\xc3\xab";
    mails[1].html = "<p>Hello\n";
    mails[2].to = "zoe@example.com";
    mails[2].reply_to = "host@example.org";
    mails[2].html = "<p>H\xc3\xa9llo, and a good deal more of it than before\n";
    mails[2].calendar = "BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n";
    mails[2].calendar_method = "REQUEST";
    mails[3] = mails[2];
    mails[3].reply_to = NULL;
    mails[3].calendar_method = "CANCEL";
    mails[3].html = NULL;
    mails[4].text = "";
    mails[4].attachment = "{}";
    mails[4].attachment_len = 2;
    mails[4].attachment_name = "body.json";
    mails[5] = mails[4];
    mails[5].from = "else@example.org";
    mails[5].attachment_name = "body.txt";
    for (int i = 0; i < MAILS; i++)
        first[i] = composed(&mails[i]);
    for (int i = 0; i < MAILS * MAILS; i++) {
        struct buf before = composed(&mails[i / MAILS]), after = composed(&mails[i % MAILS]);
        assert_string_equal(after.data, first[i % MAILS].data);
        buf_free(&before);
        buf_free(&after);
    }
    for (int i = 0; i < MAILS; i++)
        buf_free(&first[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(headers_as_promised),
        cmocka_unit_test(text_survives),
        cmocka_unit_test(encodings),
        cmocka_unit_test(subjects_survive),
        cmocka_unit_test(same_arguments_same_bytes),
        cmocka_unit_test(mails_before_make_no_difference),
        cmocka_unit_test(attachment_survives),
        cmocka_unit_test(structures),
        cmocka_unit_test(forms_survive),
        cmocka_unit_test(boundaries_derive_from_the_name),
        cmocka_unit_test(nothing_is_injected),
        cmocka_unit_test(empty_texts),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
