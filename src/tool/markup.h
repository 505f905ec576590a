/*
 * markup: what `bookspool embed` reads out of a page: its scripts, its frames, its links, and the
 * policies of its <meta> elements. Pure.
 *
 * It reads tags and attributes as browsers do for pages that are not broken on purpose; comments
 * and the text of scripts are no tags.
 */
#ifndef TOOL_MARKUP_H
#define TOOL_MARKUP_H

#include <stddef.h>

#include "base/arena.h"

enum markup_kind {
    MARKUP_SCRIPT,
    MARKUP_FRAME,
    MARKUP_LINK,
    MARKUP_STYLE_SHEET,
    MARKUP_WIDGET,
    MARKUP_POLICY
};

struct markup_item {
    enum markup_kind kind;
    const char *url; /* as it is written: src, href, data-url; NULL for an inline script */
    const char *nonce, *integrity; /* NULL */
    const char *text; /* of an inline script, or a policy; not ended at `len` for scripts */
    size_t len;
};

struct markup {
    struct arena arena; /* its `failed` says that memory ran out */
    struct markup_item *items;
    size_t count, room;
};

/* `page` must outlive the items. */
void markup_read(struct markup *markup, const char *page);
void markup_free(struct markup *markup);

#endif
