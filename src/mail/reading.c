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

bool message_read(const char *data, size_t len, struct buf *out)
{
    GMimeStream *stream = g_mime_stream_mem_new_with_buffer(data, len);
    GMimeParser *parser = g_mime_parser_new_with_stream(stream);
    GMimeMessage *message = g_mime_parser_construct_message(parser, NULL);
    if (message) {
        add_headers(GMIME_OBJECT(message), out);
        g_mime_message_foreach(message, add_part, out);
        g_object_unref(message);
    }
    g_object_unref(parser);
    g_object_unref(stream);
    return message && !out->failed;
}
