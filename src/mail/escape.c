#include "mail/escape.h"

#include <stdbool.h>
#include <string.h>

/* The length of the control character that the text begins with, else 0. */
static size_t control_length(const char *text, size_t len)
{
    unsigned char c = (unsigned char)*text;
    if (c < ' ')
        return c != '\n' && c != '\t';
    if (c == 0x7f)
        return 1;
    bool c1 = c == 0xc2 && len > 1 && (unsigned char)text[1] < 0xa0; /* U+0080 to U+009F */
    return c1 ? 2 : 0;
}

/* The same of white space that can break a line, or be broken at. */
static size_t space_length(const char *text, size_t len)
{
    static const char *const others[] = {"\xc2\x85", "\xe2\x80\xa8", "\xe2\x80\xa9"};
    if (*text != '\0' && strchr(" \t\n\v\f\r", *text))
        return 1;
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (len >= strlen(others[i]) && memcmp(text, others[i], strlen(others[i])) == 0)
            return strlen(others[i]);
    return 0;
}

static const char *reference(char c)
{
    static const char *const references[] = {
        ['&'] = "&amp;", ['<'] = "&lt;", ['>'] = "&gt;", ['"'] = "&quot;", ['\''] = "&#39;"};
    size_t index = (unsigned char)c;
    return index < sizeof references / sizeof *references ? references[index] : NULL;
}

/* Without control characters; with references for markup. */
static void add_clean(const char *text, size_t len, bool markup, struct buf *out)
{
    for (size_t i = 0, run; i < len; i += run) {
        const char *instead = markup ? reference(text[i]) : NULL;
        run = control_length(text + i, len - i);
        if (run)
            continue;
        run = 1;
        if (instead)
            buf_puts(out, instead);
        else
            buf_putc(out, text[i]);
    }
}

void escape_html(const char *text, size_t len, struct buf *out)
{
    add_clean(text, len, true, out);
}

void escape_text(const char *text, size_t len, struct buf *out)
{
    add_clean(text, len, false, out);
}

void escape_line(struct buf *out, size_t from)
{
    bool blank = false;
    size_t to = from;
    for (size_t i = from, run; i < out->len; i += run) {
        const char *text = out->data + i;
        size_t len = out->len - i;
        run = space_length(text, len);
        blank |= run > 0;
        if (!run)
            run = control_length(text, len);
        if (run)
            continue;
        run = 1;
        if (blank && to > from)
            out->data[to++] = ' ';
        out->data[to++] = *text;
        blank = false;
    }
    if (to < out->len)
        out->data[to] = '\0';
    out->len = to;
}
