/*
 * templates: all templates and words of one installation, parsed and checked.
 *
 * Built in are those of src/mail/templates/ (embedded when building). A file of the same name in
 * BOOKSPOOL_TEMPLATES replaces the built-in one; other *.txt, *.html, *.subject and
 * *.lang files there are partials and languages of the user. Names:
 *
 *     KIND.subject KIND.txt KIND.html    for the owner; KIND as event_kind_name spells it
 *     default.subject default.txt ...    where there is none for the kind
 *     customer.subject customer.txt ...  for the customer, of all kinds; customer-KIND.* first
 *     agenda.subject agenda.txt ...      the daily agenda (mail/agenda.h)
 *     NAME.txt NAME.html NAME.subject    partials: {{>NAME}} finds that of the same kind of file
 *     LANG.lang                          the words of a language (mail/language.h)
 *
 * The user's default goes before a built-in KIND: nothing of the built-in look comes through.
 * {{>t.KEY}} is the word KEY of the language in use, itself a template. The user's *.lang file
 * goes before the built-in one word by word, and English is used for what both leave out; the
 * built-in en.lang says which words there are. HTML is optional: where neither KIND.html nor
 * default.html exists, or where it comes out empty, the mail has no HTML part.
 */
#ifndef MAIL_TEMPLATES_H
#define MAIL_TEMPLATES_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/value.h"
#include "event/event.h"

enum audience { AUDIENCE_OWNER, AUDIENCE_CUSTOMER, AUDIENCES };
enum template_part { PART_SUBJECT, PART_TEXT, PART_HTML, TEMPLATE_PARTS };

/* Words that list names, such as "Mon Tue Wed Thu Fri Sat Sun". */
enum name_list { LIST_DAYS, LIST_DAYS_LONG, LIST_MONTHS, LIST_MONTHS_LONG, NAME_LISTS };

struct templates;

/*
 * `dir` is BOOKSPOOL_TEMPLATES or NULL, `language` BOOKSPOOL_LANGUAGE ("en"). Reads and checks
 * everything, also the languages not in use. NULL, with one line for each fault in `why`
 * ("FILE:LINE:COLUMN: ..."), when a file cannot be read or parsed, a partial or word is missing,
 * there is no such language, a list of names has the wrong length, a tag names a value that no mail
 * has, a file in `dir` is neither used nor named after a kind, or a word there is not used.
 */
struct templates *templates_open(const char *dir, const char *language, struct buf *why);
void templates_close(struct templates *templates);

/*
 * The same templates in the language of a reader: `tag` is a BCP 47 tag such as pt-BR, for which a
 * file pt-BR.lang or pt.lang is looked for, one's own or built in. Where there is none, and for
 * NULL, the result is `templates`, in BOOKSPOOL_LANGUAGE. It lives as long as `templates`.
 */
const struct templates *templates_for(const struct templates *templates, const char *tag);

/* A word of the language, not filled in; NULL: there is none. */
const char *templates_word(const struct templates *templates, const char *key);

/* The same in the built-in English, whatever the language; NULL: there is none. */
const char *templates_english(const struct templates *templates, const char *key);

/* The number-th name, from 1; NULL: the list has not so many. */
const char *templates_name(const struct templates *templates, enum name_list list, int number);

/* Appends the word, filled in from `context`, as one line; nothing where there is no such word.
 * False: `why` says what went wrong; `out` has failed if it was memory. */
bool templates_say(const struct templates *templates, const char *key, const struct value *context,
    struct buf *out, struct buf *why);

/* Appends the part; an absent HTML template appends nothing. A subject is one line without a line
 * end. False: a line in `why` says what went wrong, and `out` has its former contents; it has
 * failed if it was memory. */
bool templates_render(const struct templates *templates, enum event_kind kind,
    enum audience audience, enum template_part part, const struct value *context, struct buf *out,
    struct buf *why);

/* The same for the daily agenda. */
bool templates_render_agenda(const struct templates *templates, enum template_part part,
    const struct value *context, struct buf *out, struct buf *why);

#endif
