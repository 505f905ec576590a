/* From a source to nodes. Contract: mail/template.h, mail/template_node.h. */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <glib.h>

#include "mail/template_node.h"

enum { FIRST_NODES = 8, SHOWN_MAX = 40 };

#define OPENING "{{"

/* `from` to `to`: the tag, or where it is alone, all of its line with the line end. */
struct tag {
    const char *start, *from, *to;
    bool alone;
    char sigil; /* one of { & # ^ / ! >, or '\0': a value */
    const char *name;
    size_t len;
};

struct parser {
    struct template *template;
    const char *at;  /* what is not read yet */
    bool fresh_line; /* nothing of the line at `at` became a node yet */
    size_t open[TEMPLATE_DEPTH_MAX];
    size_t depth;
    struct buf *why;
};

/* ---- faults ---- */

static void next_line(struct buf *why)
{
    if (why->len)
        buf_putc(why, '\n');
}

void template_fault(struct buf *why, const char *format, ...)
{
    va_list args;
    next_line(why);
    va_start(args, format);
    buf_vprintf(why, format, args);
    va_end(args);
}

/* Appends "FILE:LINE:COLUMN" of an offset in the source. */
static void print_place(const struct template *template, size_t at, struct buf *out)
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

bool template_fault_at(
    const struct template *template, size_t at, struct buf *why, const char *format, ...)
{
    va_list args;
    next_line(why);
    print_place(template, at, why);
    buf_puts(why, ": ");
    va_start(args, format);
    buf_vprintf(why, format, args);
    va_end(args);
    return false;
}

/* ---- tags ---- */

bool template_name_valid(const char *name, size_t len)
{
    static const char chars[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-.";
    char before = '.';
    for (size_t i = 0; i < len; before = name[i++])
        if (!memchr(chars, name[i], strlen(chars)) || (name[i] == '.' && before == '.'))
            return false;
    return before != '.';
}

static const char *find_text(const char *from, const char *end, const char *what)
{
    return memmem(from, (size_t)(end - from), what, strlen(what));
}

/* How many bytes of it a message shows: one line at most, and complete characters. */
static int shown(const char *text, size_t len)
{
    size_t end = 0;
    while (end < len && end < SHOWN_MAX && text[end] != '\n' && text[end] != '\r')
        end++;
    while (end > 0 && end < len && ((unsigned char)text[end] & 0xc0) == 0x80)
        end--;
    return (int)end;
}

static bool check_name(const struct template *t, const struct tag *tag, struct buf *why)
{
    size_t at = (size_t)(tag->start - t->text);
    bool itself = tag->len == 1 && *tag->name == '.' && tag->sigil != '>';
    if (tag->sigil == '=')
        return template_fault_at(
            t, at, why, "the delimiters cannot be changed: they are {{ and }}");
    if (tag->len == 0)
        return template_fault_at(t, at, why,
            "the tag has no name: {{name}}, {{#name}}, {{^name}}, {{/name}} and {{>name}} have");
    if (find_text(tag->name, tag->name + tag->len, OPENING))
        return template_fault_at(
            t, at, why, "the tag is not closed before the next one: }} is missing");
    if (!itself && !template_name_valid(tag->name, tag->len))
        return template_fault_at(t, at, why,
            "\"%.*s\" is no name: letters, digits, \"_\" and \"-\" are, joined by single dots",
            shown(tag->name, tag->len), tag->name);
    return true;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* A tag that is alone in its line takes the line away with it; values and words do not. */
static void take_line(const struct template *t, struct tag *tag)
{
    const char *from = tag->from, *to = tag->to, *end = t->text + t->len;
    size_t prefix = strlen(TEMPLATE_WORD);
    bool word =
        tag->sigil == '>' && tag->len > prefix && memcmp(tag->name, TEMPLATE_WORD, prefix) == 0;
    if (!tag->sigil || strchr("{&", tag->sigil) || word)
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

/* Reads the tag that begins at `start`. */
static bool read_tag(const struct template *t, const char *start, struct tag *tag, struct buf *why)
{
    const char *inner = start + strlen(OPENING), *end = t->text + t->len;
    const char *closing = inner < end && *inner == '{' ? "}}}" : "}}";
    const char *close = find_text(inner, end, closing);
    if (!close)
        return template_fault_at(
            t, (size_t)(start - t->text), why, "the tag is not closed: %s is missing", closing);
    *tag = (struct tag){.start = start, .from = start, .to = close + strlen(closing)};
    if (strchr("{&#^/!>=", *inner))
        tag->sigil = *inner++;
    tag->name = inner;
    tag->len = (size_t)(close - inner);
    if (tag->sigil != '!') {
        for (; tag->len && strchr(" \t\r\n", *tag->name); tag->len--)
            tag->name++;
        while (tag->len && strchr(" \t\r\n", tag->name[tag->len - 1]))
            tag->len--;
        if (!check_name(t, tag, why))
            return false;
    }
    take_line(t, tag);
    return true;
}

/* ---- nodes ---- */

static struct node *add_node(struct parser *p, enum node_kind kind, const char *at)
{
    struct template *t = p->template;
    if (t->count == t->room) {
        size_t room = t->room ? 2 * t->room : FIRST_NODES;
        struct node *nodes = reallocarray(t->nodes, room, sizeof *nodes);
        if (!nodes) {
            t->arena.failed = true;
            return NULL;
        }
        t->nodes = nodes;
        t->room = room;
    }
    struct node *node = &t->nodes[t->count++];
    *node = (struct node){.kind = kind, .at = (size_t)(at - t->text), .next = t->count};
    return node;
}

/* A node for each line, so that each can be indented. */
static void add_lines(struct parser *p, const char *from, const char *to)
{
    while (from < to) {
        const char *line_end = memchr(from, '\n', (size_t)(to - from));
        const char *stop = line_end ? line_end + 1 : to;
        struct node *node = add_node(p, NODE_TEXT, from);
        if (!node)
            return;
        node->begins_line = p->fresh_line;
        node->text = from;
        node->len = (size_t)(stop - from);
        p->fresh_line = line_end != NULL;
        from = stop;
    }
}

static void add_path(struct parser *p, struct node *node, const struct tag *tag)
{
    struct arena *arena = &p->template->arena;
    node->name = arena_strndup(arena, tag->name, tag->len);
    char *text = arena_strndup(arena, tag->name, tag->len);
    struct value_name *path = arena_alloc(arena, (tag->len + 2) * sizeof *path);
    node->path = path;
    if (!text || !path)
        return;
    for (char *part; (part = strsep(&text, ".")) != NULL;)
        if (*part) /* "." itself has no part */
            *path++ = value_name(part);
}

static bool close_section(struct parser *p, const struct tag *tag)
{
    size_t at = (size_t)(tag->start - p->template->text);
    if (p->depth == 0)
        return template_fault_at(p->template, at, p->why,
            "{{/%.*s}} closes nothing: no section is open here", (int)tag->len, tag->name);
    struct node *node = &p->template->nodes[p->open[p->depth - 1]];
    if (strlen(node->name) == tag->len && memcmp(node->name, tag->name, tag->len) == 0) {
        node->next = p->template->count;
        p->depth--;
        return true;
    }
    template_fault_at(p->template, at, p->why,
        "{{/%s}} is missing before {{/%.*s}}: that section was opened at ", node->name,
        (int)tag->len, tag->name);
    print_place(p->template, node->at, p->why);
    return false;
}

/* The node of a tag that leaves one. */
static bool add_tag(struct parser *p, const struct tag *tag)
{
    static const struct {
        char sigil;
        enum node_kind kind;
    } kinds[] = {{'\0', NODE_VALUE}, {'{', NODE_RAW}, {'&', NODE_RAW}, {'#', NODE_SECTION},
        {'^', NODE_INVERTED}, {'>', NODE_PARTIAL}};
    size_t i = 0;
    while (kinds[i].sigil != tag->sigil)
        i++;
    struct node *node = add_node(p, kinds[i].kind, tag->start);
    if (!node)
        return false;
    add_path(p, node, tag);
    if (p->template->arena.failed)
        return false;
    if (node->kind == NODE_PARTIAL && tag->alone) {
        node->alone = true;
        node->text = tag->from;
        node->len = (size_t)(tag->start - tag->from);
    }
    if (node->kind != NODE_SECTION && node->kind != NODE_INVERTED)
        return true;
    if (p->depth == TEMPLATE_DEPTH_MAX)
        return template_fault_at(
            p->template, node->at, p->why, "sections nest deeper than %d here", TEMPLATE_DEPTH_MAX);
    p->open[p->depth++] = p->template->count - 1;
    return true;
}

static bool take_tag(struct parser *p, const char *start)
{
    struct tag tag = {0};
    if (!read_tag(p->template, start, &tag, p->why))
        return false;
    add_lines(p, p->at, tag.from);
    if (!tag.alone && p->fresh_line) {
        /* a line that begins with a tag has an empty text before it, for its indentation */
        struct node *node = add_node(p, NODE_TEXT, start);
        if (!node)
            return false;
        node->begins_line = true;
        node->text = start;
        p->fresh_line = false;
    }
    p->at = tag.to;
    if (tag.sigil == '/')
        return close_section(p, &tag);
    return tag.sigil == '!' || add_tag(p, &tag);
}

/* ---- the source ---- */

static bool check_bytes(const struct template *t, struct buf *why)
{
    if (t->len > TEMPLATE_SOURCE_MAX)
        return template_fault_at(t, 0, why, "it is longer than %d bytes", TEMPLATE_SOURCE_MAX);
    const char *end = t->text + t->len, *bad = t->text;
    for (; bad < end; bad++)
        if ((unsigned char)*bad < ' ' && (!*bad || !strchr("\t\n\r", *bad)))
            return template_fault_at(t, (size_t)(bad - t->text), why,
                "the control character 0x%02x does not belong in a text",
                (unsigned)(unsigned char)*bad);
    if (!g_utf8_validate(t->text, (gssize)t->len, &bad))
        return template_fault_at(t, (size_t)(bad - t->text), why,
            "the byte 0x%02x is not UTF-8: save the file in that encoding",
            (unsigned)(unsigned char)*bad);
    return true;
}

static bool parse_source(struct parser *p)
{
    struct template *t = p->template;
    const char *end = t->text + t->len, *start;
    if (!check_bytes(t, p->why))
        return false;
    while ((start = find_text(p->at, end, OPENING)) != NULL)
        if (!take_tag(p, start))
            return false;
    add_lines(p, p->at, end);
    if (p->depth == 0)
        return true;
    const struct node *node = &t->nodes[p->open[p->depth - 1]];
    return template_fault_at(t, node->at, p->why, "{{%c%s}} is not closed: {{/%s}} is missing",
        node->kind == NODE_SECTION ? '#' : '^', node->name, node->name);
}

struct template *template_parse(const struct template_source *source, struct buf *why)
{
    struct template *t = calloc(1, sizeof *t);
    struct parser p = {.template = t, .fresh_line = true, .why = why};
    if (t) {
        t->file = arena_strdup(&t->arena, source->file);
        t->text = p.at = arena_strndup(&t->arena, source->text, source->len);
        t->len = source->len;
        t->line = source->line ? source->line : 1;
        t->column = source->column ? source->column : 1;
        t->words = source->words;
    }
    bool ok = t && !t->arena.failed && parse_source(&p);
    if (!t || t->arena.failed)
        template_fault(why, "%s: out of memory", source->file);
    if (ok && !t->arena.failed)
        return t;
    template_free(t);
    return NULL;
}

void template_free(struct template *template)
{
    if (!template)
        return;
    arena_free(&template->arena);
    free(template->nodes);
    free(template);
}

void template_link(struct template *template,
    const struct template *(*find)(void *context, const char *name), void *context)
{
    for (size_t i = 0; i < template->count; i++) {
        struct node *node = &template->nodes[i];
        if (node->kind == NODE_PARTIAL)
            node->partial = find(context, node->name);
    }
}

void template_each_partial(const struct template *template,
    void (*see)(void *context, const char *name, const char *place), void *context)
{
    for (size_t i = 0; i < template->count; i++) {
        const struct node *node = &template->nodes[i];
        if (node->kind != NODE_PARTIAL)
            continue;
        struct buf place = {0};
        print_place(template, node->at, &place);
        see(context, node->name, buf_text(&place));
        buf_free(&place);
    }
}

void template_each_name(const struct template *template,
    void (*see)(void *context, const char *name, const char *place), void *context)
{
    for (size_t i = 0; i < template->count; i++) {
        const struct node *node = &template->nodes[i];
        if (node->kind == NODE_TEXT || node->kind == NODE_PARTIAL)
            continue;
        struct buf place = {0};
        print_place(template, node->at, &place);
        for (const struct value_name *part = node->path; part->text; part++)
            see(context, part->text, buf_text(&place));
        buf_free(&place);
    }
}
