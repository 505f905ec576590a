/*
 * conf_file: KEY=VALUE lines. Internal to conf.
 *
 * The file is read whole (up to CONF_FILE_MAX bytes) and checked before any of
 * it is used: regular, and its permissions told, so that a caller can refuse a secret in
 * a file that others may read.
 */
#ifndef BASE_CONF_FILE_H
#define BASE_CONF_FILE_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/buf.h"

enum { CONF_FILE_MAX = 256 * 1024 };

/* False with errno; EFBIG where it is too large, EINVAL where it is no regular file. */
bool conf_file_read(const char *path, struct buf *text, mode_t *mode);

enum conf_line { CONF_LINE_END, CONF_LINE_PAIR, CONF_LINE_WRONG };

/*
 * Takes the next KEY=VALUE from *at, counting lines in *number. Cuts the text up: key and value
 * point into it. Empty lines and comments (# or ;) are skipped.
 */
enum conf_line conf_file_next(char **at, int *number, char **key, char **value);

#endif
