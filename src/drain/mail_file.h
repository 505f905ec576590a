/*
 * mail_file: putting one mail into out/, once: for the compose stage, the agenda and alarms.
 *
 * A mail is not made again if it exists: intact in out/, or by name in sent/ or failed/, checked in
 * this order, in which a mail moves. In out/, a torn one is replaced, and an intact one is replaced
 * by a synced copy of itself: it is left from a run that did not move the event to done/, which may
 * have died before its sync, and another sync may have failed on it since.
 */
#ifndef DRAIN_MAIL_FILE_H
#define DRAIN_MAIL_FILE_H

#include "drain/run.h"

/* Reads the mail in out/. *there is false when there is none, or a torn one. */
bool mail_file_read(
    struct run *run, const char *name, const char *id, struct spool_file *file, bool *there);

/*
 * Is it in sent/ or failed/? The name alone counts: a mail is durable before it leaves out/, so a
 * power cut cannot tear it there. False when it cannot be found out.
 */
bool mail_file_look(struct run *run, const char *name, bool *there);

enum made { MADE, IMPOSSIBLE /* out of memory */, IO_FAILED };

/* *known: there is a mail of that name, and it is durable. False: it cannot be found out. */
bool mail_file_find(struct run *run, const char *name, const char *id, bool *known);

struct mail_file {
    const char *name, *id, *recipient;
    int64_t received_us; /* when its event arrived: mails leave in this order */
    const struct buf *message;
};

/* Puts it into out/, not yet durable, and adds its name, with the NUL, to `made`. */
enum made mail_file_put(struct run *run, const struct mail_file *mail, struct buf *made);

/* After a sync that failed: takes the mails of `made` out of out/. */
void mail_file_remove(struct run *run, const struct buf *made);

#endif
