/*
 * buf: a growable byte buffer.
 *
 * Sizes are in bytes. A failed allocation sets `failed` and leaves the contents as they were; every
 * later addition is then a no-op, so a caller writes all of a text and checks once. The buffer owns
 * its memory: buf_free. A zeroed struct is an empty buffer.
 */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

struct buf {
    char *data; /* always followed by a NUL that len does not count, once there is memory */
    size_t len;
    size_t cap;
    bool failed;
};

/* Makes room for `more` bytes after the contents. */
bool buf_reserve(struct buf *b, size_t more);

/* Most additions are small and fit, so these are inline. */
static inline void buf_add(struct buf *b, const void *data, size_t len)
{
    if ((b->failed || len >= b->cap - b->len) && !buf_reserve(b, len))
        return;
    if (len)
        memcpy(b->data + b->len, data, len);
    b->len += len;
    b->data[b->len] = '\0';
}

static inline void buf_puts(struct buf *b, const char *text)
{
    buf_add(b, text, strlen(text));
}

static inline void buf_putc(struct buf *b, char c)
{
    buf_add(b, &c, 1);
}

void buf_printf(struct buf *b, const char *format, ...) __attribute__((format(printf, 2, 3)));
void buf_vprintf(struct buf *b, const char *format, va_list args)
    __attribute__((format(printf, 2, 0)));
/* Drops the first `count` bytes. */
void buf_consume(struct buf *b, size_t count);
/* Empties it and keeps the memory. */
void buf_clear(struct buf *b);
/* Empties it for another use: clears a failure, and releases memory above 64 KiB. */
void buf_reuse(struct buf *b);
void buf_free(struct buf *b);

/*
 * The contents as a string; "" when nothing was added. Where even the first byte found no memory,
 * a text that says so, so that a message never becomes an empty one.
 */
const char *buf_text(const struct buf *b);

#endif
