#include "deliver/sendgrid_body.h"

#include <string.h>

#include <cjson/cJSON.h>
#include <gmime/gmime.h>

/* Graphic ASCII but for the separators of a header, of a file name or of a list. */
static bool may_stand_in_name(char c)
{
    return c > ' ' && c < 0x7f && !strchr("\"/\\;,", c);
}

static GMimeMessage *parse(const struct delivery *delivery)
{
    GMimeStream *stream = g_mime_stream_mem_new_with_buffer(delivery->data, delivery->len);
    GMimeParser *parser = g_mime_parser_new_with_stream(stream);
    GMimeMessage *mail = g_mime_parser_construct_message(parser, NULL);
    g_object_unref(parser);
    g_object_unref(stream);
    return mail;
}

/* ---- JSON ---- */

struct making {
    cJSON *root;
    const char *plain, *html; /* in the pool */
    GPtrArray *pool;          /* texts that live as long as this */
    cJSON *attachments;       /* NULL: none yet */
    bool failed;              /* memory ran out */
};

static cJSON *checked(struct making *m, cJSON *item)
{
    m->failed = m->failed || !item;
    return item;
}

static void add_text(struct making *m, cJSON *to, const char *name, const char *value)
{
    checked(m, cJSON_AddStringToObject(to, name, value));
}

static cJSON *add_object(struct making *m, cJSON *to, const char *name)
{
    return checked(m, cJSON_AddObjectToObject(to, name));
}

static cJSON *add_array(struct making *m, cJSON *to, const char *name)
{
    return checked(m, cJSON_AddArrayToObject(to, name));
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

static void add_envelope(struct making *m, const struct delivery *delivery)
{
    cJSON *one = append_object(m, add_array(m, m->root, "personalizations"));
    add_text(m, append_object(m, add_array(m, one, "to")), "email", delivery->to);
    add_text(m, add_object(m, one, "custom_args"), "bookspool_mail", delivery->name);
    add_text(m, add_object(m, m->root, "from"), "email", delivery->from);
}

static void add_reply_to(struct making *m, GMimeMessage *mail)
{
    InternetAddressList *list = g_mime_message_get_reply_to(mail);
    if (!list || internet_address_list_length(list) == 0)
        return;
    InternetAddress *first = internet_address_list_get_address(list, 0);
    if (INTERNET_ADDRESS_IS_MAILBOX(first))
        add_text(m, add_object(m, m->root, "reply_to"), "email",
            internet_address_mailbox_get_addr(INTERNET_ADDRESS_MAILBOX(first)));
}

static void add_subject(struct making *m, GMimeMessage *mail)
{
    const char *subject = g_mime_message_get_subject(mail);
    char *valid = g_utf8_make_valid(subject && *subject ? subject : "-", -1);
    add_text(m, m->root, "subject", valid);
    g_free(valid);
}

static void add_headers(struct making *m, GMimeMessage *mail)
{
    static const char *const names[] = {"X-Bookspool-Key", "Auto-Submitted"};
    cJSON *headers = add_object(m, m->root, "headers");
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const char *value = g_mime_object_get_header(GMIME_OBJECT(mail), names[i]);
        if (value)
            add_text(m, headers, names[i], value);
    }
    const char *id = g_mime_message_get_message_id(mail);
    char *bracketed = g_strdup_printf("<%s>", id ? id : "");
    if (id)
        add_text(m, headers, "Message-ID", bracketed);
    g_free(bracketed);
}

/* ---- the parts ---- */

/* The first of each kind counts, as a reader of an alternative would have it. */
static void take_text(struct making *m, GMimeTextPart *part, const char **slot)
{
    char *text = g_mime_text_part_get_text(part);
    if (!text)
        return;
    char *valid = g_utf8_make_valid(text, -1);
    g_free(text);
    g_ptr_array_add(m->pool, valid);
    if (!*slot && *valid)
        *slot = valid;
}

static GByteArray *content(GMimePart *part)
{
    GByteArray *bytes = g_byte_array_new();
    GMimeStream *stream = g_mime_stream_mem_new_with_byte_array(bytes);
    g_mime_stream_mem_set_owner(GMIME_STREAM_MEM(stream), FALSE);
    GMimeDataWrapper *wrapper = g_mime_part_get_content(part);
    if (wrapper)
        g_mime_data_wrapper_write_to_stream(wrapper, stream);
    g_object_unref(stream);
    return bytes;
}

static void add_file_name(struct making *m, cJSON *attachment, GMimePart *part)
{
    const char *given = g_mime_part_get_filename(part);
    char *name = g_strdup(given ? given : "");
    size_t len = 0;
    for (const char *c = name; *c; c++)
        if (may_stand_in_name(*c))
            name[len++] = *c;
    name[len] = '\0';
    add_text(m, attachment, "filename", len ? name : "attachment");
    g_free(name);
}

static void take_attachment(struct making *m, GMimePart *part)
{
    GByteArray *bytes = content(part);
    if (bytes->len) {
        GMimeContentType *type = g_mime_object_get_content_type(GMIME_OBJECT(part));
        char *base64 = g_base64_encode(bytes->data, bytes->len);
        char *name = g_mime_content_type_get_mime_type(type); /* without parameters */
        if (!m->attachments)
            m->attachments = add_array(m, m->root, "attachments");
        cJSON *attachment = append_object(m, m->attachments);
        add_text(m, attachment, "content", base64);
        add_text(m, attachment, "type", name);
        add_file_name(m, attachment, part);
        add_text(m, attachment, "disposition", "attachment");
        g_free(name);
        g_free(base64);
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
        take_text(m, GMIME_TEXT_PART(object), &m->plain);
    else if (g_mime_content_type_is_type(type, "text", "html"))
        take_text(m, GMIME_TEXT_PART(object), &m->html);
}

static void add_content(struct making *m, cJSON *to, const char *type, const char *value)
{
    if (!value)
        return;
    cJSON *one = append_object(m, to);
    add_text(m, one, "type", type);
    add_text(m, one, "value", value);
}

static void add_parts(struct making *m, GMimeMessage *mail)
{
    g_mime_message_foreach(mail, take_part, m);
    cJSON *texts = add_array(m, m->root, "content");
    add_content(m, texts, "text/plain", m->plain);
    add_content(m, texts, "text/html", m->html);
}

/* The JSON text, or NULL. */
static char *make(const struct delivery *delivery, GMimeMessage *mail)
{
    struct making m = {
        .root = cJSON_CreateObject(), .pool = g_ptr_array_new_with_free_func(g_free)};
    add_envelope(&m, delivery);
    add_reply_to(&m, mail);
    add_subject(&m, mail);
    add_headers(&m, mail);
    add_parts(&m, mail);
    bool complete = !m.failed && (m.plain || m.html);
    char *text = complete ? cJSON_PrintUnformatted(m.root) : NULL;
    cJSON_Delete(m.root);
    g_ptr_array_unref(m.pool);
    return text;
}

bool sendgrid_body(const struct delivery *delivery, struct buf *out)
{
    GMimeMessage *mail = parse(delivery);
    if (!mail)
        return false;
    char *text = make(delivery, mail);
    if (text)
        buf_puts(out, text);
    bool made = text && !out->failed;
    cJSON_free(text);
    g_object_unref(mail);
    return made;
}
