/*
 * language: the words of a language, from its *.lang files.
 *
 * A file is KEY=TEXT lines; blanks round both go, empty lines and lines that begin with # are
 * skipped. A key is letters, digits, "_", "-" and single dots inside. A text is a template of its
 * own (mail/template.h) that may include other words only.
 *
 * The first file, LANGUAGE_BASE, defines the keys. Later ones replace texts; a key that they leave
 * out keeps its text. A zeroed struct has no words.
 */
#ifndef MAIL_LANGUAGE_H
#define MAIL_LANGUAGE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/buf.h"
#include "mail/template.h"

struct word {
    const char *key, *text;
    const char *english; /* the text in the file that defined the key */
    struct template *template;
    const char *file; /* where the text is from */
    size_t line;
    const char *seen_file; /* the last one that had it: a file must not define it twice */
    size_t seen_line;
    bool included;     /* by a template or another word; templates.c marks it */
    struct word *next; /* in the order of the file that defined the keys */
};

struct language {
    struct arena arena;
    struct word *first, *last;
};

enum language_use {
    LANGUAGE_BASE,    /* defines the keys */
    LANGUAGE_REPLACE, /* replaces texts */
    LANGUAGE_CHECK    /* is only checked for faults */
};

/* Each fault is a line of `why`. `file` is its name there, and must live as long as the words. */
void language_read(struct language *language, enum language_use use, const char *file,
    const char *text, size_t len, struct buf *why);

/* NULL: no such word. */
struct word *language_find(const struct language *language, const char *key);

/* Appends to a fault that there is no such word, and which is the nearest. */
void language_no_word(const struct language *language, const char *key, struct buf *why);

void language_free(struct language *language);

#endif
