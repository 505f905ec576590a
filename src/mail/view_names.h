/*
 * view_names: the names of all values that templates and words can show, to find misspelt ones.
 * Flat: what is inside of what is up to the context. bookspool-templates(5) lists them, and
 * tests/unit/mail_words_test.c compares them with real contexts.
 */
#ifndef MAIL_VIEW_NAMES_H
#define MAIL_VIEW_NAMES_H

#include <stdbool.h>

/* Ends with NULL. Kinds of event are names, too (`is.created`), and not in this list. */
extern const char *const view_names[];

bool view_name_known(const char *name);

#endif
