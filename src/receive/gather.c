#include "receive/gather.h"

void gather_begin(struct gather *g, int64_t now)
{
    if (g->began == 0)
        g->began = now;
}

void gather_committed(struct gather *g, int64_t start, int64_t now)
{
    g->began = 0;
    g->ended = now;
    g->took = now - start;
    g->commits++;
    g->expected = 0;
}

uint64_t gather_answered(struct gather *g)
{
    g->expected++;
    return g->commits;
}

void gather_back(struct gather *g, uint64_t commit)
{
    if (commit == g->commits && g->expected > 0)
        g->expected--;
}

int64_t gather_left(const struct gather *g, int64_t now)
{
    int64_t most = g->took / 2 < GATHER_MAX ? g->took / 2 : GATHER_MAX;
    bool burst = g->expected > 0 && g->began - g->ended <= g->took;
    int64_t left = g->began + most - now;
    return burst && left > 0 ? left : 0;
}
