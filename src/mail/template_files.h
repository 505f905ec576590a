/*
 * template_files: the files of templates and words, the user's own and those built in, as they were
 * read. Internal to templates.
 *
 * Of a directory only regular files (or links to such) with one of the four endings count, and none
 * whose name begins with a dot. A byte order mark and the CR of CR LF are dropped, so that a file
 * may come from any editor.
 */
#ifndef MAIL_TEMPLATE_FILES_H
#define MAIL_TEMPLATE_FILES_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/buf.h"
#include "mail/template.h"
#include "mail/templates.h"

enum { TEMPLATE_FILES_MAX = 1000 }; /* of the user's own */

/* ".subject", ...; that of languages is the last. */
extern const char *const template_endings[TEMPLATE_PARTS + 1];

struct template_file {
    const char *name, *stem; /* "default.txt", "default" */
    enum template_part part; /* by its ending; TEMPLATE_PARTS: the words of a language */
    const char *label;       /* what messages call it: of the user's own, with the directory */
    const char *text;
    size_t len;
    bool own;
    struct template *template; /* NULL until parsed, and for *.lang files */
    bool used;
};

/* The user's own first; both sorted by name. */
struct template_files {
    struct arena arena;
    struct template_file *list;
    size_t count;
};

/* The files of src/mail/templates; src/mail/embed.sh makes the table. The last has no name. */
struct template_built_in {
    const char *name;
    const unsigned char *data;
    size_t len;
};
extern const struct template_built_in templates_built_in[];

/* `dir` may be NULL. Faults go to `why`, a line each. False: nothing could be read. */
bool template_files_read(struct template_files *files, const char *dir, struct buf *why);
void template_files_free(struct template_files *files);

#endif
