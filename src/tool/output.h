/*
 * output: what subcommands print: tables, times, JSON, and the contents of files.
 *
 * For a person at a terminal a table has a heading and aligned columns; for a program its rows are
 * separated by tabs. Control characters of what comes out of files do not reach a terminal.
 */
#ifndef TOOL_OUTPUT_H
#define TOOL_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cjson/cJSON.h>

#include "base/arena.h"
#include "base/clock.h"

bool output_is_terminal(void);
/* A terminal, and NO_COLOR (no-color.org) is unset or empty. */
bool output_has_colour(void);

/*
 * Prints a text that follows `used` columns of a line, and ends the line. On a terminal it is
 * broken between words, and each further line begins with `indent` blanks.
 */
void output_folded(const char *text, int used, int indent);

/* ---- tables ---- */

enum { TABLE_COLUMNS_MAX = 16 };

struct table {
    struct arena arena;
    const char **cell;
    size_t columns, cells, room;
};

/* Adds one row of table->columns texts, which are copied; NULL becomes "-". */
void table_add(struct table *table, const char *const *row);
/* Prints all rows and frees them. */
void table_print(struct table *table, const char *const *heading);

/* ---- times ---- */

enum { AGE_TEXT = TIME_TEXT + 16 };

/* "4 m ago", "in 3 h", "never" for TIME_NONE. */
void output_ago(int64_t when, int64_t now, char out[AGE_TEXT]);

/* ---- JSON; no memory ends the program ---- */

cJSON *json_object(void);
/* An object at the end of that array. */
cJSON *json_append(cJSON *array);
void json_append_text(cJSON *array, const char *text, int len);
cJSON *json_put_object(cJSON *object, const char *name);
cJSON *json_put_array(cJSON *object, const char *name);
/* NULL becomes null, and so does TIME_NONE. */
void json_put_text(cJSON *object, const char *name, const char *text);
void json_put_time(cJSON *object, const char *name, int64_t when);
void json_put_number(cJSON *object, const char *name, int64_t number);
void json_put_bool(cJSON *object, const char *name, bool value);
enum json_form { JSON_INDENTED, JSON_LINE /* of a stream of objects */ };
/* Prints and deletes it. */
void json_print(cJSON *object, enum json_form form);

/* ---- bytes ---- */

/* As they are; to a terminal without control characters other than tab and line feed. */
void output_bytes(const char *data, size_t len);

/* Flushes standard output; false, with errno, when something could not be written. */
bool output_finish(void);

#endif
