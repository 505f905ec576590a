#include "mail/view_parts.h"

#include <string.h>

bool view_for_customer(const struct view *view)
{
    return view->options->audience == AUDIENCE_CUSTOMER;
}

const char *view_provider_title(enum provider provider)
{
    static const char *const titles[PROVIDERS] = {
        [PROVIDER_CALCOM] = "Cal.com", [PROVIDER_CALENDLY] = "Calendly"};
    return titles[provider];
}

/* ---- additions ---- */

/* cJSON leaves an item that it could not take to the caller. */
static cJSON *added(struct view *view, cJSON *item, bool taken)
{
    if (item && taken)
        return item;
    cJSON_Delete(item);
    view->failed = true;
    return NULL;
}

static cJSON *add(struct view *view, cJSON *object, const char *name, cJSON *item)
{
    return added(view, item, !view->failed && cJSON_AddItemToObject(object, name, item));
}

static cJSON *append(struct view *view, cJSON *array, cJSON *item)
{
    return added(view, item, !view->failed && cJSON_AddItemToArray(array, item));
}

void view_text(struct view *view, cJSON *object, const char *name, const char *text)
{
    if (text && *text)
        add(view, object, name, cJSON_CreateString(text));
}

void view_number(struct view *view, cJSON *object, const char *name, double number)
{
    add(view, object, name, cJSON_CreateNumber(number));
}

void view_flag(struct view *view, cJSON *object, const char *name)
{
    add(view, object, name, cJSON_CreateTrue());
}

cJSON *view_object(struct view *view, cJSON *parent, const char *name)
{
    return add(view, parent, name, cJSON_CreateObject());
}

cJSON *view_array(struct view *view, cJSON *parent, const char *name)
{
    return add(view, parent, name, cJSON_CreateArray());
}

cJSON *view_append(struct view *view, cJSON *array)
{
    return append(view, array, cJSON_CreateObject());
}

void view_append_text(struct view *view, cJSON *array, const char *text)
{
    append(view, array, cJSON_CreateString(text));
}

static size_t trimmed(const char *text, size_t len)
{
    while (len && (text[len - 1] == ' ' || text[len - 1] == '\t' || text[len - 1] == '\r'))
        len--;
    return len;
}

void view_lines(struct view *view, cJSON *parent, const char *name, const char *text)
{
    cJSON *lines = view_array(view, parent, name);
    struct buf line = {0};
    for (const char *end = text; *end && !view->failed; text = end + 1) {
        end = strchrnul(text, '\n');
        buf_clear(&line);
        buf_add(&line, text, trimmed(text, (size_t)(end - text)));
        view_append_text(view, lines, buf_text(&line));
    }
    view->failed |= line.failed;
    buf_free(&line);
}

/* ---- words ---- */

void view_word(struct view *view, const char *key, const cJSON *context, struct buf *out)
{
    if (!view->failed && !templates_say(view->templates, key, context, out, view->why))
        view->failed = true;
}

void view_say(
    struct view *view, cJSON *object, const char *name, const char *key, const cJSON *context)
{
    struct buf text = {0};
    view_word(view, key, context, &text);
    view_text(view, object, name, buf_text(&text));
    view->failed |= text.failed;
    buf_free(&text);
}
