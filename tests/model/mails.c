/* A run of the drain from delivery on: bookspool-spool(5), Drain, step 6. */
#include "program.h"
#include "search.h"

void list_mails(struct state *s, struct process *p)
{
    for (unsigned mail = 0; mail < MAILS; mail++)
        if (s->cur[OUT + mail])
            p->listed |= (uint8_t)(1 << mail);
    go(p, NEXT_MAIL);
}

void next_mail(struct state *s, struct process *p)
{
    p->flags &= (uint8_t) ~(IN_WINDOW | UNKNOWN_BEFORE);
    p->mail = 0;
    if (!p->listed) {
        go(p, SYNC_SENT_ONES);
        return;
    }
    while (!(p->listed >> p->mail & 1))
        p->mail++;
    p->listed &= (uint8_t) ~(1 << p->mail);
    if (same_file(s, OUT + p->mail, SENT + p->mail) && rule(SAME_FILE_WAS_SENT)) {
        say("%s was sent", entry_name(OUT + p->mail));
        go(p, TO_SENT);
        return;
    }
    if (same_file(s, OUT + p->mail, FAILED + p->mail) && rule(SAME_FILE_IS_TRIED))
        drop(s, FAILED + p->mail);
    if (!s->cur[OUT + p->mail] || (!intact(s, OUT + p->mail) && rule(ONLY_INTACT_IS_SENT)))
        return;
    uint8_t marks = s->inode[s->cur[OUT + p->mail]].marks;
    if (marks & MARK_X)
        p->flags |= UNKNOWN_BEFORE;
    go(p, marks & MARK_OWED ? TO_SENT : GIVE_AWAY);
}

static void accept(struct state *s, unsigned mail)
{
    const struct inode *file = &s->inode[s->cur[OUT + mail]];
    if (s->cur[OUT + mail] && file->data < DIRTY)
        breach("a torn mail was sent");
    s->accepted[mail]++;
    s->excused[mail] = 0;
}

enum outcome { YES, NOT_NOW, NEVER, BROKEN_AFTER_YES, BROKEN };

static enum outcome outcome(struct state *s)
{
    if (s->left[REFUSALS] && choose(2)) {
        s->left[REFUSALS]--;
        return choose(2) ? NEVER : NOT_NOW;
    }
    if (fault(s, BREAKS))
        return choose(2) ? BROKEN : BROKEN_AFTER_YES;
    return YES;
}

static void set_mark(struct state *s, unsigned mail, uint8_t marks, bool on)
{
    struct inode *file = &s->inode[s->cur[OUT + mail]];
    if (s->cur[OUT + mail])
        file->marks = (uint8_t)(on ? file->marks | marks : file->marks & ~marks);
}

void give_away(struct state *s, struct process *p)
{
    static const char *const words[] = {
        "yes", "not now", "never", "accepted, but the connection breaks", "the connection breaks"};
    BEGIN(p)
    if (rule(MARK_BEFORE_END))
        set_mark(s, p->mail, MARK_X, true);
    STEP(p);
    if (!rule(RENAME_AFTER_YES) && s->cur[OUT + p->mail]) {
        move(s, OUT + p->mail, SENT + p->mail);
        STEP(p);
    }
    if (s->accepted[p->mail] && !s->excused[p->mail] && !(p->flags & UNKNOWN_BEFORE))
        breach("a mail was repeated without a word");
    enum outcome what = outcome(s);
    say("the last byte of %s: %s", entry_name(OUT + p->mail), words[what]);
    if (what == YES || what == BROKEN_AFTER_YES)
        accept(s, p->mail);
    if (what == YES) {
        p->flags |= IN_WINDOW;
        s->window[p->mail] = 1;
        go(p, TO_SENT);
        return;
    }
    if (what == BROKEN_AFTER_YES)
        s->allowed[p->mail]++;
    if (what == BROKEN_AFTER_YES || what == BROKEN) {
        go(p, NEXT_MAIL);
        return;
    }
    p->from = what == NEVER;
    STEP(p);
    if (!(p->flags & UNKNOWN_BEFORE))
        set_mark(s, p->mail, MARK_X, false);
    if (p->from && s->cur[OUT + p->mail])
        move(s, OUT + p->mail, FAILED + p->mail);
    p->from = 0;
    go(p, NEXT_MAIL);
    END
}

/* The rename after acceptance; if it fails, the mark that it is missing. */
void to_sent(struct state *s, struct process *p)
{
    BEGIN(p)
    if (s->cur[OUT + p->mail] && fault(s, IO_ERRORS)) {
        say("it cannot be renamed");
        if (!rule(RECORD_OWED_RENAME)) {
            end_run(p);
            return;
        }
        STEP(p);
        set_mark(s, p->mail, MARK_X | MARK_OWED, true);
        p->inode = s->cur[OUT + p->mail];
        STEP(p);
        if (sync_file(s, p))
            s->window[p->mail] = 0;
        else
            s->allowed[p->mail]++; /* the disk failed within the window */
        io_failed(p, "the rename is owed");
        return;
    }
    if (!s->cur[OUT + p->mail]) {
        go(p, NEXT_MAIL);
        return;
    }
    move(s, OUT + p->mail, SENT + p->mail);
    say("%s to %s", entry_name(OUT + p->mail), entry_name(SENT + p->mail));
    p->flags |= MADE;
    if (rule(OWED_UNTIL_DURABLE) && s->inode[s->cur[SENT + p->mail]].marks & MARK_OWED) {
        STEP(p);
        if (!sync_dir(s, SENT)) {
            io_failed(p, "the sync of sent/ failed");
            return;
        }
        STEP(p);
    }
    if (s->cur[SENT + p->mail])
        s->inode[s->cur[SENT + p->mail]].marks &= DISK_OWED;
    go(p, NEXT_MAIL);
    END
}

void sync_sent_ones(struct state *s, struct process *p)
{
    BEGIN(p)
    if ((p->flags & MADE) && rule(SYNC_SENT)) {
        if (!sync_dir(s, SENT)) {
            io_failed(p, "the sync of sent/ failed");
            return;
        }
        for (unsigned mail = 0; mail < MAILS; mail++)
            s->window[mail] = 0;
        STEP(p);
        if (!sync_dir(s, OUT)) {
            io_failed(p, "the sync of out/ failed");
            return;
        }
    }
    for (unsigned mail = 0; mail < MAILS; mail++)
        s->window[mail] = 0;
    say("the run ends well");
    end_run(p);
    END
}
