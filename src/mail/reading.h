/*
 * reading: what a finished message says, decoded. message_setup (mail/message.h) comes first. False
 * when GMime cannot parse it, or memory ran out.
 */
#ifndef MAIL_READING_H
#define MAIL_READING_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

/*
 * All of it, for a search: appends the decoded value of each header and the decoded content of each
 * part, whatever its type, with a line feed after each. Folded lines of calendar parts are joined
 * (RFC 5545 3.1).
 */
bool message_read(const char *message, size_t len, struct buf *out);

/*
 * What its reader sees first: a line "Subject: ...", an empty line, the plain text, and a line in
 * square brackets for each further part that is no alternative to it (calendars, bodies).
 */
bool message_preview(const char *message, size_t len, struct buf *out);

#endif
