/* From nodes and a context to text. Contract: mail/template.h. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "mail/escape.h"
#include "mail/fault.h"
#include "mail/template_node.h"

struct renderer {
    const struct template *template; /* the one at work: a partial takes the place of its user */
    enum template_escape escape;
    const struct template_partials *partials;
    const cJSON *stack[TEMPLATE_DEPTH_MAX + 1]; /* contexts, the innermost last */
    size_t height;
    size_t depth; /* sections and partials that are open */
    size_t steps;
    struct buf indent; /* of all partials that are open */
    size_t indent_from;
    struct buf out;
    struct buf *why;
};

static bool render_nodes(struct renderer *r, size_t from, size_t to);

/* ---- values ---- */

/* The innermost context that knows the first part decides; the other parts are looked up in it. */
static const cJSON *look_up(const struct renderer *r, const char *path)
{
    const cJSON *found = NULL;
    if (!*path) /* {{.}} */
        return r->stack[r->height - 1];
    for (size_t i = r->height; i-- > 0 && !found;)
        found = json_get(r->stack[i], path);
    for (path += strlen(path) + 1; *path && found; path += strlen(path) + 1)
        found = json_get(found, path);
    return found;
}

static bool is_true(const cJSON *value)
{
    if (!value || cJSON_IsNull(value) || cJSON_IsFalse(value))
        return false;
    if (cJSON_IsString(value))
        return *value->valuestring != '\0';
    if (cJSON_IsNumber(value))
        return value->valuedouble != 0 && !isnan(value->valuedouble);
    return !cJSON_IsArray(value) || value->child;
}

/* The fewest digits that mean the same number. */
static void add_number(double number, struct buf *out)
{
    char text[32];
    if (!isfinite(number))
        return;
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, number == 0 ? 0.0 : number);
        if (strtod(text, NULL) >= number && strtod(text, NULL) <= number)
            break;
    }
    buf_puts(out, text);
}

/* A line is folded at its end, whole. */
static void add_escaped(struct renderer *r, const char *text, size_t len)
{
    if (r->escape == ESCAPE_HTML)
        escape_html(text, len, &r->out);
    else if (r->escape == ESCAPE_TEXT)
        escape_text(text, len, &r->out);
    else
        buf_add(&r->out, text, len);
}

static void render_value(struct renderer *r, const struct node *node)
{
    const cJSON *value = look_up(r, node->path);
    if (cJSON_IsNumber(value))
        add_number(value->valuedouble, &r->out);
    else if (cJSON_IsBool(value))
        buf_puts(&r->out, cJSON_IsTrue(value) ? "true" : "false");
    else if (cJSON_IsString(value) && node->kind == NODE_RAW)
        buf_puts(&r->out, value->valuestring);
    else if (cJSON_IsString(value))
        add_escaped(r, value->valuestring, strlen(value->valuestring));
}

/* ---- texts ---- */

static bool is_line_end(const char *text, size_t len)
{
    return (len == 1 && text[0] == '\n') || (len == 2 && text[0] == '\r' && text[1] == '\n');
}

/* An empty line stays empty. */
static void render_text(struct renderer *r, const struct node *node)
{
    if (node->begins_line && !is_line_end(node->text, node->len) && r->indent.len)
        buf_add(&r->out, r->indent.data + r->indent_from, r->indent.len - r->indent_from);
    if (r->template->words)
        add_escaped(r, node->text, node->len);
    else
        buf_add(&r->out, node->text, node->len);
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

static bool render_with(struct renderer *r, const cJSON *context, size_t from, size_t to)
{
    r->steps++; /* an empty section in a long list takes time too */
    r->stack[r->height++] = context;
    bool ok = render_nodes(r, from, to);
    r->height--;
    return ok;
}

static bool render_section(struct renderer *r, const struct node *node)
{
    const cJSON *value = look_up(r, node->path), *item;
    if (is_true(value) != (node->kind == NODE_SECTION))
        return true;
    if (!enter(r, node))
        return false;
    size_t from = (size_t)(node - r->template->nodes) + 1;
    bool ok = true;
    if (node->kind == NODE_INVERTED)
        ok = render_nodes(r, from, node->next);
    else if (!cJSON_IsArray(value))
        ok = render_with(r, value, from, node->next);
    else
        for (item = value->child; item && ok; item = item->next)
            ok = render_with(r, item, from, node->next);
    r->depth--;
    return ok;
}

/* Alone in its line it is indented by what stood before it; else its lines are not indented. */
static bool render_partial(struct renderer *r, const struct node *node)
{
    const struct template *outer = r->template, *partial = NULL;
    if (r->partials)
        partial = r->partials->find(r->partials->context, node->name);
    if (!partial)
        return true;
    if (!enter(r, node))
        return false;
    size_t indented = r->indent.len, indent_from = r->indent_from;
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
        return render_section(r, node);
    case NODE_PARTIAL:
        return render_partial(r, node);
    }
    if (r->out.len > TEMPLATE_OUTPUT_MAX)
        return fault(r, node, "the result has more bytes than", TEMPLATE_OUTPUT_MAX);
    return true;
}

static bool render_nodes(struct renderer *r, size_t from, size_t to)
{
    const struct node *nodes = r->template->nodes;
    for (size_t i = from; i < to; i = nodes[i].next)
        if (!render_node(r, &nodes[i]))
            return false;
    return true;
}

bool template_render(const struct template *template, const cJSON *context,
    enum template_escape escape, const struct template_partials *partials, struct buf *out,
    struct buf *why)
{
    struct renderer r = {.template = template, .escape = escape, .partials = partials, .why = why};
    bool ok = render_with(&r, context, 0, template->count);
    size_t before = out->len;
    if (ok && escape == ESCAPE_LINE)
        escape_line(buf_text(&r.out), r.out.len, out);
    else if (ok)
        buf_add(out, buf_text(&r.out), r.out.len);
    if (ok && (r.out.failed || r.indent.failed || out->failed)) {
        fault_add(why, "%s: out of memory", template->file);
        ok = false;
    }
    if (!ok && out->len > before) {
        out->len = before;
        out->data[before] = '\0';
    }
    buf_free(&r.indent);
    buf_free(&r.out);
    return ok;
}
