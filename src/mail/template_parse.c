/* From a source to nodes. Contract: mail/template.h, mail/template_node.h. */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <glib.h>

#include "mail/fault.h"
#include "mail/template_node.h"

#define BLANKS     " \t"
#define NAME_CHARS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-."

enum { SHOWN_MAX = 40, FIRST_NODES = 32 };

struct parser {
    struct template *template;
    const char *at, *end; /* what is not read yet */
    bool fresh_line;      /* nothing of the line at `at` became a node yet */
    size_t open[TEMPLATE_DEPTH_MAX];
    size_t depth;
    struct buf *why;
};

struct tag {
    const char *start, *end; /* `end` is behind its braces */
    char sigil;              /* '\0': a value */
    const char *name;
    size_t len;
};

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

__attribute__((format(printf, 3, 4))) static bool fault(
    struct parser *p, const char *at, const char *format, ...)
{
    va_list args;
    fault_begin(p->why);
    template_place(p->template, (size_t)(at - p->template->text), p->why);
    buf_puts(p->why, ": ");
    va_start(args, format);
    buf_vprintf(p->why, format, args);
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
static void add_text(struct parser *p, const char *from, const char *to)
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

/* A line that begins with a tag has an empty text before it. */
static void begin_line(struct parser *p, const char *at)
{
    struct node *node = p->fresh_line ? add_node(p, NODE_TEXT, at) : NULL;
    if (!node)
        return;
    node->begins_line = true;
    node->text = at;
    p->fresh_line = false;
}

static void add_name(struct parser *p, struct node *node, const struct tag *tag)
{
    struct arena *arena = &p->template->arena;
    node->name = arena_strndup(arena, tag->name, tag->len);
    char *path = arena_alloc(arena, tag->len + 2);
    node->path = path;
    if (!path)
        return;
    memcpy(path, tag->name, tag->len);
    for (char *dot = path; (dot = strchr(dot, '.')) != NULL;)
        *dot++ = '\0';
}

/* ---- tags ---- */

static const char *find(const char *from, const char *end, const char *what)
{
    return memmem(from, (size_t)(end - from), what, strlen(what));
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static void trim(struct tag *tag)
{
    while (tag->len && is_space(*tag->name)) {
        tag->name++;
        tag->len--;
    }
    while (tag->len && is_space(tag->name[tag->len - 1]))
        tag->len--;
}

/* Letters, digits, "_" and "-", joined by single dots; or one dot, for a value or a section. */
static bool name_valid(const struct tag *tag)
{
    if (tag->len == 1 && *tag->name == '.')
        return tag->sigil != '>';
    char before = '.';
    for (size_t i = 0; i < tag->len; before = tag->name[i++])
        if (!strchr(NAME_CHARS, tag->name[i]) || (tag->name[i] == '.' && before == '.'))
            return false;
    return before != '.';
}

static bool check_name(struct parser *p, const struct tag *tag)
{
    if (tag->sigil == '!')
        return true;
    if (tag->sigil == '=')
        return fault(p, tag->start, "the delimiters cannot be changed: they are {{ and }}");
    if (tag->len == 0)
        return fault(p, tag->start,
            "the tag has no name: {{name}}, {{#name}}, {{^name}}, {{/name}} and {{>name}} have");
    if (find(tag->name, tag->name + tag->len, "{{"))
        return fault(p, tag->start, "the tag is not closed before the next one: }} is missing");
    if (!name_valid(tag))
        return fault(p, tag->start,
            "\"%.*s\" is no name: letters, digits, \"_\" and \"-\" are, joined by single dots",
            shown(tag->name, tag->len), tag->name);
    return true;
}

static bool read_tag(struct parser *p, const char *start, struct tag *tag)
{
    const char *inner = start + 2;
    bool triple = inner < p->end && *inner == '{';
    const char *closing = triple ? "}}}" : "}}";
    const char *close = find(inner, p->end, closing);
    if (!close)
        return fault(p, start, "the tag is not closed: %s is missing", closing);
    *tag = (struct tag){.start = start, .end = close + strlen(closing)};
    if (strchr("{&#^/!>=", *inner))
        tag->sigil = *inner++;
    tag->name = inner;
    tag->len = (size_t)(close - inner);
    if (tag->sigil != '!')
        trim(tag);
    return check_name(p, tag);
}

static bool is_word(const struct tag *tag)
{
    size_t len = strlen(TEMPLATE_WORD);
    return tag->sigil == '>' && tag->len > len && memcmp(tag->name, TEMPLATE_WORD, len) == 0;
}

/* What of the source a tag takes away: itself, or all of its line where it stands there alone. */
struct extent {
    const char *from, *to;
    bool alone;
};

static struct extent extent_of(const struct parser *p, const struct tag *tag)
{
    struct extent itself = {tag->start, tag->end, false};
    if (!tag->sigil || strchr("{&", tag->sigil) || is_word(tag))
        return itself;
    const char *from = tag->start, *to = tag->end;
    while (from > p->template->text && strchr(BLANKS, from[-1]))
        from--;
    if (from > p->template->text && from[-1] != '\n')
        return itself;
    while (to < p->end && strchr(BLANKS, *to))
        to++;
    if (p->end - to >= 2 && to[0] == '\r' && to[1] == '\n')
        to++;
    if (to < p->end && *to != '\n')
        return itself;
    return (struct extent){from, to < p->end ? to + 1 : to, true};
}

static bool open_section(struct parser *p, const struct tag *tag)
{
    if (p->depth == TEMPLATE_DEPTH_MAX)
        return fault(p, tag->start, "sections nest deeper than %d here", TEMPLATE_DEPTH_MAX);
    p->open[p->depth++] = p->template->count - 1;
    return true;
}

static bool close_section(struct parser *p, const struct tag *tag)
{
    if (p->depth == 0)
        return fault(p, tag->start, "{{/%.*s}} closes nothing: no section is open here",
            (int)tag->len, tag->name);
    struct node *node = &p->template->nodes[p->open[p->depth - 1]];
    if (strlen(node->name) == tag->len && memcmp(node->name, tag->name, tag->len) == 0) {
        node->next = p->template->count;
        p->depth--;
        return true;
    }
    fault(p, tag->start, "{{/%s}} is missing before {{/%.*s}}: that section was opened at ",
        node->name, (int)tag->len, tag->name);
    template_place(p->template, node->at, p->why);
    return false;
}

static bool add_tag(struct parser *p, const struct tag *tag)
{
    static const struct {
        char sigil;
        enum node_kind kind;
    } kinds[] = {{'\0', NODE_VALUE}, {'{', NODE_RAW}, {'&', NODE_RAW}, {'#', NODE_SECTION},
        {'^', NODE_INVERTED}, {'>', NODE_PARTIAL}};
    if (tag->sigil == '!')
        return true;
    if (tag->sigil == '/')
        return close_section(p, tag);
    size_t i = 0;
    while (kinds[i].sigil != tag->sigil)
        i++;
    struct node *node = add_node(p, kinds[i].kind, tag->start);
    if (!node)
        return false;
    add_name(p, node, tag);
    bool section = node->kind == NODE_SECTION || node->kind == NODE_INVERTED;
    return !section || open_section(p, tag);
}

static bool take_tag(struct parser *p, const char *start)
{
    struct tag tag = {0};
    if (!read_tag(p, start, &tag))
        return false;
    struct extent extent = extent_of(p, &tag);
    add_text(p, p->at, extent.from);
    if (!extent.alone)
        begin_line(p, start);
    if (!add_tag(p, &tag))
        return false;
    if (extent.alone && tag.sigil == '>') {
        struct node *node = &p->template->nodes[p->template->count - 1];
        node->alone = true;
        node->text = extent.from;
        node->len = (size_t)(start - extent.from);
    }
    p->at = extent.to;
    return true;
}

/* ---- the whole ---- */

static bool check_bytes(struct parser *p)
{
    const char *bad = p->at;
    if (p->end - p->at > TEMPLATE_SOURCE_MAX)
        return fault(p, p->at, "it is longer than %d bytes", TEMPLATE_SOURCE_MAX);
    for (; bad < p->end; bad++)
        if ((unsigned char)*bad < ' ' && !is_space(*bad))
            return fault(p, bad, "the control character 0x%02x does not belong in a text",
                (unsigned)(unsigned char)*bad);
    if (!g_utf8_validate(p->at, p->end - p->at, &bad))
        return fault(p, bad, "the byte 0x%02x is not UTF-8: save the file in that encoding",
            (unsigned)(unsigned char)*bad);
    return true;
}

static bool parse(struct parser *p)
{
    if (!check_bytes(p))
        return false;
    const char *start;
    while ((start = find(p->at, p->end, "{{")) != NULL)
        if (!take_tag(p, start))
            return false;
    add_text(p, p->at, p->end);
    if (p->depth == 0)
        return true;
    const struct node *node = &p->template->nodes[p->open[p->depth - 1]];
    return fault(p, p->template->text + node->at, "{{%c%s}} is not closed: {{/%s}} is missing",
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
    bool ok = t && !t->arena.failed;
    if (ok) {
        p.end = p.at + t->len;
        ok = parse(&p);
    }
    if (!t || t->arena.failed)
        fault_add(why, "%s: out of memory", source->file);
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

void template_each_partial(const struct template *template,
    void (*see)(void *context, const char *name, const char *place), void *context)
{
    for (size_t i = 0; i < template->count; i++) {
        const struct node *node = &template->nodes[i];
        if (node->kind != NODE_PARTIAL)
            continue;
        struct buf place = {0};
        template_place(template, node->at, &place);
        see(context, node->name, buf_text(&place));
        buf_free(&place);
    }
}
