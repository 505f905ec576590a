#include "mail/message.h"

#include <string.h>

#include <gmime/gmime.h>

#include "base/clock.h"

/*
 * RFC 2047 section 2: an encoded word has at most 75 characters. 45 bytes of UTF-8 make 60 of
 * base64, and "=?UTF-8?B?" with "?=" makes 72.
 */
enum { WORD_BYTES = 45, ASCII_WORD_MAX = 60, TOKEN_MAX = 320 };

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
    GString *out = g_string_new(NULL);
    while (*text) {
        size_t len = word_len(text);
        char *base64 = g_base64_encode((const guchar *)text, len);
        g_string_append_printf(out, "%s=?UTF-8?B?%s?=", out->len ? "\n " : " ", base64);
        g_free(base64);
        text += len;
    }
    g_string_append_c(out, '\n');
    return g_string_free(out, FALSE);
}

static void set_subject(GMimeMessage *mail, const char *subject)
{
    char *text = line(subject);
    g_mime_message_set_subject(mail, text, "utf-8");
    if (!plain(text)) {
        char *raw = encode_words(text);
        GMimeHeaderList *headers = g_mime_object_get_header_list(GMIME_OBJECT(mail));
        g_mime_header_set_raw_value(g_mime_header_list_get_header(headers, "Subject"), raw);
        g_free(raw);
    }
    g_free(text);
}

/* ---- the other headers ---- */

static void add_address(GMimeMessage *mail, GMimeAddressType type, const char *address)
{
    char clean[TOKEN_MAX];
    g_mime_message_add_mailbox(mail, type, NULL, token(address, clean));
}

static void set_message_id(GMimeMessage *mail, const struct message *message)
{
    char name[TOKEN_MAX], domain[TOKEN_MAX];
    const char *at = strrchr(message->from, '@');
    char *id = g_strdup_printf(
        "%s@%s", token(message->name, name), token(at ? at + 1 : "localhost", domain));
    g_mime_message_set_message_id(mail, id);
    g_free(id);
}

static void set_date(GMimeMessage *mail, int64_t when)
{
    GDateTime *date = g_date_time_new_from_unix_utc(time_to_timespec(when).tv_sec);
    if (!date)
        return;
    g_mime_message_set_date(mail, date);
    g_date_time_unref(date);
}

static void set_headers(GMimeMessage *mail, const struct message *message)
{
    char key[TOKEN_MAX];
    set_date(mail, message->date);
    add_address(mail, GMIME_ADDRESS_TYPE_FROM, message->from);
    add_address(mail, GMIME_ADDRESS_TYPE_TO, message->to);
    if (message->reply_to)
        add_address(mail, GMIME_ADDRESS_TYPE_REPLY_TO, message->reply_to);
    set_subject(mail, message->subject);
    set_message_id(mail, message);
    GMimeObject *object = GMIME_OBJECT(mail);
    g_mime_object_set_header(object, "X-Bookspool-Key", token(message->key, key), "us-ascii");
    g_mime_object_set_header(object, "Auto-Submitted", "auto-generated", "us-ascii");
    g_mime_object_set_header(object, "MIME-Version", "1.0", "us-ascii");
}

/* ---- the content ---- */

/* RFC 2045 section 6.8: line ends, also those inside base64 text, are CR LF. No CR stays alone. */
static GByteArray *canonical(const void *text, size_t len)
{
    const char *at = text, *end = at + len;
    GByteArray *out = g_byte_array_sized_new((guint)(len + len / 32));
    while (at < end) {
        const char *lf = memchr(at, '\n', (size_t)(end - at));
        const char *stop = lf ? lf : end;
        for (const char *cr; (cr = memchr(at, '\r', (size_t)(stop - at))) != NULL; at = cr + 1)
            g_byte_array_append(out, (const guint8 *)at, (guint)(cr - at));
        g_byte_array_append(out, (const guint8 *)at, (guint)(stop - at));
        if (lf)
            g_byte_array_append(out, (const guint8 *)"\r\n", 2);
        at = lf ? lf + 1 : end;
    }
    return out;
}

static void set_content(GMimePart *part, const void *data, size_t len)
{
    GMimeStream *stream = g_mime_stream_mem_new_with_buffer(len ? data : "", len);
    GMimeDataWrapper *wrapper =
        g_mime_data_wrapper_new_with_stream(stream, GMIME_CONTENT_ENCODING_DEFAULT);
    g_mime_part_set_content(part, wrapper);
    g_mime_part_set_content_encoding(part, GMIME_CONTENT_ENCODING_BASE64);
    g_object_unref(wrapper);
    g_object_unref(stream);
}

static GMimeObject *text_part(const char *subtype, const char *text)
{
    GMimePart *part = g_mime_part_new_with_type("text", subtype);
    char *valid = g_utf8_make_valid(text, -1);
    GByteArray *bytes = canonical(valid, strlen(valid));
    g_mime_object_set_content_type_parameter(GMIME_OBJECT(part), "charset", "utf-8");
    set_content(part, bytes->data, bytes->len);
    g_byte_array_unref(bytes);
    g_free(valid);
    return GMIME_OBJECT(part);
}

static GMimeObject *calendar_part(const struct message *message)
{
    char method[TOKEN_MAX];
    GMimeObject *part = text_part("calendar", message->calendar);
    g_mime_object_set_content_type_parameter(
        part, "method", token(message->calendar_method, method));
    return part;
}

static GMimeObject *attachment_part(
    const char *subtype, const char *name, const void *data, size_t len)
{
    char clean[TOKEN_MAX];
    GMimePart *part = g_mime_part_new_with_type("application", subtype);
    g_mime_object_set_disposition(GMIME_OBJECT(part), GMIME_DISPOSITION_ATTACHMENT);
    g_mime_part_set_filename(part, token(name, clean));
    set_content(part, data, len);
    return GMIME_OBJECT(part);
}

/* Takes the part over. */
static void add_part(GMimeMultipart *to, GMimeObject *part)
{
    g_mime_multipart_add(to, part);
    g_object_unref(part);
}

/*
 * "=_" never occurs in base64 (RFC 2045 section 6.7), so no content can hold the boundary; the
 * letter keeps those of one mail apart. At most 70 characters (RFC 2046 section 5.1.1).
 */
static GMimeMultipart *multipart(const struct message *message, const char *subtype)
{
    char name[TOKEN_MAX];
    GMimeMultipart *part = g_mime_multipart_new_with_subtype(subtype);
    char *boundary = g_strdup_printf("=_%c_%.60s", subtype[0], token(message->name, name));
    g_mime_multipart_set_boundary(part, boundary);
    g_free(boundary);
    return part;
}

/* RFC 2046 section 5.1.4: the best form comes last; Outlook wants the calendar there. */
static GMimeObject *body_part(const struct message *message)
{
    GMimeObject *text = text_part("plain", message->text);
    if (!message->html && !message->calendar)
        return text;
    GMimeMultipart *forms = multipart(message, "alternative");
    add_part(forms, text);
    if (message->html)
        add_part(forms, text_part("html", message->html));
    if (message->calendar)
        add_part(forms, calendar_part(message));
    return GMIME_OBJECT(forms);
}

static GMimeObject *invite_part(const struct message *message)
{
    return attachment_part("ics", "invite.ics", message->calendar, strlen(message->calendar));
}

static GMimeObject *body_attachment(const struct message *message)
{
    return attachment_part("octet-stream",
        message->attachment_name ? message->attachment_name : "body", message->attachment,
        message->attachment_len);
}

static GMimeObject *content_part(const struct message *message)
{
    GMimeObject *body = body_part(message);
    if (!message->calendar && !message->attachment)
        return body;
    GMimeMultipart *mixed = multipart(message, "mixed");
    add_part(mixed, body);
    if (message->calendar)
        add_part(mixed, invite_part(message));
    if (message->attachment)
        add_part(mixed, body_attachment(message));
    return GMIME_OBJECT(mixed);
}

/* GMime's own conversion to CR LF goes byte by byte and takes longer than all other work on a
 * part. */
static bool write_mail(GMimeMessage *mail, struct buf *out)
{
    GByteArray *bytes = g_byte_array_new();
    GMimeStream *stream = g_mime_stream_mem_new_with_byte_array(bytes);
    bool written = g_mime_object_write_to_stream(GMIME_OBJECT(mail), NULL, stream) >= 0;
    if (written) {
        GByteArray *wire = canonical(bytes->data, bytes->len);
        buf_add(out, wire->data, wire->len);
        g_byte_array_unref(wire);
    }
    g_object_unref(stream); /* owns the byte array */
    return written && !out->failed;
}

bool message_compose(const struct message *message, struct buf *out)
{
    GMimeMessage *mail = g_mime_message_new(FALSE);
    set_headers(mail, message);
    GMimeObject *part = content_part(message);
    g_mime_message_set_mime_part(mail, part);
    g_object_unref(part);
    bool written = write_mail(mail, out);
    g_object_unref(mail);
    return written;
}
