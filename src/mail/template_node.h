/*
 * template_node: what a parsed template is made of. Internal to template_parse and template_render.
 *
 * Nodes lie in the order of the source. What a section holds are the nodes between it and its
 * `next`; comments and closing tags leave none.
 */
#ifndef MAIL_TEMPLATE_NODE_H
#define MAIL_TEMPLATE_NODE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/buf.h"
#include "mail/template.h"

enum node_kind { NODE_TEXT, NODE_VALUE, NODE_RAW, NODE_SECTION, NODE_INVERTED, NODE_PARTIAL };

struct node {
    enum node_kind kind;
    bool begins_line; /* of a text: the indentation of a partial goes before it */
    bool alone;       /* of a partial: it had its line for itself */
    const char *text; /* a piece of one line of the source; for a partial, the blanks before it */
    size_t len;
    const char *name;               /* of a tag */
    const struct value_name *path;  /* the name's parts; a part without text ends it */
    const struct template *partial; /* once it is linked */
    size_t at;                      /* offset in the source */
    size_t next;                    /* index of the node after it and after all it holds */
};

struct template
{
    struct arena arena;
    const char *file;
    const char *text;
    size_t len, line, column;
    bool words;
    struct node *nodes;
    size_t count, room;
};

/* template_fault, with the place of an offset in the source before it. Always false. */
bool template_fault_at(const struct template *template, size_t at, struct buf *why,
    const char *format, ...) __attribute__((format(printf, 4, 5)));

#endif
