/*
 * listing: what a provider's API lists, as a table for people or as JSON.
 */
#ifndef TOOL_LISTING_H
#define TOOL_LISTING_H

#include "tool/remote.h"

struct listing_column {
    const char *member; /* of an item: "location.type" */
    const char *name;   /* in JSON */
    const char *heading;
};

/*
 * Prints the items of all pages of that path, up to the first 1,000: a row each, or the array
 * `name` with --json. `columns` is ended by one without a member. EX_OK, or the exit status after a
 * message; what came before an error is printed.
 */
int listing_print(struct remote *remote, const char *path, const char *name,
    const struct listing_column *columns);

#endif
