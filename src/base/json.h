/*
 * json: reading JSON from outside with cJSON, without its traps.
 *
 * cJSON matches names without regard to case, keeps numbers as doubles, ends a
 * string at \u0000, refuses an entire text for one lone surrogate (which
 * JSON.stringify does emit, as \ud83d), and returns the first of two members
 * of one name where JSON.parse, which wrote or will read the body, takes the
 * last. So the text is corrected before it is parsed:
 *   - a lone surrogate escape becomes \ufffd, \u0000 and a raw NUL a space;
 *   - a whole number of 16 digits or more becomes a string (2^53 has 16);
 * and members are looked up here, by exact name, the last one counting.
 *
 * Nesting: cJSON gives up at 1,000 levels; such a text counts as not parseable.
 */
#ifndef BASE_JSON_H
#define BASE_JSON_H

#include <stdbool.h>
#include <stddef.h>

#include <cjson/cJSON.h>

#include "base/arena.h"

/*
 * The caller frees with cJSON_Delete. NULL: errno is EILSEQ when the len bytes are not one JSON
 * text, ENOMEM when memory was short.
 */
cJSON *json_parse(const char *text, size_t len);
/*
 * The same, with every node in `arena`: read only, never to be passed to cJSON_Delete, and valid as
 * long as the arena. A body has about three hundred nodes and strings.
 */
const cJSON *json_parse_in(struct arena *arena, const char *text, size_t len);
/*
 * The same, but objects and arrays inside the outermost one are empty: for reading the envelope,
 * at a tenth of the cost. Their contents are not checked, except that brackets must pair.
 */
cJSON *json_parse_top(const char *text, size_t len);

/* The member of that exact name; NULL when there is none or `object` is not an object. */
const cJSON *json_get(const cJSON *object, const char *name);
/* Follows names separated by dots: "payload.organizer.email". No name holds a dot. */
const cJSON *json_path(const cJSON *object, const char *path);
/* The text of a string member at that path, else NULL. */
const char *json_text(const cJSON *object, const char *path);
bool json_true(const cJSON *object, const char *path);

/* Appends to a list, which owns the item then. False, and the item is freed: memory ran out, for
 * this or for one of the two before (NULL). */
bool json_list_add(cJSON *list, cJSON *item);

#endif
