#include "deliver/sendgrid_body.h"

#include <string.h>

#include <cjson/cJSON.h>
#include <gmime/gmime.h>

struct making {
    cJSON *root, *attachments; /* attachments: NULL while there is none */
    char *plain, *html;        /* the first text of each kind */
    bool failed;               /* memory ran out */
};

static cJSON *checked(struct making *m, cJSON *item)
{
    m->failed = m->failed || !item;
    return item;
}

static void add_string(struct making *m, cJSON *to, const char *name, const char *value)
{
    checked(m, cJSON_AddStringToObject(to, name, value));
}

static cJSON *append_object(struct making *m, cJSON *array)
{
    cJSON *object = checked(m, cJSON_CreateObject());
    if (object && !cJSON_AddItemToArray(array, object)) {
        cJSON_Delete(object);
        object = checked(m, NULL);
    }
    return object;
}

/* ---- the envelope and the headers ---- */

/* The first address of a header; NULL: none. */
static InternetAddressMailbox *first_mailbox(InternetAddressList *list)
{
    InternetAddress *first = list ? internet_address_list_get_address(list, 0) : NULL;
    return first && INTERNET_ADDRESS_IS_MAILBOX(first) ? INTERNET_ADDRESS_MAILBOX(first) : NULL;
}

static void add_display_name(struct making *m, cJSON *to, InternetAddressMailbox *mailbox)
{
    const char *name = internet_address_get_name(INTERNET_ADDRESS(mailbox));
    char *valid = name && *name ? g_utf8_make_valid(name, -1) : NULL;
    if (valid) /* it refuses a name with a separator of lists */
        g_strdelimit(valid, ";,", ' ');
    if (valid)
        add_string(m, to, "name", valid);
    g_free(valid);
}

static void add_envelope(struct making *m, GMimeMessage *mail, const struct delivery *delivery)
{
    cJSON *one = append_object(m, checked(m, cJSON_AddArrayToObject(m->root, "personalizations")));
    cJSON *to = checked(m, cJSON_AddArrayToObject(one, "to"));
    cJSON *args = checked(m, cJSON_AddObjectToObject(one, "custom_args"));
    cJSON *from = checked(m, cJSON_AddObjectToObject(m->root, "from"));
    add_string(m, append_object(m, to), "email", delivery->to);
    add_string(m, args, "bookspool_mail", delivery->name);
    add_string(m, from, "email", delivery->from);
    InternetAddressMailbox *sender = first_mailbox(g_mime_message_get_from(mail));
    if (sender)
        add_display_name(m, from, sender);
}

static void add_headers(struct making *m, GMimeMessage *mail)
{
    static const char *const names[] = {"References", "In-Reply-To", "X-Entity-Ref-ID",
        "X-Bookspool-Id", "Auto-Submitted", "X-Auto-Response-Suppress"};
    const char *subject = g_mime_message_get_subject(mail);
    char *valid = g_utf8_make_valid(subject && *subject ? subject : "-", -1);
    add_string(m, m->root, "subject", valid);
    g_free(valid);

    InternetAddressMailbox *answers = first_mailbox(g_mime_message_get_reply_to(mail));
    if (answers) {
        cJSON *reply_to = checked(m, cJSON_AddObjectToObject(m->root, "reply_to"));
        add_string(m, reply_to, "email", internet_address_mailbox_get_addr(answers));
        add_display_name(m, reply_to, answers);
    }

    cJSON *headers = checked(m, cJSON_AddObjectToObject(m->root, "headers"));
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const char *value = g_mime_object_get_header(GMIME_OBJECT(mail), names[i]);
        if (value)
            add_string(m, headers, names[i], value);
    }
    const char *id = g_mime_message_get_message_id(mail);
    if (id) {
        char *bracketed = g_strdup_printf("<%s>", id);
        add_string(m, headers, "Message-ID", bracketed);
        g_free(bracketed);
    }
}

/* ---- the parts ---- */

static void take_text_part(GMimeTextPart *part, char **slot)
{
    char *text = g_mime_text_part_get_text(part);
    if (text && *text && !*slot)
        *slot = g_utf8_make_valid(text, -1);
    g_free(text);
}

static void take_attachment(struct making *m, GMimePart *part)
{
    GByteArray *bytes = g_byte_array_new();
    GMimeStream *stream = g_mime_stream_mem_new_with_byte_array(bytes);
    GMimeDataWrapper *content = g_mime_part_get_content(part);
    g_mime_stream_mem_set_owner(GMIME_STREAM_MEM(stream), FALSE);
    if (content)
        g_mime_data_wrapper_write_to_stream(content, stream);
    g_object_unref(stream);
    if (bytes->len) {
        const char *given = g_mime_part_get_filename(part);
        char *name = g_strdup(given ? given : ""), *end = name;
        /* graphic ASCII, but for the separators of a header, of a file name or of a list */
        for (const char *c = name; *c; c++)
            if (*c > ' ' && *c < 0x7f && !strchr("\"/\\;,", *c))
                *end++ = *c;
        *end = '\0';
        char *base64 = g_base64_encode(bytes->data, bytes->len);
        char *type = g_mime_content_type_get_mime_type(/* without parameters */
            g_mime_object_get_content_type(GMIME_OBJECT(part)));
        if (!m->attachments)
            m->attachments = checked(m, cJSON_AddArrayToObject(m->root, "attachments"));
        cJSON *attachment = append_object(m, m->attachments);
        add_string(m, attachment, "content", base64);
        add_string(m, attachment, "type", type);
        add_string(m, attachment, "filename", *name ? name : "attachment");
        add_string(m, attachment, "disposition", "attachment");
        g_free(type);
        g_free(base64);
        g_free(name);
    }
    g_byte_array_unref(bytes);
}

static void take_part(GMimeObject *parent, GMimeObject *object, gpointer context)
{
    (void)parent;
    struct making *m = context;
    GMimeContentType *type = g_mime_object_get_content_type(object);
    const char *disposition = g_mime_object_get_disposition(object);
    if (!GMIME_IS_PART(object))
        return;
    if (disposition && g_ascii_strcasecmp(disposition, GMIME_DISPOSITION_ATTACHMENT) == 0)
        take_attachment(m, GMIME_PART(object));
    else if (g_mime_content_type_is_type(type, "text", "plain"))
        take_text_part(GMIME_TEXT_PART(object), &m->plain);
    else if (g_mime_content_type_is_type(type, "text", "html"))
        take_text_part(GMIME_TEXT_PART(object), &m->html);
}

bool sendgrid_body(const struct delivery *delivery, struct buf *out)
{
    GMimeStream *stream = g_mime_stream_mem_new_with_buffer(delivery->data, delivery->len);
    GMimeParser *parser = g_mime_parser_new_with_stream(stream);
    GMimeMessage *mail = g_mime_parser_construct_message(parser, NULL);
    g_object_unref(parser);
    g_object_unref(stream);
    if (!mail)
        return false;
    struct making m = {.root = cJSON_CreateObject()};
    add_envelope(&m, mail, delivery);
    add_headers(&m, mail);
    g_mime_message_foreach(mail, take_part, &m);
    cJSON *texts = checked(&m, cJSON_AddArrayToObject(m.root, "content"));
    const char *const types[][2] = {{"text/plain", m.plain}, {"text/html", m.html}};
    for (size_t i = 0; i < 2; i++)
        if (types[i][1]) {
            cJSON *one = append_object(&m, texts);
            add_string(&m, one, "type", types[i][0]);
            add_string(&m, one, "value", types[i][1]);
        }
    bool complete = !m.failed && (m.plain || m.html);
    char *text = complete ? cJSON_PrintUnformatted(m.root) : NULL;
    if (text)
        buf_puts(out, text);
    out->failed |= m.failed || (complete && !text);
    bool made = text && !out->failed;
    cJSON_free(text);
    cJSON_Delete(m.root);
    g_free(m.plain);
    g_free(m.html);
    g_object_unref(mail);
    return made;
}
