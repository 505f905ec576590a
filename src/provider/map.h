/*
 * map: from one member of a JSON body to one field of an event, cleaned.
 *
 * What is absent, null, of another type, or empty once cleaned gives NULL (or TIME_NONE), so that
 * no caller checks a member's type. Paths are those of json_path. Of a list the first LIST_MAX
 * entries are read, and answers from the first ANSWERS_MAX members of an object, so that mapping a
 * large body costs no more than parsing it.
 */
#ifndef PROVIDER_MAP_H
#define PROVIDER_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cjson/cJSON.h>

#include "event/event.h"

enum { LIST_MAX = 1000, ANSWERS_MAX = 500 };

const char *map_line(struct arena *arena, const cJSON *object, const char *path);
const char *map_text(struct arena *arena, const cJSON *object, const char *path);
const char *map_address(struct arena *arena, const cJSON *object, const char *path);
const char *map_url(struct arena *arena, const cJSON *object, const char *path);
/* As map_line, with ASCII capitals in lower case. */
const char *map_lower(struct arena *arena, const cJSON *object, const char *path);
/* A string as map_line, or a whole number in decimal digits. */
const char *map_id(struct arena *arena, const cJSON *object, const char *path);
/* The first of the paths that gives a text, by map_id; the list ends with NULL. */
const char *map_first(struct arena *arena, const cJSON *object, const char *const *paths);
int64_t map_time(const cJSON *object, const char *path);

/* Two parts with a blank between them; either may be NULL. */
const char *map_joined(struct arena *arena, const char *first, const char *second);

/* The array at that path; NULL: none. */
const cJSON *map_list(const cJSON *object, const char *path);
/* Append to a list; an entry without a text is skipped. Memory: the arena's `failed`. */
void map_add_attendee(struct event *event, struct person person);
void map_add_guest(struct event *event, const char *address);
void map_add_answer(struct event *event, const char *question, const char *answer);

/* An amount of money in units of the currency: "49.00 EUR", "5000 JPY"; NULL for none. */
const char *map_money(struct arena *arena, double amount, const char *currency);
/* Decimal places of a currency (ISO 4217): how payment services count its minor unit. */
int map_currency_places(const char *currency);

/* The raw body as text, for a body that is not understood. */
const char *map_raw_text(struct arena *arena, const char *body, size_t len);

#endif
