/*
 * clean: makes text from outside harmless, once, where the event is made.
 *
 * Results are in the arena. NULL is returned for NULL, for text that is empty once cleaned, and
 * when memory ran out (then arena->failed is set too). Invalid UTF-8 becomes U+FFFD, one for each
 * maximal part (Unicode 15, 3.9). Dropped are C0 and C1 controls, DEL, the line and paragraph
 * separators, and the characters that reorder the text around them (U+202A to U+202E, U+2066 to
 * U+2069; Unicode TR 36, 2.3). Text written from right to left is untouched.
 */
#ifndef EVENT_CLEAN_H
#define EVENT_CLEAN_H

#include <stdbool.h>
#include <stddef.h>

#include "base/address.h"
#include "base/arena.h"

enum {
    CLEAN_LINE_MAX = 1000, /* characters kept of a line; "..." follows where it was longer */
    CLEAN_TEXT_MAX = 20000 /* and of a text */
};

/* One line: white space of any kind, also line breaks, is folded to single spaces. */
const char *clean_line(struct arena *arena, const char *text);
/* Lines: CR LF and CR become LF, at most one empty line in a row, no blanks at the ends. */
const char *clean_text(struct arena *arena, const char *text);
/*
 * An address of base/address.h, less surrounding blanks, else NULL. An internationalized domain
 * (RFC 5890) becomes its ASCII form; letters beyond ASCII before the @ give NULL, since they can be
 * mailed only with SMTPUTF8 (RFC 6531).
 */
const char *clean_address(struct arena *arena, const char *text);
/* An http or https URL of printable ASCII without blanks, quotes and angle brackets, else NULL. */
const char *clean_url(struct arena *arena, const char *text);
/* A word for a header or a log line: [A-Za-z0-9_.-]{1,64}, else NULL. */
const char *clean_token(struct arena *arena, const char *text);

#endif
