#include "search.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- what the world decides ---- */

enum { CHOICES = 40 };

static unsigned answers[CHOICES], ranges[CHOICES], asked;
static bool quiet, telling;
static const char *broken, *speaking = "";

unsigned choose(unsigned n)
{
    if (quiet || n < 2)
        return 0;
    if (asked == CHOICES)
        abort();
    ranges[asked] = n;
    return answers[asked++];
}

void world_quiet(bool on)
{
    quiet = on;
}

/* The next combination of answers. False: all have been. */
static bool next_answers(void)
{
    while (asked > 0 && answers[asked - 1] + 1 == ranges[asked - 1])
        answers[--asked] = 0;
    if (asked > 0)
        answers[asked - 1]++;
    return asked > 0;
}

void speaker(const char *name)
{
    speaking = name;
}

void say(const char *format, ...)
{
    va_list list;
    if (!telling)
        return;
    printf("    %-12s", speaking);
    speaking = "";
    va_start(list, format);
    vprintf(format, list);
    va_end(list);
    putchar('\n');
}

void breach(const char *what)
{
    if (!broken)
        broken = what;
}

/* ---- states that were visited ---- */

/* How a state was reached: from which state, by which actor, with which answers. */
struct visit {
    uint32_t parent;
    uint32_t actor : 4, answers : 28;
};

struct memory {
    struct visit *visit;
    size_t count, visit_room;
    uint64_t *hash; /* open addressing; 0: empty */
    size_t slots;
    struct state *todo; /* a ring of those still to go on from */
    size_t first, waiting, todo_room;
};

static uint64_t hash_of(const struct state *s)
{
    const unsigned char *data = (const unsigned char *)s;
    uint64_t h = 0x9e3779b97f4a7c15u, word;
    for (size_t i = 0; i < sizeof *s; i += sizeof word) {
        word = 0;
        memcpy(&word, data + i, sizeof *s - i < sizeof word ? sizeof *s - i : sizeof word);
        h = (h ^ word) * 0xff51afd7ed558ccdu;
        h ^= h >> 32;
    }
    return h ? h : 1;
}

static void *allocate(size_t count, size_t size)
{
    void *got = calloc(count, size);
    if (!got) {
        fputs("model: no memory\n", stderr);
        exit(1);
    }
    return got;
}

static void memory_init(struct memory *m)
{
    *m = (struct memory){.slots = 1 << 16, .visit_room = 1 << 15, .todo_room = 1 << 10};
    m->hash = allocate(m->slots, sizeof *m->hash);
    m->visit = allocate(m->visit_room, sizeof *m->visit);
    m->todo = allocate(m->todo_room, sizeof *m->todo);
}

static void memory_free(struct memory *m)
{
    free(m->hash);
    free(m->visit);
    free(m->todo);
}

/* False: it is there already. */
static bool add_hash(uint64_t *table, size_t slots, uint64_t h)
{
    size_t at = (size_t)h & (slots - 1);
    for (; table[at]; at = (at + 1) & (slots - 1))
        if (table[at] == h)
            return false;
    table[at] = h;
    return true;
}

static void grow(struct memory *m)
{
    uint64_t *table = allocate(2 * m->slots, sizeof *table);
    struct visit *visit = allocate(2 * m->visit_room, sizeof *visit);
    for (size_t i = 0; i < m->slots; i++)
        if (m->hash[i])
            add_hash(table, 2 * m->slots, m->hash[i]);
    memcpy(visit, m->visit, m->count * sizeof *visit);
    free(m->hash);
    free(m->visit);
    m->hash = table;
    m->visit = visit;
    m->slots *= 2;
    m->visit_room *= 2;
}

static void enqueue(struct memory *m, const struct state *s)
{
    if (m->waiting == m->todo_room) {
        struct state *more = allocate(2 * m->todo_room, sizeof *more);
        for (size_t i = 0; i < m->waiting; i++)
            more[i] = m->todo[(m->first + i) % m->todo_room];
        free(m->todo);
        m->todo = more;
        m->first = 0;
        m->todo_room *= 2;
    }
    m->todo[(m->first + m->waiting++) % m->todo_room] = *s;
}

static struct state dequeue(struct memory *m)
{
    struct state s = m->todo[m->first];
    m->first = (m->first + 1) % m->todo_room;
    m->waiting--;
    return s;
}

static void remember(struct memory *m, const struct state *s, struct visit visit)
{
    if (m->count == SEARCH_MAX || (!add_hash(m->hash, m->slots, hash_of(s)) && !broken))
        return;
    m->visit[m->count++] = visit;
    enqueue(m, s);
    promise_check(s);
    if (m->count == m->visit_room)
        grow(m);
}

/* ---- the search ---- */

static void go_on(struct memory *m, const struct state *from, uint32_t index, size_t *steps)
{
    for (unsigned actor = 0; actor < ACTORS && !broken; actor++) {
        unsigned nth = 0;
        memset(answers, 0, sizeof answers);
        do {
            struct state s = *from;
            asked = 0;
            if (!actor_step(&s, actor))
                break;
            state_tidy(&s);
            ++*steps;
            remember(m, &s, (struct visit){index, actor & 15, nth & 0xfffffff});
            nth++;
        } while (!broken && next_answers());
    }
}

/* Repeats the step of the visit in s with a trace; for the last one also its consequences. */
static void repeat(struct state *s, struct visit visit, bool last)
{
    struct state before = *s;
    unsigned nth = 0;
    memset(answers, 0, sizeof answers);
    telling = false;
    do {
        *s = before;
        asked = 0;
        telling = nth == visit.answers;
        actor_step(s, visit.actor);
    } while (nth++ < visit.answers && next_answers());
    state_tidy(s);
    telling = last;
    promise_check(s);
    telling = false;
}

static unsigned depth_of(const struct memory *m, size_t index)
{
    unsigned depth = 0;
    for (; index; index = m->visit[index].parent)
        depth++;
    return depth;
}

static void tell_way(const struct memory *m, const struct state *start)
{
    struct state s = *start;
    story_begins();
    unsigned depth = depth_of(m, m->count - 1);
    for (unsigned i = depth; i-- > 0;) {
        size_t index = m->count - 1;
        for (unsigned j = 0; j < i; j++)
            index = m->visit[index].parent;
        repeat(&s, m->visit[index], i == 0);
    }
}

struct search_result search(const struct state *start, bool trace)
{
    struct memory m;
    struct search_result result = {0};
    memory_init(&m);
    broken = NULL;
    remember(&m, start, (struct visit){0, 0, 0});
    for (uint32_t index = 0; m.waiting && !broken; index++) {
        struct state s = dequeue(&m);
        go_on(&m, &s, index, &result.steps);
    }
    result.breach = broken;
    result.states = m.count;
    result.depth = depth_of(&m, m.count - 1);
    result.incomplete = m.count == SEARCH_MAX;
    if (broken && trace)
        tell_way(&m, start);
    memory_free(&m);
    return result;
}
