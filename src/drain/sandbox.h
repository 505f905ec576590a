/*
 * sandbox: what the drain can do, from inside. bookspool-drain(8) has the list for people; the
 * reason of each permission is beside it in sandbox.c.
 *
 * What is never possible: to run a program (deliver/starter.h does that for sendmail:), to look
 * into or signal a process that is not its own, to open a port. Connections out are what it is for.
 */
#ifndef DRAIN_SANDBOX_H
#define DRAIN_SANDBOX_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/conf.h"

/*
 * After settings, templates and transports were opened once, and before a file of the spool is
 * read. `watches`: the process lasts, so files that it reads again may be replaced meanwhile. Says
 * in the log what the kernel lacks. False, with what failed in `why`.
 */
bool sandbox_enter(const struct conf *conf, bool watches, struct buf *why);

/*
 * A path that had a rule, and where another file or folder is now, or none: a rule is about what
 * was there, so this one cannot be reached before the next start. NULL: all is as it was.
 */
const char *sandbox_stale(void);

#endif
