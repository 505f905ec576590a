/* json_value: a context for templates, written as JSON. */
#ifndef TESTS_JSON_VALUE_H
#define TESTS_JSON_VALUE_H

#include <string.h>

#include "base/json.h"
#include "base/value.h"

static inline void add_json(
    struct arena *arena, struct value *to, const char *name, const cJSON *item);

static inline void add_members(
    struct arena *arena, struct value *to, const char *name, const cJSON *item)
{
    bool list = cJSON_IsArray(item);
    struct value *value = value_add(arena, to, name, list ? VALUE_LIST : VALUE_OBJECT);
    const cJSON *member;
    cJSON_ArrayForEach (member, item)
        add_json(arena, value, list ? NULL : arena_strdup(arena, member->string), member);
}

static inline void add_json(
    struct arena *arena, struct value *to, const char *name, const cJSON *item)
{
    if (cJSON_IsNull(item))
        value_add_text(arena, to, name, NULL);
    else if (cJSON_IsBool(item))
        value_add_flag(arena, to, name, cJSON_IsTrue(item));
    else if (cJSON_IsNumber(item))
        value_add_number(arena, to, name, item->valuedouble);
    else if (cJSON_IsString(item))
        value_add_text(arena, to, name, arena_strdup(arena, item->valuestring));
    else
        add_members(arena, to, name, item);
}

/* NULL: it is no JSON, or memory was short. */
static inline const struct value *value_of_json(struct arena *arena, const char *text)
{
    cJSON *json = json_parse(text, strlen(text));
    struct value *root = value_root(arena);
    if (json)
        add_json(arena, root, "it", json);
    cJSON_Delete(json);
    return arena->failed ? NULL : value_find(root, "it");
}

#endif
