/*
 * smtp: the transport that hands a mail to an SMTP server, by libcurl.
 *
 *     smtp://HOST[:PORT]        STARTTLS, required; port 25 by default
 *     smtps://HOST[:PORT]       TLS from the first byte; port 465 by default
 *     smtp+plain://HOST[:PORT]  no TLS: to this machine only (127.0.0.0/8, [::1], localhost),
 *                               never with a login and never through a proxy
 *
 * Certificates are always verified, against BOOKSPOOL_TLS_CA or the system's authorities. With
 * BOOKSPOOL_SMTP_USER and _PASSWORD, or _TOKEN (RFC 7628), no mail command is given before the
 * server said 235 on this connection: libcurl by itself goes on when a server offers no login. Of
 * the mechanisms that the server offers, the first of deliver/smtp_outcome.h is tried, or the one
 * of BOOKSPOOL_SMTP_AUTH; after a refusal for good the next, on a new connection, each once for as
 * long as the transport is open.
 *
 * One connection is kept; when the server turns out to have closed it (RFC 5321 section 3.8), the
 * mail is tried once more on a new one, provided that nothing of its body was given away. One
 * recipient a transaction, so each outcome is one recipient's.
 *
 * Reasons: deliver/smtp_outcome.h; smtp-invalid (never). `detail` is what the server said last,
 * else libcurl's own words.
 */
#ifndef DELIVER_SMTP_H
#define DELIVER_SMTP_H

#include <stdbool.h>

#include "deliver/target.h"
#include "deliver/transport.h"

/*
 * libcurl keeps a copy of the password or token; `conf` may be wiped afterwards. The token's file
 * is read again each time, because such tokens live about an hour.
 */
void *smtp_open(const struct conf *conf, const struct target *target, struct buf *why);
void smtp_send(void *state, const struct delivery *delivery, struct delivery_result *result);
void smtp_close(void *state);

#endif
