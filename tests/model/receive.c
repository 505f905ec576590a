/* What a receiver does with one event: bookspool-spool(5), Receiver. */
#include "program.h"
#include "search.h"

void receive(struct state *s, struct process *p)
{
    p->flags |= OPEN;
    p->from = NEW;
    if (s->cur[DONE]) {
        say("done/ID exists: a duplicate");
        p->from = DONE;
        go(p, COMMIT);
    } else if (!rule(HELD_IS_NOT_KNOWN) && intact(s, HELD)) {
        say("held/ID exists: taken for known, 200");
        s->answered = 1;
        end(p);
    } else
        go(p, PUT);
}

/* Outside the window. */
void hold(struct state *s, struct process *p)
{
    BEGIN(p)
    p->flags |= OPEN;
    p->from = HELD;
    if (intact(s, NEW)) {
        end(p);
        return;
    }
    STEP(p);
    if (s->cur[DONE])
        end(p);
    else
        go(p, PUT);
    END
}

void put(struct state *s, struct process *p)
{
    BEGIN(p)
    if (!s->cur[p->from] || !rule(NAME_WITHOUT_REPLACING)) {
        p->inode = file_new(s, DIRTY);
        name(s, p->from, p->inode);
        say("a new file is named %s", entry_name(p->from));
        go(p, COMMIT);
        return;
    }
    if (!rule(NEVER_TRUST_A_NAME_IN_NEW)) {
        say("%s exists, and is synced as it is", entry_name(p->from));
        p->inode = s->cur[p->from];
        go(p, COMMIT);
        return;
    }
    p->inode = file_new(s, DIRTY);
    say("%s exists", entry_name(p->from));
    STEP(p);
    if (rule(SYNC_BEFORE_NAMING_OVER) && !sync_file(s, p)) {
        say("its own file cannot be synced: 503");
        end(p);
        return;
    }
    STEP(p);
    name(s, p->from, p->inode);
    say("its own file is renamed over %s", entry_name(p->from));
    go(p, COMMIT);
    END
}

static bool needs_sync(const struct process *p)
{
    return rule(SYNC_BEFORE_ANSWER) && (p->from != HELD || rule(HELD_IS_SYNCED));
}

/* One sync for all requests of a turn; the other two rules are about a request that is alone. */
static bool of_many(const struct process *p)
{
    bool alone = !rule(SYNC_FILE) || !rule(SYNC_NAME) || !rule(SYNC_DONE_FOR_DUPLICATE);
    return needs_sync(p) && !alone && choose(2) == 1;
}

static void note(struct process *p, const char *what, bool ok)
{
    say("sync of %s: %s", what, ok ? "done" : "failed");
    if (!ok)
        p->flags |= FAILED_SYNC;
}

/* The sync of the batch, then the answer. */
void commit(struct state *s, struct process *p)
{
    BEGIN(p)
    if (of_many(p)) {
        note(p, "the file system", sync_all(s, p));
    } else if (needs_sync(p)) {
        if (p->inode && rule(SYNC_FILE)) {
            note(p, "the file", sync_file(s, p));
            STEP(p);
        }
        if (p->from != DONE && rule(SYNC_NAME))
            note(p, "the directory", sync_dir(s, p->from));
        if (p->from == DONE && rule(SYNC_DONE_FOR_DUPLICATE)) {
            note(p, "new/", sync_dir(s, NEW));
            STEP(p);
            note(p, "done/", sync_dir(s, DONE));
        }
    }
    STEP(p);
    if (!(p->flags & FAILED_SYNC)) {
        *(p->from == HELD ? &s->held : &s->answered) = 1;
        say("answers %s", p->from == HELD ? "403 held" : "200");
    } else {
        say("answers 503");
        if (!rule(NEVER_REMOVE_A_NAME) && p->from != DONE && s->cur[p->from])
            drop(s, p->from);
    }
    end(p);
    END
}
