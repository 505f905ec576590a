#include "ledger/row.h"

#include <string.h>

static const char *const names[STATES] = {
    [STATE_HEARD_OF] = "heard-of",
    [STATE_PENDING] = "pending",
    [STATE_ACCEPTED] = "accepted",
    [STATE_CANCELLED] = "cancelled",
    [STATE_REJECTED] = "rejected",
    [STATE_MOVED] = "moved",
};

const char *state_name(enum booking_state state)
{
    return names[state];
}

bool state_parse(const char *name, enum booking_state *state)
{
    for (int i = 0; i < STATES; i++)
        if (strcmp(names[i], name) == 0) {
            *state = (enum booking_state)i;
            return true;
        }
    return false;
}

bool state_is_live(enum booking_state state)
{
    return state == STATE_PENDING || state == STATE_ACCEPTED;
}

bool state_is_final(enum booking_state state)
{
    return state >= STATE_CANCELLED;
}

const char *row_meeting(struct arena *arena, const char *uid)
{
    const char *invitee = strstr(uid, "/invitees/");
    return invitee ? arena_strndup(arena, uid, (size_t)(invitee - uid)) : uid;
}
