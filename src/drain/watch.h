/*
 * watch: bookspool-drain --watch: passes for as long as the program lives.
 *
 * A pass follows when a file gets its name in new/, replay/ or out/ (inotify), when the next event
 * or mail is due, and at the latest after WATCH_POLL, which also finds what inotify cannot tell
 * (`touch out/...`, a full queue). Passes begin at least WATCH_PAUSE apart. After a pass that
 * held, the next waits for BOOKSPOOL_RETRY_MIN whatever arrives: what held it is not mended by
 * more mail.
 *
 * The lock is taken for each pass and not while waiting, so cron and operators' commands run beside
 * it. It ends after SIGTERM or SIGINT, when the mail at hand is settled; or, with the pass's exit
 * code, when the settings or the spool itself are unusable.
 */
#ifndef DRAIN_WATCH_H
#define DRAIN_WATCH_H

#include "drain/run.h"

enum { WATCH_POLL = 60 * 1000, WATCH_PAUSE = 200 }; /* ms */

/* The exit code. */
int watch(struct run *run);

#endif
