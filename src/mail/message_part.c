#include "mail/message_part.h"

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/buf.h"

enum { LINE_LENGTH_MAX = 998 }; /* RFC 5322 section 2.1.1, without the line end */

typedef struct {
    GMimePart part;
    struct buf head;    /* its headers as GMime writes them; empty: not asked for yet */
    struct buf encoded; /* lines ended by CR LF */
} ReadyPart;

typedef GMimePartClass ReadyPartClass;

G_DEFINE_TYPE(ReadyPart, ready_part, GMIME_TYPE_PART)

/* ---- the type ---- */

static void make_head(ReadyPart *part, GMimeFormatOptions *options)
{
    GByteArray *bytes = g_byte_array_new();
    GMimeStream *stream = g_mime_stream_mem_new_with_byte_array(bytes);
    bool ok = g_mime_header_list_write_to_stream(GMIME_OBJECT(part)->headers, options, stream) >= 0;
    struct buf *head = &part->head;
    buf_reuse(head);
    buf_add(head, bytes->data, bytes->len);
    buf_puts(head, g_mime_format_options_get_newline(options));
    head->failed |= !ok;
    g_object_unref(stream); /* owns the byte array */
}

static ssize_t write_buf(GMimeStream *stream, const struct buf *text)
{
    return text->failed ? -1 : g_mime_stream_write(stream, buf_text(text), text->len);
}

static ssize_t write_ready(
    GMimeObject *object, GMimeFormatOptions *options, gboolean content_only, GMimeStream *stream)
{
    ReadyPart *part = (ReadyPart *)object;
    if (!part->head.len || part->head.failed)
        make_head(part, options);
    ssize_t head = content_only ? 0 : write_buf(stream, &part->head);
    ssize_t body = write_buf(stream, &part->encoded);
    return head < 0 || body < 0 ? -1 : head + body;
}

static void finalize_ready(GObject *object)
{
    buf_free(&((ReadyPart *)object)->head);
    buf_free(&((ReadyPart *)object)->encoded);
    G_OBJECT_CLASS(ready_part_parent_class)->finalize(object);
}

static void ready_part_class_init(ReadyPartClass *class)
{
    GMIME_OBJECT_CLASS(class)->write_to_stream = write_ready;
    G_OBJECT_CLASS(class)->finalize = finalize_ready;
}

static void ready_part_init(ReadyPart *part)
{
    part->head = part->encoded = (struct buf){0};
}

static GMimeObject *part_new(const char *type, const char *subtype)
{
    GMimeObject *part = g_object_new(ready_part_get_type(), NULL);
    GMimeContentType *content_type = g_mime_content_type_new(type, subtype);
    g_mime_object_set_content_type(part, content_type);
    g_object_unref(content_type);
    return part;
}

/* Its headers are to be made again after this. */
static void forget_head(GMimeObject *part)
{
    buf_reuse(&((ReadyPart *)part)->head);
}

static void set_encoding(GMimeObject *part, GMimeContentEncoding encoding)
{
    if (g_mime_part_get_content_encoding(GMIME_PART(part)) == encoding)
        return;
    g_mime_part_set_content_encoding(GMIME_PART(part), encoding);
    forget_head(part);
}

GMimeObject *part_new_text(const char *subtype)
{
    GMimeObject *part = part_new("text", subtype);
    g_mime_object_set_content_type_parameter(part, "charset", "utf-8");
    return part;
}

GMimeObject *part_new_attachment(const char *subtype, const char *name)
{
    GMimeObject *part = part_new("application", subtype);
    g_mime_object_set_disposition(part, GMIME_DISPOSITION_ATTACHMENT);
    g_mime_part_set_filename(GMIME_PART(part), name);
    return part;
}

/* ---- content ---- */

void part_set_parameter(GMimeObject *part, const char *name, const char *value)
{
    const char *now = g_mime_object_get_content_type_parameter(part, name);
    if (now && strcmp(now, value) == 0)
        return;
    g_mime_object_set_content_type_parameter(part, name, value);
    forget_head(part);
}

/* GMime ends its lines, of 76 characters, with LF alone. */
static void add_lines(const char *base64, size_t len, struct buf *out)
{
    enum { LINE = 77 };
    buf_reserve(out, len + len / LINE + 2);
    for (size_t part; len; base64 += part, len -= part) {
        part = len < LINE ? len : LINE;
        buf_add(out, base64, part - 1);
        buf_add(out, "\r\n", 2);
    }
}

void part_set_data(GMimeObject *part, const void *data, size_t len)
{
    struct buf *out = &((ReadyPart *)part)->encoded, base64 = {0};
    buf_reuse(out);
    set_encoding(part, GMIME_CONTENT_ENCODING_BASE64);
    GMimeEncoding state;
    g_mime_encoding_init_encode(&state, GMIME_CONTENT_ENCODING_BASE64);
    if (buf_reserve(&base64, g_mime_encoding_outlen(&state, len)))
        add_lines(base64.data, g_mime_encoding_flush(&state, data, len, base64.data), out);
    out->failed |= base64.failed;
    buf_free(&base64);
}

/* RFC 2045 section 6.8: line ends, also those inside base64 text, are CR LF. No CR stays alone. */
static void add_canonical(const char *text, size_t len, struct buf *out)
{
    const char *end = text + len;
    buf_reserve(out, len + len / 16);
    for (const char *lf, *stop; text < end; text = stop + 1) {
        lf = memchr(text, '\n', (size_t)(end - text));
        stop = lf ? lf : end;
        for (const char *cr; (cr = memchr(text, '\r', (size_t)(stop - text))); text = cr + 1)
            buf_add(out, text, (size_t)(cr - text));
        buf_add(out, text, (size_t)(stop - text));
        if (lf)
            buf_add(out, "\r\n", 2);
    }
}

/* The first byte at or behind `at` that is not ASCII. */
static const char *skip_ascii(const char *at, const char *end)
{
    uint64_t eight;
    for (; end - at >= (ptrdiff_t)sizeof eight; at += sizeof eight) {
        memcpy(&eight, at, sizeof eight);
        if (eight & UINT64_C(0x8080808080808080))
            break;
    }
    while (at < end && !(*at & 0x80))
        at++;
    return at;
}

/* As g_utf8_validate says, which takes ten times as long where nearly all is ASCII. */
static bool is_valid(const char *at, const char *end)
{
    while ((at = skip_ascii(at, end)) < end) {
        if (g_utf8_get_char_validated(at, end - at) >= (gunichar)-2)
            return false;
        at = g_utf8_next_char(at);
    }
    return true;
}

static void make_canonical(const char *text, struct buf *out)
{
    size_t len = strlen(text);
    char *mended = is_valid(text, text + len) ? NULL : g_utf8_make_valid(text, (gssize)len);
    buf_reuse(out);
    add_canonical(mended ? mended : text, mended ? strlen(mended) : len, out);
    g_free(mended);
}

static bool begins_with(const char *line, size_t len, const char *what)
{
    size_t need = strlen(what);
    return len >= need && memcmp(line, what, need) == 0;
}

/* A boundary begins with "--", and "From " is changed by who keeps all mails in one file. */
static bool is_safe(const char *line, size_t len)
{
    return len <= LINE_LENGTH_MAX && !begins_with(line, len, "--") &&
           !begins_with(line, len, "From ");
}

/* Canonical text that nothing on its way changes: RFC 2045 section 2.7, and what is_safe says. */
static bool is_seven_bit(const struct buf *text)
{
    const char *line = buf_text(text), *end = line + text->len;
    if (skip_ascii(line, end) < end)
        return false;
    for (const char *lf; line < end; line = lf + 1) {
        lf = memchr(line, '\n', (size_t)(end - line));
        if (!lf || !is_safe(line, (size_t)(lf - line) - strlen("\r")))
            return false;
    }
    return true;
}

static void encode_text(GMimeObject *part)
{
    struct buf *out = &((ReadyPart *)part)->encoded, text = *out;
    *out = (struct buf){0};
    part_set_data(part, buf_text(&text), text.len);
    out->failed |= text.failed;
    buf_free(&text);
}

void part_set_text(GMimeObject *part, const char *text)
{
    struct buf *out = &((ReadyPart *)part)->encoded;
    make_canonical(text, out);
    if (is_seven_bit(out))
        set_encoding(part, GMIME_CONTENT_ENCODING_7BIT);
    else
        encode_text(part);
}

void part_set_encoded_text(GMimeObject *part, const char *text)
{
    make_canonical(text, &((ReadyPart *)part)->encoded);
    encode_text(part);
}

void part_set_same(GMimeObject *part, GMimeObject *other)
{
    const struct buf *from = &((ReadyPart *)other)->encoded;
    struct buf *to = &((ReadyPart *)part)->encoded;
    buf_reuse(to);
    set_encoding(part, g_mime_part_get_content_encoding(GMIME_PART(other)));
    buf_add(to, buf_text(from), from->len);
    to->failed |= from->failed;
}
