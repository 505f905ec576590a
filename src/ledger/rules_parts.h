/*
 * rules_parts: what the parts of the rules share. Internal to rules.c, rules_group.c and
 * rules_series.c.
 */
#ifndef LEDGER_RULES_PARTS_H
#define LEDGER_RULES_PARTS_H

#include "ledger/rules.h"

/* One event that is being decided. */
struct deciding {
    const struct event *event;
    const struct booking *booking;
    const struct rules_state *known;
    struct decision *decision;
    struct rules_writes *writes;
    struct booking_row *own, *previous; /* in `writes`; previous: NULL where there is none */
    int64_t stamp;
    bool newest;    /* nothing newer changed the own row */
    bool overtaken; /* the entry belongs to a newer booking that continues this one */
    bool ok;
};

static inline bool is_live(enum booking_state state)
{
    return state == STATE_PENDING || state == STATE_ACCEPTED;
}

static inline bool is_final(enum booking_state state)
{
    return state >= STATE_CANCELLED;
}

/* A UID derived from the provider and that uid; NULL: libcrypto or memory failed. */
const char *rules_derived_uid(struct deciding *d, const char *uid);

/* A further entry that changes. */
void rules_add_other(struct deciding *d, struct calendar_entry entry);

/* ---- rules_group.c ---- */

/* A seat moves alone: its old booking stays for the others, and so does the entry. */
bool group_moves_one_seat(const struct deciding *d);
/* What a person who moves alone leaves: the old entry of his, and the others' one. */
void group_leave_seat(struct deciding *d);
void group_give_up_seat(struct deciding *d);
/* After the own row and its entry have changed: the owner's entries of the group events that the
 * booking is in, or was in before. */
void group_update(struct deciding *d);
/* Places taken in a seated booking with this person in it. */
int64_t group_taken(const struct deciding *d);

/* ---- rules_series.c ---- */

/* Takes the others of the series from `from` (STATE_NAMED: from whichever live state) to `to`, and
 * lists all of them. After the own row has changed. */
void series_take_along(struct deciding *d, enum booking_state from, enum booking_state to,
    enum calendar_change change);

/* ---- rules.c, for the others ---- */

void rules_change_entry(struct deciding *d, enum calendar_change change, bool continues);
void rules_mark_late(struct deciding *d);

#endif
