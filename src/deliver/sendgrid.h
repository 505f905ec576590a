/*
 * sendgrid: the transport that hands a mail to SendGrid's v3 Mail Send.
 *
 *     sendgrid:    with SENDGRID_API_KEY; SENDGRID_API_BASE is https://api.sendgrid.com by default,
 *                  https://api.eu.sendgrid.com for accounts of that region. http:// is accepted for
 *                  this machine only.
 *
 * One message a request, one kept connection (http/http.h). What the answers mean:
 * deliver/sendgrid_outcome.h; what is sent: deliver/sendgrid_body.h.
 *
 * `detail` is the status with the id of the request (X-Message-Id) or the first error, else
 * libcurl's own words. Besides the reasons of sendgrid_outcome.h: sendgrid-invalid (never),
 * sendgrid-body (never).
 */
#ifndef DELIVER_SENDGRID_H
#define DELIVER_SENDGRID_H

#include "deliver/target.h"
#include "deliver/transport.h"

/* libcurl keeps a copy of the key; `conf` may be wiped afterwards. */
void *sendgrid_open(const struct conf *conf, const struct target *target, struct buf *why);
void sendgrid_send(void *state, const struct delivery *delivery, struct delivery_result *result);
void sendgrid_close(void *state);

#endif
