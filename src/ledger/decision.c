#include "ledger/decision.h"

#include "base/clock.h"

void decision_init(struct decision *decision)
{
    *decision = (struct decision){.verdict = VERDICT_SPEAKS,
        .reason = "news",
        .meaning = KINDS,
        .previous_start = TIME_NONE,
        .previous_end = TIME_NONE};
}

void decision_free(struct decision *decision)
{
    arena_free(&decision->arena);
    decision_init(decision);
}
