#include "base/buf.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_SIZE = 256, REUSED_MAX = 64 * 1024 };

bool buf_reserve(struct buf *b, size_t more)
{
    if (b->failed)
        return false;
    if (more < b->cap - b->len) /* one byte is kept for the NUL */
        return true;
    if (more > SIZE_MAX / 2 - b->len - 1) {
        b->failed = true;
        return false;
    }
    size_t cap = b->cap ? b->cap : FIRST_SIZE;
    while (cap - b->len <= more)
        cap *= 2;
    char *data = realloc(b->data, cap);
    if (!data) {
        b->failed = true;
        return false;
    }
    b->data = data;
    b->cap = cap;
    b->data[b->len] = '\0';
    return true;
}

/* Mostly it fits, and is formatted once. */
void buf_vprintf(struct buf *b, const char *format, va_list args)
{
    va_list again;
    va_copy(again, args);
    size_t room = b->failed ? 0 : b->cap - b->len;
    int need = vsnprintf(room ? b->data + b->len : NULL, room, format, args);
    if (need < 0) {
        b->failed = true;
    } else if ((size_t)need < room) {
        b->len += (size_t)need;
    } else if (buf_reserve(b, (size_t)need)) {
        vsnprintf(b->data + b->len, (size_t)need + 1, format, again);
        b->len += (size_t)need;
    }
    if (b->data)
        b->data[b->len] = '\0';
    va_end(again);
}

void buf_printf(struct buf *b, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    buf_vprintf(b, format, args);
    va_end(args);
}

void buf_consume(struct buf *b, size_t count)
{
    if (count >= b->len) {
        buf_clear(b);
        return;
    }
    memmove(b->data, b->data + count, b->len - count);
    b->len -= count;
    b->data[b->len] = '\0';
}

void buf_clear(struct buf *b)
{
    b->len = 0;
    if (b->data)
        b->data[0] = '\0';
}

void buf_reuse(struct buf *b)
{
    if (b->cap > REUSED_MAX)
        buf_free(b);
    buf_clear(b);
    b->failed = false;
}

void buf_free(struct buf *b)
{
    free(b->data);
    *b = (struct buf){0};
}

const char *buf_text(const struct buf *b)
{
    if (b->data)
        return b->data;
    return b->failed ? "not enough memory" : "";
}
