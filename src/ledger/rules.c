#include <string.h>

#include "base/digest.h"
#include "ledger/fact.h"
#include "ledger/rules_parts.h"

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
    case KIND_LOCATION_CHANGED:
    case KIND_REASSIGNED:
        return event->booking.uid != NULL;
    case KIND_INSTANT: /* accepted: somebody has taken the one who waits */
        return event->booking.uid && event->booking.status && event->booking.start != TIME_NONE &&
               strcmp(event->booking.status, "accepted") == 0;
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

const char *rules_derived_uid(struct deciding *d, const char *uid)
{
    const char *provider = d->event->provider;
    char hex[DIGEST_HEX + 1];
    const struct digest_part parts[] = {{provider, strlen(provider) + 1}, {uid, strlen(uid)}};
    d->ok = d->ok && digest_hex(parts, 2, hex);
    return d->ok ? arena_printf(&d->decision->arena, "%.*s@bookspool", ID_LEN, hex) : NULL;
}

bool rules_asks_same_entry(
    const struct event *event, const struct booking_row *own, const char *previous_uid)
{
    return event->booking.ical_uid && !event->booking.in_series && !previous_uid &&
           (!own || (own->state == STATE_NAMED && own->sequence < 0));
}

/* Is the provider's UID that of this booking alone? "UID@Cal.com" is. */
static bool is_own_ical_uid(const struct booking *b)
{
    size_t len = strlen(b->uid);
    return strncmp(b->ical_uid, b->uid, len) == 0 && b->ical_uid[len] == '@';
}

/* Another booking has this event's UID. Which of the two continues the other? */
static bool takes_provider_uid(struct deciding *d)
{
    const struct booking *b = d->booking;
    const struct booking_row *other = d->known->same_entry;
    bool begins = d->event->kind == KIND_CREATED || d->event->kind == KIND_REQUESTED ||
                  d->event->kind == KIND_PAID || d->event->kind == KIND_INSTANT;
    if (!b->ical_uid)
        return false;
    if (b->in_series)
        return is_own_ical_uid(b);
    if (!other || !begins)
        return true;
    d->overtaken = other->stamp != TIME_NONE && other->stamp > d->stamp &&
                   (is_final(other->state) || other->previous_uid);
    return d->overtaken;
}

/*
 * The UID of the previous booking's entry, if it becomes that of this one; else the provider's;
 * else one derived from the oldest uid known, the same whenever it is made again.
 */
static const char *calendar_uid(struct deciding *d, const char *previous_uid)
{
    const struct booking_row *previous = d->known->previous;
    const char *uid = d->booking->uid;
    if (previous && !group_moves_one_seat(d) &&
        (!previous->replaced_by || strcmp(previous->replaced_by, uid) == 0))
        return previous->calendar_uid;
    if (takes_provider_uid(d))
        return d->booking->ical_uid;
    return rules_derived_uid(d, previous_uid && !previous ? previous_uid : uid);
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

/* The addresses of several hosts; NULL: there is only one. */
static const char *hosts_of(const struct deciding *d)
{
    const struct booking *b = d->booking;
    struct arena *arena = &d->decision->arena;
    const char *list = NULL;
    for (size_t i = 0; b->host_count > 1 && i < b->host_count; i++) {
        const char *one = arena_strlower(arena, b->hosts[i].email);
        if (one)
            list = list ? arena_printf(arena, "%s %s", list, one) : one;
    }
    return list;
}

static void update_own(struct deciding *d)
{
    const struct booking *b = d->booking;
    struct booking_row *own = d->own;
    const struct person *first = b->attendee_count ? &b->attendees[0] : NULL;
    update_time(d, &own->start, b->start);
    update_time(d, &own->end, b->end);
    update_text(d, &own->organizer, arena_strlower(&d->decision->arena, b->organizer.email));
    update_text(d, &own->hosts, hosts_of(d));
    if (d->event->kind == KIND_REASSIGNED && d->newest && b->host_count < 2)
        own->hosts = NULL;
    update_text(d, &own->title, b->title);
    if (first && !own->who)
        own->who = first->name ? first->name : first->email;
    update_text(d, &own->ical_uid, b->ical_uid);
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
        .sequence = -1,
        .born = TIME_NONE,
        .changed = TIME_NONE};
}

/* What is remembered of a booking from its first event on, and through moves. */
static void update_origin(struct deciding *d)
{
    const struct booking *b = d->booking;
    const struct booking_row *previous = d->known->previous;
    struct booking_row *own = d->own;
    bool first = own->sequence < 0 && own->state == STATE_NAMED;
    if (own->born == TIME_NONE)
        own->born = previous && previous->born != TIME_NONE ? previous->born : d->stamp;
    if (!own->series)
        own->series = previous && previous->series
                          ? previous->series
                          : rules_series(d->event, own, &d->decision->arena);
    if (first)
        own->calendar_written = previous ? previous->calendar_written : b->calendar_written;
    own->group_uid = rules_group_uid(d->event, own);
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
    update_origin(d);
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
    const struct booking_row *other = d->known->same_entry;
    int64_t highest = d->own->sequence, next;
    if (same_entry(d) && d->previous->sequence > highest)
        highest = d->previous->sequence;
    if (other && strcmp(other->calendar_uid, d->own->calendar_uid) == 0 &&
        other->sequence > highest)
        highest = other->sequence;
    next = highest >= 0 ? highest + 1 : continues ? 1 : 0;
    return d->booking->sequence > next ? d->booking->sequence : next;
}

void rules_change_entry(struct deciding *d, enum calendar_change change, bool continues)
{
    d->own->sequence = next_sequence(d, continues);
    d->decision->calendar = change;
    d->decision->calendar_uid = d->own->calendar_uid;
    d->decision->sequence = d->own->sequence;
}

void rules_add_other(struct deciding *d, struct calendar_entry entry)
{
    struct decision *out = d->decision;
    if (!out->others)
        out->others = arena_alloc(&out->arena, OTHERS_MAX * sizeof *out->others);
    if (out->others && entry.calendar_uid && out->other_count < OTHERS_MAX)
        out->others[out->other_count++] = entry;
}

void rules_mark_late(struct deciding *d)
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
    if (d->overtaken || (d->known->person == PERSON_GONE && d->known->person_stamp > d->stamp))
        return true;
    if (!own || own->state < step)
        return false;
    if (own->state > step)
        return true;
    if (own->changed != TIME_NONE && own->changed > d->stamp)
        return true;
    return !d->newest && other_times(d);
}

/* Marks the old booking as moved to this one. */
static void replace_previous(struct deciding *d, bool late)
{
    struct booking_row *previous = d->previous;
    const struct booking_row *known = d->known->previous;
    d->writes->previous_changed = true;
    if (group_moves_one_seat(d)) {
        d->writes->left_previous = true;
        group_leave_seat(d);
        return;
    }
    /*
     * Calendars still hold the entry of the old booking beside the new one: the booking moved on
     * before this event named the old one, or a seat moved to a booking that has an entry already.
     */
    if (!same_entry(d) && known && is_live(known->state)) {
        previous->sequence++;
        if (late) {
            d->decision->calendar = CALENDAR_CANCELLED;
            d->decision->calendar_uid = previous->calendar_uid;
            d->decision->sequence = previous->sequence;
            d->decision->grouped = previous->group_uid != NULL;
        } else if (!previous->group_uid)
            rules_add_other(d, (struct calendar_entry){.uid = previous->uid,
                                   .calendar = CALENDAR_CANCELLED,
                                   .calendar_uid = previous->calendar_uid,
                                   .sequence = previous->sequence,
                                   .start = previous->start,
                                   .end = previous->end,
                                   .owner = true,
                                   .customer = true});
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
        rules_mark_late(d);
    else {
        d->own->state = STATE_ACCEPTED;
        d->decision->taken = group_taken(d);
        rules_change_entry(
            d, CALENDAR_CONFIRMED, d->previous || d->event->kind == KIND_RESCHEDULED);
        d->writes->joined = d->writes->takes_time = true;
        series_take_along(d, STATE_PENDING, STATE_ACCEPTED, CALENDAR_CONFIRMED);
        d->writes->together = !d->previous && !d->writes->series_count;
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
        rules_mark_late(d);
    else if (!is_live(d->own->state)) {
        d->own->state = pending ? STATE_PENDING : STATE_ACCEPTED;
        rules_change_entry(d, pending ? CALENDAR_TENTATIVE : CALENDAR_CONFIRMED, false);
        d->writes->joined = d->writes->takes_time = true;
    }
}

static void apply_request(struct deciding *d)
{
    if (d->previous)
        put_previous_times(d, d->known->previous);
    if (has_passed(d, STATE_PENDING)) {
        rules_mark_late(d);
        return;
    }
    d->own->state = STATE_PENDING;
    d->writes->joined = d->writes->takes_time = true;
    if (d->previous)
        d->own->previous_uid = d->previous->uid;
    else {
        d->decision->taken = group_taken(d);
        rules_change_entry(d, CALENDAR_TENTATIVE, false);
        d->writes->together = true;
    }
}

/* Another place, or another host. */
static void apply_change(struct deciding *d)
{
    const struct booking_row *own = d->known->own;
    const struct booking *b = d->booking;
    if (is_final(d->own->state) || (own && !d->newest)) {
        rules_mark_late(d);
        return;
    }
    bool pending = d->own->state == STATE_PENDING;
    enum calendar_change change = pending ? CALENDAR_TENTATIVE : CALENDAR_CONFIRMED;
    d->own->state = pending ? STATE_PENDING : STATE_ACCEPTED;
    d->own->changed = d->stamp;
    d->writes->joined = true;
    d->writes->takes_time = d->event->kind == KIND_REASSIGNED;
    if (pending && own && own->previous_uid)
        return; /* a request to move has no entry of its own */
    if (own && own->ical_uid && b->ical_uid && strcmp(own->ical_uid, b->ical_uid) != 0 &&
        strcmp(own->ical_uid, own->calendar_uid) == 0) {
        rules_add_other(d, (struct calendar_entry){.uid = own->uid,
                               .calendar = CALENDAR_CANCELLED,
                               .calendar_uid = own->calendar_uid,
                               .sequence = own->sequence + 1,
                               .start = own->start,
                               .end = own->end,
                               .owner = true,
                               .customer = true});
        d->own->calendar_uid = b->ical_uid;
        d->own->sequence = -1;
    }
    rules_change_entry(d, change, true);
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
    const struct booking_row *own = d->known->own;
    enum booking_state from = state == STATE_REJECTED ? STATE_PENDING : STATE_NAMED;
    if (is_final(d->own->state)) {
        if (d->own->replaced_by)
            rules_mark_late(d);
        series_take_along(d, from, state, CALENDAR_CANCELLED);
        return;
    }
    d->decision->unconfirmed =
        state == STATE_REJECTED || (own && own->state == STATE_PENDING && !own->previous_uid);
    d->own->state = state;
    if (is_request_to_move(d))
        d->own->previous_uid = d->previous ? d->previous->uid : NULL;
    else
        rules_change_entry(d, CALENDAR_CANCELLED, true);
    series_take_along(d, from, state, CALENDAR_CANCELLED);
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
    case KIND_INSTANT:
        apply_acceptance(d);
        break;
    case KIND_LOCATION_CHANGED:
    case KIND_REASSIGNED:
        apply_change(d);
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
            group_give_up_seat(d);
        else
            apply_end(d, STATE_CANCELLED);
        break;
    }
}

bool rules_is_step_known(const struct event *event, const struct rules_state *known)
{
    const struct booking_row *own = known->own;
    const struct booking *b = &event->booking;
    bool accepts = event->kind == KIND_CREATED || event->kind == KIND_RESCHEDULED;
    if (!own)
        return false;
    if (is_final(own->state) && !accepts)
        return true;
    if (b->seat && event->kind == KIND_CANCELLED)
        return known->person == PERSON_GONE;
    if (b->seat)
        return is_final(own->state) || known->person != PERSON_UNKNOWN;
    if (accepts && known->previous && is_live(known->previous->state))
        return false; /* that it replaces the other one is news */
    if (accepts)
        return own->state > STATE_ACCEPTED ||
               (own->state == STATE_ACCEPTED && !known->elsewhere &&
                   (b->start == TIME_NONE || own->start == b->start));
    return event->kind == KIND_REQUESTED && own->state >= STATE_PENDING;
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
    *writes = (struct rules_writes){.group_sequence = -1, .previous_group_sequence = -1};
    if (known->repeated) {
        decision->result = DECISION_SUPPRESS;
        decision->reason = "repeated-fact";
    } else if (known->reconciled || (event->reconciled && rules_is_step_known(event, known))) {
        decision->result = DECISION_SUPPRESS;
        decision->reason = known->reconciled ? "reconciled" : "known-already";
    } else if (rules_about_booking(event)) {
        open_rows(&d);
        if (d.ok && d.own->calendar_uid) {
            apply_event(&d, now, move_wait);
            group_update(&d);
            update_own(&d);
            decision->calendar_written = d.own->calendar_written;
            if (!decision->calendar_uid)
                decision->calendar_uid = d.own->calendar_uid;
        }
    } else if (known->own)
        decision->calendar_uid = known->own->calendar_uid;
    else if (event->booking.uid && !event->booking.ical_uid) /* its entry would have this one */
        decision->calendar_uid = rules_derived_uid(&d, event->booking.uid);
    writes->notified = decision->result == DECISION_NOTIFY;
    writes->decided = decision->result != DECISION_DEFER;
    return d.ok && !decision->arena.failed;
}
