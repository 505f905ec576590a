/* The actors, how processes die, and the promise. Contract: state.h. */
#include <string.h>

#include "program.h"
#include "search.h"

enum rule left_out = KEEP_ALL;

static program *const programs[PROGRAMS] = {[RECEIVE] = receive,
    [HOLD] = hold,
    [PUT] = put,
    [COMMIT] = commit,
    [DRAIN] = drain,
    [BAD_ONES] = bad_ones,
    [EVENTS] = events,
    [REPLAYS] = replays,
    [MAKE] = make,
    [FINISH_BATCH] = finish_batch,
    [HELD_ONES] = held_ones,
    [LIST_MAILS] = list_mails,
    [NEXT_MAIL] = next_mail,
    [GIVE_AWAY] = give_away,
    [TO_SENT] = to_sent,
    [SYNC_SENT_ONES] = sync_sent_ones,
    [CP] = cp,
    [REPLAY] = replay,
    [RELEASE] = release};

static const char *const actors[ACTORS] = {
    "receiver 1", "receiver 2", "drain 1", "drain 2", "operator", "power", "death"};

/* Equal processes trade places so that equal states look equal; the story keeps their names. */
static unsigned names[PROCS] = {0, 1, 2, 3, 4};

void story_begins(void)
{
    for (unsigned i = 0; i < PROCS; i++)
        names[i] = i;
}

/* ---- beginnings ---- */

static bool take(struct state *s, enum budget what)
{
    if (!s->left[what])
        return false;
    s->left[what]--;
    return true;
}

static enum program next_request(struct state *s)
{
    if (!take(s, REQUESTS))
        return IDLE;
    return s->left[STALES] && choose(2) && take(s, STALES) ? HOLD : RECEIVE;
}

/* One of the actions that the files in the spool allow. */
static enum program next_action(struct state *s)
{
    enum program can[4];
    unsigned moves = operator_moves(s), count = 0;
    if (s->copies < MAILS - 1 && intact(s, DONE)) {
        if (!s->cur[COPY])
            can[count++] = CP;
        can[count++] = REPLAY;
    }
    if (intact(s, HELD))
        can[count++] = RELEASE;
    if (!count + !moves == 2 || !take(s, ACTIONS))
        return IDLE;
    unsigned which = choose(count + moves);
    if (which < count)
        return can[which];
    operator_move(s, which - count);
    return IDLE;
}

static bool begin(struct state *s, struct process *p, unsigned actor, bool *acted)
{
    static const char *const words[PROGRAMS] = {[RECEIVE] = "a request",
        [HOLD] = "a request outside its window",
        [DRAIN] = "starts a run",
        [CP] = "cp done/ID replay/x",
        [REPLAY] = "bookspool replay ID",
        [RELEASE] = "mv -n held/ID new/, or bookspool release ID"};
    uint8_t actions = s->left[ACTIONS];
    if (actor <= RECEIVER2)
        p->program = (uint8_t)next_request(s);
    else if (actor <= DRAIN2)
        p->program = take(s, RUNS) ? DRAIN : IDLE;
    else
        p->program = (uint8_t)next_action(s);
    *acted = p->program != IDLE || s->left[ACTIONS] != actions;
    if (p->program != IDLE)
        say("%s", words[p->program]);
    return p->program != IDLE;
}

/* ---- steps ---- */

static bool busy(const struct process *p)
{
    return p->program != IDLE;
}

static bool process_step(struct state *s, unsigned actor)
{
    struct process *p = &s->process[actor];
    bool acted = true;
    speaker(actors[actor < PROCS ? names[actor] : actor]);
    if (!busy(p) && !begin(s, p, actor, &acted))
        return acted;
    programs[p->program](s, p);
    return true;
}

/* Nothing that a power cut could take: it would change nothing. */
static bool at_rest(const struct state *s)
{
    for (unsigned i = 1; i < INODES; i++)
        if (s->inode[i].data != FREE && s->inode[i].data != TORN && s->inode[i].data != INTACT)
            return false;
    for (unsigned i = 0; i < PROCS; i++)
        if (busy(&s->process[i]))
            return false;
    return s->count == 0;
}

static bool power_step(struct state *s)
{
    if (!s->left[FAULTS] || at_rest(s) || !take(s, CUTS))
        return false;
    s->left[FAULTS]--;
    speaker("THE POWER");
    say("fails");
    for (unsigned mail = 0; mail < MAILS; mail++) {
        s->allowed[mail] = (uint8_t)(s->allowed[mail] + s->window[mail]);
        s->excused[mail] = s->accepted[mail] > 0;
        s->window[mail] = 0;
    }
    power_cut(s);
    return true;
}

static bool death_step(struct state *s)
{
    unsigned living[PROCS], count = 0;
    for (unsigned i = 0; i < PROCS; i++)
        if (busy(&s->process[i]))
            living[count++] = i;
    if (!count || !s->left[FAULTS] || !take(s, DEATHS))
        return false;
    s->left[FAULTS]--;
    unsigned which = living[choose(count)];
    struct process *p = &s->process[which];
    speaker(actors[names[which]]);
    say("dies");
    if (p->flags & IN_WINDOW)
        s->allowed[p->mail]++;
    *p = (struct process){0};
    return true;
}

bool actor_step(struct state *s, unsigned actor)
{
    if (actor == POWER)
        return power_step(s);
    return actor == DEATH ? death_step(s) : process_step(s, actor);
}

/* ---- one form for what is the same ---- */

static void sort_pair(struct state *s, unsigned a)
{
    struct process first = s->process[a];
    unsigned name = names[a];
    if (memcmp(&first, &s->process[a + 1], sizeof first) <= 0)
        return;
    s->process[a] = s->process[a + 1];
    s->process[a + 1] = first;
    names[a] = names[a + 1];
    names[a + 1] = name;
}

void state_tidy(struct state *s)
{
    sort_pair(s, RECEIVER1);
    sort_pair(s, DRAIN1);
    disk_tidy(s);
}

/* ---- the promise ---- */

/* Nothing goes wrong any more, and the drain runs until nothing is left to do. */
static void recover(struct state *s)
{
    enum { RUNS_AT_MOST = 12 };
    struct state before;
    unsigned runs = 0;
    say("then, undisturbed:");
    memset(s->left, 0, sizeof s->left);
    do {
        before = *s;
        s->left[RUNS] = 1;
        while (actor_step(s, DRAIN1))
            disk_tidy(s);
    } while (memcmp(&before, s, sizeof before) != 0 && runs++ < RUNS_AT_MOST);
}

static bool mailed(const struct state *s, unsigned mail)
{
    return s->accepted[mail] || intact(s, FAILED + mail); /* the server refused it for good */
}

static void check_end(const struct state *s)
{
    unsigned generations = (unsigned)mailed(s, 1) + (unsigned)mailed(s, 2);
    if (s->answered && !mailed(s, 0))
        breach("an event was answered 200, and is never mailed");
    if (s->answered && (s->cur[NEW] || !s->cur[DONE]))
        breach("an event was answered 200, and does not end in done/ alone");
    if (s->held && !mailed(s, 0) && !intact(s, HELD))
        breach("an event was answered 403 held, and is nowhere");
    if (s->released && !mailed(s, 0))
        breach("a held event was released, and is never mailed");
    if (generations < s->copied)
        breach("a replay was promised, and is never mailed");
    for (unsigned mail = 0; mail < MAILS; mail++)
        if (intact(s, OUT + mail) || (mail && intact(s, CLAIM1 + mail - 1)))
            breach("a mail or a claim stays for ever");
}

static void check_now(const struct state *s)
{
    for (unsigned mail = 0; mail < MAILS; mail++)
        if (s->accepted[mail] > 1 + s->allowed[mail])
            breach("a mail was sent twice, and nothing excuses it");
    if ((s->accepted[1] > 0) + (s->accepted[2] > 0) > s->copies)
        breach("one replay was mailed as two");
}

void promise_check(const struct state *s)
{
    struct state end = *s;
    check_now(s);
    for (unsigned i = 0; i < PROCS; i++)
        if (busy(&s->process[i]))
            return;
    world_quiet(true);
    recover(&end);
    check_now(&end);
    check_end(&end);
    world_quiet(false);
}
