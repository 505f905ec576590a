/*
 * sandbox: what the receiver can do, from inside, in two stages. bookspool-fcgi(8) has the list for
 * people; the reason of each permission is beside it in sandbox.c.
 *
 * What is never possible: to run a program, to look into or signal another process, to open a
 * network connection or port. The socket that it listens on, and those that it accepts, stay.
 */
#ifndef RECEIVE_SANDBOX_H
#define RECEIVE_SANDBOX_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/conf.h"

/*
 * Before the settings are read, which may be anywhere, as may the spool: no core file, no debugger,
 * no program started, no device made. BOOKSPOOL_SANDBOX=off in the environment leaves out what
 * comes from Landlock; in a file it is not known yet.
 */
void sandbox_begin(void);

/*
 * When everything is open that needs to be opened: only the spool, the folder of the counters, and
 * the system calls of the loop. `socket`: the path of a socket that it removes at its end; or NULL.
 * Says in the log what the kernel lacks. False, with what failed in `why`.
 */
bool sandbox_enter(const struct conf *conf, const char *socket, struct buf *why);

#endif
