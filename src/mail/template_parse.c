/* From a source to nodes. Contract: mail/template.h, mail/template_node.h. */
#include <stdlib.h>
#include <string.h>

#include <glib.h>

#include "mail/fault.h"
#include "mail/template_node.h"
#include "mail/template_tag.h"

enum { FIRST_NODES = 8 };

struct parser {
    struct template *template;
    const char *at;  /* what is not read yet */
    bool fresh_line; /* nothing of the line at `at` became a node yet */
    size_t open[TEMPLATE_DEPTH_MAX];
    size_t depth;
    struct buf *why;
};

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
    char *text = arena_strndup(arena, tag->name, tag->len);
    struct value_name *path = arena_alloc(arena, (tag->len + 2) * sizeof *path);
    node->path = path;
    if (!text || !path)
        return;
    for (char *part; (part = strsep(&text, ".")) != NULL;)
        if (*part) /* "." itself has no part */
            *path++ = value_name(part);
}

static bool open_section(struct parser *p, const struct tag *tag)
{
    if (p->depth == TEMPLATE_DEPTH_MAX)
        return tag_fault(p->template, tag->start, p->why, "sections nest deeper than %d here",
            TEMPLATE_DEPTH_MAX);
    p->open[p->depth++] = p->template->count - 1;
    return true;
}

static bool close_section(struct parser *p, const struct tag *tag)
{
    if (p->depth == 0)
        return tag_fault(p->template, tag->start, p->why,
            "{{/%.*s}} closes nothing: no section is open here", (int)tag->len, tag->name);
    struct node *node = &p->template->nodes[p->open[p->depth - 1]];
    if (strlen(node->name) == tag->len && memcmp(node->name, tag->name, tag->len) == 0) {
        node->next = p->template->count;
        p->depth--;
        return true;
    }
    tag_fault(p->template, tag->start, p->why,
        "{{/%s}} is missing before {{/%.*s}}: that section was opened at ", node->name,
        (int)tag->len, tag->name);
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
    if (p->template->arena.failed)
        return false;
    if (node->kind == NODE_PARTIAL && tag->alone) {
        node->alone = true;
        node->text = tag->from;
        node->len = (size_t)(tag->start - tag->from);
    }
    bool section = node->kind == NODE_SECTION || node->kind == NODE_INVERTED;
    return !section || open_section(p, tag);
}

static bool take_tag(struct parser *p, const char *start)
{
    struct tag tag;
    if (!tag_read(p->template, start, &tag, p->why))
        return false;
    add_text(p, p->at, tag.from);
    if (!tag.alone)
        begin_line(p, start);
    p->at = tag.to;
    return add_tag(p, &tag);
}

/* ---- the whole ---- */

static bool check_bytes(const struct template *t, struct buf *why)
{
    if (t->len > TEMPLATE_SOURCE_MAX)
        return tag_fault(t, t->text, why, "it is longer than %d bytes", TEMPLATE_SOURCE_MAX);
    const char *end = t->text + t->len, *bad = t->text;
    for (; bad < end; bad++)
        if ((unsigned char)*bad < ' ' && (!*bad || !strchr("\t\n\r", *bad)))
            return tag_fault(t, bad, why, "the control character 0x%02x does not belong in a text",
                (unsigned)(unsigned char)*bad);
    if (!g_utf8_validate(t->text, (gssize)t->len, &bad))
        return tag_fault(t, bad, why,
            "the byte 0x%02x is not UTF-8: save the file in that encoding",
            (unsigned)(unsigned char)*bad);
    return true;
}

static bool parse(struct parser *p)
{
    struct template *t = p->template;
    if (!check_bytes(t, p->why))
        return false;
    const char *start;
    while ((start = tag_find(t, p->at)) != NULL)
        if (!take_tag(p, start))
            return false;
    add_text(p, p->at, t->text + t->len);
    if (p->depth == 0)
        return true;
    const struct node *node = &t->nodes[p->open[p->depth - 1]];
    return tag_fault(t, t->text + node->at, p->why, "{{%c%s}} is not closed: {{/%s}} is missing",
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
    bool ok = t && !t->arena.failed && parse(&p);
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

void template_link(struct template *template, const struct template_partials *partials)
{
    for (size_t i = 0; i < template->count; i++) {
        struct node *node = &template->nodes[i];
        if (node->kind == NODE_PARTIAL)
            node->partial = partials->find(partials->context, node->name);
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
        template_place(template, node->at, &place);
        see(context, node->name, buf_text(&place));
        buf_free(&place);
    }
}
