/*
 * accept: the receiver's side of the spool.
 *
 * A batch holds all events of one turn of the event loop; its answers may be sent only when
 * accept_sync has returned true. Per event:
 *
 *   done/ID exists         duplicate; done/ and new/ are synced with the batch
 *   new/ID could be named  stored; file and directory are synced with the batch
 *   new/ID existed         not trusted, intact or not: a sync of it may have failed, which Linux
 *                          reports only once. The new file is synced with the batch, then renamed
 *                          over the name, and the directory synced once more for all of these:
 *                          duplicate
 *   anything fails         503; the temp file is removed, but never a visible name, since another
 *                          receiver may have answered 200 for it
 *
 * The name comes first, the sync after, the answer last: one journal commit instead of two. After a
 * power cut a name may hold a torn body, but never one that got a 200.
 *
 * Sync: a batch of one file by fsync of file and directory, a larger one by one
 * syncfs (which also writes out what other programs left dirty on that file
 * system; BOOKSPOOL_SYNC=fsync syncs each file instead). Each file's
 * descriptor stays open until its sync has returned, or the kernel could drop
 * a write error unseen.
 */
#ifndef SPOOL_ACCEPT_H
#define SPOOL_ACCEPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "spool/spool.h"

enum { ACCEPT_BATCH_MAX = 256 };

/* A file that waits for its sync. */
struct accept_file {
    struct spool_temp temp;
    enum spool_dir dir;
    char id[ID_SIZE];
    bool over; /* not named yet: it will replace the file of that name */
};

struct accept_batch {
    struct spool *spool;
    bool fsync_each; /* BOOKSPOOL_SYNC=fsync, or a kernel whose syncfs does not report errors */
    int64_t reserve_bytes, reserve_inodes;
    struct accept_file file[ACCEPT_BATCH_MAX];
    size_t count;
    bool replaces; /* at least one is `over` */
    bool touched[SPOOL_DIRS];
};

enum accept_result { ACCEPT_STORED, ACCEPT_DUPLICATE, ACCEPT_FAILED };

void accept_init(struct accept_batch *batch, struct spool *spool, bool fsync_each,
    int64_t reserve_bytes, int64_t reserve_inodes);

/* True when ACCEPT_BATCH_MAX files wait for their sync: call accept_sync before the next put. */
bool accept_full(const struct accept_batch *batch);

/* Is there space above the reserve? Once a turn. False also when it cannot be found out. */
bool accept_has_room(struct accept_batch *batch);

/* `file` is a record of record_encode. */
enum accept_result accept_put(struct accept_batch *batch, const char *id, const struct buf *file);

/*
 * For an event outside the replay window. Known (new/ID is intact, or done/ID exists, checked in
 * this order, in which an event moves): ACCEPT_DUPLICATE, nothing stored. Else stored in held/, in
 * the same way as above.
 */
enum accept_result accept_hold(struct accept_batch *batch, const char *id, const struct buf *file);

/* False: every event put since the last call must be answered 503. The batch is empty after. */
bool accept_sync(struct accept_batch *batch);

#endif
