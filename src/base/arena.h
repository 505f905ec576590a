/*
 * arena: memory that is released all at once.
 *
 * The parts of an event live exactly as long as the event, so each event has one arena. An
 * allocation that fails returns NULL and sets `failed`, which the caller checks once, when the
 * event is complete. A zeroed struct is an empty arena; arena_free releases everything.
 */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

struct arena_block;

struct arena {
    struct arena_block *head;
    char *free;  /* in the newest block, always aligned */
    size_t room; /* bytes left there; 0 after a failure */
    bool failed;
};

/* Adds a block with room for `size` bytes. */
bool arena_grow(struct arena *a, size_t size);

/*
 * Zeroed, aligned for any object; a zero-size allocation returns a valid pointer. Inline, so that a
 * constant size is rounded at compile time and zeroed without a call.
 */
static inline void *arena_alloc(struct arena *a, size_t size)
{
    const size_t align = _Alignof(max_align_t);
    if (size >= a->room && !arena_grow(a, size))
        return NULL;
    void *memory = a->free;
    size = (size + align - 1) / align * align;
    a->free += size;
    a->room -= size;
    return memset(memory, 0, size);
}

char *arena_strndup(struct arena *a, const char *text, size_t len);
char *arena_strdup(struct arena *a, const char *text);
/* A copy with ASCII capitals in lower case; NULL for NULL. */
char *arena_strlower(struct arena *a, const char *text);
char *arena_printf(struct arena *a, const char *format, ...) __attribute__((format(printf, 2, 3)));
void arena_free(struct arena *a);

#endif
