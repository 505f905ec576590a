#include "mail/view_parts.h"

#include <stdio.h>
#include <string.h>

bool view_for_customer(const struct view *view)
{
    return view->options->audience == AUDIENCE_CUSTOMER;
}

/* ---- additions ---- */

void view_text(struct view *view, struct value *object, const char *name, const char *text)
{
    if (text && *text)
        value_add_text(view->arena, object, name, text);
}

const char *view_copy(struct view *view, const struct buf *text)
{
    view->arena->failed |= text->failed;
    return arena_strndup(view->arena, buf_text(text), text->len);
}

void view_number(struct view *view, struct value *object, const char *name, double number)
{
    value_add_number(view->arena, object, name, number);
}

void view_flag(struct view *view, struct value *object, const char *name)
{
    value_add_flag(view->arena, object, name, true);
}

struct value *view_object(struct view *view, struct value *parent, const char *name)
{
    return value_add(view->arena, parent, name, VALUE_OBJECT);
}

struct value *view_list(struct view *view, struct value *parent, const char *name)
{
    return value_add(view->arena, parent, name, VALUE_LIST);
}

struct value *view_append(struct view *view, struct value *list)
{
    return value_add(view->arena, list, NULL, VALUE_OBJECT);
}

void view_append_text(struct view *view, struct value *list, const char *text)
{
    value_add_text(view->arena, list, NULL, text);
}

static size_t trimmed(const char *text, size_t len)
{
    while (len && (text[len - 1] == ' ' || text[len - 1] == '\t' || text[len - 1] == '\r'))
        len--;
    return len;
}

void view_lines(struct view *view, struct value *parent, const char *name, const char *text)
{
    struct value *lines = view_list(view, parent, name);
    for (const char *end = text; *end; text = end + 1) {
        end = strchrnul(text, '\n');
        size_t len = trimmed(text, (size_t)(end - text));
        bool whole = !text[len]; /* mostly there is but one line */
        view_append_text(view, lines, whole ? text : arena_strndup(view->arena, text, len));
    }
}

const char *view_person_label(const struct person *person)
{
    return person->name ? person->name : person->email;
}

/* ---- words ---- */

const char *view_word_key(
    const struct view *view, const char *prefix, const char *name, char key[VIEW_KEY])
{
    const char *reader = view_for_customer(view) ? "customer_" : "";
    snprintf(key, VIEW_KEY, "%s%s_%s", reader, prefix, name);
    return templates_word(view->templates, key) ? key : NULL;
}

void view_word(struct view *view, const char *key, const struct value *context, struct buf *out)
{
    if (!view->failed && !templates_say(view->templates, key, context, out, view->why))
        view->failed = true;
    view->arena->failed |= out->failed;
}

void view_say(struct view *view, struct value *object, const char *name, const char *key,
    const struct value *context)
{
    struct buf text = {0};
    view_word(view, key, context, &text);
    view_text(view, object, name, view_copy(view, &text));
    buf_free(&text);
}
