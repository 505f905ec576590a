/*
 * template: a logic-less template, a subset of Mustache (mustache/spec 1.4, modules interpolation,
 * sections, inverted, comments and partials; no lambdas, no set-delimiter).
 *
 *     {{name}} {{booking.title}} {{.}}   a value, escaped for the kind of file
 *     {{{name}}} {{&name}}               a value as it is; in a line, still one line
 *     {{#name}} ... {{/name}}            for each of a list; with an object; if true
 *     {{^name}} ... {{/name}}            if absent, null, false, 0, "" or an empty list
 *     {{!comment}}  {{>name}}            nothing; another template, with the same context
 *
 * Pure. A name that the context does not hold is empty, as the specification asks; so is the value
 * of an object or a list. What is wrong with a source is reported when it is parsed, as
 * "FILE:LINE:COLUMN: what, and what would be right", lines and characters counted from 1.
 *
 * One thing is not as specified: a partial whose name begins with TEMPLATE_WORD is placed in its
 * line like a value, also where it is alone. Words have no line end of their own to make up for it.
 *
 * Bounds: sections and partials nest to TEMPLATE_DEPTH_MAX together, a result has at most
 * TEMPLATE_OUTPUT_MAX bytes and takes TEMPLATE_STEPS_MAX texts, tags and rounds, a source has
 * TEMPLATE_SOURCE_MAX bytes.
 */
#ifndef MAIL_TEMPLATE_H
#define MAIL_TEMPLATE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/value.h"

enum {
    TEMPLATE_DEPTH_MAX = 32,
    TEMPLATE_OUTPUT_MAX = 1 << 20,
    TEMPLATE_STEPS_MAX = 1 << 20,
    TEMPLATE_SOURCE_MAX = 256 << 10
};

#define TEMPLATE_WORD "t."

/* By the kind of file: what escape_html and escape_text (mail/escape.h) make of a value;
 * escape_line is applied to the result, with the text around the values. */
enum template_escape { ESCAPE_HTML, ESCAPE_TEXT, ESCAPE_LINE };

/* What a template is made from; all of it is copied. */
struct template_source {
    const char *file; /* names it in messages */
    const char *text;
    size_t len;
    size_t line, column; /* where in the file the text begins; 0 counts as 1 */
    bool words;          /* words, no markup: text between the tags is escaped too */
};

struct template;

/* Adds a line to the list of faults: lines are separated by line ends, with none after the last. */
void template_fault(struct buf *why, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Letters, digits, "_" and "-", joined by single dots. */
bool template_name_valid(const char *name, size_t len);

/* NULL, with the first fault as a line of `why`, when the source is wrong or memory ran out. */
struct template *template_parse(const struct template_source *source, struct buf *why);
void template_free(struct template *template);

/* Finds all partials of a template by `find`, once and for good: they live as long as the template
 * is rendered. NULL: there is none of that name, and nothing is written in its place. A template
 * that is not linked has no partials. */
void template_link(struct template *template,
    const struct template *(*find)(void *context, const char *name), void *context);

/* Calls `see` for each part of the name of each value and section, "booking" and "title" of
 * {{booking.title}}, with the place of the tag. */
void template_each_name(const struct template *template,
    void (*see)(void *context, const char *name, const char *place), void *context);

/* Calls `see` for each partial that the source names, with its place as "FILE:LINE:COLUMN". */
void template_each_partial(const struct template *template,
    void (*see)(void *context, const char *name, const char *place), void *context);

/*
 * Appends to `out`. False: a bound was reached, or memory ran out, and only then `out` has failed;
 * a line in `why` says which, and `out` has its former contents.
 */
bool template_render(const struct template *template, const struct value *context,
    enum template_escape escape, struct buf *out, struct buf *why);

#endif
