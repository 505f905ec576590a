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

/* ---- the mail ---- */

/*
 * What the next mail has too: making and ending all of it takes GMime longer than what differs. The
 * message stays as long as its addresses do. An attached body does not: it may be large.
 */
static struct {
    GMimeMessage *mail;
    char *from, *to, *reply_to;
    GMimeMultipart *mixed, *forms;
    GMimeObject *plain, *html, *calendar, *invite;
} kept;

static bool is_kept(const struct message *message)
{
    return kept.mail && strcmp(kept.from, message->from) == 0 &&
           strcmp(kept.to, message->to) == 0 && g_strcmp0(kept.reply_to, message->reply_to) == 0;
}

static void drop_mail(void)
{
    g_clear_object(&kept.mail);
    g_clear_pointer(&kept.from, g_free);
    g_clear_pointer(&kept.to, g_free);
    g_clear_pointer(&kept.reply_to, g_free);
}

/* A header stays where it was set first. */
static void make_mail(const struct message *message)
{
    kept.mail = g_mime_message_new(FALSE);
    kept.from = g_strdup(message->from);
    kept.to = g_strdup(message->to);
    kept.reply_to = g_strdup(message->reply_to);
    set_date(kept.mail, message->date);
    add_address(kept.mail, GMIME_ADDRESS_TYPE_FROM, message->from);
    add_address(kept.mail, GMIME_ADDRESS_TYPE_TO, message->to);
    if (message->reply_to)
        add_address(kept.mail, GMIME_ADDRESS_TYPE_REPLY_TO, message->reply_to);
}

static void set_headers(GMimeMessage *mail, const struct message *message)
{
    char key[TOKEN_MAX];
    GMimeObject *object = GMIME_OBJECT(mail);
    set_date(mail, message->date);
    set_subject(mail, message->subject);
    set_message_id(mail, message);
    g_mime_object_set_header(object, "X-Bookspool-Key", token(message->key, key), "us-ascii");
    if (g_mime_object_get_header(object, "MIME-Version"))
        return;
    g_mime_object_set_header(object, "Auto-Submitted", "auto-generated", "us-ascii");
    g_mime_object_set_header(object, "MIME-Version", "1.0", "us-ascii");
}

static GMimeMessage *mail_of(const struct message *message)
{
    if (!is_kept(message)) {
        drop_mail();
        make_mail(message);
    }
    set_headers(kept.mail, message);
    return kept.mail;
}

/* ---- the content ---- */

static GMimeObject *text_part(GMimeObject **part, const char *subtype, const char *text)
{
    if (!*part)
        *part = part_new_text(subtype);
    part_set_text(*part, text);
    return *part;
}

static GMimeObject *calendar_part(const struct message *message)
{
    char method[TOKEN_MAX];
    GMimeObject *part = text_part(&kept.calendar, "calendar", message->calendar);
    part_set_parameter(part, "method", token(message->calendar_method, method));
    return part;
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
 * Without parts. "=_" never occurs in base64 (RFC 2045 section 6.7), so no content can hold the
 * boundary; the letter keeps those of one mail apart. At most 70 characters (RFC 2046 section
 * 5.1.1).
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

static bool write_mail(GMimeMessage *mail, struct buf *out)
{
    GByteArray *bytes = g_byte_array_sized_new(FIRST_SIZE);
    GMimeStream *stream = g_mime_stream_mem_new_with_byte_array(bytes);
    GMimeFormatOptions *options = g_mime_format_options_new();
    g_mime_format_options_set_newline_format(options, GMIME_NEWLINE_FORMAT_DOS);
    bool written = g_mime_object_write_to_stream(GMIME_OBJECT(mail), options, stream) >= 0;
    if (written)
        buf_add(out, bytes->data, bytes->len);
    g_mime_format_options_free(options);
    g_object_unref(stream); /* owns the byte array */
    return written && !out->failed;
}

bool message_compose(const struct message *message, struct buf *out)
{
    GMimeMessage *mail = mail_of(message);
    g_mime_message_set_mime_part(mail, content_part(message));
    bool written = write_mail(mail, out);
    if (message->attachment)
        g_mime_multipart_clear(kept.mixed);
    return written;
}
