/* A run of the drain up to composing and held/: bookspool-spool(5), Drain, steps 2 to 5. */
#include "program.h"
#include "search.h"

enum { FOUND_NEW = 1, FOUND_COPY = 2, FOUND_CLAIM1 = 4, FOUND_CLAIM2 = 8 };

static bool locked(const struct state *s)
{
    return (s->process[DRAIN1].flags | s->process[DRAIN2].flags) & LOCKED;
}

void end_run(struct process *p)
{
    *p = (struct process){0};
}

void io_failed(struct process *p, const char *what)
{
    say("%s: the run ends", what);
    end_run(p);
}

void drain(struct state *s, struct process *p)
{
    if (rule(ONE_DRAIN) && locked(s)) {
        say("the lock is held: ends at once");
        end_run(p);
        return;
    }
    p->flags = LOCKED | OPEN;
    go(p, rule(RESTORE_BAD) && s->cur[BAD] ? BAD_ONES : EVENTS);
}

/* Restores an event in bad/ that has become intact. */
void bad_ones(struct state *s, struct process *p)
{
    BEGIN(p)
    if (same_file(s, BAD, DONE))
        drop(s, BAD);
    if (s->cur[DONE] || !intact(s, BAD)) {
        go(p, EVENTS);
        return;
    }
    STEP(p);
    if (s->cur[BAD] && (!s->cur[NEW] || !rule(RESTORE_WITHOUT_REPLACING))) {
        move(s, BAD, NEW);
        say("bad/ID is intact: back to new/ID");
        go(p, EVENTS);
        return;
    }
    if (same_file(s, BAD, NEW))
        drop(s, BAD);
    STEP(p);
    if (!s->cur[NEW] || intact(s, NEW)) {
        go(p, EVENTS);
        return;
    }
    p->inode = file_new(s, DIRTY);
    STEP(p);
    if (!sync_file(s, p)) {
        go(p, EVENTS);
        p->inode = 0;
        return;
    }
    STEP(p);
    name(s, NEW, p->inode);
    p->inode = 0;
    say("bad/ID is intact, new/ID was torn: replaced by a synced copy");
    STEP(p);
    drop(s, BAD);
    go(p, EVENTS);
    END
}

static uint8_t list_events(const struct state *s)
{
    return (uint8_t)((s->cur[NEW] ? FOUND_NEW : 0) | (s->cur[COPY] ? FOUND_COPY : 0) |
                     (s->cur[CLAIM1] ? FOUND_CLAIM1 : 0) | (s->cur[CLAIM2] ? FOUND_CLAIM2 : 0));
}

void events(struct state *s, struct process *p)
{
    BEGIN(p)
    p->listed = list_events(s);
    STEP(p);
    if (rule(SYNC_AFTER_LISTING) && !sync_all(s, p)) {
        io_failed(p, "the sync after listing failed");
        return;
    }
    say("new/ and replay/ are listed, the file system is synced");
    if (!(p->listed & FOUND_NEW)) {
        go(p, REPLAYS);
        return;
    }
    STEP(p);
    if (s->cur[DONE] && rule(DROP_LATE_DUPLICATES)) {
        STEP(p);
        drop(s, NEW);
        say("done/ID exists: new/ID is a late duplicate, dropped");
        go(p, REPLAYS);
        return;
    }
    STEP(p);
    p->from = NEW;
    p->mail = 0;
    go(p, intact(s, NEW) ? MAKE : REPLAYS);
    if (intact(s, NEW) || !s->cur[NEW] || choose(2) == 0)
        return;
    p->program = EVENTS; /* torn, and its hour is over */
    STEP(p);
    if (s->cur[NEW])
        move(s, NEW, BAD);
    say("new/ID was torn for an hour: to bad/ID");
    go(p, REPLAYS);
    END
}

static unsigned free_generation(const struct state *s)
{
    unsigned g = 1;
    while (g < MAILS && (s->cur[OUT + g] || s->cur[SENT + g] || s->cur[FAILED + g]))
        g++;
    return rule(FREE_REPLAY_NUMBER) ? g : 1;
}

/* The next replay of those that were found. */
void replays(struct state *s, struct process *p)
{
    BEGIN(p)
    if (p->listed & (FOUND_CLAIM1 | FOUND_CLAIM2)) {
        p->mail = p->listed & FOUND_CLAIM1 ? 1 : 2;
        p->listed &= (uint8_t) ~(p->mail == 1 ? FOUND_CLAIM1 : FOUND_CLAIM2);
        p->from = (uint8_t)(CLAIM1 + p->mail - 1);
        if (intact(s, p->from))
            go(p, MAKE);
        return;
    }
    if (!(p->listed & FOUND_COPY) || !intact(s, COPY)) {
        go(p, HELD_ONES);
        return;
    }
    p->listed = 0;
    STEP(p);
    p->mail = (uint8_t)free_generation(s);
    STEP(p);
    while (p->mail < MAILS && s->cur[CLAIM1 + p->mail - 1])
        p->mail++;
    if (p->mail == MAILS) {
        breach("more generations than there were copies");
        end_run(p);
        return;
    }
    p->from = COPY;
    if (!rule(MAKE_CLAIM)) {
        go(p, MAKE);
        return;
    }
    p->from = (uint8_t)(CLAIM1 + p->mail - 1);
    move(s, COPY, p->from);
    say("claims replay/x as %s", entry_name(p->from));
    STEP(p);
    if (rule(SYNC_CLAIM) && !sync_dir(s, COPY)) {
        io_failed(p, "the sync of the claim failed");
        return;
    }
    go(p, MAKE);
    END
}

/* The mail of the event or replay in p->from, unless it exists. */
void make(struct state *s, struct process *p)
{
    BEGIN(p)
    if (intact(s, OUT + p->mail) || (!rule(TORN_IN_OUT_IS_REPLACED) && s->cur[OUT + p->mail])) {
        say("%s exists", entry_name(OUT + p->mail));
        if (same_file(s, OUT + p->mail, SENT + p->mail) && rule(SAME_FILE_WAS_SENT)) {
            go(p, FINISH_BATCH);
            return;
        }
        if (same_file(s, OUT + p->mail, FAILED + p->mail) && rule(SAME_FILE_IS_TRIED))
            drop(s, FAILED + p->mail);
        if (!rule(RENEW_FOUND_MAIL) || !intact(s, OUT + p->mail)) {
            go(p, FINISH_BATCH);
            return;
        }
        p->inode = file_new(s, DIRTY);
        s->inode[p->inode].marks = s->inode[s->cur[OUT + p->mail]].marks & (MARK_X | MARK_OWED);
        STEP(p);
        if (!sync_file(s, p)) {
            io_failed(p, "the copy of a mail in out/ cannot be synced");
            return;
        }
        STEP(p);
        name(s, OUT + p->mail, p->inode);
        p->inode = 0;
        say("and is replaced by a synced copy");
        go(p, FINISH_BATCH);
        return;
    }
    STEP(p);
    if (s->cur[SENT + p->mail] && rule(MAIL_IN_SENT_EXISTS)) {
        go(p, FINISH_BATCH);
        return;
    }
    STEP(p);
    if (s->cur[FAILED + p->mail] && rule(MAIL_IN_FAILED_EXISTS)) {
        go(p, FINISH_BATCH);
        return;
    }
    STEP(p);
    if (p->from == NEW && s->cur[NEW] && fault(s, IO_ERRORS)) {
        move(s, NEW, BAD);
        say("no mail can be made of it: to bad/ID");
        go(p, REPLAYS);
        return;
    }
    name(s, OUT + p->mail, file_new(s, DIRTY));
    p->flags |= MADE;
    say("makes %s", entry_name(OUT + p->mail));
    if (fault(s, IO_ERRORS))
        io_failed(p, "the next mail of the batch cannot be written");
    else
        go(p, FINISH_BATCH);
    END
}

/* The sync of the batch, and the event to done/. */
void finish_batch(struct state *s, struct process *p)
{
    BEGIN(p)
    if (rule(SYNC_BATCH) && !sync_all(s, p)) {
        say("the sync of the batch failed");
        if (!(p->flags & MADE) || !rule(UNMAKE_BATCH)) {
            end_run(p);
            return;
        }
        STEP(p);
        if (s->cur[OUT + p->mail])
            drop(s, OUT + p->mail);
        io_failed(p, "its mail is removed again");
        return;
    }
    say("the batch is synced");
    p->flags &= (uint8_t)~MADE;
    STEP(p);
    if (s->cur[p->from]) {
        move(s, p->from, DONE);
        say("%s to done/ID", entry_name(p->from));
    }
    go(p, REPLAYS);
    END
}

void held_ones(struct state *s, struct process *p)
{
    BEGIN(p)
    p->listed = 0;
    p->from = 0;
    p->mail = 0;
    if (!s->cur[HELD] || !s->cur[DONE]) {
        go(p, LIST_MAILS);
        return;
    }
    STEP(p);
    if (rule(SYNC_BEFORE_DROPPING_HELD) && !sync_dir(s, DONE)) {
        io_failed(p, "the sync of done/ failed");
        return;
    }
    STEP(p);
    if (s->cur[HELD])
        drop(s, HELD);
    say("held/ID is dropped, done/ID exists");
    go(p, LIST_MAILS);
    END
}
