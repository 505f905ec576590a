/*
 * attempt_view: the last errors of the mails that wait in out/ (deliver/attempts.h), as subcommands
 * show them.
 */
#ifndef TOOL_ATTEMPT_VIEW_H
#define TOOL_ATTEMPT_VIEW_H

#include <cjson/cJSON.h>

#include "deliver/attempts.h"
#include "tool/tool.h"

/* Those of BOOKSPOOL_STATE; none where the settings do not say. The settings must be loaded. */
void attempt_view_read(struct tool *tool, struct attempts *attempts);

/* That of the mail, else that of the run which ended before the mail was tried; NULL: none. */
const struct attempt_note *attempt_view_of(const struct attempts *attempts, const char *mail);

/* The member "error": null, or an object. */
void attempt_view_put(cJSON *object, const struct attempt_note *note);

/* Is it that of the run, and the mail was not tried? */
bool attempt_view_is_run(const struct attempt_note *note);

/* Its number among the different reasons, from 1 on. */
size_t attempt_view_number(const struct attempts *attempts, const struct attempt_note *note);

/*
 * Prints a line for each different reason, with its number and how many mails wait for it; or, with
 * `list`, appends an object for each.
 */
void attempt_view_reasons(const struct attempts *attempts, cJSON *list);

#endif
