/*
 * search: visits every state that the world can reach, breadth first, so that the first breach
 * found is one of the shortest, and prints the way to it.
 *
 * One actor takes one step. Where the world decides something the step asks choose(), and the
 * search takes it once for every answer. States that were visited are remembered by 64 bits of
 * hash: with sixteen million of them the odds that one hides another are about 1 to 140,000.
 */
#ifndef MODEL_SEARCH_H
#define MODEL_SEARCH_H

#include <stdbool.h>
#include <stddef.h>

#include "state.h"

/* What the world decides: 0 to n - 1. In a quiet world always 0. */
unsigned choose(unsigned n);
void world_quiet(bool quiet);

/*
 * Prints one line of the trace, after the name that speaker() set last; nothing when there is
 * no trace.
 */
void speaker(const char *name);
__attribute__((format(printf, 1, 2))) void say(const char *format, ...);

/* The promise is broken: the search ends. */
void breach(const char *what);

struct search_result {
    const char *breach; /* NULL: no state breaks the promise */
    size_t states, steps;
    unsigned depth;  /* steps to the breach, or to the state that is farthest from the start */
    bool incomplete; /* there were more than SEARCH_MAX states */
};

enum { SEARCH_MAX = 100000000 };

/* `trace`: print the way to the breach. */
struct search_result search(const struct state *start, bool trace);

#endif
