#include "base/nearest.h"

#include <string.h>

enum { LONGEST = 63 };

static size_t smallest(size_t a, size_t b, size_t c)
{
    size_t least = a < b ? a : b;
    return least < c ? least : c;
}

/* Levenshtein's distance, a row of his table at a time. `b` has at most LONGEST bytes. */
static size_t distance(const char *a, const char *b)
{
    size_t row[LONGEST + 1], width = strlen(b);
    for (size_t i = 0; i <= width; i++)
        row[i] = i;
    for (size_t line = 1; *a; a++, line++) {
        size_t diagonal = row[0];
        row[0] = line;
        for (size_t i = 1; i <= width; i++) {
            size_t changed = diagonal + (*a != b[i - 1]);
            diagonal = row[i];
            row[i] = smallest(row[i] + 1, row[i - 1] + 1, changed);
        }
    }
    return row[width];
}

void nearest_try(struct nearest *nearest, const char *candidate)
{
    size_t len = strlen(nearest->wanted);
    if (len > LONGEST || strlen(candidate) > LONGEST)
        return;
    size_t most = len < 3 ? 1 : len / 3, far = distance(nearest->wanted, candidate);
    if (far <= most && far < strlen(candidate) && (!nearest->best || far < nearest->distance)) {
        nearest->best = candidate;
        nearest->distance = far;
    }
}
