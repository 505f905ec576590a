/*
 * value: a tree of values, read by name: what templates see, and the JSON form of an event.
 *
 * It lives in an arena. Names and texts are not copied, and must live as long. Adding to NULL does
 * nothing and returns NULL, as does an addition that finds no memory (the arena's `failed`), so a
 * caller builds all of a tree and checks once.
 */
#ifndef BASE_VALUE_H
#define BASE_VALUE_H

#include <stdbool.h>
#include <stdint.h>

#include <cjson/cJSON.h>

#include "base/arena.h"

enum value_kind {
    VALUE_NULL,
    VALUE_FALSE,
    VALUE_TRUE,
    VALUE_NUMBER,
    VALUE_TEXT,
    VALUE_LIST,
    VALUE_OBJECT
};

/* The first eight bytes distinguish most names, so that a lookup compares numbers. */
struct value_name {
    uint64_t head;
    const char *text;
};

struct value {
    enum value_kind kind;
    struct value_name name; /* of a member of an object */
    struct value *next;     /* of the same list or object */
    union {
        double number;
        const char *text;
        struct {
            struct value *first, *last;
        };
    };
};

struct value_name value_name(const char *text);

/* An empty object. */
struct value *value_root(struct arena *arena);

/* Adds to a list or an object. Values of a list have no name, those of an object different ones. */
struct value *value_add(
    struct arena *arena, struct value *to, const char *name, enum value_kind kind);
/* NULL becomes null. */
void value_add_text(struct arena *arena, struct value *to, const char *name, const char *text);
void value_add_number(struct arena *arena, struct value *to, const char *name, double number);
void value_add_flag(struct arena *arena, struct value *to, const char *name, bool flag);

/* The member of that name; NULL: none, or it is no object. */
const struct value *value_get(const struct value *object, struct value_name name);
const struct value *value_find(const struct value *object, const char *name);
/* A member's text; NULL where it has none. */
const char *value_text_of(const struct value *object, const char *name);

/* NULL when memory ran out. The caller frees with cJSON_Delete. */
cJSON *value_to_json(const struct value *value);

#endif
