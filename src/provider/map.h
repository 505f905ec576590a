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
/* Sets `email`, and `written_email` where it came in another form or cannot be mailed. */
void map_email(struct arena *arena, const cJSON *object, const char *path, struct person *person);
const char *map_url(struct arena *arena, const cJSON *object, const char *path);
/* As map_line, with ASCII capitals in lower case. */
const char *map_lower(struct arena *arena, const cJSON *object, const char *path);
/* A string as map_line, or a whole number in decimal digits. */
const char *map_id(struct arena *arena, const cJSON *object, const char *path);
/* The first of the paths that gives a text, by map_id; the list ends with NULL. */
const char *map_first(struct arena *arena, const cJSON *object, const char *const *paths);
int64_t map_time(const cJSON *object, const char *path);
/* A whole number above 0, else 0. */
int64_t map_count(const cJSON *object, const char *path);
/* A language tag: letters, digits and hyphens, beginning with two letters; else NULL. */
const char *map_language(struct arena *arena, const cJSON *object, const char *path);
/* Number 12 or 24, the same as text, or a pattern: "h:mma", "HH:mm". */
enum clock_form map_clock_form(const cJSON *object, const char *path);

/* Two parts with a blank between them; either may be NULL. */
const char *map_joined(struct arena *arena, const char *first, const char *second);

/* The array at that path; NULL: none. */
const cJSON *map_list(const cJSON *object, const char *path);
/* Append to a list; an entry without a text is skipped. Memory: the arena's `failed`. */
void map_add_attendee(struct event *event, struct person person);
/* A host who is in the list already is skipped: by address, else by name. */
void map_add_host(struct event *event, struct person person);
void map_add_guest(struct event *event, const char *address);
void map_add_answer(struct event *event, const char *question, const char *answer);
/* ... of a box to tick. */
void map_add_tick(struct event *event, const char *question, bool ticked);
/* An answer to a default field of the provider: question_WORD; `question` is its English text. */
void map_add_known_answer(
    struct event *event, const char *word, const char *question, const char *answer);
/* detail_WORD with a text, else with a time. */
void map_add_detail(struct event *event, const char *word, const char *text, int64_t when);

/*
 * Each member with a text, number or flag, at every depth, that is neither in `mapped` nor a secret
 * (provider/redact.h): an answer whose question is its name, "a.b" below the top, "a.0" in a list.
 * `mapped` has names, or paths of names joined by dots, and ends with NULL; what is below one of
 * them is left out too. For events that nothing here knows.
 */
void map_add_members(struct event *event, const cJSON *object, const char *const *mapped);

/* "Ada Example <ada@example.com>", or what of both is there; NULL for nobody. */
const char *map_person_text(struct arena *arena, struct person person);

/* An amount of money in units of the currency: "49.00 EUR", "5000 JPY"; NULL for none. */
const char *map_money(struct arena *arena, double amount, const char *currency);
/* Decimal places of a currency (ISO 4217): how payment services count its minor unit. */
int map_currency_places(const char *currency);

/* The raw body as text, for a body that is not understood. */
const char *map_raw_text(struct arena *arena, const char *body, size_t len);

#endif
