/*
 * escape: makes a value harmless for its place in a mail.
 *
 * Text is UTF-8. All three drop control characters (C0 and C1 but line feed and tab, and DEL).
 */
#ifndef MAIL_ESCAPE_H
#define MAIL_ESCAPE_H

#include <stddef.h>

#include "base/buf.h"

/* & < > " ' as references: for HTML text and for attribute values in quotes. */
void escape_html(const char *text, size_t len, struct buf *out);
void escape_text(const char *text, size_t len, struct buf *out);
/* Makes one line of what the buffer holds from `from` on: white space, also line breaks, is folded
 * to single blanks, with none at the ends. */
void escape_line(struct buf *out, size_t from);

#endif
