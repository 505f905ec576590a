#include "ledger/decision.h"

#include <string.h>

#include "base/clock.h"

static const char *const results[] = {
    [DECISION_NOTIFY] = "notify",
    [DECISION_SUPPRESS] = "suppress",
    [DECISION_DEFER] = "defer",
};

static const char *const changes[] = {
    [CALENDAR_UNTOUCHED] = "untouched",
    [CALENDAR_CONFIRMED] = "confirmed",
    [CALENDAR_TENTATIVE] = "tentative",
    [CALENDAR_CANCELLED] = "cancelled",
};

static int find(const char *const *words, size_t count, const char *word)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(words[i], word) == 0)
            return (int)i;
    return -1;
}

const char *decision_result_name(enum decision_result result)
{
    return results[result];
}

bool decision_result_parse(const char *name, enum decision_result *result)
{
    int found = find(results, sizeof results / sizeof *results, name);
    if (found >= 0)
        *result = (enum decision_result)found;
    return found >= 0;
}

const char *calendar_change_name(enum calendar_change change)
{
    return changes[change];
}

bool calendar_change_parse(const char *name, enum calendar_change *change)
{
    int found = find(changes, sizeof changes / sizeof *changes, name);
    if (found >= 0)
        *change = (enum calendar_change)found;
    return found >= 0;
}

void decision_init(struct decision *decision)
{
    *decision = (struct decision){.result = DECISION_NOTIFY,
        .reason = "first-report",
        .meaning = KINDS,
        .previous_start = TIME_NONE,
        .previous_end = TIME_NONE};
}

void decision_free(struct decision *decision)
{
    arena_free(&decision->arena);
    decision_init(decision);
}
