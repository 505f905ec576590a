/*
 * queue: the drain's side of the spool: the lock, the probe, and the small
 * steps by which events and mails move. The order of the steps is the drain's
 * (drain/run.h); that each of them is one system call, or safe to cut short
 * between two, is this module's.
 *
 * Marks on a mail in out/ are permission bits, because they change with one call and
 * move with the file:
 *   x (QUEUE_UNKNOWN)  the last byte may have been given away: if nobody
 *                      clears it, the mail may have arrived. Not synced: it marks the death of a
 *                      process, not of the power.
 *   t (QUEUE_SENT)     it was accepted, but could not be renamed to sent/: it is renamed, never
 * sent. The next attempt is the mtime.
 * On an event in new/ or replay/ the x bit (QUEUE_UNCOMPOSED) says that its mails could not be
 * composed; they are tried again at the mtime.
 */
#ifndef SPOOL_QUEUE_H
#define SPOOL_QUEUE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "spool/spool.h"

enum { QUEUE_UNKNOWN = S_IXUSR, QUEUE_UNCOMPOSED = S_IXUSR, QUEUE_SENT = S_ISVTX };

enum queue_lock { QUEUE_LOCKED, QUEUE_BUSY, QUEUE_LOCK_FAILED };

/*
 * One drain at a time: flock(2) on `lock`, which is never removed or replaced. The lock goes with
 * the last descriptor, so it also outlives the parent as long as one of its senders lives.
 */
enum queue_lock queue_lock(struct spool *spool);
void queue_unlock(struct spool *spool);

/*
 * Can this run settle what it is going to send? Creates, syncs, renames and removes a dot file.
 * Where this fails nothing may be sent: a mail that cannot be renamed to sent/ would go out again.
 */
bool queue_probe(struct spool *spool);

/*
 * May it be taken now? `longest` is the longest delay that the settings allow (ms): an mtime
 * further ahead comes from a clock that jumped, and does not wait.
 */
bool queue_due(int64_t mtime, int64_t now, int64_t longest);

/*
 * When the event arrived that this file holds, or is a mail about, in microseconds: by its header,
 * or where that cannot be read by its mtime. Reads one block.
 */
int64_t queue_arrival(struct spool *spool, enum spool_dir dir, const struct spool_item *item);

/* What speaks against the file being a whole record of that kind and id; NULL: nothing. */
const char *queue_objection(const struct spool_file *file, enum record_kind kind, const char *id);

/*
 * A file that is not whole may be a copy on its way. Is its hour over? It is, too, when the mtime
 * lies an hour ahead: a clock that jumped.
 */
bool queue_torn_for_good(int64_t mtime, int64_t now);

/*
 * Marks and times can only be set by a file's owner. A file of somebody else
 * (fcgiwrap's user, an operator's cp) is copied, synced, and renamed over its
 * own name, which therefore never disappears. The copy keeps mtime and marks.
 */
bool queue_adopt(
    struct spool *spool, enum spool_dir dir, const char *name, const struct spool_file *file);

/* Sets permission bits SPOOL_FILE_MODE | marks. */
bool queue_mark(struct spool *spool, enum spool_dir dir, const char *name, mode_t marks);
/* The same, synced. */
bool queue_mark_durably(struct spool *spool, enum spool_dir dir, const char *name, mode_t marks);
bool queue_set_time(struct spool *spool, enum spool_dir dir, const char *name, int64_t when);

/*
 * A mail in out/ that is the same file as the one in sent/ was sent: a power cut has undone one
 * half of the rename, or a person has linked it. Only the rename is owed.
 */
bool queue_was_sent(const struct spool *spool, const char *name);
/*
 * A mail in out/ that is the same file as the one in failed/ is tried again, and its name in
 * failed/ goes first: from there a person could move it over the one that was sent meanwhile.
 */
void queue_leave_failed(struct spool *spool, const char *name);

/* NAME.why: one line for people. Durable when it returns true. */
bool queue_write_why(struct spool *spool, enum spool_dir dir, const char *name, const char *why);
/* Is this the name of such a text beside another file? */
bool queue_is_why(const char *name);
void queue_remove_why(struct spool *spool, enum spool_dir dir, const char *name);

/*
 * To `to`, with a .why that is durable before the name moves. Where a person took the file away
 * meanwhile, the .why goes too; queue_gone tells that from a failure.
 */
bool queue_give_up(
    struct spool *spool, enum spool_dir from, const char *name, enum spool_dir to, const char *why);

/* After a call that failed with ENOENT: is it the file that is gone, and not a directory? */
bool queue_gone(const struct spool *spool, enum spool_dir dir, const char *name);

#endif
