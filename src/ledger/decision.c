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

const char *decision_result_name(enum decision_result result)
{
    return results[result];
}

bool decision_result_parse(const char *name, enum decision_result *result)
{
    for (size_t i = 0; name && i < sizeof results / sizeof *results; i++)
        if (strcmp(results[i], name) == 0) {
            *result = (enum decision_result)i;
            return true;
        }
    return false;
}

const char *calendar_change_name(enum calendar_change change)
{
    return changes[change];
}

bool calendar_change_parse(const char *name, enum calendar_change *change)
{
    for (size_t i = 0; name && i < sizeof changes / sizeof *changes; i++)
        if (strcmp(changes[i], name) == 0) {
            *change = (enum calendar_change)i;
            return true;
        }
    return false;
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
