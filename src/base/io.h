/*
 * io: what read(2), write(2) and rename(2) need around them, once.
 *
 * False leaves errno as the call set it; interrupted calls are repeated.
 */
#ifndef BASE_IO_H
#define BASE_IO_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "base/buf.h"

/*
 * Renames without replacing; false with EEXIST where the new name is taken. On a file system that
 * cannot do so (NFS, some FUSE) the file is linked, and the old name removed.
 */
bool io_rename_new(int from, const char *name, int to, const char *new_name);

bool io_write_all(int fd, const void *data, size_t len);

/*
 * Appends everything up to the end of the file. Room for `expected` bytes is made at once, so that
 * a file of that size takes two calls. Errors: EFBIG for more than `most` bytes, ENOMEM.
 */
bool io_read_all(int fd, struct buf *out, size_t expected, size_t most);

/*
 * Appends a file, found from `dir` as openat(2) does. Errors: EINVAL for what is no regular file;
 * EFBIG, ENOMEM as above. `st` may be NULL.
 */
bool io_read_file(int dir, const char *path, struct buf *out, size_t most, struct stat *st);

/*
 * Makes a file of these bytes, or replaces it, so that a reader sees either the old or the new
 * one, also after a power cut. Written as PATH.new, synced, and renamed; the directory is not
 * synced.
 */
bool io_replace_file(const char *path, const void *data, size_t len, mode_t mode);

/* Syncs the directory that holds this path, so that a rename in it is durable. */
bool io_sync_folder(const char *path);

/* A descriptor that poll(2) finds readable when the process has ended; close-on-exec. -1: errno. */
int io_process(pid_t pid);

#endif
