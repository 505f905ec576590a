#include "ledger/rules.h"

#include <ctype.h>
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
    bool fresh; /* nothing newer changed the own row */
    bool ok;
};

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

static const char *lower(struct deciding *h, const char *text)
{
    char *copy = text ? arena_strdup(&h->decision->arena, text) : NULL;
    for (char *p = copy; p && *p; p++)
        *p = (char)tolower((unsigned char)*p);
    return copy;
}

/* A UID made here, the same whenever it is made again. */
static const char *derived_calendar_uid(struct deciding *h, const char *uid)
{
    const char *provider = h->event->provider;
    char hex[DIGEST_HEX + 1];
    const struct digest_part parts[] = {{provider, strlen(provider) + 1}, {uid, strlen(uid)}};
    if (!digest_hex(parts, 2, hex)) {
        h->ok = false;
        return NULL;
    }
    return arena_printf(&h->decision->arena, "%.*s@bookspool", ID_LEN, hex);
}

/* A seat moves alone: its old booking stays for the others, and so does the entry. */
static bool moves_one_seat(const struct deciding *h)
{
    const struct booking_row *previous = h->known->previous;
    return h->booking->seat && h->known->previous_others && previous &&
           state_is_live(previous->state);
}

/* Does the entry of the previous booking become that of this one? */
static bool keeps_entry(const struct deciding *h)
{
    const struct booking_row *previous = h->known->previous;
    return previous && !moves_one_seat(h) &&
           (!previous->replaced_by || strcmp(previous->replaced_by, h->booking->uid) == 0);
}

static const char *calendar_uid(struct deciding *h, const char *previous_uid)
{
    if (keeps_entry(h))
        return h->known->previous->calendar_uid;
    if (h->booking->ical_uid)
        return h->booking->ical_uid;
    bool unknown = previous_uid && !h->known->previous;
    return derived_calendar_uid(h, unknown ? previous_uid : h->booking->uid);
}

/* Sets what is not known yet; what is known is overwritten by newer events only. */
static void update_text(const struct deciding *h, const char **field, const char *value)
{
    if (value && (!*field || h->fresh))
        *field = value;
}

static void update_time(const struct deciding *h, int64_t *field, int64_t value)
{
    if (value != TIME_NONE && (*field == TIME_NONE || h->fresh))
        *field = value;
}

static void update_own(struct deciding *h)
{
    const struct booking *b = h->booking;
    struct booking_row *own = h->own;
    const struct person *first = b->attendee_count ? &b->attendees[0] : NULL;
    update_time(h, &own->start, b->start);
    update_time(h, &own->end, b->end);
    update_text(h, &own->organizer, lower(h, b->organizer.email));
    update_text(h, &own->title, b->title);
    if (first && !own->who)
        own->who = first->name ? first->name : first->email;
    if (own->stamp == TIME_NONE || h->stamp > own->stamp)
        own->stamp = h->stamp;
}

static const struct booking_row unknown_row = {
    .stamp = TIME_NONE, .start = TIME_NONE, .end = TIME_NONE, .sequence = -1};

static void open_own(struct deciding *h, const char *previous_uid)
{
    const struct booking_row *known = h->known->own;
    h->own = &h->writes->own;
    h->writes->own_changed = true;
    h->fresh = !known || known->stamp == TIME_NONE || h->stamp >= known->stamp;
    if (known)
        *h->own = *known;
    else {
        *h->own = unknown_row;
        h->own->provider = h->event->provider;
        h->own->uid = h->booking->uid;
    }
    /* a deferred half did not know which entry it continues, and none was mailed */
    if (!known || (known->state == STATE_HEARD_OF && known->sequence < 0))
        h->own->calendar_uid = calendar_uid(h, previous_uid);
}

static void open_previous(struct deciding *h, const char *uid)
{
    if (!uid)
        return;
    h->previous = &h->writes->previous;
    if (h->known->previous) {
        *h->previous = *h->known->previous;
        return;
    }
    *h->previous = unknown_row;
    h->previous->provider = h->event->provider;
    h->previous->uid = uid;
    h->previous->calendar_uid = h->own->calendar_uid;
}

/* ---- the effect of an event ---- */

static bool same_entry(const struct deciding *h)
{
    return h->previous && strcmp(h->previous->calendar_uid, h->own->calendar_uid) == 0;
}

/* The number after the highest one that was mailed for this entry. */
static int64_t next_sequence(const struct deciding *h, bool continues)
{
    int64_t highest = h->own->sequence, next;
    if (same_entry(h) && h->previous->sequence > highest)
        highest = h->previous->sequence;
    next = highest >= 0 ? highest + 1 : continues ? 1 : 0;
    return h->booking->sequence > next ? h->booking->sequence : next;
}

static void change_entry(struct deciding *h, enum calendar_change change, bool continues)
{
    h->own->sequence = next_sequence(h, continues);
    h->decision->calendar = change;
    h->decision->calendar_uid = h->own->calendar_uid;
    h->decision->sequence = h->own->sequence;
}

static void mark_late(struct deciding *h)
{
    h->decision->late = true;
    h->decision->reason = "late";
}

static void put_previous_times(struct deciding *h, const struct booking_row *old)
{
    const struct booking *b = h->booking;
    struct decision *d = h->decision;
    d->previous_start = b->previous_start;
    d->previous_end = b->previous_end;
    if (d->previous_start == TIME_NONE && old)
        d->previous_start = old->start;
    if (d->previous_end == TIME_NONE && old && d->previous_start == old->start)
        d->previous_end = old->end;
}

static bool other_times(const struct deciding *h)
{
    const struct booking_row *own = h->known->own;
    return (h->booking->start != TIME_NONE && own->start != h->booking->start) ||
           (h->booking->end != TIME_NONE && own->end != h->booking->end);
}

/* Is the booking past the step that this event takes it to? */
static bool has_passed(const struct deciding *h, enum booking_state step)
{
    const struct booking_row *own = h->known->own;
    if (!own || own->state < step)
        return false;
    if (own->state > step)
        return true;
    if (h->known->person == PERSON_GONE && h->known->person_stamp > h->stamp)
        return true;
    return !h->fresh && other_times(h);
}

/*
 * Out of order: the booking moved on before this event named its old booking, so calendars still
 * hold the entry of the old one beside the new one.
 */
static void cancel_old_entry(struct deciding *h)
{
    if (same_entry(h) || !h->known->previous || !state_is_live(h->known->previous->state))
        return;
    h->previous->sequence++;
    h->decision->calendar = CALENDAR_CANCELLED;
    h->decision->calendar_uid = h->previous->calendar_uid;
    h->decision->sequence = h->previous->sequence;
}

/* Marks the old booking as moved to this one. */
static void replace_previous(struct deciding *h, bool late)
{
    struct booking_row *previous = h->previous;
    h->writes->previous_changed = true;
    if (moves_one_seat(h)) {
        h->writes->left_previous = true;
        return;
    }
    if (late)
        cancel_old_entry(h);
    if (previous->stamp == TIME_NONE || h->stamp > previous->stamp)
        previous->stamp = h->stamp;
    if (!previous->replaced_by)
        previous->replaced_by = h->booking->uid;
    previous->state = STATE_MOVED;
    if (previous->start == TIME_NONE) {
        previous->start = h->booking->previous_start;
        previous->end = h->booking->previous_end;
    }
}

/* created, rescheduled, and a request that is granted */
static void apply_acceptance(struct deciding *h)
{
    bool late = has_passed(h, STATE_ACCEPTED);
    if (h->previous) {
        h->decision->meaning = KIND_RESCHEDULED;
        put_previous_times(h, h->known->previous);
    } else if (h->event->kind == KIND_RESCHEDULED)
        put_previous_times(h, h->known->own && other_times(h) ? h->known->own : NULL);
    if (late)
        mark_late(h);
    else {
        h->own->state = STATE_ACCEPTED;
        change_entry(h, CALENDAR_CONFIRMED, h->previous || h->event->kind == KIND_RESCHEDULED);
        h->writes->joined = h->writes->takes_time = true;
    }
    if (h->previous) {
        h->own->previous_uid = h->previous->uid;
        replace_previous(h, late);
    }
}

/* It may come before or after created. While the owner has not confirmed, it stays pending. */
static void apply_payment(struct deciding *h)
{
    bool pending = h->booking->status && strcmp(h->booking->status, "pending") == 0;
    if (has_passed(h, STATE_ACCEPTED))
        mark_late(h);
    else if (!state_is_live(h->own->state)) {
        h->own->state = pending ? STATE_PENDING : STATE_ACCEPTED;
        change_entry(h, pending ? CALENDAR_TENTATIVE : CALENDAR_CONFIRMED, false);
        h->writes->joined = h->writes->takes_time = true;
    }
}

static void apply_request(struct deciding *h)
{
    if (h->previous)
        put_previous_times(h, h->known->previous);
    if (has_passed(h, STATE_PENDING)) {
        mark_late(h);
        return;
    }
    h->own->state = STATE_PENDING;
    h->writes->joined = h->writes->takes_time = true;
    if (h->previous)
        h->own->previous_uid = h->previous->uid;
    else
        change_entry(h, CALENDAR_TENTATIVE, false);
}

/* A request to move that ends leaves the old booking, and the entry of both, as they are. */
static bool is_request_to_move(const struct deciding *h)
{
    const struct booking_row *own = h->known->own;
    if (own && own->state == STATE_PENDING)
        return own->previous_uid != NULL;
    return (!own || own->state == STATE_HEARD_OF) && h->event->kind == KIND_REJECTED && h->previous;
}

static void apply_end(struct deciding *h, enum booking_state state)
{
    if (state_is_final(h->own->state)) {
        if (h->own->replaced_by)
            mark_late(h);
        return;
    }
    h->own->state = state;
    if (is_request_to_move(h))
        h->own->previous_uid = h->previous ? h->previous->uid : NULL;
    else
        change_entry(h, CALENDAR_CANCELLED, true);
}

static void give_up_seat(struct deciding *h)
{
    if (state_is_final(h->own->state)) {
        mark_late(h);
        return;
    }
    h->writes->left = true;
    if (h->own->state != STATE_PENDING)
        h->own->state = STATE_ACCEPTED;
    if (h->known->person != PERSON_GONE)
        change_entry(
            h, h->own->state == STATE_PENDING ? CALENDAR_TENTATIVE : CALENDAR_CONFIRMED, true);
}

static void decide_moved_half(struct deciding *h, int64_t now, int64_t fold)
{
    struct decision *d = h->decision;
    int64_t arrived = h->event->received_at, until = arrived + fold;
    if (h->own->replaced_by) {
        d->result = DECISION_SUPPRESS;
        d->reason = "joined";
    } else if (now < until && arrived <= now + fold) { /* later than that, a clock jumped */
        d->result = DECISION_DEFER;
        d->reason = "partner-awaited";
        d->until = until;
    } else {
        d->reason = "partner-missing";
        apply_end(h, STATE_MOVED);
    }
}

static void apply_event(struct deciding *h, int64_t now, int64_t fold)
{
    switch (h->event->kind) {
    case KIND_CREATED:
    case KIND_RESCHEDULED:
        apply_acceptance(h);
        break;
    case KIND_PAID:
        apply_payment(h);
        break;
    case KIND_REQUESTED:
        apply_request(h);
        break;
    case KIND_REJECTED:
        apply_end(h, STATE_REJECTED);
        break;
    default:
        if (rules_is_moved_half(h->event))
            decide_moved_half(h, now, fold);
        else if (h->booking->seat)
            give_up_seat(h);
        else
            apply_end(h, STATE_CANCELLED);
        break;
    }
}

bool rules_decide(const struct event *event, const struct rules_state *known, int64_t now,
    int64_t fold, struct decision *decision, struct rules_writes *writes)
{
    struct deciding h = {.event = event,
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
        const char *previous_uid = rules_previous_uid(event, known->own);
        open_own(&h, previous_uid);
        open_previous(&h, previous_uid);
        if (h.ok && h.own->calendar_uid) {
            apply_event(&h, now, fold);
            update_own(&h);
        }
    }
    writes->told = decision->result == DECISION_NOTIFY;
    writes->decided = decision->result != DECISION_DEFER;
    return h.ok && !decision->arena.failed;
}
