/*
 * loop: one process, one epoll, no threads.
 *
 * A turn: read what has come, at most 64 KiB a connection; judge each request that is now complete;
 * make one commit for all events that were stored, unless it pays to wait for more
 * (receive/commit_wait.h); answer; accept; close what is overdue. Nothing in a turn waits for a
 * peer: libfcgi gets a request only when all of it has arrived.
 *
 * A request has `deadline` from its first byte to its last, and so has a new connection until its
 * first byte. A kept connection may be idle a little longer than nginx keeps its own end
 * (keepalive_timeout 60 s of ngx_http_upstream_module), so that nginx closes first.
 *
 * After SIGTERM, SIGINT or SIGUSR1 the loop accepts the backlog, finishes requests that have begun
 * within their deadline, and closes all other connections.
 */
#ifndef RECEIVE_LOOP_H
#define RECEIVE_LOOP_H

#include <stdbool.h>
#include <stdint.h>

#include "receive/responder.h"

/*
 * Blocks the signals that stop the loop until it reads them. To be called before libfcgi starts,
 * whose handlers would lose one.
 */
void loop_block_signals(void);

/*
 * Serves `listener` (made non-blocking; closed at the end) until a signal stops it. `deadline` in
 * ms. NULL, or what failed (errno).
 */
const char *loop_run(struct responder *responder, int listener, int64_t deadline);

#endif
