/*
 * secret_file: stores webhook secrets where the receiver reads them.
 *
 * A secret that came from a NAME_FILE goes back into that file; any other one into receive.env,
 * beside bookspool.conf. The new contents are written to a file beside it, synced, and renamed over
 * it, and the directory is synced: after a power cut the file is the old or the new one. Owner,
 * group, comments and other lines stay; others lose their access. A new file has mode 0600.
 */
#ifndef TOOL_SECRET_FILE_H
#define TOOL_SECRET_FILE_H

#include <stdbool.h>
#include <sys/stat.h>

#include "base/conf.h"
#include "provider/provider.h"

/* Sets NAME=VALUE lines in the text of a settings file; a value of NULL makes the line a comment.
 * A line that is new goes below the example of it ("#NAME="), else to the end. */
void secret_file_edit(struct buf *text, const char *name, const char *value);

/* Where the secret of that slot is stored, or would be; NULL: the environment sets it, so it cannot
 * be. To be freed. */
char *secret_file_path(const struct conf *conf, enum setting which);

/*
 * Stores both secrets of a provider; `secondary` NULL: there is none any more. Where both are in
 * one file they change at once, else the secondary first, so that a secret in use is never in
 * neither. `owner` has the new owner and group of a file that root makes. False: `why` says what
 * is wrong, with the file's name.
 */
bool secret_file_store(const struct conf *conf, enum provider provider, const char *primary,
    const char *secondary, const struct stat *owner, struct buf *why);

#endif
