#include "base/value.h"

#include <string.h>

/* ---- names ---- */

struct value_name value_name(const char *text)
{
    struct value_name name = {.text = text};
    for (unsigned i = 0; i < sizeof name.head && text[i]; i++)
        name.head = name.head << 8 | (unsigned char)text[i];
    return name;
}

static bool same_name(struct value_name a, struct value_name b)
{
    enum { LAST = 56 };
    if (a.head != b.head)
        return false;
    return !(a.head >> LAST) || strcmp(a.text + sizeof a.head, b.text + sizeof b.head) == 0;
}

/* ---- making ---- */

struct value *value_root(struct arena *arena)
{
    struct value *value = arena_alloc(arena, sizeof *value);
    if (value)
        value->kind = VALUE_OBJECT;
    return value;
}

struct value *value_add(
    struct arena *arena, struct value *to, const char *name, enum value_kind kind)
{
    struct value *value = to ? arena_alloc(arena, sizeof *value) : NULL;
    if (!value)
        return NULL;
    value->kind = kind;
    if (name)
        value->name = value_name(name);
    if (to->last)
        to->last->next = value;
    else
        to->first = value;
    to->last = value;
    return value;
}

void value_add_text(struct arena *arena, struct value *to, const char *name, const char *text)
{
    struct value *value = value_add(arena, to, name, text ? VALUE_TEXT : VALUE_NULL);
    if (value)
        value->text = text;
}

void value_add_number(struct arena *arena, struct value *to, const char *name, double number)
{
    struct value *value = value_add(arena, to, name, VALUE_NUMBER);
    if (value)
        value->number = number;
}

void value_add_flag(struct arena *arena, struct value *to, const char *name, bool flag)
{
    value_add(arena, to, name, flag ? VALUE_TRUE : VALUE_FALSE);
}

/* ---- reading ---- */

const struct value *value_get(const struct value *object, struct value_name name)
{
    if (!object || object->kind != VALUE_OBJECT)
        return NULL;
    const struct value *member = object->first;
    while (member && !same_name(member->name, name))
        member = member->next;
    return member;
}

const struct value *value_find(const struct value *object, const char *name)
{
    return value_get(object, value_name(name));
}

const char *value_text_of(const struct value *object, const char *name)
{
    const struct value *member = value_find(object, name);
    return member && member->kind == VALUE_TEXT ? member->text : NULL;
}

/* ---- as JSON ---- */

cJSON *value_to_json(const struct value *value)
{
    switch (value->kind) {
    case VALUE_NUMBER:
        return cJSON_CreateNumber(value->number);
    case VALUE_TEXT:
        return cJSON_CreateString(value->text);
    case VALUE_NULL:
        return cJSON_CreateNull();
    case VALUE_FALSE:
    case VALUE_TRUE:
        return cJSON_CreateBool(value->kind == VALUE_TRUE);
    case VALUE_LIST:
    case VALUE_OBJECT:
        break;
    }
    bool list = value->kind == VALUE_LIST;
    cJSON *json = list ? cJSON_CreateArray() : cJSON_CreateObject();
    for (const struct value *member = value->first; json && member; member = member->next) {
        cJSON *item = value_to_json(member);
        bool added = item && (list ? cJSON_AddItemToArray(json, item)
                                   : cJSON_AddItemToObject(json, member->name.text, item));
        if (!added) { /* cJSON leaves an item that it could not take to the caller */
            cJSON_Delete(item);
            cJSON_Delete(json);
            json = NULL;
        }
    }
    return json;
}
