/*
 * arena: memory that is given back all at once.
 *
 * What an event is made of lives exactly as long as the event, so each event
 * has one arena. An allocation that cannot be had returns NULL and sets
 * `failed`; the maker of the event asks once, at its end. A zeroed struct is an
 * empty arena; arena_free gives everything back.
 */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include <stdbool.h>
#include <stddef.h>

struct arena_block;

struct arena {
    struct arena_block *head;
    bool failed;
};

/* Zeroed, aligned for any object. */
void *arena_alloc(struct arena *a, size_t size);
char *arena_strndup(struct arena *a, const char *text, size_t len);
char *arena_strdup(struct arena *a, const char *text);
char *arena_printf(struct arena *a, const char *format, ...) __attribute__((format(printf, 2, 3)));
void arena_free(struct arena *a);

#endif
