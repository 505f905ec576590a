/*
 * owner: to whom parts of the spool and the state directory belong, and how to repair that.
 *
 * All programs of an installation work as one user, the owner of the spool's directory. What root
 * made by hand in between (a program started once as root, a copied file) is closed to that user.
 */
#ifndef SPOOL_OWNER_H
#define SPOOL_OWNER_H

#include <stdbool.h>
#include <sys/stat.h>

#include "base/buf.h"

/*
 * Can the owner of `root` not be sure to work with what `st` describes? True when it belongs to
 * another user and is not open to the group that both have.
 */
bool owner_is_foreign(const struct stat *st, const struct stat *root);

/* Appends the command that gives all below `path` to the owner of `root`: "chown -R user:group
 * path". */
void owner_append_command(struct buf *out, const char *path, const struct stat *root);

/* The user's name, or the number. */
void owner_append_user(struct buf *out, uid_t uid);

/* For a log line about a failed call: "" or where to find the command, by errno. */
const char *owner_hint(int error);

#endif
