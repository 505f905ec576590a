/*
 * conn: one connection, and a queue of connections for each state.
 *
 * All connections in one queue have the same time to live, so the first of a queue is always the
 * next to expire, and the nearest deadline of all is among the first of each queue.
 */
#ifndef RECEIVE_CONN_H
#define RECEIVE_CONN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "receive/fcgi_check.h"
#include "receive/libfcgi.h"
#include "receive/responder.h"

enum conn_state {
    CONN_NEW,        /* accepted, no byte has come */
    CONN_READING,    /* a request has begun to arrive */
    CONN_PENDING,    /* bytes of the next request came with the last one */
    CONN_WAITING,    /* its request is judged, and its answer waits for a commit */
    CONN_FORWARDING, /* its event is stored, and its answer waits until a drain has forwarded that
                      */
    CONN_IDLE,       /* kept, between two requests */
    CONN_LINGER, /* answered before all had come: the rest is read and dropped, because the peer may
                    lose the answer when a connection is closed with unread bytes */
    CONN_GONE,   /* closed; its memory stays until the end of the turn */
    CONN_STATES
};

struct conn {
    int fd; /* -1: closed by libfcgi */
    enum conn_state state;
    int64_t deadline; /* ms of clock_monotonic */
    struct conn *prev, *next;
    uint64_t commit; /* the last that answered it: receive/commit_wait.h */
    struct buf in;   /* the current request, unless one read brought all of it */
    struct fcgi_check check;
    struct exchange exchange;
    struct judgment judgment;
};

struct conn_queue {
    struct conn *first, *last;
};

struct conn_table {
    struct conn_queue queue[CONN_STATES];
    int64_t life[CONN_STATES]; /* ms; 0: no deadline */
    size_t count;
};

/* NULL when memory is short; otherwise the table owns the descriptor. */
struct conn *conn_add(struct conn_table *table, int fd, int64_t now);
/* To the end of that state's queue; the deadline counts from now. */
void conn_move(struct conn_table *table, struct conn *c, enum conn_state state, int64_t now);
/*
 * Closes it; the state becomes CONN_GONE. The memory stays valid until conn_free_gone, because an
 * event that epoll returned in this turn may still point to it.
 */
void conn_drop(struct conn_table *table, struct conn *c);
/* To be called at the end of a turn, when no event of it will be read any more. */
void conn_free_gone(struct conn_table *table);
/* The one with the nearest deadline, NULL when none has a deadline. */
struct conn *conn_next_due(const struct conn_table *table);

#endif
