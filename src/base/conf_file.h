/*
 * conf_file: NAME=VALUE lines. Internal to conf.
 *
 * A file must be regular, at most CONF_FILE_MAX bytes, and not writable by everybody, because
 * settings choose the program that delivers mail.
 */
#ifndef BASE_CONF_FILE_H
#define BASE_CONF_FILE_H

#include <stdbool.h>
#include <sys/stat.h>

#include "base/buf.h"

enum { CONF_FILE_MAX = 256 * 1024 };

/*
 * Could any user have written this file, or put it there? True when not. Else `why` says what is
 * wrong and what would be right: the file, or the directory that holds it, is writable by
 * everybody. In a directory with the sticky bit a file of root or of the program's own user is
 * safe: no other user can replace it. Where the path is a symbolic link, the same holds for each
 * link on the way and for the directory of the file itself. Groups and owners are the
 * administrator's choice.
 */
bool conf_file_safe(const char *path, const struct stat *st, struct buf *why);

enum conf_line { CONF_LINE_END, CONF_LINE_PAIR, CONF_LINE_WRONG };

/*
 * Takes the next NAME=VALUE from *at, counting lines in *number. Cuts the text up: name and value
 * point into it. Empty lines and comments (# or ;) are skipped.
 */
enum conf_line conf_file_next(char **at, int *number, char **name, char **value);

#endif
