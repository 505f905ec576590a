/*
 * template: a logic-less template, a subset of Mustache (mustache/spec 1.4, modules interpolation,
 * sections, inverted, comments and partials; no lambdas, no set-delimiter).
 *
 *     {{name}} {{booking.title}} {{.}}   a value, escaped for the kind of file
 *     {{{name}}} {{&name}}               a value as it is; in a line, still one line
 *     {{#name}} ... {{/name}}            for each of a list; with an object; if true
 *     {{^name}} ... {{/name}}            if absent, false, empty
 *     {{!comment}}  {{>name}}            nothing; another template, with the same context
 *
 * Pure. A name that the context does not hold is empty, as the specification asks. What is wrong
 * with a source is said when it is parsed, as "FILE:LINE:COLUMN: what, and what would be right".
 * Bounds: sections and partials nest to TEMPLATE_DEPTH_MAX, a result has at most
 * TEMPLATE_OUTPUT_MAX bytes, a source TEMPLATE_SOURCE_MAX.
 */
#ifndef MAIL_TEMPLATE_H
#define MAIL_TEMPLATE_H

#include <stdbool.h>
#include <stddef.h>

#include <cjson/cJSON.h>

#include "base/buf.h"

enum {
    TEMPLATE_DEPTH_MAX = 32,
    TEMPLATE_OUTPUT_MAX = 1 << 20,
    TEMPLATE_SOURCE_MAX = 256 << 10
};

/* By the kind of file: HTML escapes & < > " ', text drops controls but line breaks and tabs, a line
 * folds all white space to single blanks. */
enum template_escape { ESCAPE_HTML, ESCAPE_TEXT, ESCAPE_LINE };

struct template;

/* `file` names the source in messages. NULL, with what would be right in `why`. */
struct template *template_parse(
    const char *file, const char *source, size_t len, struct buf *why);
void template_free(struct template *template);

/* Finds the partials of a template; NULL: there is none of that name, and nothing is written. */
struct template_partials {
    const struct template *(*find)(void *context, const char *name);
    void *context;
};

/* Calls `see` for each partial that the source names, with its place as "FILE:LINE:COLUMN". */
void template_each_partial(const struct template *template,
    void (*see)(void *context, const char *name, const char *place), void *context);

/* Appends to `out`. False: a bound was reached, or memory ran out; `why` says which. */
bool template_render(const struct template *template, const cJSON *context,
    enum template_escape escape, const struct template_partials *partials, struct buf *out,
    struct buf *why);

#endif
