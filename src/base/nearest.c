#include "base/nearest.h"

#include <string.h>

enum { LONGEST = 63 };

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Levenshtein's distance, where two neighbours that changed places count once: "abuot". Three rows
 * of the table are kept. `b` has at most LONGEST bytes. */
static size_t distance(const char *a, const char *b)
{
    size_t rows[3][LONGEST + 1], width = strlen(b), line = 0;
    for (size_t i = 0; i <= width; i++)
        rows[0][i] = i;
    for (; a[line]; line++) {
        const size_t *above = rows[line % 3], *before = rows[(line + 2) % 3];
        size_t *row = rows[(line + 1) % 3];
        row[0] = line + 1;
        for (size_t i = 1; i <= width; i++) {
            row[i] = least(above[i - 1] + (a[line] != b[i - 1]), least(above[i], row[i - 1]) + 1);
            if (line && i > 1 && a[line] == b[i - 2] && a[line - 1] == b[i - 1])
                row[i] = least(row[i], before[i - 2] + 1);
        }
    }
    return rows[line % 3][width];
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
