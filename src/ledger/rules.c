#include "ledger/rules.h"

#include <string.h>

#include "base/digest.h"
#include "ledger/fact.h"

/* One event that is being decided. */
struct deciding {
    const struct event *event;
    const struct booking *booking;
    const struct rules_state *known;
    struct decision *decision;
    struct rules_writes *writes;
    struct booking_row *own, *previous; /* in `writes`; previous: NULL where there is none */
    int64_t stamp;
    bool newest; /* nothing newer changed the own row */
    bool ok;
};

/* Does it occupy the organizer's time? */
static bool is_live(enum booking_state state)
{
    return state == STATE_PENDING || state == STATE_ACCEPTED;
}

static bool is_final(enum booking_state state)
{
    return state >= STATE_CANCELLED;
}

bool rules_is_moved_half(const struct event *event)
{
    const struct booking *b = &event->booking;
    return b->uid && event->kind == KIND_CANCELLED && b->status && strcmp(b->status, "moved") == 0;
}

bool rules_about_booking(const struct event *event)
{
    switch (event->kind) {
    case KIND_CREATED:
    case KIND_RESCHEDULED:
    case KIND_CANCELLED:
    case KIND_REQUESTED:
    case KIND_REJECTED:
    case KIND_PAID:
        return event->booking.uid != NULL;
    default:
        return false;
    }
}

const char *rules_previous_uid(const struct event *event, const struct booking_row *own)
{
    const char *named = event->booking.previous_uid;
    if (named && event->booking.uid && strcmp(named, event->booking.uid) != 0)
        return named;
    return own && own->state == STATE_PENDING ? own->previous_uid : NULL;
}

/* ---- rows ---- */

/* A seat moves alone: its old booking stays for the others, and so does the entry. */
static bool moves_one_seat(const struct deciding *d)
{
    const struct booking_row *previous = d->known->previous;
    return d->booking->seat && d->known->previous_others && previous && is_live(previous->state);
}

/*
 * The UID of the previous booking's entry, if it becomes that of this one; else the provider's;
 * else one derived from the oldest uid known, the same whenever it is made again.
 */
static const char *calendar_uid(struct deciding *d, const char *previous_uid)
{
    const struct booking_row *previous = d->known->previous;
    const char *provider = d->event->provider, *uid = d->booking->uid;
    char hex[DIGEST_HEX + 1];
    if (previous && !moves_one_seat(d) &&
        (!previous->replaced_by || strcmp(previous->replaced_by, uid) == 0))
        return previous->calendar_uid;
    if (d->booking->ical_uid)
        return d->booking->ical_uid;
    if (previous_uid && !previous)
        uid = previous_uid;
    const struct digest_part parts[] = {{provider, strlen(provider) + 1}, {uid, strlen(uid)}};
    d->ok = digest_hex(parts, 2, hex);
    return d->ok ? arena_printf(&d->decision->arena, "%.*s@bookspool", ID_LEN, hex) : NULL;
}

/* Sets what is not known yet; what is known is overwritten by newer events only. */
static void update_text(const struct deciding *d, const char **field, const char *value)
{
    if (value && (!*field || d->newest))
        *field = value;
}

static void update_time(const struct deciding *d, int64_t *field, int64_t value)
{
    if (value != TIME_NONE && (*field == TIME_NONE || d->newest))
        *field = value;
}

static void update_own(struct deciding *d)
{
    const struct booking *b = d->booking;
    struct booking_row *own = d->own;
    const struct person *first = b->attendee_count ? &b->attendees[0] : NULL;
    update_time(d, &own->start, b->start);
    update_time(d, &own->end, b->end);
    update_text(d, &own->organizer, arena_strlower(&d->decision->arena, b->organizer.email));
    update_text(d, &own->title, b->title);
    if (first && !own->who)
        own->who = first->name ? first->name : first->email;
    if (own->stamp == TIME_NONE || d->stamp > own->stamp)
        own->stamp = d->stamp;
}

static struct booking_row unknown_row(const struct deciding *d, const char *uid)
{
    return (struct booking_row){.provider = d->event->provider,
        .uid = uid,
        .stamp = TIME_NONE,
        .start = TIME_NONE,
        .end = TIME_NONE,
        .sequence = -1};
}

/* Begins with what is known of both bookings. */
static void open_rows(struct deciding *d)
{
    const struct rules_state *known = d->known;
    const struct booking_row *own = known->own;
    const char *previous_uid = rules_previous_uid(d->event, own);
    d->own = &d->writes->own;
    d->writes->own_changed = true;
    d->newest = !own || own->stamp == TIME_NONE || d->stamp >= own->stamp;
    *d->own = own ? *own : unknown_row(d, d->booking->uid);
    /* a deferred half did not know which entry it continues, and none was mailed */
    if (!own || (own->state == STATE_NAMED && own->sequence < 0))
        d->own->calendar_uid = calendar_uid(d, previous_uid);
    if (!previous_uid)
        return;
    d->previous = &d->writes->previous;
    *d->previous = known->previous ? *known->previous : unknown_row(d, previous_uid);
    if (!known->previous)
        d->previous->calendar_uid = d->own->calendar_uid;
}

/* ---- the effect of an event ---- */

static bool same_entry(const struct deciding *d)
{
    return d->previous && strcmp(d->previous->calendar_uid, d->own->calendar_uid) == 0;
}

/* The number after the highest one that was mailed for this entry. */
static int64_t next_sequence(const struct deciding *d, bool continues)
{
    int64_t highest = d->own->sequence, next;
    if (same_entry(d) && d->previous->sequence > highest)
        highest = d->previous->sequence;
    next = highest >= 0 ? highest + 1 : continues ? 1 : 0;
    return d->booking->sequence > next ? d->booking->sequence : next;
}

static void change_entry(struct deciding *d, enum calendar_change change, bool continues)
{
    d->own->sequence = next_sequence(d, continues);
    d->decision->calendar = change;
    d->decision->calendar_uid = d->own->calendar_uid;
    d->decision->sequence = d->own->sequence;
}

static void mark_late(struct deciding *d)
{
    d->decision->late = true;
    d->decision->reason = "late";
}

static void put_previous_times(struct deciding *d, const struct booking_row *old)
{
    const struct booking *b = d->booking;
    struct decision *out = d->decision;
    out->previous_start = b->previous_start;
    out->previous_end = b->previous_end;
    if (out->previous_start == TIME_NONE && old)
        out->previous_start = old->start;
    if (out->previous_end == TIME_NONE && old && out->previous_start == old->start)
        out->previous_end = old->end;
}

static bool other_times(const struct deciding *d)
{
    const struct booking_row *own = d->known->own;
    return (d->booking->start != TIME_NONE && own->start != d->booking->start) ||
           (d->booking->end != TIME_NONE && own->end != d->booking->end);
}

/* Is the booking past the step that this event takes it to? */
static bool has_passed(const struct deciding *d, enum booking_state step)
{
    const struct booking_row *own = d->known->own;
    if (!own || own->state < step)
        return false;
    if (own->state > step)
        return true;
    if (d->known->person == PERSON_GONE && d->known->person_stamp > d->stamp)
        return true;
    return !d->newest && other_times(d);
}

/* Marks the old booking as moved to this one. */
static void replace_previous(struct deciding *d, bool late)
{
    struct booking_row *previous = d->previous;
    const struct booking_row *known = d->known->previous;
    d->writes->previous_changed = true;
    if (moves_one_seat(d)) {
        d->writes->left_previous = true;
        return;
    }
    /*
     * Out of order: the booking moved on before this event named its old booking, so calendars
     * still hold the entry of the old one beside the new one.
     */
    if (late && !same_entry(d) && known && is_live(known->state)) {
        previous->sequence++;
        d->decision->calendar = CALENDAR_CANCELLED;
        d->decision->calendar_uid = previous->calendar_uid;
        d->decision->sequence = previous->sequence;
    }
    if (previous->stamp == TIME_NONE || d->stamp > previous->stamp)
        previous->stamp = d->stamp;
    if (!previous->replaced_by)
        previous->replaced_by = d->booking->uid;
    previous->state = STATE_MOVED;
    if (previous->start == TIME_NONE) {
        previous->start = d->booking->previous_start;
        previous->end = d->booking->previous_end;
    }
}

/* created, rescheduled, and a request that is granted */
static void apply_acceptance(struct deciding *d)
{
    bool late = has_passed(d, STATE_ACCEPTED);
    if (d->previous) {
        d->decision->meaning = KIND_RESCHEDULED;
        put_previous_times(d, d->known->previous);
    } else if (d->event->kind == KIND_RESCHEDULED)
        put_previous_times(d, d->known->own && other_times(d) ? d->known->own : NULL);
    if (late)
        mark_late(d);
    else {
        d->own->state = STATE_ACCEPTED;
        change_entry(d, CALENDAR_CONFIRMED, d->previous || d->event->kind == KIND_RESCHEDULED);
        d->writes->joined = d->writes->takes_time = true;
    }
    if (d->previous) {
        d->own->previous_uid = d->previous->uid;
        replace_previous(d, late);
    }
}

/* It may come before or after created. While the owner has not confirmed, it stays pending. */
static void apply_payment(struct deciding *d)
{
    bool pending = d->booking->status && strcmp(d->booking->status, "pending") == 0;
    if (has_passed(d, STATE_ACCEPTED))
        mark_late(d);
    else if (!is_live(d->own->state)) {
        d->own->state = pending ? STATE_PENDING : STATE_ACCEPTED;
        change_entry(d, pending ? CALENDAR_TENTATIVE : CALENDAR_CONFIRMED, false);
        d->writes->joined = d->writes->takes_time = true;
    }
}

static void apply_request(struct deciding *d)
{
    if (d->previous)
        put_previous_times(d, d->known->previous);
    if (has_passed(d, STATE_PENDING)) {
        mark_late(d);
        return;
    }
    d->own->state = STATE_PENDING;
    d->writes->joined = d->writes->takes_time = true;
    if (d->previous)
        d->own->previous_uid = d->previous->uid;
    else
        change_entry(d, CALENDAR_TENTATIVE, false);
}

/* A request to move that ends leaves the old booking, and the entry of both, as they are. */
static bool is_request_to_move(const struct deciding *d)
{
    const struct booking_row *own = d->known->own;
    if (own && own->state == STATE_PENDING)
        return own->previous_uid != NULL;
    return (!own || own->state == STATE_NAMED) && d->event->kind == KIND_REJECTED && d->previous;
}

static void apply_end(struct deciding *d, enum booking_state state)
{
    if (is_final(d->own->state)) {
        if (d->own->replaced_by)
            mark_late(d);
        return;
    }
    d->own->state = state;
    if (is_request_to_move(d))
        d->own->previous_uid = d->previous ? d->previous->uid : NULL;
    else
        change_entry(d, CALENDAR_CANCELLED, true);
}

static void give_up_seat(struct deciding *d)
{
    if (is_final(d->own->state)) {
        mark_late(d);
        return;
    }
    d->writes->left = true;
    if (d->own->state != STATE_PENDING)
        d->own->state = STATE_ACCEPTED;
    if (d->known->person != PERSON_GONE)
        change_entry(
            d, d->own->state == STATE_PENDING ? CALENDAR_TENTATIVE : CALENDAR_CONFIRMED, true);
}

static void decide_moved_half(struct deciding *d, int64_t now, int64_t move_wait)
{
    struct decision *out = d->decision;
    int64_t arrived = d->event->received_at, until = arrived + move_wait;
    if (d->own->replaced_by) {
        out->result = DECISION_SUPPRESS;
        out->reason = "joined";
    } else if (now < until && arrived <= now + move_wait) { /* later than that, a clock jumped */
        out->result = DECISION_DEFER;
        out->reason = "partner-awaited";
        out->until = until;
    } else {
        out->reason = "partner-missing";
        apply_end(d, STATE_MOVED);
    }
}

static void apply_event(struct deciding *d, int64_t now, int64_t move_wait)
{
    switch (d->event->kind) {
    case KIND_CREATED:
    case KIND_RESCHEDULED:
        apply_acceptance(d);
        break;
    case KIND_PAID:
        apply_payment(d);
        break;
    case KIND_REQUESTED:
        apply_request(d);
        break;
    case KIND_REJECTED:
        apply_end(d, STATE_REJECTED);
        break;
    default:
        if (rules_is_moved_half(d->event))
            decide_moved_half(d, now, move_wait);
        else if (d->booking->seat)
            give_up_seat(d);
        else
            apply_end(d, STATE_CANCELLED);
        break;
    }
}

bool rules_decide(const struct event *event, const struct rules_state *known, int64_t now,
    int64_t move_wait, struct decision *decision, struct rules_writes *writes)
{
    struct deciding d = {.event = event,
        .booking = &event->booking,
        .known = known,
        .decision = decision,
        .writes = writes,
        .stamp = fact_stamp(event),
        .ok = true};
    *writes = (struct rules_writes){0};
    if (known->repeated) {
        decision->result = DECISION_SUPPRESS;
        decision->reason = "repeated-fact";
    } else if (rules_about_booking(event)) {
        open_rows(&d);
        if (d.ok && d.own->calendar_uid) {
            apply_event(&d, now, move_wait);
            update_own(&d);
        }
    }
    writes->notified = decision->result == DECISION_NOTIFY;
    writes->decided = decision->result != DECISION_DEFER;
    return d.ok && !decision->arena.failed;
}
