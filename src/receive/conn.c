#include "receive/conn.h"

#include <stdlib.h>
#include <unistd.h>

static void take_out(struct conn_queue *q, struct conn *c)
{
    *(c->prev ? &c->prev->next : &q->first) = c->next;
    *(c->next ? &c->next->prev : &q->last) = c->prev;
}

static void enter_queue(
    struct conn_table *table, struct conn *c, enum conn_state state, int64_t now)
{
    c->state = state;
    c->deadline = table->life[state] ? now + table->life[state] : INT64_MAX;
    struct conn_queue *q = &table->queue[state];
    c->prev = q->last;
    c->next = NULL;
    *(q->last ? &q->last->next : &q->first) = c;
    q->last = c;
}

struct conn *conn_add(struct conn_table *table, int fd, int64_t now)
{
    struct conn *c = calloc(1, sizeof *c);
    if (!c)
        return NULL;
    c->fd = fd;
    enter_queue(table, c, CONN_NEW, now);
    table->count++;
    return c;
}

void conn_move(struct conn_table *table, struct conn *c, enum conn_state state, int64_t now)
{
    take_out(&table->queue[c->state], c);
    enter_queue(table, c, state, now);
}

void conn_drop(struct conn_table *table, struct conn *c)
{
    take_out(&table->queue[c->state], c);
    enter_queue(table, c, CONN_GONE, 0);
    table->count--;
    if (c->fd >= 0)
        close(c->fd);
    c->fd = -1;
    buf_free(&c->in);
}

void conn_free_gone(struct conn_table *table)
{
    struct conn *c;
    while ((c = table->queue[CONN_GONE].first)) {
        take_out(&table->queue[CONN_GONE], c);
        free(c);
    }
}

struct conn *conn_next_due(const struct conn_table *table)
{
    struct conn *next = NULL;
    for (int i = 0; i < CONN_STATES; i++) {
        struct conn *c = table->queue[i].first;
        if (c && c->deadline < (next ? next->deadline : INT64_MAX))
            next = c;
    }
    return next;
}
