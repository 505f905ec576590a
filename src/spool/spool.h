/*
 * spool: the directories, by descriptor, and the operations that all their users share.
 *
 *     events   tmp -> new -> done        held    genuine but stale
 *     mails           out -> sent        bad     torn for an hour
 *              replay                    failed  given up, ID-r.why beside it
 *
 * bookspool-spool(5) describes the protocol, and each module here implements one part:
 * spool/accept.h the receivers', spool/queue.h the drain's, spool/replay.h and spool/prune.h
 * what operators and the drain do. No other code touches these directories.
 *
 * Errors: a function that fails returns false (or -1), has logged nothing, and
 * leaves errno as the failing call set it; spool->step names that call and its
 * object for the log ("sync new", "rename new/3f5a...").
 */
#ifndef SPOOL_SPOOL_H
#define SPOOL_SPOOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"
#include "spool/name.h"
#include "spool/record.h"

enum spool_dir {
    DIR_TMP,
    DIR_NEW,
    DIR_REPLAY,
    DIR_DONE,
    DIR_OUT,
    DIR_SENT,
    DIR_FAILED,
    DIR_HELD,
    DIR_BAD,
    SPOOL_DIRS
};

enum {
    SPOOL_DIR_MODE = 02770,
    SPOOL_FILE_MODE = 0660,
    SPOOL_STEP_SIZE = 480,
    SPOOL_FILE_MAX = 256 << 20 /* bytes; bookspool makes no larger file */
};

struct spool_backing;

struct spool {
    const struct spool_backing *backing; /* NULL: directories */
    void *backed;                        /* what the backing keeps */
    int root;
    int lock; /* -1: not held */
    int dir[SPOOL_DIRS];
    bool syncfs_reports; /* the kernel reports write errors from syncfs: Linux 5.8 */
    unsigned temp_count;
    unsigned temp_salt; /* random: it keeps the temp names of processes apart */
    bool sync_failed;   /* a sync has failed since it was opened: later steps must not rely on it */
    char step[SPOOL_STEP_SIZE];
};

/* "new", "done", ... */
const char *spool_dir_name(enum spool_dir dir);

/*
 * `path` must exist; directories missing in it are made. Refused, with the reason and the remedy in
 * `why`: anything writable by all users, directories that this user may not use, directories on
 * other file systems, a file system that can neither rename without replacing nor link.
 */
bool spool_open(struct spool *spool, const char *path, struct buf *why);
/*
 * For a process of root that is about to change the spool: permanently becomes the spool's owner,
 * so that it leaves no file that the owner cannot use. Does nothing for other users. False: errno.
 */
bool spool_become_owner(const char *path);
/* Makes nothing; what is missing, no directory or closed to us stays at -1. */
bool spool_open_readonly(struct spool *spool, const char *path, struct buf *why);
void spool_close(struct spool *spool);

/* Can this directory be used? One that does not exist yet, or is closed to us, cannot. */
bool spool_has(const struct spool *spool, enum spool_dir dir);

/* Is there a file of that name? An error counts as "no": use it only where that is safe. */
bool spool_exists(const struct spool *spool, enum spool_dir dir, const char *name);

/* The same where neither answer is safe after an error: false when it cannot be found out. */
bool spool_look(struct spool *spool, enum spool_dir dir, const char *name, bool *there);

/*
 * Are these two names of one file? After a power cut some file systems have both names of a rename
 * between two directories. The name that is less likely to exist comes first: if it does not exist,
 * the other is not checked. An error counts as "no".
 */
bool spool_same_file(const struct spool *spool, enum spool_dir dir, const char *name,
    enum spool_dir other_dir, const char *other_name);

/* One file, read to its end. */
struct spool_file {
    struct buf data;
    mode_t mode;
    uid_t owner;
    int64_t mtime;
    struct record record; /* valid, and pointing into data, when torn is NULL */
    const char *torn;
};

/* False when it cannot be read (errno; ENOENT: it is gone). Regular files only, never a link. */
bool spool_read(struct spool *spool, enum spool_dir dir, const char *name, struct spool_file *file);
void spool_file_free(struct spool_file *file);

/* A directory entry. The list, or the walk, owns the name. */
struct spool_item {
    char *name;
    int64_t mtime;
    int64_t size;
    mode_t mode;
    uid_t owner;
    int64_t arrival; /* of its event, in microseconds; 0: its header has it */
    int64_t queued;  /* of a mail, in ms; 0: its header has it */
};

struct spool_list {
    struct spool_item *item; /* oldest mtime first, then by name */
    size_t count, room;
};

/* False: the walk ends; the visitor has set errno, and may have set the step. */
typedef bool spool_visit(void *context, const struct spool_item *item);

/*
 * Calls `visit` for all regular files whose names do not begin with a dot, in no order. It may
 * remove them. Memory does not grow with their number.
 */
bool spool_walk(struct spool *spool, enum spool_dir dir, spool_visit *visit, void *context);

/* Is there no such file? Ends at the first; false also when that cannot be found out. */
bool spool_is_empty(struct spool *spool, enum spool_dir dir);

/* Adds one to a list. False: memory. */
bool spool_list_add(struct spool_list *list, const struct spool_item *item);
/* The same files, as a list. */
bool spool_list(struct spool *spool, enum spool_dir dir, struct spool_list *list);
/* Only those whose names begin with `start`; others are skipped without a stat. */
bool spool_list_start(
    struct spool *spool, enum spool_dir dir, const char *start, struct spool_list *list);
void spool_list_free(struct spool_list *list);

/* A file under a private name in tmp/, written, not yet synced. */
struct spool_temp {
    int fd;
    char name[64];
};

bool spool_temp_write(struct spool *spool, const void *data, size_t len, struct spool_temp *temp);
/* Closes and removes it; keeps errno. */
void spool_temp_drop(struct spool *spool, struct spool_temp *temp);

enum spool_put { SPOOL_PUT, SPOOL_PUT_EXISTS, SPOOL_PUT_FAILED };

/* Puts a file into a spool that has a backing, where no temporary file is needed. */
enum spool_put spool_put(struct spool *spool, enum spool_dir dir, const char *name,
    const void *data, size_t len, bool over);

/* Gives the file its name without replacing (RENAME_NOREPLACE, else link); fd stays open. */
enum spool_put spool_name(
    struct spool *spool, struct spool_temp *temp, enum spool_dir dir, const char *name);
/* Gives the file its name, replacing an existing file. */
bool spool_name_over(
    struct spool *spool, struct spool_temp *temp, enum spool_dir dir, const char *name);

/*
 * The two ways to rename; the first replaces an existing file. After success the old name is gone,
 * also if both were names of one file: rename(2) then does nothing and returns 0, and
 * RENAME_NOREPLACE fails with EEXIST.
 */
bool spool_move(struct spool *spool, enum spool_dir from, const char *name, enum spool_dir to,
    const char *new_name);
enum spool_put spool_move_new(struct spool *spool, enum spool_dir from, const char *name,
    enum spool_dir to, const char *new_name);
bool spool_remove(struct spool *spool, enum spool_dir dir, const char *name);

/* Records the failed step for the log; returns false, so that a caller can return it. */
bool spool_failed(struct spool *spool, const char *verb, enum spool_dir dir, const char *name);

/* Makes a file's contents durable. */
bool spool_sync_file(struct spool *spool, int fd);
/* Makes the names in a directory durable. */
bool spool_sync_dir(struct spool *spool, enum spool_dir dir);
/* Makes everything on the file system of the spool durable. */
bool spool_sync_all(struct spool *spool);

#endif
