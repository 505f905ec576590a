/*
 * language: the words of a language, from its *.lang files.
 *
 * A file is KEY=TEXT lines; blanks round both go, empty lines and lines that begin with # are
 * skipped. A key is letters, digits, "_", "-" and single dots inside. A text is a template of its
 * own (mail/template.h) that may include other words only.
 *
 * The first file, LANGUAGE_BASE, says which keys there are. Later ones say the same in other words;
 * a key that they leave out keeps the text it has. A zeroed struct has no words.
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
    struct template *template;
    const char *file; /* the last one that had it, and where: a file must not say it twice */
    size_t line;
    struct word *next; /* in the order of the file that brought the keys */
};

struct language {
    struct arena arena;
    struct word *first, *last;
};

enum language_use {
    LANGUAGE_BASE, /* brings keys */
    LANGUAGE_SAY,  /* takes the place of what was said before */
    LANGUAGE_CHECK /* only looked at for faults */
};

/* Each fault is a line of its own in `why`. `file` names it there, and must live on. */
void language_read(struct language *language, enum language_use use, const char *file,
    const char *text, size_t len, struct buf *why);

/* NULL: no such word. */
const struct word *language_find(const struct language *language, const char *key);

/* Goes on with a fault: there is no such word, and which is the nearest. */
void language_no_word(const struct language *language, const char *key, struct buf *why);

/* Do all words include words that there are? Faults as above. */
void language_check(const struct language *language, struct buf *why);

void language_free(struct language *language);

#endif
