/*
 * reseal: an event file that a person edited, made intact again.
 */
#ifndef TOOL_RESEAL_H
#define TOOL_RESEAL_H

#include <stddef.h>

#include "base/buf.h"

/*
 * Appends to out the same file with Length and Sha256 as its body now is, and Secret-Used "-": no
 * id signed it so. All other lines of the header stay. NULL when out is a whole event; else why
 * not.
 */
const char *reseal_event(const char *data, size_t len, struct buf *out);

#endif
