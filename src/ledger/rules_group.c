#include <string.h>

#include "ledger/rules_parts.h"

const char *rules_group_uid(const struct event *event, const struct booking_row *own)
{
    const struct booking *b = &event->booking;
    if (b->group_uid && b->places > 1 && !b->seat)
        return b->group_uid;
    return own ? own->group_uid : NULL;
}

/* ---- seats ---- */

bool group_moves_one_seat(const struct deciding *d)
{
    const struct booking_row *previous = d->known->previous;
    return d->booking->seat && d->known->previous_others && previous && is_live(previous->state);
}

int64_t group_taken(const struct deciding *d)
{
    int64_t known = (int64_t)d->known->others + 1;
    if (!d->booking->seat)
        return 0;
    return d->booking->places_taken > known ? d->booking->places_taken : known;
}

void group_leave_seat(struct deciding *d)
{
    struct booking_row *previous = d->previous;
    struct calendar_entry old = {.uid = previous->uid,
        .calendar = CALENDAR_CANCELLED,
        .calendar_uid = previous->calendar_uid,
        .sequence = ++previous->sequence,
        .start = previous->start,
        .end = previous->end,
        .customer = true};
    rules_add_other(d, old);
    old.calendar = previous->state == STATE_PENDING ? CALENDAR_TENTATIVE : CALENDAR_CONFIRMED;
    old.taken = (int64_t)d->known->previous_others;
    old.customer = false;
    old.owner = true;
    rules_add_other(d, old);
}

/* Who is left is known only where the booking was. */
void group_give_up_seat(struct deciding *d)
{
    const struct rules_state *known = d->known;
    if (is_final(d->own->state)) {
        rules_mark_late(d);
        return;
    }
    bool was_live = known->own && is_live(known->own->state);
    bool last = was_live && !known->others && d->booking->places_taken == 0;
    bool pending = d->own->state == STATE_PENDING;
    d->writes->left = true;
    if (known->person == PERSON_GONE)
        return;
    d->own->state = last ? STATE_EMPTY : pending ? STATE_PENDING : STATE_ACCEPTED;
    d->decision->taken = (int64_t)known->others;
    if (d->booking->places_taken > d->decision->taken)
        d->decision->taken = d->booking->places_taken;
    rules_change_entry(d,
        last      ? CALENDAR_CANCELLED
        : pending ? CALENDAR_TENTATIVE
                  : CALENDAR_CONFIRMED,
        true);
}

/* ---- group events ---- */

static void add_shared(struct deciding *d, const struct booking_row *row, const char *group_uid,
    int64_t sequence, int64_t taken)
{
    rules_add_other(d, (struct calendar_entry){.uid = group_uid,
                           .calendar = taken > 0 ? CALENDAR_CONFIRMED : CALENDAR_CANCELLED,
                           .calendar_uid = rules_derived_uid(d, group_uid),
                           .sequence = sequence,
                           .start = row->start,
                           .end = row->end,
                           .taken = taken,
                           .owner = true});
}

/* The body counts those who take part, itself included. An older body counts an older number. */
static int64_t taken_after(const struct deciding *d)
{
    const struct booking *b = d->booking;
    int64_t others = (int64_t)d->known->group.others;
    if (!is_live(d->own->state))
        return b->places > 1 ? b->places_taken : others;
    return b->places_taken > others + 1 ? b->places_taken : others + 1;
}

static void leave_previous_group(struct deciding *d, const char *group_uid)
{
    const struct booking_row *previous = d->known->previous;
    const struct group *group = &d->known->previous_group;
    if (previous->group_uid && (!group_uid || strcmp(previous->group_uid, group_uid) != 0)) {
        d->writes->previous_group_sequence = group->sequence + 1;
        add_shared(d, previous, previous->group_uid, group->sequence + 1, (int64_t)group->others);
    } else if (!previous->group_uid && group_uid)
        rules_add_other(d, (struct calendar_entry){.uid = previous->uid,
                               .calendar = CALENDAR_CANCELLED,
                               .calendar_uid = previous->calendar_uid,
                               .sequence = d->own->sequence,
                               .start = previous->start,
                               .end = previous->end,
                               .owner = true});
}

void group_update(struct deciding *d)
{
    struct booking_row own = *d->own;
    const char *group_uid = d->own->group_uid;
    bool moved = d->previous && d->known->previous && is_live(d->known->previous->state) &&
                 d->previous->state == STATE_MOVED;
    if (group_uid && d->decision->calendar != CALENDAR_UNTOUCHED && !d->decision->late) {
        own.start = d->booking->start != TIME_NONE ? d->booking->start : own.start;
        own.end = d->booking->start != TIME_NONE ? d->booking->end : own.end;
        d->decision->grouped = true;
        d->writes->group_sequence = d->known->group.sequence + 1;
        add_shared(d, &own, group_uid, d->writes->group_sequence, taken_after(d));
    }
    if (moved)
        leave_previous_group(d, group_uid);
}
