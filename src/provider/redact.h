/*
 * redact: what of a body nobody needs to read and somebody could abuse: passwords of meetings,
 * one-time passwords, tokens, links that cancel or move a booking, links that are good for whoever
 * has them. One list of names for all places that show members of a body as they came.
 */
#ifndef PROVIDER_REDACT_H
#define PROVIDER_REDACT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"

/*
 * Is the value of a member of this name a secret? Letters of either case, _ and - do not matter:
 * meetingPassword, one_time_password, downloadLink.
 */
bool redact_is_secret(const char *name);

/*
 * The text with "(removed)" in place of the values of secret parameters of links in it
 * ("?pwd=...", "&token=..."); `text` itself where there are none. NULL for NULL, and when memory
 * ran out.
 */
const char *redact_text(struct arena *arena, const char *text);

/*
 * The body, to be attached to a mail: JSON with "(removed)" as the value of each secret member, at
 * every depth, and each text as redact_text gives it. Numbers keep their value, blanks between
 * members are lost. A body that is no JSON is the result of a template: where a secret's name is in
 * it, its value cannot be told from the rest, so NULL; else the body as it is. NULL also when
 * memory ran out (arena->failed).
 */
const char *body_redacted(struct arena *arena, const char *body, size_t len);

#endif
