#include "mail/message.h"

#include <string.h>

#include <gmime/gmime.h>

#include "base/clock.h"
#include "mail/message_part.h"

/*
 * RFC 2047 section 2: an encoded word has at most 75 characters. 45 bytes of UTF-8 make 60 of
 * base64, and "=?UTF-8?B?" with "?=" makes 72.
 */
enum { WORD_BYTES = 45, ASCII_WORD_MAX = 60, TOKEN_MAX = 320, FIRST_SIZE = 16 << 10 };

void message_setup(void)
{
    g_mime_init();
}

/* What may stand in a header without any encoding: graphic ASCII. Everything else is dropped. */
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
static char *line(const char *text)
{
    char *clean = g_utf8_make_valid(text, -1);
    for (char *c = clean; *c; c++)
        if (g_ascii_iscntrl(*c))
            *c = ' ';
    return g_strstrip(clean);
}

/* ---- the subject ---- */

/* Plain only if GMime can fold it between words and no reader takes it for an encoded word. */
static bool plain(const char *text)
{
    size_t word = 0;
    for (; *text; text++) {
        if ((unsigned char)*text >= 0x7f)
            return false;
        word = *text == ' ' ? 0 : word + 1;
        if (word > ASCII_WORD_MAX)
            return false;
        if (text[0] == '=' && text[1] == '?')
            return false;
    }
    return true;
}

static bool between_characters(const char *text, size_t at)
{
    return ((unsigned char)text[at] & 0xc0) != 0x80;
}

/*
 * The bytes of as many whole characters as fit into one word; without padding where that can be
 * had, because some readers join the base64 of neighbouring words before they decode it.
 */
static size_t word_len(const char *text)
{
    size_t len = strlen(text);
    if (len <= WORD_BYTES)
        return len;
    for (len = WORD_BYTES; len > WORD_BYTES / 2; len -= 3)
        if (between_characters(text, len))
            return len;
    for (len = WORD_BYTES; !between_characters(text, len);)
        len--;
    return len;
}

/* GMime's own encoder makes words of more than 75 characters out of long ones. */
static char *encode_words(const char *text)
{
    GString *out = g_string_new("Subject:");
    const char *blank = " ";
    while (*text) {
        size_t len = word_len(text);
        char *base64 = g_base64_encode((const guchar *)text, len);
        g_string_append_printf(out, "%s=?UTF-8?B?%s?=", blank, base64);
        g_free(base64);
        blank = "\n ";
        text += len;
    }
    g_string_append_c(out, '\n');
    return g_string_free(out, FALSE);
}

/* As a header, folded, with the line ends of GMime: LF alone. The caller frees with g_free. */
static char *subject_header(const char *text)
{
    if (!plain(text))
        return encode_words(text);
    char *header = g_strconcat("Subject: ", text, NULL);
    char *folded = g_mime_utils_unstructured_header_fold(NULL, NULL, header);
    g_free(header);
    return folded;
}

static void add_subject(struct buf *out, const char *subject)
{
    char *text = line(subject), *header = subject_header(text);
    for (char *at = header, *end; (end = strchr(at, '\n')); at = end + 1) {
        buf_add(out, at, (size_t)(end - at));
        buf_puts(out, "\r\n");
    }
    g_free(header);
    g_free(text);
}

/* ---- the other headers ---- */

static void add_header(struct buf *out, const char *name, const char *value)
{
    char clean[TOKEN_MAX];
    buf_puts(out, name);
    buf_puts(out, ": ");
    buf_puts(out, token(value, clean));
    buf_puts(out, "\r\n");
}

static void add_message_id(struct buf *out, const struct message *message)
{
    char name[TOKEN_MAX], domain[TOKEN_MAX];
    const char *at = strrchr(message->from, '@');
    buf_puts(out, "Message-Id: <");
    buf_puts(out, token(message->name, name));
    buf_putc(out, '@');
    buf_puts(out, token(at ? at + 1 : "localhost", domain));
    buf_puts(out, ">\r\n");
}

static void add_date(struct buf *out, int64_t when)
{
    GDateTime *date = g_date_time_new_from_unix_utc(time_to_timespec(when).tv_sec);
    if (!date)
        return;
    char *text = g_mime_utils_header_format_date(date);
    buf_puts(out, "Date: ");
    buf_puts(out, text);
    buf_puts(out, "\r\n");
    g_free(text);
    g_date_time_unref(date);
}

static void add_headers(struct buf *out, const struct message *message)
{
    add_date(out, message->date);
    add_header(out, "From", message->from);
    add_header(out, "To", message->to);
    if (message->reply_to)
        add_header(out, "Reply-To", message->reply_to);
    add_subject(out, message->subject);
    add_message_id(out, message);
    add_header(out, "X-Bookspool-Key", message->key);
    add_header(out, "Auto-Submitted", "auto-generated");
    add_header(out, "MIME-Version", "1.0");
}

/* ---- the content ---- */

/*
 * What the next mail has too: making and ending all of it takes GMime longer than what differs. An
 * attached body does not: it may be large.
 */
static struct {
    GMimeMultipart *mixed, *forms;
    GMimeObject *plain, *html, *calendar, *invite;
} kept;

static GMimeObject *text_part(GMimeObject **part, const char *subtype, const char *text)
{
    if (!*part)
        *part = part_new_text(subtype);
    part_set_text(*part, text);
    return *part;
}

/* In base64, as Outlook has it (MS-OXCMAIL 2.1.3.3.8.2): its line ends must stay CR LF. */
static GMimeObject *calendar_part(const struct message *message)
{
    char method[TOKEN_MAX];
    if (!kept.calendar)
        kept.calendar = part_new_text("calendar");
    part_set_encoded_text(kept.calendar, message->calendar);
    part_set_parameter(kept.calendar, "method", token(message->calendar_method, method));
    return kept.calendar;
}

/* Behind the calendar part. */
static GMimeObject *invite_part(void)
{
    if (!kept.invite)
        kept.invite = part_new_attachment("ics", "invite.ics");
    part_set_same(kept.invite, kept.calendar);
    return kept.invite;
}

static void attach_body(const struct message *message, GMimeMultipart *to)
{
    char name[TOKEN_MAX];
    GMimeObject *part = part_new_attachment(
        "octet-stream", token(message->attachment_name ? message->attachment_name : "body", name));
    part_set_data(part, message->attachment, message->attachment_len);
    g_mime_multipart_add(to, part);
    g_object_unref(part);
}

/*
 * Without parts. No line of base64 begins with "--", nor does one of a text that stands as it is
 * (message_part), so no content can hold the boundary; the letter keeps those of one mail apart. At
 * most 70 characters (RFC 2046 section 5.1.1).
 */
static GMimeMultipart *multipart(
    GMimeMultipart **part, const char *subtype, const struct message *message)
{
    char name[TOKEN_MAX];
    if (!*part)
        *part = g_mime_multipart_new_with_subtype(subtype);
    char *boundary = g_strdup_printf("=_%c_%.60s", subtype[0], token(message->name, name));
    g_mime_multipart_clear(*part);
    g_mime_multipart_set_boundary(*part, boundary);
    g_free(boundary);
    return *part;
}

/* RFC 2046 section 5.1.4: the best form comes last; Outlook wants the calendar there. */
static GMimeObject *body_part(const struct message *message)
{
    GMimeObject *text = text_part(&kept.plain, "plain", message->text);
    if (!message->html && !message->calendar)
        return text;
    GMimeMultipart *forms = multipart(&kept.forms, "alternative", message);
    g_mime_multipart_add(forms, text);
    if (message->html)
        g_mime_multipart_add(forms, text_part(&kept.html, "html", message->html));
    if (message->calendar)
        g_mime_multipart_add(forms, calendar_part(message));
    return GMIME_OBJECT(forms);
}

static GMimeObject *content_part(const struct message *message)
{
    GMimeObject *body = body_part(message);
    if (!message->calendar && !message->attachment)
        return body;
    GMimeMultipart *mixed = multipart(&kept.mixed, "mixed", message);
    g_mime_multipart_add(mixed, body);
    if (message->calendar)
        g_mime_multipart_add(mixed, invite_part());
    if (message->attachment)
        attach_body(message, mixed);
    return GMIME_OBJECT(mixed);
}

/* With its own headers, which go on with those of the mail. */
static bool write_part(GMimeObject *part, struct buf *out)
{
    GByteArray *bytes = g_byte_array_sized_new(FIRST_SIZE);
    GMimeStream *stream = g_mime_stream_mem_new_with_byte_array(bytes);
    GMimeFormatOptions *options = g_mime_format_options_new();
    g_mime_format_options_set_newline_format(options, GMIME_NEWLINE_FORMAT_DOS);
    bool written = g_mime_object_write_to_stream(part, options, stream) >= 0;
    if (written)
        buf_add(out, bytes->data, bytes->len);
    g_mime_format_options_free(options);
    g_object_unref(stream); /* owns the byte array */
    return written && !out->failed;
}

bool message_compose(const struct message *message, struct buf *out)
{
    add_headers(out, message);
    bool written = write_part(content_part(message), out);
    if (message->attachment)
        g_mime_multipart_clear(kept.mixed);
    return written;
}
