/* From nodes and a context to text. Contract: mail/template.h. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mail/escape.h"
#include "mail/fault.h"
#include "mail/template_node.h"

struct renderer {
    const struct template *template; /* the one at work: a partial takes the place of its user */
    enum template_escape escape;
    const struct value *stack[TEMPLATE_DEPTH_MAX + 1]; /* contexts, the innermost last */
    size_t height;
    size_t depth; /* sections and partials that are open */
    size_t steps;
    struct buf indent; /* of all partials that are open */
    size_t indent_from;
    struct buf *out;
    size_t before; /* what was in `out` already */
    struct buf *why;
};

static bool render_nodes(struct renderer *r, size_t from, size_t to);

/* ---- values ---- */

/* The innermost context that knows the first part decides; the other parts are looked up in it. */
static const struct value *look_up(const struct renderer *r, const struct value_name *path)
{
    const struct value *found = NULL;
    if (!path->text) /* {{.}} */
        return r->stack[r->height - 1];
    for (size_t i = r->height; i-- > 0 && !found;)
        found = value_get(r->stack[i], *path);
    for (path++; path->text && found; path++)
        found = value_get(found, *path);
    return found;
}

static bool is_true(const struct value *value)
{
    if (!value)
        return false;
    switch (value->kind) {
    case VALUE_NULL:
    case VALUE_FALSE:
        return false;
    case VALUE_TEXT:
        return *value->text != '\0';
    case VALUE_NUMBER:
        return value->number != 0 && !isnan(value->number);
    case VALUE_LIST:
        return value->first;
    case VALUE_TRUE:
    case VALUE_OBJECT:
        break;
    }
    return true;
}

/* The fewest digits that mean the same number. */
static void add_number(double number, struct buf *out)
{
    char text[32];
    if (!isfinite(number))
        return;
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, number == 0 ? 0.0 : number);
        double read = strtod(text, NULL);
        if (read >= number && read <= number)
            break;
    }
    buf_puts(out, text);
}

/* A line is folded at its end, whole. */
static void add_escaped(struct renderer *r, const char *text, size_t len)
{
    if (r->escape == ESCAPE_HTML)
        escape_html(text, len, r->out);
    else if (r->escape == ESCAPE_TEXT)
        escape_text(text, len, r->out);
    else
        buf_add(r->out, text, len);
}

static void render_value(struct renderer *r, const struct node *node)
{
    const struct value *value = look_up(r, node->path);
    if (!value)
        return;
    if (value->kind == VALUE_NUMBER)
        add_number(value->number, r->out);
    else if (value->kind == VALUE_TRUE || value->kind == VALUE_FALSE)
        buf_puts(r->out, value->kind == VALUE_TRUE ? "true" : "false");
    else if (value->kind == VALUE_TEXT && node->kind == NODE_RAW)
        buf_puts(r->out, value->text);
    else if (value->kind == VALUE_TEXT)
        add_escaped(r, value->text, strlen(value->text));
}

/* ---- texts ---- */

static bool is_line_end(const char *text, size_t len)
{
    return (len == 1 && text[0] == '\n') || (len == 2 && text[0] == '\r' && text[1] == '\n');
}

/* An empty line stays empty. */
static void add_indent(struct renderer *r, const struct node *node)
{
    if (r->indent.len && node->begins_line && !is_line_end(node->text, node->len))
        buf_add(r->out, r->indent.data + r->indent_from, r->indent.len - r->indent_from);
}

static void render_text(struct renderer *r, const struct node *node)
{
    add_indent(r, node);
    if (r->template->words)
        add_escaped(r, node->text, node->len);
    else
        buf_add(r->out, node->text, node->len);
}

/* ---- sections and partials ---- */

static bool fault(struct renderer *r, const struct node *node, const char *what, int bound)
{
    fault_begin(r->why);
    template_place(r->template, node->at, r->why);
    buf_printf(r->why, ": %s %d", what, bound);
    return false;
}

static bool enter(struct renderer *r, const struct node *node)
{
    if (r->depth == TEMPLATE_DEPTH_MAX)
        return fault(r, node,
            "a partial includes itself without end, or sections and partials nest deeper than",
            TEMPLATE_DEPTH_MAX);
    r->depth++;
    return true;
}

static bool render_with(struct renderer *r, const struct value *context, size_t from, size_t to)
{
    r->steps++; /* an empty section in a long list takes time too */
    r->stack[r->height++] = context;
    bool ok = render_nodes(r, from, to);
    r->height--;
    return ok;
}

static bool render_section(struct renderer *r, const struct node *node)
{
    const struct value *value = look_up(r, node->path);
    if (is_true(value) != (node->kind == NODE_SECTION))
        return true;
    if (!enter(r, node))
        return false;
    size_t from = (size_t)(node - r->template->nodes) + 1;
    bool ok = true;
    if (node->kind == NODE_INVERTED)
        ok = render_nodes(r, from, node->next);
    else if (value->kind != VALUE_LIST)
        ok = render_with(r, value, from, node->next);
    else
        for (const struct value *item = value->first; item && ok; item = item->next)
            ok = render_with(r, item, from, node->next);
    r->depth--;
    return ok;
}

/* Alone in its line it is indented by what stood before it; else its lines are not indented. */
static bool render_partial(struct renderer *r, const struct node *node)
{
    const struct template *outer = r->template, *partial = node->partial;
    if (!partial)
        return true;
    if (!enter(r, node))
        return false;
    size_t indented = r->indent.len, indent_from = r->indent_from;
    if (node->len)
        buf_add(&r->indent, node->text, node->len);
    if (!node->alone)
        r->indent_from = r->indent.len;
    r->template = partial;
    bool ok = render_nodes(r, 0, partial->count);
    r->template = outer;
    r->indent_from = indent_from;
    r->indent.len = indented;
    r->depth--;
    return ok;
}

/* ---- the whole ---- */

static bool render_node(struct renderer *r, const struct node *node)
{
    bool ok = true;
    if (++r->steps > TEMPLATE_STEPS_MAX)
        return fault(
            r, node, "the sections repeat too much: steps are more than", TEMPLATE_STEPS_MAX);
    switch (node->kind) {
    case NODE_TEXT:
        render_text(r, node);
        break;
    case NODE_VALUE:
    case NODE_RAW:
        render_value(r, node);
        break;
    case NODE_SECTION:
    case NODE_INVERTED:
        ok = render_section(r, node);
        break;
    case NODE_PARTIAL:
        ok = render_partial(r, node);
    }
    if (ok && r->out->len - r->before > TEMPLATE_OUTPUT_MAX)
        return fault(r, node, "the result has more bytes than", TEMPLATE_OUTPUT_MAX);
    return ok;
}

static bool render_nodes(struct renderer *r, size_t from, size_t to)
{
    while (from < to) {
        const struct node *node = &r->template->nodes[from];
        if (!render_node(r, node))
            return false;
        from = node->next;
    }
    return true;
}

/* Into `out`, where a fault leaves a part. */
static bool render(const struct template *template, const struct value *context,
    enum template_escape escape, struct buf *out, struct buf *why)
{
    struct renderer r;
    r.template = template;
    r.escape = escape;
    r.height = r.depth = r.steps = r.indent_from = 0;
    r.indent = (struct buf){0};
    r.out = out;
    r.before = out->len;
    r.why = why;
    bool ok = render_with(&r, context, 0, template->count);
    out->failed |= r.indent.failed;
    if (ok && out->failed)
        fault_add(why, "%s: out of memory", template->file);
    buf_free(&r.indent);
    return ok && !out->failed;
}

static void take_back(struct buf *out, size_t len)
{
    if (out->len <= len)
        return;
    out->len = len;
    out->data[len] = '\0';
}

bool template_render(const struct template *template, const struct value *context,
    enum template_escape escape, struct buf *out, struct buf *why)
{
    size_t before = out->len;
    bool ok = render(template, context, escape, out, why);
    if (!ok)
        take_back(out, before);
    else if (escape == ESCAPE_LINE)
        escape_line(out, before);
    return ok;
}
