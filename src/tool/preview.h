/*
 * preview: an event, from wherever a person names it, and the mail that would be made of it.
 */
#ifndef TOOL_PREVIEW_H
#define TOOL_PREVIEW_H

#include "mail/compose.h"
#include "tool/tool.h"

struct preview {
    /* what is asked for */
    const char *provider;             /* of a file that holds a bare body; NULL: the file says it */
    const char *templates, *language; /* instead of the settings; NULL: as they say */
    const char *to;
    bool customer;

    /* what there is; preview_free gives it back */
    struct spool_file file;
    struct event event;
    struct decision decision;
    char name[MAIL_NAME_SIZE];
    char recipient[ADDRESS_SIZE];
    struct notice notice;
};

/*
 * Reads the event: PROVIDER/SAMPLE is a sample of bookspool post; what holds a slash otherwise, a
 * file; everything else the id of an event in the spool. The ledger's decision is recalled; where
 * there is none, it is what an empty ledger makes of the event. EX_OK, or the exit status after
 * a complaint.
 */
int preview_read(struct tool *tool, const char *operand, struct preview *preview);
void preview_free(struct preview *preview);

/* With the settings' templates and language, or those of the arguments that are not NULL. */
int preview_open_composer(
    struct tool *tool, const char *templates, const char *language, struct composer *composer);

/* Appends one part; EX_OK, or EX_CONFIG after a complaint. */
int preview_part(struct tool *tool, const struct preview *preview, const struct composer *composer,
    enum template_part part, struct buf *out);

#endif
