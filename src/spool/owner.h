/*
 * owner: files and directories of the wrong owner in the spool and the state directory.
 *
 * All programs of an installation run as one user, the owner of the spool's directory. That user
 * cannot use what root has made by hand (a program started once as root, a copied file).
 */
#ifndef SPOOL_OWNER_H
#define SPOOL_OWNER_H

#include <stdbool.h>
#include <sys/stat.h>

#include "base/buf.h"

/* True when `st` belongs to another user than `root` and is not open to a group of both. */
bool owner_is_foreign(const struct stat *st, const struct stat *root);

/* Appends the command that gives `path` to the owner of `root`: "chown -R user:group path". */
void owner_append_command(struct buf *out, const char *path, const struct stat *root);

/* Appends the name of the user, or the number. */
void owner_append_user(struct buf *out, uid_t uid);

/* For a log line about a failed call: a hint at that command where errno suggests it, else "". */
const char *owner_hint(int error);

#endif
