/*
 * template_tag: one tag of a source, and what of the source it takes away. Internal to
 * template_parse.
 */
#ifndef MAIL_TEMPLATE_TAG_H
#define MAIL_TEMPLATE_TAG_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "mail/template_node.h"

/* `from` to `to`: the tag, or where it is alone, all of its line with the line end. */
struct tag {
    const char *start, *from, *to;
    bool alone;
    char sigil; /* one of { & # ^ / ! >, or '\0': a value */
    const char *name;
    size_t len;
};

/* The first tag at or after `at`; NULL: none. */
const char *tag_find(const struct template *template, const char *at);

/* Reads the tag that begins at `start`. False, with the fault in `why`, when it is none. */
bool tag_read(const struct template *template, const char *start, struct tag *tag, struct buf *why);

/* For messages about a place in the source; always false. */
bool tag_fault(const struct template *template, const char *at, struct buf *why, const char *format,
    ...) __attribute__((format(printf, 4, 5)));

#endif
