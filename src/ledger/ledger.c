#include "ledger/ledger.h"

#include <stdio.h>
#include <string.h>

#include "ledger/agenda.h"
#include "ledger/fact.h"
#include "ledger/known.h"
#include "ledger/rows.h"
#include "ledger/rules_parts.h"
#include "ledger/step.h"
#include "ledger/store.h"

/* ---- entering an event ---- */

/* What is read and written for one event. */
struct entering {
    struct ledger *ledger;
    const struct event *event;
    struct decision *decision;
    struct fact fact;
    struct booking_row own, previous, same_entry;
    struct rules_state known;
    struct rules_writes writes;
    const char *details,
        *seat; /* the seat that the details are about; "": the booking has no seats */
};

static bool load_booking(
    struct entering *t, const char *uid, struct booking_row *row, const struct booking_row **known)
{
    bool found = false;
    if (!uid)
        return true;
    bool ok =
        rows_get_booking(t->ledger, t->event->provider, uid, &t->decision->arena, row, &found);
    *known = found ? row : NULL;
    return ok;
}

/* What the event lacks is known before it changes what is known. */
static bool load_known(struct entering *t)
{
    const struct event *event = t->event;
    const struct booking *b = &event->booking;
    struct arena *arena = &t->decision->arena;
    const char *zone = NULL, *whose = NULL;
    bool other = false;
    t->seat = b->seat ? t->fact.person : "";
    if (b->uid && !rows_get_details(t->ledger, event->provider, b->uid, t->fact.person, arena,
                      &t->details, &whose))
        return false;
    other = whose && *whose && strcmp(whose, t->fact.person) != 0;
    if (b->organizer.email && !b->organizer.timezone &&
        !rows_get_zone(t->ledger, arena_strlower(arena, b->organizer.email), arena, &zone))
        return false;
    t->decision->known = known_select(arena, t->details, event, !other, zone);
    if (event->learned)
        t->decision->known = known_join(arena, t->decision->known, event->learned);
    if (other && b->seat)
        t->details = NULL;
    return true;
}

static bool save_zone(struct entering *t, const struct person *person)
{
    const char *address = arena_strlower(&t->decision->arena, person->email);
    return !address || !person->timezone ||
           rows_put_zone(t->ledger, address, person->timezone, t->fact.stamp);
}

/* The details of the event's person number `i`; NULL: there are none that are theirs. */
static bool details_of_person(
    struct entering *t, size_t i, const char **person, const char **details)
{
    const struct event *event = t->event;
    struct arena *arena = &t->decision->arena;
    const char *whose = NULL;
    *details = NULL;
    *person = fact_person(event, i, arena);
    bool ok = !*person || rows_get_details(t->ledger, event->provider, event->booking.uid, *person,
                              arena, details, &whose);
    if (!whose || strcmp(whose, *person) != 0)
        *details = NULL;
    return ok;
}

static bool accepts(const struct event *event)
{
    return event->kind == KIND_CREATED || event->kind == KIND_RESCHEDULED;
}

/* A host moves all seats of a booking by one event, without a seat. */
static bool save_seats_moved(struct entering *t)
{
    const struct booking *b = &t->event->booking;
    bool ok = true;
    for (size_t i = 0; ok && b->uid && i < b->attendee_count; i++) {
        const char *person, *details;
        ok = details_of_person(t, i, &person, &details);
        const char *text =
            ok && details ? known_move(&t->decision->arena, details, b->start, b->end) : NULL;
        ok = ok && (!text || rows_put_details(t->ledger, t->event->provider, b->uid, person,
                                 t->fact.stamp, text));
    }
    return ok;
}

static bool save_known(struct entering *t)
{
    const struct event *event = t->event;
    const struct booking *b = &event->booking;
    const struct booking_row *own = t->known.own;
    bool newest = !own || own->stamp == TIME_NONE || t->fact.stamp >= own->stamp;
    bool ok = save_zone(t, &b->organizer);
    if (ok && accepts(event) && !b->seat && b->start != TIME_NONE && !t->decision->late)
        ok = t->known.repeated || save_seats_moved(t);
    for (size_t i = 0; ok && i < b->host_count; i++)
        ok = save_zone(t, &b->hosts[i]);
    if (!ok || t->known.repeated || !known_tells(event))
        return ok;
    const char *text = known_merge(&t->decision->arena, t->details, event, newest);
    return !text ||
           rows_put_details(t->ledger, event->provider, b->uid, t->seat, t->fact.stamp, text);
}

/* The bookings beside: with the same entry, of the same group event, of the same series. */
static bool load_related(struct entering *t, const char *previous_uid)
{
    const struct event *event = t->event;
    const struct booking *b = &event->booking;
    const char *provider = event->provider;
    struct rules_state *known = &t->known;
    struct arena *arena = &t->decision->arena;
    const char *group = rules_group_uid(event, known->own);
    const char *series = b->whole_series ? rules_series(event, known->own, arena) : NULL;
    struct booking_row *rows = NULL;
    bool found = false;
    if (rules_asks_same_entry(event, known->own, previous_uid) &&
        !rows_get_same_entry(
            t->ledger, provider, b->ical_uid, b->uid, arena, &t->same_entry, &found))
        return false;
    known->same_entry = found ? &t->same_entry : NULL;
    if (group && !rows_get_shared(t->ledger, provider, group, b->uid, &known->group))
        return false;
    if (known->previous && t->previous.group_uid &&
        !rows_get_shared(
            t->ledger, provider, t->previous.group_uid, previous_uid, &known->previous_group))
        return false;
    if (series && !rows_get_series(t->ledger, provider, series, b->uid,
                      known->own ? t->own.born : TIME_NONE, arena, &rows, &known->series_count))
        return false;
    known->series = rows;
    return true;
}

/* Did the webhook of a reconciled event come after it? A move of all seats may bring one webhook
 * for each of them. */
static bool load_reconciled(struct entering *t)
{
    const struct event *event = t->event;
    struct fact step;
    bool *reconciled = &t->known.reconciled;
    if (event->reconciled || !step_of(event, &t->decision->arena, &step))
        return true;
    bool ok = rows_is_repeated(t->ledger, event->provider, &step, reconciled);
    if (ok && !*reconciled && event->kind == KIND_RESCHEDULED && *step.person &&
        !rules_previous_uid(event, NULL)) {
        step.person = "";
        ok = rows_is_repeated(t->ledger, event->provider, &step, reconciled);
    }
    return ok;
}

/* The booking may have the start of the event already, by a person that took a seat after it was
 * moved. */
static bool load_elsewhere(struct entering *t)
{
    const struct event *event = t->event;
    const struct booking *b = &event->booking;
    bool ok = true;
    if (!event->reconciled || !accepts(event) || b->seat || b->start == TIME_NONE)
        return true;
    for (size_t i = 0; ok && b->uid && i < b->attendee_count; i++) {
        const char *person, *details;
        ok = details_of_person(t, i, &person, &details);
        int64_t start = known_start(&t->decision->arena, details);
        t->known.elsewhere |= start != TIME_NONE && start != b->start;
    }
    return ok;
}

static bool load(struct entering *t)
{
    const struct event *event = t->event;
    const struct booking *b = &event->booking;
    const char *provider = event->provider, *person = t->fact.person;
    struct rules_state *known = &t->known;
    if (!rows_is_repeated(t->ledger, provider, &t->fact, &known->repeated))
        return false;
    if (known->repeated)
        return true;
    if (!load_reconciled(t) || !load_known(t))
        return false;
    if (!load_booking(t, b->uid, &t->own, &known->own))
        return false;
    if (!rules_about_booking(event))
        return true;
    if (!load_elsewhere(t))
        return false;
    const char *previous_uid = rules_previous_uid(event, known->own);
    if (!load_booking(t, previous_uid, &t->previous, &known->previous))
        return false;
    if (*person && b->seat &&
        (!rows_get_person(
             t->ledger, provider, b->uid, person, &known->person, &known->person_stamp) ||
            !rows_count_others(t->ledger, provider, b->uid, person, &known->others) ||
            (previous_uid && !rows_count_others(t->ledger, provider, previous_uid, person,
                                 &known->previous_others))))
        return false;
    return load_related(t, previous_uid);
}

static bool save_persons(struct entering *t)
{
    const struct event *event = t->event;
    const struct booking *b = &event->booking;
    const struct rules_writes *w = &t->writes;
    const char *provider = event->provider, *person = t->fact.person;
    int64_t stamp = t->fact.stamp;
    bool ok = true;
    /* the notice names the only person of an ordinary booking */
    if (w->joined && (b->seat || b->attendee_count > 1))
        for (size_t i = 0; ok && i < b->attendee_count; i++) {
            const char *one = fact_person(event, i, &t->decision->arena);
            ok = !one || rows_put_person(t->ledger, provider, b->uid, one, PERSON_PRESENT, stamp);
        }
    if (ok && w->left && *person)
        ok = rows_put_person(t->ledger, provider, b->uid, person, PERSON_GONE, stamp);
    if (ok && w->left_previous && *person)
        ok = rows_put_person(t->ledger, provider, w->previous.uid, person, PERSON_GONE, stamp);
    return ok;
}

static bool save_related(struct entering *t)
{
    const struct rules_writes *w = &t->writes;
    const char *provider = t->event->provider;
    bool ok = true;
    for (size_t i = 0; ok && i < w->series_count; i++)
        ok = rows_put_booking(t->ledger, &w->series[i], &t->decision->arena);
    if (ok && w->group_sequence >= 0)
        ok = rows_put_shared(t->ledger, provider, w->own.group_uid, w->group_sequence);
    if (ok && w->previous_group_sequence >= 0)
        ok =
            rows_put_shared(t->ledger, provider, t->previous.group_uid, w->previous_group_sequence);
    return ok;
}

/* ---- occurrences that come together ---- */

/* The one to which the event's occurrence is added; NULL: none, and `free` is a place for it. */
static struct series_lead *find_lead(const struct entering *t, struct series_lead **free)
{
    struct ledger *ledger = t->ledger;
    int64_t arrived = t->event->received_at;
    *free = &ledger->lead[0];
    for (size_t i = 0; i < LEADS; i++) {
        struct series_lead *lead = &ledger->lead[i];
        int64_t apart = arrived > lead->arrived ? arrived - lead->arrived : lead->arrived - arrived;
        if (lead->count && lead->kind == t->event->kind && apart <= SERIES_TOGETHER &&
            strcmp(lead->series, t->writes.own.series) == 0 &&
            strcmp(lead->provider, t->event->provider) == 0)
            return lead;
        if (!lead->count || ((*free)->count && lead->arrived < (*free)->arrived))
            *free = lead;
    }
    return NULL;
}

/* One mail is made of occurrences that are entered in one transaction: the first event's. */
static bool join_series(struct entering *t)
{
    const struct booking_row *own = &t->writes.own;
    struct decision *d = t->decision;
    if (!t->writes.together || !own->series || d->calendar == CALENDAR_UNTOUCHED)
        return true;
    struct series_lead *free, *lead = find_lead(t, &free);
    struct calendar_entry *entry = arena_alloc(&d->arena, sizeof *entry);
    if (!entry)
        return store_fail_memory(t->ledger);
    *entry = (struct calendar_entry){.uid = own->uid,
        .calendar = d->calendar,
        .calendar_uid = d->calendar_uid,
        .sequence = d->sequence,
        .start = own->start,
        .end = own->end,
        .owner = true,
        .customer = true};
    if (lead && lead->count < ENTRIES_MAX) {
        d->result = DECISION_SUPPRESS;
        d->reason = "in-series";
        return rows_grow_decision(t->ledger, lead->id, lead->count++, entry, d);
    }
    lead = lead ? lead : free;
    *lead =
        (struct series_lead){.kind = t->event->kind, .arrived = t->event->received_at, .count = 1};
    snprintf(lead->id, sizeof lead->id, "%s", t->event->id);
    snprintf(lead->series, sizeof lead->series, "%s", own->series);
    snprintf(lead->provider, sizeof lead->provider, "%s", t->event->provider);
    d->occurrences = entry;
    d->occurrence_count = 1;
    return true;
}

/* The fact counts as mailed; of a reconciled event its step does, too. */
static bool save_notice(struct entering *t)
{
    const struct event *event = t->event;
    struct fact step;
    if (!rows_put_notice(t->ledger, event->provider, &t->fact, event->id))
        return false;
    return !event->reconciled || !step_of(event, &t->decision->arena, &step) ||
           rows_put_notice(t->ledger, event->provider, &step, event->id);
}

static bool save(struct entering *t)
{
    const struct event *event = t->event;
    const struct rules_writes *w = &t->writes;
    struct ledger *ledger = t->ledger;
    struct arena *arena = &t->decision->arena;
    return (!w->own_changed || rows_put_booking(ledger, &w->own, arena)) &&
           (!w->previous_changed || rows_put_booking(ledger, &w->previous, arena)) &&
           save_related(t) && save_persons(t) &&
           (!w->own_changed || agenda_put_place(ledger, event)) &&
           (!w->takes_time || rows_find_overlaps(ledger, &w->own, t->decision)) && join_series(t) &&
           (t->decision->result == DECISION_DEFER || save_known(t)) &&
           (!w->notified || save_notice(t)) &&
           (!w->decided || rows_put_decision(ledger, event->id, event->received_at, t->decision));
}

bool ledger_decide(struct ledger *ledger, const struct event *event, int64_t now, int64_t move_wait,
    struct decision *decision)
{
    struct entering t = {.ledger = ledger, .event = event, .decision = decision};
    bool known;
    if (!store_begun(ledger))
        return store_fail(ledger, "entered outside a transaction");
    if (!ledger_recall(ledger, event->id, decision, &known))
        return false;
    if (known)
        return true;
    if (!fact_of(event->as_sent ? event->as_sent : event, &decision->arena, &t.fact))
        return store_fail_memory(ledger);
    if (!load(&t))
        return false;
    if (!rules_decide(event, &t.known, now, move_wait, decision, &t.writes))
        return store_fail_memory(ledger);
    return save(&t) && (!decision->arena.failed || store_fail_memory(ledger));
}

bool ledger_recall(
    struct ledger *ledger, const char id[ID_SIZE], struct decision *decision, bool *found)
{
    decision_init(decision);
    bool ok = rows_get_decision(ledger, id, decision, found);
    return ok && (!decision->arena.failed || store_fail_memory(ledger));
}

/* ---- what is known ---- */

/* Is the person of this seat known at another start than the event has? */
static bool is_seat_moved(struct entering *t)
{
    const struct booking *b = &t->event->booking;
    const struct booking_row *own = t->known.own;
    int64_t start = known_start(&t->decision->arena, t->details);
    if (!own || !is_live(own->state) || !b->seat || t->known.person != PERSON_PRESENT)
        return false;
    start = start == TIME_NONE ? own->start : start;
    return start != TIME_NONE && b->start != TIME_NONE && start != b->start;
}

bool ledger_look(struct ledger *ledger, const struct event *event, struct ledger_look *look)
{
    struct decision decision;
    struct entering t = {.ledger = ledger, .event = event, .decision = &decision};
    decision_init(&decision);
    bool ok = fact_of(event, &decision.arena, &t.fact) || store_fail_memory(ledger);
    ok = ok && load(&t);
    *look = (struct ledger_look){
        .known = t.known.repeated || rules_is_step_known(event, &t.known),
        .own_known = t.known.own != NULL,
        .own_live = t.known.own && is_live(t.known.own->state),
        .previous_live = t.known.previous && is_live(t.known.previous->state),
        .seat_moved = is_seat_moved(&t),
    };
    ok = ok && (!decision.arena.failed || store_fail_memory(ledger));
    decision_free(&decision);
    return ok;
}

bool ledger_noticed(
    struct ledger *ledger, const char *provider, const char *uid, const char *name, bool *noticed)
{
    struct statement *s = store_prepare(ledger, SQL_NOTICE_FIND, uid, provider, name);
    *noticed = store_step(ledger, s);
    if (*noticed)
        store_done(s);
    return !ledger->failed;
}

static bool count_two(struct ledger *ledger, struct statement *s, int64_t *one, int64_t *other)
{
    *one = *other = 0;
    if (store_step(ledger, s)) {
        *one = store_number(s, 0);
        *other = store_number(s, 1);
        store_done(s);
    }
    return !ledger->failed;
}

bool ledger_seats(struct ledger *ledger, const char *provider, const char *uid, int64_t *taken,
    int64_t *forgotten)
{
    struct statement *s = store_prepare(ledger, SQL_SEATS_FIND, uid, provider);
    return count_two(ledger, s, taken, forgotten);
}

bool ledger_count(
    struct ledger *ledger, const char *provider, const char *prefix, int64_t *all, int64_t *live)
{
    /* what begins with the prefix is less than the prefix with the last character after it */
    struct buf after = {0};
    buf_printf(&after, "%s\U0010FFFF", prefix);
    bool ok = !after.failed || store_fail_memory(ledger);
    ok = ok &&
         count_two(ledger,
             store_prepare(ledger, SQL_COUNT_FIND, provider, prefix, buf_text(&after)), all, live);
    buf_free(&after);
    return ok;
}

/* ---- upkeep ---- */

bool ledger_clear(struct ledger *ledger)
{
    return store_exec(ledger,
        "DELETE FROM booking; DELETE FROM person; DELETE FROM notice;"
        "DELETE FROM decision; DELETE FROM overlap; DELETE FROM entry; DELETE FROM shared;"
        "DELETE FROM detail; DELETE FROM host; DELETE FROM place",
        "clear");
}

bool ledger_forget(struct ledger *ledger, int64_t before)
{
    bool ok = true;
    for (enum store_statement which = SQL_FORGET; ok && which <= SQL_FORGET_LAST; which++) {
        struct statement *s = store_prepare(ledger, which, NULL);
        if (store_has_parameter(which))
            store_bind_number(s, 1, before);
        ok = s && store_run(ledger, s);
    }
    return ok;
}

bool ledger_conflicts(struct ledger *ledger, int64_t now,
    bool (*report)(void *context, const struct ledger_conflict *conflict), void *context)
{
    struct statement *s = store_stream(ledger, SQL_CONFLICTS_FIND);
    bool more = true;
    store_bind_number(s, 1, now);
    while (more && store_step(ledger, s)) {
        struct arena arena = {0};
        if (!store_share_host(store_peek(s, 13), store_peek(s, 14)))
            continue;
        struct ledger_conflict conflict;
        rows_read_overlap(s, 0, &arena, &conflict.first);
        rows_read_overlap(s, 6, &arena, &conflict.second);
        conflict.organizer = store_text(s, 12, &arena);
        more = arena.failed ? store_fail_memory(ledger) : report(context, &conflict);
        arena_free(&arena);
    }
    store_end(s);
    return !ledger->failed;
}

bool ledger_upcoming(struct ledger *ledger, int64_t now, int64_t most,
    bool (*report)(void *context, const struct overlap *booking), void *context)
{
    struct statement *s = store_prepare(ledger, SQL_UPCOMING_FIND, NULL);
    bool more = true;
    store_bind_number(s, 1, now);
    store_bind_number(s, 2, most);
    while (more && store_step(ledger, s)) {
        struct arena arena = {0};
        struct overlap booking;
        rows_read_overlap(s, 0, &arena, &booking);
        more = arena.failed ? store_fail_memory(ledger) : report(context, &booking);
        arena_free(&arena);
    }
    store_done(s);
    return !ledger->failed;
}
