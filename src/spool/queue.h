/*
 * queue: the drain's side of the spool: the lock, the probe, and the steps by which events and
 * mails move. The drain determines their order (drain/pass.h); each is one system call, or can
 * safely be interrupted between two.
 *
 * Marks on a mail in out/ are permission bits, because one call changes them and they move with the
 * file. The mtime is the next attempt.
 *
 *   x (QUEUE_UNKNOWN)  The last byte may have been sent: the mail may have arrived. Not synced: it
 *                      records the death of a process, not a power cut.
 *
 *   t (QUEUE_SENT)     The mail was accepted, but could not be renamed to sent/: it is renamed, and
 *                      never sent.
 *
 * On an event in new/ or replay/ the x bit (QUEUE_UNCOMPOSED) means that its mails could not be
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
 * One drain at a time: flock(2) on `lock`, which is never removed or replaced. The lock lasts until
 * the last descriptor is closed, so also after the parent's death while one of its senders lives.
 */
enum queue_lock queue_lock(struct spool *spool);
void queue_unlock(struct spool *spool);

/* Called during waits: keeps what this drain has taken of a shared spool. False: it may be lost. */
bool queue_hold(struct spool *spool);

/*
 * Can mails be renamed to sent/ now? Creates, syncs, renames and removes a dot file. If this fails,
 * nothing may be sent: a mail that cannot be renamed would be sent again.
 */
bool queue_probe(struct spool *spool);

/*
 * Is a file of this mtime due? `longest` is the longest delay that the settings allow (ms): an
 * mtime further ahead comes from a clock that jumped, and the file is due.
 */
bool queue_due(int64_t mtime, int64_t now, int64_t longest);

/*
 * The arrival of the event of this file (an event or a mail), in microseconds: from its header, or
 * its mtime if that cannot be read. Reads one block.
 */
int64_t queue_arrival(struct spool *spool, enum spool_dir dir, const struct spool_item *item);

/* Since when a mail waits: Queued of its header, in ms. Reads one block. False: it has none. */
bool queue_queued(
    struct spool *spool, enum spool_dir dir, const struct spool_item *item, int64_t *when);

/* Why the file is not an intact record of that kind and id, with a body; NULL: it is one. */
const char *queue_objection(const struct spool_file *file, enum record_kind kind, const char *id);

/*
 * A torn file may be a copy in progress, which is left for an hour. Is that over? True also when
 * the mtime is an hour ahead: the clock jumped.
 */
bool queue_torn_for_good(int64_t mtime, int64_t now);

/*
 * Only the owner of a file can set marks and times. A file of another user (fcgiwrap's, an
 * operator's cp) is copied, synced, and renamed over its own name, which therefore never
 * disappears. The copy keeps mtime and marks.
 */
bool queue_adopt(
    struct spool *spool, enum spool_dir dir, const char *name, const struct spool_file *file);

/*
 * Puts a file of another spool into this one, with its time and marks; an intact one of that name
 * stays as it is. Durable after the next sync of all.
 */
bool queue_copy(
    struct spool *spool, enum spool_dir dir, const char *name, const struct spool_file *file);

/* Sets permission bits SPOOL_FILE_MODE | marks. */
bool queue_mark(struct spool *spool, enum spool_dir dir, const char *name, mode_t marks);
/* The same, synced. */
bool queue_mark_durably(struct spool *spool, enum spool_dir dir, const char *name, mode_t marks);
bool queue_set_time(struct spool *spool, enum spool_dir dir, const char *name, int64_t when);

/*
 * A mail in out/ that is the same file as the one in sent/ was sent: a power cut has undone one
 * half of the rename, or an operator has linked it. Only the rename is missing.
 */
bool queue_was_sent(const struct spool *spool, const char *name);
/*
 * If the mail in out/ is the same file as the one in failed/, removes the name in failed/ before
 * the mail is tried again: an operator could move it over the one that was sent meanwhile.
 */
void queue_leave_failed(struct spool *spool, const char *name);

/* NAME.why: the reason, one line of text. Durable when it returns true. */
bool queue_write_why(struct spool *spool, enum spool_dir dir, const char *name, const char *why);
/* Is this the name of such a file? */
bool queue_is_why(const char *name);
void queue_remove_why(struct spool *spool, enum spool_dir dir, const char *name);

/*
 * Moves the file to `to`, with a .why that is durable before the name moves. If an operator moved
 * the file away meanwhile, the .why is removed; queue_gone distinguishes that from a failure.
 */
bool queue_give_up(
    struct spool *spool, enum spool_dir from, const char *name, enum spool_dir to, const char *why);

/* After a call that failed with ENOENT: is it the file that is gone, and not a directory? */
bool queue_gone(const struct spool *spool, enum spool_dir dir, const char *name);

#endif
