#include "mail/template_tag.h"

#include <stdarg.h>
#include <string.h>

#include "mail/fault.h"

enum { SHOWN_MAX = 40 };

#define OPENING "{{"

/* ---- places and faults ---- */

void template_place(const struct template *template, size_t at, struct buf *out)
{
    size_t line = template->line, column = template->column;
    for (size_t i = 0; i < at; i++) {
        unsigned char c = (unsigned char)template->text[i];
        if (c == '\n') {
            line++;
            column = 1;
        } else if ((c & 0xc0) != 0x80) {
            column++;
        }
    }
    buf_printf(out, "%s:%zu:%zu", template->file, line, column);
}

bool tag_fault(
    const struct template *template, const char *at, struct buf *why, const char *format, ...)
{
    va_list args;
    fault_begin(why);
    template_place(template, (size_t)(at - template->text), why);
    buf_puts(why, ": ");
    va_start(args, format);
    buf_vprintf(why, format, args);
    va_end(args);
    return false;
}

/* How much of it a message shows: one line, whole characters. */
static int shown(const char *text, size_t len)
{
    size_t end = 0;
    while (end < len && end < SHOWN_MAX && text[end] != '\n' && text[end] != '\r')
        end++;
    while (end > 0 && end < len && ((unsigned char)text[end] & 0xc0) == 0x80)
        end--;
    return (int)end;
}

/* ---- names ---- */

bool template_name_valid(const char *name, size_t len)
{
    static const char chars[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-.";
    char before = '.';
    for (size_t i = 0; i < len; before = name[i++])
        if (!memchr(chars, name[i], strlen(chars)) || (name[i] == '.' && before == '.'))
            return false;
    return before != '.';
}

static const char *find(const char *from, const char *end, const char *what)
{
    return memmem(from, (size_t)(end - from), what, strlen(what));
}

static bool check_name(const struct template *t, const struct tag *tag, struct buf *why)
{
    bool itself = tag->len == 1 && *tag->name == '.' && tag->sigil != '>';
    if (tag->sigil == '=')
        return tag_fault(
            t, tag->start, why, "the delimiters cannot be changed: they are {{ and }}");
    if (tag->len == 0)
        return tag_fault(t, tag->start, why,
            "the tag has no name: {{name}}, {{#name}}, {{^name}}, {{/name}} and {{>name}} have");
    if (find(tag->name, tag->name + tag->len, OPENING))
        return tag_fault(
            t, tag->start, why, "the tag is not closed before the next one: }} is missing");
    if (!itself && !template_name_valid(tag->name, tag->len))
        return tag_fault(t, tag->start, why,
            "\"%.*s\" is no name: letters, digits, \"_\" and \"-\" are, joined by single dots",
            shown(tag->name, tag->len), tag->name);
    return true;
}

/* ---- alone in a line ---- */

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static bool is_word(const struct tag *tag)
{
    size_t len = strlen(TEMPLATE_WORD);
    return tag->sigil == '>' && tag->len > len && memcmp(tag->name, TEMPLATE_WORD, len) == 0;
}

static void take_line(const struct template *t, struct tag *tag)
{
    const char *from = tag->from, *to = tag->to, *end = t->text + t->len;
    if (!tag->sigil || strchr("{&", tag->sigil) || is_word(tag))
        return;
    while (from > t->text && is_blank(from[-1]))
        from--;
    if (from > t->text && from[-1] != '\n')
        return;
    while (to < end && is_blank(*to))
        to++;
    if (end - to >= 2 && to[0] == '\r' && to[1] == '\n')
        to++;
    if (to < end && *to != '\n')
        return;
    tag->from = from;
    tag->to = to < end ? to + 1 : to;
    tag->alone = true;
}

/* ---- the tag ---- */

static void trim(struct tag *tag)
{
    for (; tag->len && strchr(" \t\r\n", *tag->name); tag->len--)
        tag->name++;
    while (tag->len && strchr(" \t\r\n", tag->name[tag->len - 1]))
        tag->len--;
}

const char *tag_find(const struct template *template, const char *at)
{
    return find(at, template->text + template->len, OPENING);
}

bool tag_read(const struct template *template, const char *start, struct tag *tag, struct buf *why)
{
    const char *inner = start + strlen(OPENING), *end = template->text + template->len;
    const char *closing = inner < end && *inner == '{' ? "}}}" : "}}";
    const char *close = find(inner, end, closing);
    if (!close)
        return tag_fault(template, start, why, "the tag is not closed: %s is missing", closing);
    *tag = (struct tag){.start = start, .from = start, .to = close + strlen(closing)};
    if (strchr("{&#^/!>=", *inner))
        tag->sigil = *inner++;
    tag->name = inner;
    tag->len = (size_t)(close - inner);
    if (tag->sigil != '!') {
        trim(tag);
        if (!check_name(template, tag, why))
            return false;
    }
    take_line(template, tag);
    return true;
}
