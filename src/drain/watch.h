/*
 * watch: bookspool-drain --watch: runs passes until it is stopped.
 *
 * A pass follows when a file gets its name in new/, replay/ or out/ (inotify), when the next event
 * or mail is due, and at the latest after WATCH_POLL, which also finds what inotify does not report
 * (`touch out/...`, an overflow). Passes begin at least WATCH_PAUSE apart. After a pass that was
 * blocked or failed, the next waits for BOOKSPOOL_RETRY_MIN even if something arrives: more mail
 * does not fix the cause.
 *
 * The lock is held during each pass, not while waiting, so that cron and operators' commands can
 * run too. It ends after SIGTERM or SIGINT, when the mail in hand is finished; or, with the pass's
 * exit code, when the settings or the spool itself are unusable; or with 75 when only a new process
 * reaches what this one has lost (sandbox_stale, starter_ended), which is looked at before each
 * pass.
 */
#ifndef DRAIN_WATCH_H
#define DRAIN_WATCH_H

#include "drain/run.h"

enum { WATCH_POLL = 60 * 1000, WATCH_PAUSE = 200 }; /* ms */

/* The exit code. */
int watch(struct run *run);

#endif
