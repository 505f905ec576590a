/*
 * libfcgi: feeds libfcgi from memory.
 *
 * FCGX_Accept_r accepts, reads and blocks. A loop that must never block does that itself, and gives
 * libfcgi complete requests that receive/fcgi_check.h has passed. The bytes go through a memory
 * file as the request's ipcFd; the socket takes its place just before FCGX_Finish_r writes the
 * answer. keepConnection is always set, because finishing would close the descriptor otherwise, and
 * `detached` keeps libfcgi from shutting it down and waiting for the peer when a write fails.
 *
 * fcgiapp.h marks these members "Don't use anything below here". Only this module uses them, and
 * libfcgi_selftest checks at each start that they still mean the same.
 */
#ifndef RECEIVE_LIBFCGI_H
#define RECEIVE_LIBFCGI_H

#include <stdbool.h>
#include <stddef.h>

#include <fcgiapp.h>

#include "base/buf.h"

/* One request between its parsing and its answer; any number may be open at once. */
struct exchange {
    FCGX_Request fcgx;
};

/* To be called once; changes how SIGTERM, SIGUSR1 and SIGPIPE are handled. False: errno. */
bool libfcgi_init(void);

/* NULL, or how this libfcgi differs. */
const char *libfcgi_selftest(void);

/*
 * Parses a complete request: `data` and, where `tail` is not NULL, one more record header
 * (fcgi_check_stdin_end). False: libfcgi refused it, and nothing is open. libfcgi aborts the
 * process when memory is short: no 200 has been sent, and the supervisor starts another process.
 */
bool libfcgi_open(struct exchange *x, const void *data, size_t len, const unsigned char *tail);

/* A request_lookup of receive/request.h; `context` is the exchange. Valid until libfcgi_answer. */
const char *libfcgi_param(void *context, const char *name);

/* Appends all of the body. To be called once for each open exchange, even if it is not used. */
bool libfcgi_body(struct exchange *x, struct buf *body);

/*
 * Answers with a CGI response and ends the exchange. False: the write failed and the socket has
 * been closed. Otherwise the socket stays open and belongs to the caller.
 */
bool libfcgi_answer(struct exchange *x, int socket, const struct buf *response);

#endif
