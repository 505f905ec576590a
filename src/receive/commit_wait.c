#include "receive/commit_wait.h"

void commit_wait_begin(struct commit_wait *wait, int64_t now)
{
    if (wait->began == 0)
        wait->began = now;
}

void commit_wait_committed(struct commit_wait *wait, int64_t start, int64_t now)
{
    wait->began = 0;
    wait->ended = now;
    wait->took = now - start;
    wait->commits++;
    wait->expected = 0;
}

uint64_t commit_wait_answered(struct commit_wait *wait)
{
    wait->expected++;
    return wait->commits;
}

void commit_wait_back(struct commit_wait *wait, uint64_t commit)
{
    if (commit == wait->commits && wait->expected > 0)
        wait->expected--;
}

int64_t commit_wait_left(const struct commit_wait *wait, int64_t now)
{
    int64_t most = wait->took / 2 < COMMIT_WAIT_MAX ? wait->took / 2 : COMMIT_WAIT_MAX;
    bool burst = wait->expected > 0 && wait->began - wait->ended <= wait->took;
    int64_t left = wait->began + most - now;
    return burst && left > 0 ? left : 0;
}
