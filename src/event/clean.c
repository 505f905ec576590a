#include "event/clean.h"

#include <stdint.h>
#include <string.h>
#include <strings.h>

#include <idn2.h>

#include "base/buf.h"
#include "base/text.h"

enum { REPLACEMENT = 0xfffd, TOKEN_MAX = 64 };

#define DIGITS       "0123456789"
#define LETTERS      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
#define ALPHANUMERIC LETTERS DIGITS

struct range {
    uint32_t low, high;
};

static bool in_char_ranges(const struct range *ranges, size_t count, uint32_t c)
{
    for (size_t i = 0; i < count; i++)
        if (c >= ranges[i].low && c <= ranges[i].high)
            return true;
    return false;
}

static bool is_line_break(uint32_t c)
{
    return (c >= '\n' && c <= '\r') || c == 0x85 || c == 0x2028 || c == 0x2029;
}

/* The property White_Space of Unicode 15. */
static bool is_white_space(uint32_t c)
{
    static const struct range spaces[] = {{' ', ' '}, {'\t', '\r'}, {0x85, 0x85}, {0xa0, 0xa0},
        {0x1680, 0x1680}, {0x2000, 0x200a}, {0x2028, 0x2029}, {0x202f, 0x202f}, {0x205f, 0x205f},
        {0x3000, 0x3000}};
    return in_char_ranges(spaces, sizeof spaces / sizeof *spaces, c);
}

static bool is_harmful(uint32_t c)
{
    static const struct range harmful[] = {
        {0x00, 0x1f}, {0x7f, 0x9f}, {0x2028, 0x2029}, {0x202a, 0x202e}, {0x2066, 0x2069}};
    return in_char_ranges(harmful, sizeof harmful / sizeof *harmful, c);
}

/* Unicode 15, table 3-7: the lead bytes, and the range of the first byte after each. */
struct lead {
    unsigned char low, high, next_low, next_high;
    int following;
};

static const struct lead leads[] = {{0xc2, 0xdf, 0x80, 0xbf, 1}, {0xe0, 0xe0, 0xa0, 0xbf, 2},
    {0xe1, 0xec, 0x80, 0xbf, 2}, {0xed, 0xed, 0x80, 0x9f, 2}, {0xee, 0xef, 0x80, 0xbf, 2},
    {0xf0, 0xf0, 0x90, 0xbf, 3}, {0xf1, 0xf3, 0x80, 0xbf, 3}, {0xf4, 0xf4, 0x80, 0x8f, 3}};

/* The next character, 0 at the end. The NUL at the end of the text is no continuation byte. */
static uint32_t next_char(const char **text)
{
    const unsigned char *p = (const unsigned char *)*text;
    uint32_t c = *p;
    if (c == 0)
        return 0;
    p++;
    if (c >= 0x80) {
        const struct lead *lead = leads, *end = leads + sizeof leads / sizeof *leads;
        while (lead < end && (c < lead->low || c > lead->high))
            lead++;
        unsigned char low = lead < end ? lead->next_low : 0,
                      high = lead < end ? lead->next_high : 0;
        int missing = lead < end ? lead->following : 0;
        c &= 0x3fu >> missing;
        for (; missing && *p >= low && *p <= high; missing--, low = 0x80, high = 0xbf)
            c = c << 6 | (*p++ & 0x3f);
        if (lead == end || missing)
            c = REPLACEMENT;
    }
    *text = (const char *)p;
    return c;
}

static void put_utf8(struct buf *out, uint32_t c)
{
    if (c < 0x80) {
        buf_putc(out, (char)c);
        return;
    }
    int following = c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;
    static const unsigned char marks[] = {0, 0xc0, 0xe0, 0xf0};
    buf_putc(out, (char)(marks[following] | c >> (6 * following)));
    while (following-- > 0)
        buf_putc(out, (char)(0x80 | (c >> (6 * following) & 0x3f)));
}

struct cleaned {
    struct buf out;
    size_t count, max; /* characters */
};

/* False when there is no more room: the text ends here. */
static bool put_chars(struct cleaned *to, uint32_t c, size_t count)
{
    for (; count > 0; count--) {
        if (to->count == to->max) {
            buf_puts(&to->out, "...");
            return false;
        }
        to->count++;
        put_utf8(&to->out, c);
    }
    return true;
}

static const char *finish_text(struct arena *arena, struct buf *out)
{
    const char *text = NULL;
    if (out->failed)
        arena->failed = true;
    else if (out->len)
        text = arena_strndup(arena, out->data, out->len);
    buf_free(out);
    return text;
}

static bool is_graphic(char c)
{
    return c > ' ' && c < 0x7f;
}

/*
 * Copies what is clean already: words of graphic ASCII with single blanks between them. Nearly all
 * texts are nothing else, and this is much faster than one character at a time.
 */
static void copy_clean_ascii(struct cleaned *to, const char **text)
{
    const char *at = *text;
    size_t len = 0, room = to->max - to->count;
    while (len < room &&
           (is_graphic(at[len]) || (at[len] == ' ' && to->count + len && is_graphic(at[len + 1]))))
        len++;
    if (len)
        buf_add(&to->out, at, len);
    to->count += len;
    *text += len;
}

const char *clean_line(struct arena *arena, const char *text)
{
    struct cleaned line = {.max = CLEAN_LINE_MAX};
    bool blank = false;
    uint32_t c;
    while (text) {
        if (!blank)
            copy_clean_ascii(&line, &text);
        if ((c = next_char(&text)) == 0)
            break;
        if (is_white_space(c)) {
            blank = line.count > 0;
            continue;
        }
        if (is_harmful(c))
            continue;
        if (!put_chars(&line, ' ', blank) || !put_chars(&line, c, 1))
            break;
        blank = false;
    }
    return finish_text(arena, &line.out);
}

/* Blanks and line breaks are written only when another character follows. */
const char *clean_text(struct arena *arena, const char *text)
{
    struct cleaned lines = {.max = CLEAN_TEXT_MAX};
    size_t breaks = 0, blanks = 0;
    uint32_t c;
    while (text) {
        if (!breaks && !blanks)
            copy_clean_ascii(&lines, &text);
        if ((c = next_char(&text)) == 0)
            break;
        if (is_line_break(c)) {
            if (c == '\r' && *text == '\n')
                text++;
            breaks++;
            blanks = 0;
        } else if (is_white_space(c)) {
            blanks++;
        } else if (!is_harmful(c)) {
            if (lines.count == 0)
                breaks = blanks = 0;
            if (!put_chars(&lines, '\n', breaks > 2 ? 2 : breaks) ||
                !put_chars(&lines, ' ', blanks) || !put_chars(&lines, c, 1))
                break;
            breaks = blanks = 0;
        }
    }
    return finish_text(arena, &lines.out);
}

static const char *copy_trimmed(struct arena *arena, const char *text)
{
    size_t len = text ? strlen(text) : 0;
    if (len)
        text = text_trimmed(text, &len, " \t\r\n");
    return len ? arena_strndup(arena, text, len) : NULL;
}

static bool is_ascii(const char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text > '~')
            return false;
    return true;
}

/* The address with its domain as xn--, by the rules that browsers use (UTS 46, nontransitional). */
static const char *ascii_address(struct arena *arena, const char *address)
{
    const char *at = strrchr(address, '@');
    char *domain = NULL;
    int result = at ? idn2_to_ascii_8z(at + 1, &domain, IDN2_NONTRANSITIONAL) : IDN2_OK;
    if (result == IDN2_MALLOC)
        arena->failed = true;
    if (!domain)
        return NULL;
    const char *ascii = arena_printf(arena, "%.*s@%s", (int)(at - address), address, domain);
    idn2_free(domain);
    return ascii;
}

const char *clean_address(struct arena *arena, const char *text)
{
    const char *address = copy_trimmed(arena, text);
    if (address && !is_ascii(address))
        address = ascii_address(arena, address);
    return address && address_valid(address) ? address : NULL;
}

static bool is_clean_url(const char *text)
{
    size_t scheme = strncasecmp(text, "http://", 7) == 0    ? 7
                    : strncasecmp(text, "https://", 8) == 0 ? 8
                                                            : 0;
    if (!scheme || !strchr(ALPHANUMERIC "[", text[scheme]) || !text[scheme])
        return false;
    for (const char *p = text; *p; p++)
        if (*p <= ' ' || *p > '~' || strchr("\"'`<>\\", *p))
            return false;
    return true;
}

const char *clean_url(struct arena *arena, const char *text)
{
    const char *url = copy_trimmed(arena, text);
    return url && is_clean_url(url) ? url : NULL;
}

const char *clean_token(struct arena *arena, const char *text)
{
    size_t len = text ? strlen(text) : 0;
    if (len == 0 || len > TOKEN_MAX || strspn(text, ALPHANUMERIC "_.-") != len)
        return NULL;
    return arena_strndup(arena, text, len);
}
