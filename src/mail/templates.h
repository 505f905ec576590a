/*
 * templates: all templates and words of one installation, parsed and checked.
 *
 * Built in are those of src/mail/templates/ (embedded when building). A file of the same name in
 * BOOKSPOOL_TEMPLATES takes the place of the built-in one; other *.txt, *.html, *.subject and *.lang
 * files there are partials and languages of one's own. Names:
 *
 *     KIND.subject KIND.txt KIND.html    for the owner; KIND as event_kind_name spells it
 *     default.subject default.txt ...    where there is none for the kind
 *     customer.subject customer.txt ...  for the customer, of all kinds; customer-KIND.* first
 *     NAME.txt NAME.html                 partials: {{>NAME}} finds that of the same kind of file
 *     LANG.lang                          the words of a language: KEY=TEXT lines, # comments
 *
 * {{>t.KEY}} is the word KEY of the language in use, itself a template; English stands in for what
 * a language file leaves out. HTML is optional: where neither KIND.html nor default.html exists
 * the mail has no HTML part.
 */
#ifndef MAIL_TEMPLATES_H
#define MAIL_TEMPLATES_H

#include <stdbool.h>

#include <cjson/cJSON.h>

#include "base/buf.h"
#include "event/event.h"

enum audience { AUDIENCE_OWNER, AUDIENCE_CUSTOMER };
enum template_part { PART_SUBJECT, PART_TEXT, PART_HTML };

struct templates;

/*
 * `dir` is BOOKSPOOL_TEMPLATES or NULL, `language` BOOKSPOOL_LANGUAGE ("en"). Reads and checks
 * everything: NULL, with one line for each fault in `why` ("FILE:LINE:COLUMN: ..."), when a file
 * cannot be read or parsed, a partial or word is missing, or there is no such language.
 */
struct templates *templates_open(const char *dir, const char *language, struct buf *why);
void templates_close(struct templates *templates);

/* A word of the language as it stands, for names of days and the like; NULL: there is none. */
const char *templates_word(const struct templates *templates, const char *key);

/* Appends the part; an absent HTML template appends nothing. False: `why` says what went wrong. */
bool templates_render(const struct templates *templates, enum event_kind kind,
    enum audience audience, enum template_part part, const cJSON *context, struct buf *out,
    struct buf *why);

#endif
