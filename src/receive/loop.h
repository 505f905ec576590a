/*
 * loop: one process, one epoll, no threads.
 *
 * A turn: read what has come, at most 64 KiB a connection; judge each request that is now whole;
 * one commit for all that were put, unless it pays to let the next turn add to it
 * (receive/gather.h); answer; accept; close what is overdue. Nothing in a turn waits for a peer: a
 * request is handed to libfcgi only when all of it is here.
 *
 * A request has `deadline` from its first byte to its last, a new connection the same until its
 * first byte. A kept connection may be idle a little longer than nginx keeps its own end
 * (keepalive_timeout 60 s of ngx_http_upstream_module), so that nginx is the one who closes.
 *
 * SIGTERM, SIGINT, SIGUSR1: the backlog is taken in, requests that have begun are finished
 * within their deadline, the rest is closed.
 */
#ifndef RECEIVE_LOOP_H
#define RECEIVE_LOOP_H

#include <stdbool.h>
#include <stdint.h>

#include "receive/responder.h"

/*
 * Keeps the signals that stop the loop waiting until it takes them. To be called before libfcgi
 * starts: its own handlers would swallow one.
 */
void loop_hold_signals(void);

/*
 * Serves `listener` (made non-blocking; closed at the end) until told to stop. `deadline` in ms.
 * NULL, or what failed (errno).
 */
const char *loop_run(struct responder *responder, int listener, int64_t deadline);

#endif
