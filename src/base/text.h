/*
 * text: small things that are done to text everywhere.
 */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include <stddef.h>

/*
 * The next line of a text, without its line feed: its length in *len, and *at moves past it. NULL
 * at the end of the text.
 */
const char *text_line(const char **at, int *len);

/* The *len bytes at `text` without the blanks at both ends: where they begin, and *len of them. */
const char *text_trimmed(const char *text, size_t *len, const char *blanks);
/* Cuts blanks, tabs and carriage returns off both ends, in place; returns the new beginning. */
char *text_trim(char *text);

/* Replaces control characters by question marks, for a terminal or a log. */
void text_mask(char *text);

#endif
