#include "receive/commit_wait.h"

void commit_wait_begin(struct commit_wait *g, int64_t now)
{
    if (g->began == 0)
        g->began = now;
}

void commit_wait_committed(struct commit_wait *g, int64_t start, int64_t now)
{
    g->began = 0;
    g->ended = now;
    g->took = now - start;
    g->commits++;
    g->expected = 0;
}

uint64_t commit_wait_answered(struct commit_wait *g)
{
    g->expected++;
    return g->commits;
}

void commit_wait_back(struct commit_wait *g, uint64_t commit)
{
    if (commit == g->commits && g->expected > 0)
        g->expected--;
}

int64_t commit_wait_left(const struct commit_wait *g, int64_t now)
{
    int64_t most = g->took / 2 < COMMIT_WAIT_MAX ? g->took / 2 : COMMIT_WAIT_MAX;
    bool burst = g->expected > 0 && g->began - g->ended <= g->took;
    int64_t left = g->began + most - now;
    return burst && left > 0 ? left : 0;
}
