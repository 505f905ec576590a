/* The disk, and what a power cut and a failed sync do to it. Contract: state.h. */
#include "state.h"

#include <assert.h>
#include <string.h>

#include "search.h"

static const char *const names[ENTRIES] = {[NEW] = "new/ID",
    [DONE] = "done/ID",
    [HELD] = "held/ID",
    [BAD] = "bad/ID",
    [COPY] = "replay/x",
    [CLAIM1] = "replay/K.1",
    [CLAIM2] = "replay/K.2",
    [OUT] = "out/K-r",
    [OUT + 1] = "out/K.1-r",
    [OUT + 2] = "out/K.2-r",
    [SENT] = "sent/K-r",
    [SENT + 1] = "sent/K.1-r",
    [SENT + 2] = "sent/K.2-r",
    [FAILED] = "failed/K-r",
    [FAILED + 1] = "failed/K.1-r",
    [FAILED + 2] = "failed/K.2-r"};

const char *entry_name(unsigned entry)
{
    return names[entry];
}

static unsigned directory(unsigned entry)
{
    if (entry < COPY)
        return entry;
    return entry < OUT ? COPY : entry < SENT ? OUT : entry < FAILED ? SENT : FAILED;
}

bool fault(struct state *s, enum budget kind)
{
    if (!s->left[FAULTS] || !s->left[kind] || !choose(2))
        return false;
    s->left[FAULTS]--;
    s->left[kind]--;
    return true;
}

/* ---- files and names ---- */

bool intact(const struct state *s, unsigned entry)
{
    return s->cur[entry] && s->inode[s->cur[entry]].data >= DIRTY;
}

uint8_t file_new(struct state *s, enum data data)
{
    uint8_t i = 1;
    while (i < INODES && s->inode[i].data != FREE)
        i++;
    assert(i < INODES);
    s->inode[i] = (struct inode){.data = (uint8_t)data};
    return i;
}

static void apply(uint8_t names_of[ENTRIES], const struct change *change)
{
    names_of[change->to] = change->inode;
    if (change->from)
        names_of[change->from] = 0;
}

static void change(struct state *s, unsigned from, unsigned to, uint8_t inode)
{
    assert(s->count < PENDING_MAX);
    s->pending[s->count] = (struct change){(uint8_t)from, (uint8_t)to, inode};
    apply(s->cur, &s->pending[s->count++]);
}

void name(struct state *s, unsigned entry, uint8_t inode)
{
    change(s, NO_ENTRY, entry, inode);
}

bool same_file(const struct state *s, unsigned entry, unsigned other)
{
    return s->cur[entry] && s->cur[entry] == s->cur[other];
}

/* Between two names of one file the old one is removed; in new/ a receiver may have replaced it. */
void move(struct state *s, unsigned from, unsigned to)
{
    if (!same_file(s, from, to))
        change(s, from, to, s->cur[from]);
    else if (rule(OLD_NAME_GOES)) {
        drop(s, from == NEW ? to : from);
        if (from == NEW)
            change(s, from, to, s->cur[from]);
    }
}

void drop(struct state *s, unsigned entry)
{
    change(s, NO_ENTRY, entry, 0);
}

/* ---- syncs ---- */

static bool concerns(const struct change *change, unsigned entry)
{
    return change->to == entry || (change->from && change->from == entry);
}

static bool related(const struct change *a, const struct change *b)
{
    return concerns(a, b->to) || (b->from && concerns(a, b->from));
}

/* How much of a change: NEW_NAME is for renames between two directories. */
enum part { NOTHING, NEW_NAME, ALL };

static bool crosses(const struct change *change)
{
    return change->from && directory(change->from) != directory(change->to);
}

/* May b be on the disk when there is so much of a, which came before? */
static bool enough(const struct change *a, enum part part, const struct change *b)
{
    return part == ALL || !related(a, b) || (part == NEW_NAME && !concerns(b, a->from));
}

/* Makes those of keep[] durable, with all that they depend on, and keeps the others pending. */
static void make_durable(struct state *s, enum part keep[PENDING_MAX])
{
    unsigned left = 0;
    for (unsigned i = s->count; i-- > 0;)
        for (unsigned j = 0; keep[i] != NOTHING && j < i; j++)
            if (!enough(&s->pending[j], keep[j], &s->pending[i]))
                keep[j] = ALL;
    for (unsigned i = 0; i < s->count; i++) {
        struct change *change = &s->pending[i];
        if (keep[i] == ALL)
            apply(s->disk, change);
        if (keep[i] == NEW_NAME) {
            s->disk[change->to] = change->inode;
            *change = (struct change){NO_ENTRY, change->from, 0};
        }
        if (keep[i] != ALL)
            s->pending[left++] = *change;
    }
    s->count = (uint8_t)left;
}

static void write_out(struct inode *inode)
{
    if (inode->data == DIRTY)
        inode->data = INTACT;
    inode->marks = inode->marks & MARK_OWED ? inode->marks | DISK_OWED : inode->marks & MARK_X;
}

/*
 * Linux reports a write error once to each process that had the file (or, for a sync of all, the
 * file system) open at that time, and never to one that opens it later.
 */
static void lose(struct state *s, unsigned inode)
{
    s->inode[inode].data = LOST;
    for (unsigned i = 0; i < PROCS; i++) {
        struct process *p = &s->process[i];
        if (p->inode == inode)
            p->flags |= REPORT_FILE;
        if (p->flags & OPEN)
            p->flags |= REPORT_ALL;
    }
}

static bool take_report(struct process *p, unsigned flag)
{
    bool take_report = p->flags & flag;
    p->flags &= (uint8_t)~flag;
    return take_report;
}

bool sync_file(struct state *s, struct process *p)
{
    struct inode *inode = &s->inode[p->inode];
    if (fault(s, BAD_SYNCS)) {
        if (inode->data == DIRTY)
            lose(s, p->inode);
        take_report(p, REPORT_FILE);
        return false;
    }
    write_out(inode);
    return !take_report(p, REPORT_FILE);
}

/* A failed one has made no name durable for sure, and a later one may. */
bool sync_dir(struct state *s, unsigned entry)
{
    enum part keep[PENDING_MAX] = {NOTHING};
    if (fault(s, BAD_SYNCS))
        return false;
    for (unsigned i = 0; i < s->count; i++) {
        const struct change *change = &s->pending[i];
        if (change->from && directory(change->from) == directory(entry))
            keep[i] = ALL;
        else if (directory(change->to) == directory(entry))
            keep[i] = crosses(change) ? NEW_NAME : ALL;
    }
    make_durable(s, keep);
    return true;
}

bool sync_all(struct state *s, struct process *p)
{
    enum part keep[PENDING_MAX];
    for (unsigned i = 0; i < PENDING_MAX; i++)
        keep[i] = ALL;
    if (fault(s, BAD_SYNCS)) {
        for (unsigned i = 1; i < INODES; i++)
            if (s->inode[i].data == DIRTY && choose(2) == 0)
                lose(s, i);
        take_report(p, REPORT_ALL);
        return false;
    }
    for (unsigned i = 1; i < INODES; i++)
        write_out(&s->inode[i]);
    make_durable(s, keep);
    return !take_report(p, REPORT_ALL);
}

/* ---- power cuts ---- */

static void cut_names(struct state *s)
{
    enum part keep[PENDING_MAX];
    for (unsigned i = 0; i < s->count; i++) {
        const struct change *change = &s->pending[i];
        bool can = true;
        for (unsigned j = 0; j < i; j++)
            can = can && enough(&s->pending[j], keep[j], change);
        keep[i] = can ? ALL - choose(crosses(change) ? 3 : 2) : NOTHING;
        if (keep[i] == NEW_NAME && !crosses(change))
            keep[i] = NOTHING;
        if (keep[i] == NEW_NAME)
            say("kept: %s, and also %s", entry_name(change->to), entry_name(change->from));
        if (keep[i] == NOTHING)
            say("lost: the change of %s", entry_name(change->to));
    }
    make_durable(s, keep);
    s->count = 0;
    memcpy(s->cur, s->disk, sizeof s->cur);
}

/* The x bit is never synced; that the disk has it anyway can only add a warning. */
static void cut_file(struct inode *inode)
{
    bool owed = inode->marks & DISK_OWED;
    if (!owed != !(inode->marks & MARK_OWED))
        owed = choose(2);
    inode->marks = owed ? MARK_OWED | DISK_OWED : 0;
    if (inode->data == PART || inode->data == LOST || (inode->data == DIRTY && choose(2) == 0))
        inode->data = TORN;
    else if (inode->data == DIRTY)
        inode->data = INTACT;
}

void power_cut(struct state *s)
{
    memset(s->process, 0, sizeof s->process);
    cut_names(s);
    disk_tidy(s);
    for (unsigned i = 1; i < INODES; i++)
        if (s->inode[i].data != FREE)
            cut_file(&s->inode[i]);
    for (unsigned e = 1; e < ENTRIES; e++)
        if (s->cur[e] && s->inode[s->cur[e]].data == TORN)
            say("torn: %s", entry_name(e));
}

/* ---- one form ---- */

/* Changes that have nothing to do with each other have no order. */
static void sort_pending(struct state *s)
{
    for (bool swapped = true; swapped;) {
        swapped = false;
        for (unsigned i = 1; i < s->count; i++) {
            struct change *a = &s->pending[i - 1], *b = &s->pending[i], c = *a;
            if (related(a, b) || a->to < b->to)
                continue;
            *a = *b;
            *b = c;
            swapped = true;
        }
    }
}

static void count_anew(uint8_t *inode, uint8_t number[INODES], uint8_t *last)
{
    if (*inode && !number[*inode])
        number[*inode] = ++*last;
    *inode = number[*inode];
}

void disk_tidy(struct state *s)
{
    uint8_t number[INODES] = {0}, last = 0;
    struct inode old[INODES];
    sort_pending(s);
    for (unsigned e = 1; e < ENTRIES; e++) {
        count_anew(&s->cur[e], number, &last);
        count_anew(&s->disk[e], number, &last);
    }
    for (unsigned i = 0; i < s->count; i++)
        count_anew(&s->pending[i].inode, number, &last);
    memset(&s->pending[s->count], 0, sizeof s->pending - s->count * sizeof *s->pending);
    for (unsigned i = 0; i < PROCS; i++)
        count_anew(&s->process[i].inode, number, &last);
    memcpy(old, s->inode, sizeof old);
    memset(s->inode, 0, sizeof s->inode);
    for (unsigned i = 1; i < INODES; i++)
        if (number[i])
            s->inode[number[i]] = old[i];
}
