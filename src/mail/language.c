#include "mail/language.h"

#include <string.h>

#include "base/nearest.h"

struct reader {
    struct language *language;
    enum language_use use;
    const char *file;
    size_t line;
    struct buf *why;
};

struct span {
    const char *from, *to;
};

static struct span trim_blanks(const char *from, const char *to)
{
    while (from < to && (*from == ' ' || *from == '\t'))
        from++;
    while (to > from && (to[-1] == ' ' || to[-1] == '\t'))
        to--;
    return (struct span){from, to};
}

/* ---- words ---- */

struct word *language_find(const struct language *language, const char *key)
{
    struct word *word = language->first;
    while (word && strcmp(word->key, key) != 0)
        word = word->next;
    return word;
}

void language_no_word(const struct language *language, const char *key, struct buf *why)
{
    struct nearest nearest = {.wanted = key};
    for (const struct word *word = language->first; word; word = word->next)
        nearest_try(&nearest, word->key);
    buf_printf(why, "there is no word \"%s\"", key);
    if (nearest.best)
        buf_printf(why, "; the nearest is \"%s\"", nearest.best);
}

/* ---- reading ---- */

static void line_fault(struct reader *r, size_t column, const char *what)
{
    template_fault(r->why, "%s:%zu:%zu: %s", r->file, r->line, column, what);
}

/* The word that the line is about; NULL after a fault. */
static struct word *word_of(struct reader *r, const char *key, size_t column)
{
    struct language *language = r->language;
    struct word *word = language_find(language, key);
    if (!word && r->use == LANGUAGE_BASE) {
        word = arena_alloc(&language->arena, sizeof *word);
        if (!word)
            return NULL;
        *word = (struct word){.key = key};
        if (language->last)
            language->last->next = word;
        else
            language->first = word;
        language->last = word;
    } else if (!word) {
        line_fault(r, column, "");
        language_no_word(language, key, r->why);
    } else if (word->seen_file == r->file) {
        line_fault(r, column, "");
        buf_printf(r->why, "\"%s\" is already defined in line %zu", key, word->seen_line);
        word = NULL;
    }
    return word;
}

static void take_word(struct reader *r, struct word *word, struct span text, size_t column)
{
    struct template_source source = {.file = r->file,
        .text = text.from,
        .len = (size_t)(text.to - text.from),
        .line = r->line,
        .column = column,
        .words = true};
    struct template *template = template_parse(&source, r->why);
    word->seen_file = r->file;
    word->seen_line = r->line;
    if (template && r->use != LANGUAGE_CHECK) {
        template_free(word->template);
        word->file = r->file;
        word->line = r->line;
        word->template = template;
        word->text = arena_strndup(&r->language->arena, text.from, source.len);
        if (r->use == LANGUAGE_BASE)
            word->english = word->text;
    } else {
        template_free(template);
    }
}

static void read_line(struct reader *r, const char *from, const char *to)
{
    struct span line = trim_blanks(from, to);
    if (line.from == line.to || *line.from == '#')
        return;
    size_t column = (size_t)(line.from - from) + 1;
    const char *equals = memchr(line.from, '=', (size_t)(line.to - line.from));
    struct span name = trim_blanks(line.from, equals ? equals : line.to);
    if (!equals || !template_name_valid(name.from, (size_t)(name.to - name.from))) {
        line_fault(r, column,
            "KEY=TEXT is missing here: a key is letters, digits, \"_\" and \"-\", joined by dots");
        return;
    }
    struct span text = trim_blanks(equals + 1, line.to);
    const char *key = arena_strndup(&r->language->arena, name.from, (size_t)(name.to - name.from));
    struct word *word = key ? word_of(r, key, column) : NULL;
    if (word)
        take_word(r, word, text, (size_t)(text.from - from) + 1);
}

void language_read(struct language *language, enum language_use use, const char *file,
    const char *text, size_t len, struct buf *why)
{
    struct reader reader = {.language = language, .use = use, .file = file, .why = why};
    for (const char *at = text, *end = text + len; at < end;) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        reader.line++;
        read_line(&reader, at, stop ? stop : end);
        at = stop ? stop + 1 : end;
    }
    if (language->arena.failed)
        template_fault(why, "%s: out of memory", file);
}

void language_free(struct language *language)
{
    for (struct word *word = language->first; word; word = word->next)
        template_free(word->template);
    arena_free(&language->arena);
    *language = (struct language){0};
}
