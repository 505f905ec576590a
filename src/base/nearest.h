/*
 * nearest: which of the names that exist a misspelt one may have meant.
 *
 * Start with {.wanted = NAME}; `best` is NULL while no candidate is near: that is, one letter
 * in three added, left out or changed, and one at least.
 */
#ifndef BASE_NEAREST_H
#define BASE_NEAREST_H

#include <stddef.h>

struct nearest {
    const char *wanted;
    const char *best; /* the candidate itself, not a copy */
    size_t distance;
};

void nearest_try(struct nearest *nearest, const char *candidate);

#endif
