/*
 * sendgrid: the transport that hands a mail to SendGrid's v3 Mail Send, by libcurl.
 *
 *     sendgrid:    with SENDGRID_API_KEY; SENDGRID_API_BASE is https://api.sendgrid.com unless
 * told, https://api.eu.sendgrid.com for accounts of that region. Without TLS to this machine only.
 *
 * One message a request, one kept connection, HTTP/1.1 without redirects. The request is given to
 * libcurl piece by piece, so that it is known whether its last byte was, and so that libcurl
 * cannot repeat it by itself. What the answers mean: deliver/sendgrid_outcome.h; what is sent:
 * deliver/sendgrid_body.h.
 *
 * `detail` is the status with the id of the request (X-Message-Id) or the first error, else
 * libcurl's own words.
 */
#ifndef DELIVER_SENDGRID_H
#define DELIVER_SENDGRID_H

#include "deliver/transport.h"

/* libcurl keeps a copy of the key; `conf` may be wiped after. */
void *sendgrid_open(const struct conf *conf, const char *value, struct buf *why);
void sendgrid_send(void *state, const struct delivery *delivery, struct delivery_result *result);
void sendgrid_close(void *state);

#endif
