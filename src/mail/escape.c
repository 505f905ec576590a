#include "mail/escape.h"

#include <stdbool.h>
#include <string.h>

#include <glib.h>

static bool begins_with(const char *text, size_t len, const char *what)
{
    size_t need = strlen(what);
    return len >= need && memcmp(text, what, need) == 0;
}

/* The length of the control character that the text begins with, else 0. */
static size_t control(const char *text, size_t len)
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
static size_t space(const char *text, size_t len)
{
    if (*text != '\0' && strchr(" \t\n\v\f\r", *text))
        return 1;
    static const char *const others[] = {"\xc2\x85", "\xe2\x80\xa8", "\xe2\x80\xa9"};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (begins_with(text, len, others[i]))
            return strlen(others[i]);
    return 0;
}

static const char *reference(char c)
{
    switch (c) {
    case '&':
        return "&amp;";
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '"':
        return "&quot;";
    case '\'':
        return "&#39;";
    default:
        return NULL;
    }
}

/* What a character may be that begins with the byte: a control character, white space, markup; or
 * is for sure: beyond ASCII. */
enum { CTL = 1, SPC = 2, MRK = 4, FAR = 8, ANY = CTL | SPC };

/* clang-format off */
static const unsigned char may_be[256] = {
    CTL, CTL, CTL, CTL, CTL, CTL, CTL, CTL, CTL, SPC, SPC, ANY, ANY, ANY, CTL, CTL,
    CTL, CTL, CTL, CTL, CTL, CTL, CTL, CTL, CTL, CTL, CTL, CTL, CTL, CTL, CTL, CTL,
    [' '] = SPC, ['"'] = MRK, ['&'] = MRK, ['\''] = MRK, ['<'] = MRK, ['>'] = MRK,
    [0x7f] = CTL, [0xc2] = ANY, [0xe2] = SPC,
};
/* clang-format on */

static unsigned kinds_of(char byte)
{
    unsigned char c = (unsigned char)byte;
    return may_be[c] | (c < 0x80 ? 0U : FAR);
}

/* How much of the text is none of these for sure. */
static size_t run_without(unsigned kinds, const char *text, size_t len)
{
    size_t run = 0;
    while (run < len && !(kinds_of(text[run]) & kinds))
        run++;
    return run;
}

/* At most every second byte is not. A name in another script is no longer for being references. */
static bool is_mostly_ascii(const char *text, size_t len)
{
    size_t others = 0;
    for (size_t i = 0; i < len; i++)
        others += (unsigned char)text[i] >> 7;
    return 2 * others <= len;
}

/* The character that the text begins with; gives its length. */
static size_t add_reference(const char *text, size_t len, struct buf *out)
{
    gunichar c = g_utf8_get_char_validated(text, (gssize)len);
    if (c >= (gunichar)-2) {
        buf_putc(out, *text);
        return 1;
    }
    buf_printf(out, "&#%u;", c);
    return (size_t)(g_utf8_next_char(text) - text);
}

/* The same of what run_without stopped at. */
static size_t add_special(const char *text, size_t len, unsigned kinds, struct buf *out)
{
    size_t dropped = control(text, len);
    const char *markup = reference(*text);
    if (dropped)
        return dropped;
    if (kinds_of(*text) & kinds & FAR)
        return add_reference(text, len, out);
    if (markup)
        buf_puts(out, markup);
    else
        buf_putc(out, *text);
    return 1;
}

void escape_html(const char *text, size_t len, struct buf *out)
{
    unsigned kinds = is_mostly_ascii(text, len) ? CTL | MRK | FAR : CTL | MRK;
    for (size_t i = 0, run = 0; i < len; i += run) {
        run = run_without(kinds, text + i, len - i);
        if (run)
            buf_add(out, text + i, run);
        else
            run = add_special(text + i, len - i, kinds, out);
    }
}

void escape_text(const char *text, size_t len, struct buf *out)
{
    for (size_t i = 0, run = 0; i < len; i += run) {
        run = run_without(CTL, text + i, len - i);
        if (run) {
            buf_add(out, text + i, run);
        } else if ((run = control(text + i, len - i)) == 0) {
            buf_putc(out, text[i]);
            run = 1;
        }
    }
}

void escape_line(struct buf *out, size_t from)
{
    bool blank = false;
    size_t to = from;
    for (size_t i = from, run = 0; i < out->len; i += run) {
        const char *text = out->data + i;
        size_t len = out->len - i;
        run = run_without(CTL | SPC, text, len);
        if (!run && (run = space(text, len)) != 0) {
            blank = true;
            continue;
        }
        if (!run && (run = control(text, len)) != 0)
            continue;
        run = run ? run : 1;
        if (blank && to > from)
            out->data[to++] = ' ';
        memmove(out->data + to, text, run);
        to += run;
        blank = false;
    }
    if (to < out->len)
        out->data[to] = '\0';
    out->len = to;
}
