/*
 * cgi: one request by the Common Gateway Interface (RFC 3875): variables from the
 * environment, body from standard input, answer on standard output.
 */
#ifndef RECEIVE_CGI_H
#define RECEIVE_CGI_H

#include <stdbool.h>
#include <stdint.h>

#include "receive/responder.h"

/* True when a web server started this as a CGI program: GATEWAY_INTERFACE is set (4.1.4). */
bool cgi_wanted(void);

/* `deadline` in ms bounds the reading of the body. False: the answer could not be written. */
bool cgi_run(struct responder *responder, int64_t deadline);

#endif
