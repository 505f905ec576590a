/* From nodes and a context to text. Contract: mail/template.h. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mail/escape.h"
#include "mail/template_node.h"

struct renderer {
    const struct template *template; /* the one being rendered: the innermost partial */
    enum template_escape escape;
    const struct value *stack[TEMPLATE_DEPTH_MAX + 1]; /* contexts, the innermost last */
    size_t height;
    size_t depth; /* sections and partials that are open */
    size_t steps;
    struct buf indent; /* of all partials that are open */
    size_t indent_from;
    struct buf *out;
    size_t before; /* length of `out` at the start */
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
static void add_double(double number, struct buf *out)
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

/* A line is escaped at the end, with all of its text: template_render. */
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
        add_double(value->number, r->out);
    else if (value->kind == VALUE_TRUE || value->kind == VALUE_FALSE)
        buf_puts(r->out, value->kind == VALUE_TRUE ? "true" : "false");
    else if (value->kind == VALUE_TEXT && node->kind == NODE_RAW)
        buf_puts(r->out, value->text);
    else if (value->kind == VALUE_TEXT)
        add_escaped(r, value->text, strlen(value->text));
}

/* ---- texts ---- */

static void render_text(struct renderer *r, const struct node *node)
{
    const char *text = node->text;
    bool empty = (node->len == 1 && text[0] == '\n') ||
                 (node->len == 2 && text[0] == '\r' && text[1] == '\n');
    if (r->indent.len && node->begins_line && !empty)
        buf_add(r->out, r->indent.data + r->indent_from, r->indent.len - r->indent_from);
    if (r->template->words)
        add_escaped(r, text, node->len);
    else
        buf_add(r->out, text, node->len);
}

/* ---- sections and partials ---- */

static bool go_deeper(struct renderer *r, const struct node *node)
{
    if (r->depth == TEMPLATE_DEPTH_MAX)
        return template_fault_at(r->template, node->at, r->why,
            "a partial includes itself without end, or sections and partials nest deeper than %d",
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
    if (!go_deeper(r, node))
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

/* Alone in its line it is indented by the blanks before it; else its lines are not indented. */
static bool render_partial(struct renderer *r, const struct node *node)
{
    const struct template *outer = r->template, *partial = node->partial;
    if (!partial)
        return true;
    if (!go_deeper(r, node))
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

/* ---- all nodes ---- */

static bool render_node(struct renderer *r, const struct node *node)
{
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
        return render_section(r, node);
    case NODE_PARTIAL:
        return render_partial(r, node);
    }
    return true;
}

static bool render_nodes(struct renderer *r, size_t from, size_t to)
{
    for (size_t at = from; at < to; at = r->template->nodes[at].next) {
        const struct node *node = &r->template->nodes[at];
        if (++r->steps > TEMPLATE_STEPS_MAX)
            return template_fault_at(r->template, node->at, r->why,
                "the sections repeat too much: steps are more than %d", TEMPLATE_STEPS_MAX);
        if (!render_node(r, node))
            return false;
        if (r->out->len - r->before > TEMPLATE_OUTPUT_MAX)
            return template_fault_at(r->template, node->at, r->why,
                "the result has more bytes than %d", TEMPLATE_OUTPUT_MAX);
    }
    return true;
}

bool template_render(const struct template *template, const struct value *context,
    enum template_escape escape, struct buf *out, struct buf *why)
{
    struct renderer r = {
        .template = template, .escape = escape, .out = out, .before = out->len, .why = why};
    bool ok = render_with(&r, context, 0, template->count);
    out->failed |= r.indent.failed;
    buf_free(&r.indent);
    if (ok && out->failed)
        template_fault(why, "%s: out of memory", template->file);
    ok = ok && !out->failed;
    if (ok && escape == ESCAPE_LINE)
        escape_line(out, r.before);
    if (!ok && out->len > r.before) { /* a part of the result */
        out->len = r.before;
        out->data[out->len] = '\0';
    }
    return ok;
}
