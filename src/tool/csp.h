/*
 * csp: what a Content-Security-Policy allows. Pure.
 *
 * The rules are those of CSP Level 3: a page may have several policies, and all must allow; a
 * missing directive falls back (frame-src to child-src to default-src); a nonce or a hash takes its
 * effect from 'unsafe-inline', and 'strict-dynamic' from hosts. Report-only policies are not for
 * here.
 */
#ifndef TOOL_CSP_H
#define TOOL_CSP_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/buf.h"

struct csp_directive {
    const char *name; /* in lower case */
    const char **sources;
    size_t count;
};

struct csp_policy {
    struct csp_directive *directives; /* of one name, the first */
    size_t count;
    bool meta; /* from <meta>, where some directives do not count */
};

struct csp {
    struct arena arena; /* its `failed` says that memory ran out */
    struct csp_policy *policies;
    size_t count, room;
};

/* Adds the policies of one header, which commas separate, or that of one <meta>. */
void csp_add(struct csp *csp, const char *value, bool meta);
void csp_free(struct csp *csp);

enum csp_use {
    CSP_SCRIPT, /* <script src=URL> */
    CSP_SCRIPT_INLINE,
    CSP_STYLE,        /* a style sheet at URL */
    CSP_STYLE_INLINE, /* <style> */
    CSP_STYLE_ATTRIBUTE,
    CSP_FRAME,
    CSP_MARKUP /* a script that writes HTML: require-trusted-types-for */
};

/* What is to be allowed. */
struct csp_request {
    enum csp_use use;
    const char *url;       /* absolute; NULL for what is inline */
    const char *nonce;     /* of the element; NULL */
    const char *integrity; /* of the element; NULL */
    const char *text;      /* an inline script's, for hashes; NULL */
    size_t len;
    bool by_script; /* a script adds the element: 'strict-dynamic' is for these */
};

struct csp_answer {
    bool allowed;
    const char *directive; /* that decided: "" when none applies */
    const char *remedy;    /* the source to be added; NULL: allowed, or no source would help */
};

/* `page` is the page's own URL, for 'self' and for sources without a scheme. */
struct csp_answer csp_ask(
    const struct csp_policy *policy, const char *page, const struct csp_request *request);

/* Changes the policy so that it allows the request; false when no source list would. */
bool csp_amend(struct csp *csp, struct csp_policy *policy, const char *page,
    const struct csp_request *request);

/* The policy as one line. */
void csp_print(const struct csp_policy *policy, struct buf *out);
void csp_print_directive(const struct csp_policy *policy, const char *name, struct buf *out);

#endif
