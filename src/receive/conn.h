/*
 * conn: one connection, and the queues that connections stand in.
 *
 * The queue is the state. All that stand in one queue have the same time to live, so the first is
 * always the next whose time is up, and the nearest deadline of all is found by a glance at each
 * queue's first.
 */
#ifndef RECEIVE_CONN_H
#define RECEIVE_CONN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "receive/gateway.h"
#include "receive/guard.h"
#include "receive/responder.h"

enum conn_state {
    CONN_FRESH,   /* accepted, nothing came yet */
    CONN_READING, /* a request has begun to arrive */
    CONN_PENDING, /* bytes of the next request came with the last one */
    CONN_WAITING, /* its exchange is open, its verdict waits for the commit of this turn */
    CONN_IDLE,    /* kept, between two requests */
    CONN_LINGER,  /* answered before all had come: the rest is read and dropped, because closing
                     on unread bytes may cost the peer the answer */
    CONN_GONE,    /* closed; its memory stays until the end of the turn */
    CONN_STATES
};

struct conn {
    int fd; /* -1: closed by libfcgi */
    enum conn_state state;
    int64_t deadline; /* ms of clock_monotonic */
    struct conn *prev, *next;
    uint64_t commit; /* that answered it last: receive/gather.h */
    struct buf in;   /* what came of the request at hand, unless one read brought it whole */
    struct guard guard;
    struct exchange exchange;
    struct verdict verdict;
};

struct conn_queue {
    struct conn *first, *last;
};

struct conn_table {
    struct conn_queue queue[CONN_STATES];
    int64_t life[CONN_STATES]; /* ms; 0: no deadline */
    size_t count;
};

/* NULL when memory is short; the descriptor is the table's from now on. */
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
/* The nearest deadline of all, INT64_MAX when there is none. */
int64_t conn_nearest(const struct conn_table *table);
/* The first whose time is up, NULL when there is none. */
struct conn *conn_expired(const struct conn_table *table, int64_t now);

#endif
