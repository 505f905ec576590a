#include "base/arena.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_BLOCK = 4096, LARGEST_BLOCK = 64 * 1024 };

struct arena_block {
    struct arena_block *next;
    size_t size;
    _Alignas(max_align_t) char data[];
};

bool arena_grow(struct arena *a, size_t size)
{
    const size_t align = _Alignof(max_align_t);
    size_t room = a->head ? 2 * a->head->size : FIRST_BLOCK;
    if (room > LARGEST_BLOCK)
        room = LARGEST_BLOCK;
    if (room < size)
        room = (size + align - 1) / align * align;
    bool tried = !a->failed && size <= SIZE_MAX / 2;
    struct arena_block *block = tried ? malloc(sizeof *block + room) : NULL;
    if (!block) {
        a->room = 0;
        a->failed = true;
        return false;
    }
    block->size = room;
    block->next = a->head;
    a->head = block;
    a->free = block->data;
    a->room = room;
    return true;
}

char *arena_strndup(struct arena *a, const char *text, size_t len)
{
    char *copy = arena_alloc(a, len + 1);
    if (copy && len)
        memcpy(copy, text, len);
    return copy;
}

char *arena_strdup(struct arena *a, const char *text)
{
    return arena_strndup(a, text, strlen(text));
}

char *arena_strlower(struct arena *a, const char *text)
{
    char *copy = text ? arena_strdup(a, text) : NULL;
    for (char *p = copy; p && *p; p++)
        if (*p >= 'A' && *p <= 'Z')
            *p = (char)(*p - 'A' + 'a');
    return copy;
}

char *arena_printf(struct arena *a, const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int need = vsnprintf(NULL, 0, format, args);
    char *text = need < 0 ? NULL : arena_alloc(a, (size_t)need + 1);
    if (text)
        vsnprintf(text, (size_t)need + 1, format, again);
    else
        a->failed = true;
    va_end(again);
    va_end(args);
    return text;
}

void arena_free(struct arena *a)
{
    while (a->head) {
        struct arena_block *next = a->head->next;
        free(a->head);
        a->head = next;
    }
    *a = (struct arena){0};
}
