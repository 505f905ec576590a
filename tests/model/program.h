/*
 * program: how receivers, drains and the operator are written. A program is a function that
 * is called again and again and goes on after the STEP where it stopped: the code between two
 * STEPs runs at once, and any other actor may run at a STEP.
 */
#ifndef MODEL_PROGRAM_H
#define MODEL_PROGRAM_H

#include "state.h"

#define BEGIN(p)                                                                                   \
    switch ((p)->line) {                                                                           \
    case 0:;
#define STEP(p)                                                                                    \
    do {                                                                                           \
        (p)->line = __LINE__;                                                                      \
        return;                                                                                    \
    case __LINE__:;                                                                                \
    } while (0)
#define END }

enum program {
    IDLE,
    RECEIVE,
    HOLD,
    PUT,
    COMMIT,
    DRAIN,
    BAD_ONES,
    EVENTS,
    REPLAYS,
    MAKE,
    FINISH_BATCH,
    HELD_ONES,
    LIST_MAILS,
    NEXT_MAIL,
    GIVE_AWAY,
    TO_SENT,
    SYNC_SENT_ONES,
    CP,
    REPLAY,
    RELEASE,
    PROGRAMS
};

typedef void program(struct state *s, struct process *p);

/* The receiver: spool/accept.c. */
program receive, hold, put, commit;
/* The drain: drain/pass.c, drain/compose.c, drain/deliver.c, drain/outbox.c. */
program drain, bad_ones, events, replays, make, finish_batch, held_ones;
program list_mails, next_mail, give_away, to_sent, sync_sent_ones;
void end_run(struct process *p);
void io_failed(struct process *p, const char *what);
/* The operator. */
program cp, replay, release;
/* The operator's moves that are one step: their number, and the nth. */
unsigned operator_moves(const struct state *s);
void operator_move(struct state *s, unsigned nth);

/* The step of p is the last of this program; it goes on with another one. */
static inline void go(struct process *p, enum program next)
{
    p->program = (uint8_t)next;
    p->line = 0;
}

/* It has nothing more to do. A receiver stays, with the spool open. */
static inline void end(struct process *p)
{
    *p = (struct process){.flags = p->flags & (OPEN | REPORT_ALL)};
}

#endif
