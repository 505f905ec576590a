/*
 * gateway: libfcgi, fed from memory.
 *
 * FCGX_Accept_r accepts, reads and blocks; a loop that must never wait does that itself and gives
 * libfcgi whole requests that receive/guard.h let pass. The bytes go through a memory file as the
 * request's ipcFd; the socket takes its place just before FCGX_Finish_r writes the answer.
 * keepConnection is always set, or finishing would close the descriptor, and `detached` keeps
 * libfcgi from shutting it down and waiting for the peer where a write fails.
 *
 * fcgiapp.h marks these members "Don't use anything below here". This module alone
 * does, and gateway_selftest proves at each start that they still mean the same.
 */
#ifndef RECEIVE_GATEWAY_H
#define RECEIVE_GATEWAY_H

#include <stdbool.h>
#include <stddef.h>

#include <fcgiapp.h>

#include "base/buf.h"

/* One request between its parsing and its answer; any number may be open at once. */
struct exchange {
    FCGX_Request fcgx;
};

/* Once a process; changes the dispositions of SIGTERM, SIGUSR1 and SIGPIPE. False: errno. */
bool gateway_init(void);

/* NULL, or what this libfcgi does differently. */
const char *gateway_selftest(void);

/*
 * Parses a whole request: `data` and, where `tail` is not NULL, one more record header
 * (guard_stdin_end). False: libfcgi refused it; nothing is open then. libfcgi aborts the process
 * where memory is short: no 200 was given, and a supervisor starts another.
 */
bool gateway_open(struct exchange *x, const void *data, size_t len, const unsigned char *tail);

/* A request_lookup of receive/request.h; `context` is the exchange. Valid until gateway_answer. */
const char *gateway_param(void *context, const char *name);

/* Appends all of the body. Must be called once, also where the body does not matter. */
bool gateway_body(struct exchange *x, struct buf *body);

/*
 * Answers with a CGI response and ends the exchange. False: the write failed and
 * the socket has been closed. Else it stays open and the caller's.
 */
bool gateway_answer(struct exchange *x, int socket, const struct buf *response);

#endif
