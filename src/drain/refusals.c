#include "drain/refusals.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/array.h"

static bool is_known(const struct refusals *refusals, const char *to)
{
    for (size_t i = 0; i < refusals->count; i++)
        if (strcasecmp(refusals->list[i].to, to) == 0)
            return true;
    return false;
}

bool refusals_add(struct refusals *refusals, const struct refusal *refusal)
{
    void *list =
        array_room(refusals->list, refusals->count, &refusals->cap, sizeof *refusals->list);
    if (!list)
        return false;
    refusals->list = list;
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
