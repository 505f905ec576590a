/*
 * url: addresses of an API. Pure. A token is shown only where api_url_make says so.
 */
#ifndef API_URL_H
#define API_URL_H

#include <stdbool.h>

#include "base/buf.h"

/*
 * Appends base and path to `url`. `path` begins with '/', or is a full URL with the scheme, host,
 * port and beginning of the path of `base`. False: it is neither, it leaves the base ("/.."), or
 * it holds anything but printable ASCII; or memory ran out.
 */
bool api_url_make(const char *base, const char *path, struct buf *url);

/* Puts NAME=VALUE into the query in place of any other value of it. False: out of memory. */
bool api_url_set(struct buf *url, const char *name, const char *value);

/* The value of that name in the query, decoded; false when there is none. */
bool api_url_get(const char *url, const char *name, struct buf *value);

#endif
