#include "mail/fault.h"

#include <stdarg.h>

void fault_begin(struct buf *why)
{
    if (why->len)
        buf_putc(why, '\n');
}

void fault_add(struct buf *why, const char *format, ...)
{
    va_list args;
    fault_begin(why);
    va_start(args, format);
    buf_vprintf(why, format, args);
    va_end(args);
}
