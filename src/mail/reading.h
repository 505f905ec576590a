/*
 * reading: what a finished message says, for a search in it.
 *
 * Appends the decoded value of each header and the decoded content of each part, whatever its type,
 * with a line feed after each. Folded lines of calendar parts are joined (RFC 5545 3.1).
 * message_setup (mail/message.h) comes first. False when GMime cannot parse it, or memory ran out.
 */
#ifndef MAIL_READING_H
#define MAIL_READING_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

bool message_read(const char *message, size_t len, struct buf *out);

#endif
