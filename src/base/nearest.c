#include "base/nearest.h"

#include <string.h>

enum { LONGEST = 63 };

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
            size_t least = diagonal + (*a != b[i - 1]);
            diagonal = row[i];
            if (least > row[i] + 1)
                least = row[i] + 1;
            row[i] = least < row[i - 1] + 1 ? least : row[i - 1] + 1;
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
