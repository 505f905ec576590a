/*
 * io: what read(2), write(2) and rename(2) need around them, once.
 *
 * False leaves errno as the call set it; a signal in between is no failure.
 */
#ifndef BASE_IO_H
#define BASE_IO_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

#include "base/buf.h"

/*
 * Renames without replacing; false with EEXIST where the new name is taken. On a file system that
 * cannot do so (NFS, some FUSE) the file is linked, and the old name removed.
 */
bool io_rename_new(int from, const char *name, int to, const char *new_name);

bool io_write_all(int fd, const void *data, size_t len);

/*
 * Appends all there is to read. `expected` bytes are made room for at once: a file of that size
 * takes two calls. EFBIG: more than `most` bytes came; ENOMEM.
 */
bool io_read_all(int fd, struct buf *out, size_t expected, size_t most);

/*
 * Appends a file, found from `dir` as openat(2) does. EINVAL: it is no regular file; EFBIG, ENOMEM
 * as above. `st` may be NULL.
 */
bool io_read_file(int dir, const char *path, struct buf *out, size_t most, struct stat *st);

#endif
