/*
 * smtp_url: the server that BOOKSPOOL_TRANSPORT names, checked, as a URL for libcurl.
 */
#ifndef DELIVER_SMTP_URL_H
#define DELIVER_SMTP_URL_H

#include <stdbool.h>

#include "base/buf.h"

/*
 * Appends "smtp://HOST[:PORT]/EHLO" (or smtps) to `url`: libcurl takes the name for EHLO from the
 * path. `ehlo` NULL: this host's full name. False, with what would be right in `why`: a login, path
 * or query in the URL, a name that EHLO cannot carry, smtp+plain to another machine.
 */
bool smtp_url(const char *value, const char *ehlo, struct buf *url, struct buf *why);

/* Does the URL begin with this scheme, "smtp+plain"? */
bool smtp_url_is_plain(const char *value);

#endif
