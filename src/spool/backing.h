/*
 * backing: the files of a spool that is not made of directories: the one that several machines
 * share (shared/shared.h). A spool without a backing is directories; then no function here is
 * called.
 *
 * A backing keeps the meaning of spool.h: files with a directory, a name, a time (mtime) and marks.
 * A step takes effect at once for all who use the spool; it is durable after the next `sync`, or at
 * once where that is said. Of files in new/, replay/ and out/ each has at most one holder at a
 * time: the drain that took it. A step on a file that another holds fails with ENOENT, as if it
 * were moved away.
 *
 * False: errno, and the step of the spool.
 */
#ifndef SPOOL_BACKING_H
#define SPOOL_BACKING_H

#include "spool/spool.h"

enum { SPOOL_TAKE = 256 }; /* files that a drain takes at once */

struct spool_content {
    const void *data;
    size_t len;
    int64_t mtime; /* TIME_NONE: now */
    mode_t marks;
};

struct spool_backing {
    bool (*look)(struct spool *spool, enum spool_dir dir, const char *name, bool *there);
    /* Fills data, mode, mtime and owner. */
    bool (*read)(
        struct spool *spool, enum spool_dir dir, const char *name, struct spool_file *file);
    /* In no order; `visit` may remove files and read them. */
    bool (*walk)(struct spool *spool, enum spool_dir dir, const char *start, spool_visit *visit,
        void *context);
    enum spool_put (*put)(struct spool *spool, const struct spool_content *content,
        enum spool_dir dir, const char *name, bool over);
    /* A mail that moves to sent/ loses its marks there, and its time is now. */
    enum spool_put (*move)(struct spool *spool, enum spool_dir from, const char *name,
        enum spool_dir to, const char *new_name, bool over);
    bool (*remove)(struct spool *spool, enum spool_dir dir, const char *name);
    bool (*set_time)(struct spool *spool, enum spool_dir dir, const char *name, int64_t when);
    /* Durable when it returns, unless it takes all marks away. */
    bool (*mark)(struct spool *spool, enum spool_dir dir, const char *name, mode_t marks);
    /* Takes files that are due, in the order of arrival, for this drain: for a time that each sync
     * renews. At most as many as fit a run; *list has them. */
    bool (*take)(struct spool *spool, enum spool_dir dir, int64_t now, int64_t longest,
        struct spool_list *list);
    bool (*sync)(struct spool *spool);
    /* Renews the lease when that is due: called during waits. */
    bool (*hold)(struct spool *spool);
    /* The stamp of the last visit of prune: its time, TIME_NONE without one, and its mark. */
    bool (*get_stamp)(struct spool *spool, int64_t *when, mode_t *marks);
    bool (*set_stamp)(struct spool *spool, int64_t when, mode_t marks);
    void (*close)(struct spool *spool);
};

#endif
