#include "drain/refusals.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { FIRST_CAP = 8 };

static bool is_known(const struct refusals *refusals, const char *to)
{
    for (size_t i = 0; i < refusals->count; i++)
        if (strcasecmp(refusals->list[i].to, to) == 0)
            return true;
    return false;
}

static bool make_room(struct refusals *refusals)
{
    if (refusals->count < refusals->cap)
        return true;
    size_t cap = refusals->cap ? 2 * refusals->cap : FIRST_CAP;
    struct refusal *list = reallocarray(refusals->list, cap, sizeof *list);
    if (!list)
        return false;
    refusals->list = list;
    refusals->cap = cap;
    return true;
}

bool refusals_add(struct refusals *refusals, const struct refusal *refusal)
{
    if (!make_room(refusals))
        return false;
    refusals->recipients += !is_known(refusals, refusal->to);
    refusals->list[refusals->count++] = *refusal;
    return true;
}

bool refusals_alike(const struct refusals *refusals, const struct refusal *refusal)
{
    return refusals->count == 0 ||
           strcmp(refusals->list[0].result.reason, refusal->result.reason) == 0;
}

void refusals_free(struct refusals *refusals)
{
    free(refusals->list);
    *refusals = (struct refusals){0};
}
