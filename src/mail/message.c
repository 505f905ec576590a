#include "mail/message.h"

#include <string.h>

#include <gmime/gmime.h>

#include "base/clock.h"
#include "mail/cut.h"

/*
 * RFC 2047 section 2: an encoded word has at most 75 characters. 45 bytes of UTF-8 make 60 of
 * base64, and "=?UTF-8?B?" with "?=" makes 72.
 */
enum { WORD_BYTES = 45, ASCII_WORD_MAX = 60, TOKEN_MAX = 320, SHOWN_NAME_MAX = 80 };

void message_setup(void)
{
    g_mime_init();
}

/* What a header can hold without any encoding: graphic ASCII. Everything else is dropped. */
static const char *token(const char *text, char out[TOKEN_MAX])
{
    size_t n = 0;
    for (; *text && n + 1 < TOKEN_MAX; text++)
        if (*text > ' ' && *text < 0x7f)
            out[n++] = *text;
    out[n] = '\0';
    return out;
}

/* One line of valid UTF-8: control characters become blanks. The caller frees with g_free. */
static char *header_line(const char *text)
{
    char *clean = g_utf8_make_valid(text, -1);
    for (char *c = clean; *c; c++)
        if (g_ascii_iscntrl(*c))
            *c = ' ';
    return g_strstrip(clean);
}

/* ---- text beyond ASCII ---- */

/* Plain only if GMime can fold it between words and no reader takes it for an encoded word. */
static bool plain_subject(const char *text)
{
    size_t word = 0;
    for (; *text; text++) {
        word = *text == ' ' ? 0 : word + 1;
        if ((unsigned char)*text >= 0x7f || word > ASCII_WORD_MAX || strncmp(text, "=?", 2) == 0)
            return false;
    }
    return true;
}

static bool begins_character(char c)
{
    return ((unsigned char)c & 0xc0) != 0x80;
}

/*
 * The bytes of as many complete characters as fit into one word; without padding where possible,
 * because some readers join the base64 of neighbouring words before they decode it.
 */
static size_t word_length(const char *text)
{
    size_t len = strlen(text);
    if (len <= WORD_BYTES)
        return len;
    for (len = WORD_BYTES; len > WORD_BYTES / 2; len -= 3)
        if (begins_character(text[len]))
            return len;
    for (len = WORD_BYTES; !begins_character(text[len]);)
        len--;
    return len;
}

/*
 * Sets a header that is there already to the text as encoded words, with `end` after them: a raw
 * value with GMime's line ends. GMime's own encoder makes encoded words of more than 75 characters,
 * and leaves long words of ASCII in one line.
 */
static void set_encoded(
    GMimeMessage *message, const char *header, const char *text, const char *end)
{
    GString *words = g_string_new(NULL);
    for (const char *at = text; *at; at += word_length(at)) {
        char *base64 = g_base64_encode((const guchar *)at, word_length(at));
        g_string_append_printf(words, "%s=?UTF-8?B?%s?=", at == text ? " " : "\n ", base64);
        g_free(base64);
    }
    g_string_append_printf(words, "%s\n", end);
    GMimeHeaderList *headers = g_mime_object_get_header_list(GMIME_OBJECT(message));
    g_mime_header_set_raw_value(g_mime_header_list_get_header(headers, header), words->str);
    g_string_free(words, TRUE);
}

static void set_subject(GMimeMessage *message, const char *subject)
{
    char *text = header_line(subject);
    g_mime_message_set_subject(message, text, "utf-8");
    if (!plain_subject(text))
        set_encoded(message, "Subject", text, "");
    g_free(text);
}

/* ---- the other headers ---- */

/* A display name may be any text, and what is too long for a list of mails is cut; without one,
 * the address is bare. */
static void add_mailbox(
    GMimeMessage *message, GMimeAddressType type, const char *name, const char *address)
{
    static const char *const headers[] = {
        [GMIME_ADDRESS_TYPE_FROM] = "From", [GMIME_ADDRESS_TYPE_REPLY_TO] = "Reply-To"};
    char bare[TOKEN_MAX];
    char *line = name ? header_line(name) : NULL;
    if (line)
        line[cut_length(line, SHOWN_NAME_MAX)] = '\0';
    bool named = line && *line;
    token(address, bare);
    g_mime_message_add_mailbox(message, type, named ? line : NULL, bare);
    if (named && !plain_subject(line)) {
        char *end = g_strdup_printf("\n <%s>", bare);
        set_encoded(message, headers[type], line, end);
        g_free(end);
    }
    g_free(line);
}

static void set_thread(GMimeObject *object, const struct message *from)
{
    char value[TOKEN_MAX];
    if (!from->thread) {
        g_mime_object_append_header(object, "X-Entity-Ref-ID", token(from->id, value), NULL);
        return;
    }
    char *id = g_strdup_printf("<%s>", token(from->thread, value));
    g_mime_object_append_header(object, "References", id, NULL);
    g_mime_object_append_header(object, "In-Reply-To", id, NULL);
    g_free(id);
}

static void set_headers(GMimeMessage *message, const struct message *from)
{
    char name[TOKEN_MAX], domain[TOKEN_MAX], value[TOKEN_MAX];
    const char *at = strrchr(from->from, '@');
    GDateTime *date = g_date_time_new_from_unix_utc(time_to_timespec(from->date).tv_sec);
    if (date) {
        g_mime_message_set_date(message, date);
        g_date_time_unref(date);
    }
    add_mailbox(message, GMIME_ADDRESS_TYPE_FROM, from->from_name, from->from);
    add_mailbox(message, GMIME_ADDRESS_TYPE_TO, NULL, from->to);
    if (from->reply_to)
        add_mailbox(message, GMIME_ADDRESS_TYPE_REPLY_TO, from->reply_to_name, from->reply_to);
    set_subject(message, from->subject);
    char *id =
        g_strdup_printf("%s@%s", token(from->name, name), token(at ? at + 1 : "localhost", domain));
    g_mime_message_set_message_id(message, id);
    g_free(id);
    GMimeObject *object = GMIME_OBJECT(message);
    set_thread(object, from);
    g_mime_object_append_header(object, "X-Bookspool-Id", token(from->id, value), NULL);
    g_mime_object_append_header(object, "Auto-Submitted", "auto-generated", NULL);
    g_mime_object_append_header(object, "X-Auto-Response-Suppress", "OOF, AutoReply", NULL);
    g_mime_object_append_header(object, "MIME-Version", "1.0", NULL);
}

/* ---- the parts; the caller unrefs ---- */

static GMimePart *part_new(const char *type, const char *subtype, const void *data, size_t len)
{
    GMimePart *part = g_mime_part_new_with_type(type, subtype);
    GMimeStream *stream = g_mime_stream_mem_new_with_buffer(data, len);
    GMimeDataWrapper *content =
        g_mime_data_wrapper_new_with_stream(stream, GMIME_CONTENT_ENCODING_DEFAULT);
    g_mime_part_set_content(part, content);
    g_mime_part_set_content_encoding(part, GMIME_CONTENT_ENCODING_BASE64);
    g_object_unref(content);
    g_object_unref(stream);
    return part;
}

/* RFC 2045 section 6.8: line ends, also those inside base64 text, are CR LF. No CR stays alone. The
 * caller frees with g_string_free. */
static GString *canonical(const char *text)
{
    char *valid = g_utf8_make_valid(text, -1);
    GString *out = g_string_sized_new(strlen(valid) + strlen(valid) / 16);
    for (const char *c = valid; *c; c++) {
        if (*c == '\n')
            g_string_append_c(out, '\r');
        if (*c != '\r')
            g_string_append_c(out, *c);
    }
    g_free(valid);
    return out;
}

/*
 * The text needs no encoding where GMime says so: ASCII in lines of at most 997 characters, none of
 * which begins with "From ". A text that could hold a boundary of this mail, or that does not end
 * with a line end, is sent in base64 too.
 */
static GMimePart *text_part(const char *subtype, const char *text)
{
    GString *lines = canonical(text);
    GMimePart *part = part_new("text", subtype, lines->str, lines->len);
    g_mime_object_set_content_type_parameter(GMIME_OBJECT(part), "charset", "utf-8");
    bool ends = !lines->len || lines->str[lines->len - 1] == '\n';
    if (ends && !strstr(lines->str, "--=_") &&
        g_mime_part_get_best_content_encoding(part, GMIME_ENCODING_CONSTRAINT_7BIT) ==
            GMIME_CONTENT_ENCODING_DEFAULT)
        g_mime_part_set_content_encoding(part, GMIME_CONTENT_ENCODING_7BIT);
    g_string_free(lines, TRUE);
    return part;
}

static GMimePart *attachment(const char *subtype, const char *name, const void *data, size_t len)
{
    char clean[TOKEN_MAX];
    GMimePart *part = part_new("application", subtype, data, len);
    g_mime_object_set_disposition(GMIME_OBJECT(part), GMIME_DISPOSITION_ATTACHMENT);
    g_mime_part_set_filename(part, token(name, clean));
    return part;
}

/* No line of base64 begins with "--". The letter keeps the boundaries of one mail apart; at most 70
 * characters (RFC 2046 section 5.1.1). */
static GMimeMultipart *multipart(const char *subtype, const struct message *message)
{
    char name[TOKEN_MAX];
    GMimeMultipart *part = g_mime_multipart_new_with_subtype(subtype);
    char *boundary = g_strdup_printf("=_%c_%.60s", subtype[0], token(message->name, name));
    g_mime_multipart_set_boundary(part, boundary);
    g_free(boundary);
    return part;
}

static void add_part(GMimeMultipart *multipart, void *part)
{
    g_mime_multipart_add(multipart, GMIME_OBJECT(part));
    g_object_unref(part);
}

/* In base64, as Outlook has it (MS-OXCMAIL 2.1.3.3.8.2), because its line ends must stay CR LF. */
static GMimePart *calendar_part(const char *text, const char *method)
{
    char value[TOKEN_MAX];
    GMimePart *part = text_part("calendar", text);
    g_mime_object_set_content_type_parameter(GMIME_OBJECT(part), "method", token(method, value));
    g_mime_part_set_content_encoding(part, GMIME_CONTENT_ENCODING_BASE64);
    return part;
}

/* RFC 2046 section 5.1.4: the best form comes last; Outlook wants the calendar there. */
static GMimeObject *body_part(const struct message *message)
{
    GMimePart *text = text_part("plain", message->text);
    const char *calendar = message->calendar_as_file ? NULL : message->calendar;
    if (!message->html && !calendar)
        return GMIME_OBJECT(text);
    GMimeMultipart *forms = multipart("alternative", message);
    add_part(forms, text);
    if (message->html)
        add_part(forms, text_part("html", message->html));
    if (calendar)
        add_part(forms, calendar_part(calendar, message->calendar_method));
    return GMIME_OBJECT(forms);
}

static GMimeObject *content_part(const struct message *message)
{
    GMimeObject *body = body_part(message);
    if (!message->calendar && !message->attachment)
        return body;
    GMimeMultipart *mixed = multipart("mixed", message);
    add_part(mixed, body);
    if (message->calendar) {
        GString *lines = canonical(message->calendar);
        add_part(mixed, attachment("ics", "invite.ics", lines->str, lines->len));
        g_string_free(lines, TRUE);
    }
    for (size_t i = 0; i < message->more_calendar_count; i++) {
        const struct message_calendar *more = &message->more_calendars[i];
        char name[TOKEN_MAX];
        GMimePart *part = calendar_part(more->text, more->method);
        g_mime_object_set_disposition(GMIME_OBJECT(part), GMIME_DISPOSITION_ATTACHMENT);
        g_mime_part_set_filename(part, token(more->name, name));
        add_part(mixed, part);
    }
    if (message->attachment) {
        const char *name = message->attachment_name ? message->attachment_name : "body";
        add_part(
            mixed, attachment("octet-stream", name, message->attachment, message->attachment_len));
    }
    return GMIME_OBJECT(mixed);
}

bool message_compose(const struct message *message, struct buf *out)
{
    GMimeMessage *mail = g_mime_message_new(FALSE);
    set_headers(mail, message);
    GMimeObject *content = content_part(message);
    g_mime_message_set_mime_part(mail, content);
    g_object_unref(content);

    GByteArray *bytes = g_byte_array_new();
    GMimeStream *stream = g_mime_stream_mem_new_with_byte_array(bytes);
    GMimeFormatOptions *options = g_mime_format_options_new();
    g_mime_format_options_set_newline_format(options, GMIME_NEWLINE_FORMAT_DOS);
    bool written = g_mime_object_write_to_stream(GMIME_OBJECT(mail), options, stream) >= 0;
    if (written)
        buf_add(out, bytes->data, bytes->len);
    g_mime_format_options_free(options);
    g_object_unref(stream); /* owns the byte array */
    g_object_unref(mail);
    return written && !out->failed;
}
