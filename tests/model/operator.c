/* The operator: bookspool-spool(5), Operators; `bookspool replay` and `release`. */
#include "program.h"
#include "search.h"

/* cp done/ID replay/x, which others may read while it is written. */
void cp(struct state *s, struct process *p)
{
    BEGIN(p)
    p->inode = file_new(s, PART);
    name(s, COPY, p->inode);
    s->copies++;
    STEP(p);
    s->inode[p->inode].data = DIRTY;
    end(p);
    END
}

/* bookspool replay ID */
void replay(struct state *s, struct process *p)
{
    BEGIN(p)
    p->inode = file_new(s, DIRTY);
    if (rule(REPLAY_IS_SYNCED) && !sync_file(s, p)) {
        end(p);
        return;
    }
    STEP(p);
    if (s->cur[COPY]) { /* it would take another name, which is another replay */
        end(p);
        return;
    }
    name(s, COPY, p->inode);
    s->copies++;
    STEP(p);
    if (sync_dir(s, COPY)) {
        s->copied++;
        say("reads that it will be mailed");
    }
    end(p);
    END
}

/* mv -n held/ID new/ */
static bool mv_held(struct state *s)
{
    if (!s->cur[HELD] || (s->cur[NEW] && rule(RELEASE_WITHOUT_REPLACING)))
        return false;
    move(s, HELD, NEW);
    say("held/ID to new/ID");
    return true;
}

/* bookspool release ID: like a receiver, it does not trust the file that it found. Or mv. */
void release(struct state *s, struct process *p)
{
    BEGIN(p)
    if (choose(2)) {
        mv_held(s);
        end(p);
        return;
    }
    if (s->cur[DONE]) {
        end(p);
        return;
    }
    if (rule(RELEASE_BY_COPY)) {
        p->inode = file_new(s, DIRTY);
        STEP(p);
        if (!sync_file(s, p)) {
            end(p);
            return;
        }
        STEP(p);
        name(s, HELD, p->inode);
    }
    STEP(p);
    if (!mv_held(s)) {
        end(p);
        return;
    }
    STEP(p);
    if (!rule(RELEASE_IS_SYNCED) || sync_dir(s, NEW)) {
        s->released = 1;
        say("reads that it will be mailed");
    }
    end(p);
    END
}

/* ---- mv ---- */

static unsigned nth_mail(const struct state *s, unsigned directory, unsigned nth)
{
    for (unsigned mail = 0; mail < MAILS; mail++)
        if (s->cur[directory + mail] && nth-- == 0)
            return mail;
    return MAILS;
}

unsigned operator_moves(const struct state *s)
{
    unsigned moves = 0;
    while (nth_mail(s, FAILED, moves) < MAILS)
        moves++;
    for (unsigned sent = 0; nth_mail(s, SENT, sent) < MAILS; sent++)
        moves++;
    return moves;
}

void operator_move(struct state *s, unsigned nth)
{
    unsigned failed = 0;
    while (nth_mail(s, FAILED, failed) < MAILS)
        failed++;
    unsigned from = nth < failed ? FAILED : SENT;
    unsigned mail = nth_mail(s, from, nth < failed ? nth : nth - failed);
    if (from == SENT) {
        s->allowed[mail]++;
        s->excused[mail] = 1;
    }
    say("mv %s out/", entry_name(from + mail));
    move(s, from + mail, OUT + mail);
}
