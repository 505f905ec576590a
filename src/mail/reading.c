#include "mail/reading.h"

#include <gmime/gmime.h>

static void add_headers(GMimeObject *object, struct buf *out)
{
    GMimeHeaderList *headers = g_mime_object_get_header_list(object);
    for (int i = 0; i < g_mime_header_list_get_count(headers); i++) {
        const char *value = g_mime_header_get_value(g_mime_header_list_get_header_at(headers, i));
        buf_puts(out, value ? value : "");
        buf_putc(out, '\n');
    }
}

static void add_unfolded(const char *data, size_t len, struct buf *out)
{
    for (size_t i = 0; i < len; i++)
        if (i + 2 < len && data[i] == '\r' && data[i + 1] == '\n' &&
            (data[i + 2] == ' ' || data[i + 2] == '\t'))
            i += 2;
        else
            buf_putc(out, data[i]);
}

static void add_part(GMimeObject *parent, GMimeObject *object, void *context)
{
    struct buf *out = context;
    (void)parent;
    add_headers(object, out);
    GMimeDataWrapper *content =
        GMIME_IS_PART(object) ? g_mime_part_get_content(GMIME_PART(object)) : NULL;
    if (!content)
        return;
    GMimeStream *stream = g_mime_stream_mem_new();
    if (g_mime_data_wrapper_write_to_stream(content, stream) < 0)
        out->failed = true;
    GByteArray *bytes = g_mime_stream_mem_get_byte_array(GMIME_STREAM_MEM(stream));
    GMimeContentType *type = g_mime_object_get_content_type(object);
    if (g_mime_content_type_is_type(type, "text", "calendar"))
        add_unfolded((const char *)bytes->data, bytes->len, out);
    else
        buf_add(out, bytes->data, bytes->len);
    buf_putc(out, '\n');
    g_object_unref(stream);
}

static GMimeMessage *parse(const char *data, size_t len)
{
    GMimeStream *stream = g_mime_stream_mem_new_with_buffer(data, len);
    GMimeParser *parser = g_mime_parser_new_with_stream(stream);
    GMimeMessage *message = g_mime_parser_construct_message(parser, NULL);
    g_object_unref(parser);
    g_object_unref(stream);
    return message;
}

bool message_read(const char *data, size_t len, struct buf *out)
{
    GMimeMessage *message = parse(data, len);
    if (!message)
        return false;
    add_headers(GMIME_OBJECT(message), out);
    g_mime_message_foreach(message, add_part, out);
    g_object_unref(message);
    return !out->failed;
}

/* ---- for a reader ---- */

static void add_attachment(GMimeObject *parent, GMimeObject *object, void *context)
{
    (void)parent;
    const char *name = GMIME_IS_PART(object) ? g_mime_part_get_filename(GMIME_PART(object)) : NULL;
    if (!name)
        return;
    char *type = g_mime_content_type_get_mime_type(g_mime_object_get_content_type(object));
    buf_printf(context, "[%s: %s]\n", name, type);
    g_free(type);
}

static void add_plain(GMimeObject *parent, GMimeObject *object, void *context)
{
    struct buf *out = context;
    (void)parent;
    if (!GMIME_IS_TEXT_PART(object) ||
        !g_mime_content_type_is_type(g_mime_object_get_content_type(object), "text", "plain"))
        return;
    char *text = g_mime_text_part_get_text(GMIME_TEXT_PART(object));
    for (const char *c = text; c && *c; c++)
        if (*c != '\r')
            buf_putc(out, *c);
    g_free(text);
}

bool message_preview(const char *data, size_t len, struct buf *out)
{
    GMimeMessage *message = parse(data, len);
    if (!message)
        return false;
    const char *subject = g_mime_message_get_subject(message);
    buf_printf(out, "Subject: %s\n\n", subject ? subject : "");
    g_mime_message_foreach(message, add_plain, out);
    if (out->len && out->data[out->len - 1] != '\n')
        buf_putc(out, '\n');
    g_mime_message_foreach(message, add_attachment, out);
    g_object_unref(message);
    return !out->failed;
}
