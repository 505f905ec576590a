#include "ledger/ledger.h"

#include "ledger/agenda.h"
#include "ledger/fact.h"
#include "ledger/rows.h"
#include "ledger/rules.h"
#include "ledger/store.h"

/* ---- entering an event ---- */

/* What is read and written for one event. */
struct entering {
    struct ledger *ledger;
    const struct event *event;
    struct decision *decision;
    struct fact fact;
    struct booking_row own, previous;
    struct rules_state known;
    struct rules_writes writes;
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

static bool load(struct entering *t)
{
    const struct event *event = t->event;
    const struct booking *b = &event->booking;
    const char *provider = event->provider, *person = t->fact.person;
    struct rules_state *known = &t->known;
    if (!rows_is_repeated(t->ledger, provider, &t->fact, &known->repeated))
        return false;
    if (known->repeated || !rules_about_booking(event))
        return true;
    if (!load_booking(t, b->uid, &t->own, &known->own))
        return false;
    const char *previous_uid = rules_previous_uid(event, known->own);
    if (!load_booking(t, previous_uid, &t->previous, &known->previous))
        return false;
    if (!*person || !b->seat)
        return true;
    return rows_get_person(
               t->ledger, provider, b->uid, person, &known->person, &known->person_stamp) &&
           (!previous_uid || rows_count_others(t->ledger, provider, previous_uid, person,
                                 &known->previous_others));
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

static bool save(struct entering *t)
{
    const struct event *event = t->event;
    const struct rules_writes *w = &t->writes;
    struct ledger *ledger = t->ledger;
    struct arena *arena = &t->decision->arena;
    return (!w->own_changed || rows_put_booking(ledger, &w->own, arena)) &&
           (!w->previous_changed || rows_put_booking(ledger, &w->previous, arena)) &&
           save_persons(t) && (!w->own_changed || agenda_put_place(ledger, event)) &&
           (!w->takes_time || rows_find_overlaps(ledger, &w->own, t->decision)) &&
           (!w->notified || rows_put_notice(ledger, event->provider, &t->fact, event->id)) &&
           (!w->decided || rows_put_decision(ledger, event->id, event->received_at, t->decision));
}

bool ledger_decide(struct ledger *ledger, const struct event *event, int64_t now, int64_t move_wait,
    struct decision *decision)
{
    struct entering t = {.ledger = ledger, .event = event, .decision = decision};
    bool known;
    if (sqlite3_get_autocommit(ledger->db))
        return store_fail(ledger, "entered outside a transaction");
    if (!ledger_recall(ledger, event->id, decision, &known))
        return false;
    if (known)
        return true;
    if (!fact_of(event, &decision->arena, &t.fact))
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

/* ---- upkeep ---- */

bool ledger_clear(struct ledger *ledger)
{
    return store_exec(ledger,
        "DELETE FROM booking; DELETE FROM person; DELETE FROM notice;"
        "DELETE FROM decision; DELETE FROM overlap; DELETE FROM place",
        "clear");
}

bool ledger_forget(struct ledger *ledger, int64_t before)
{
    bool ok = true;
    for (enum store_statement which = SQL_FORGET; ok && which <= SQL_FORGET_LAST; which++) {
        sqlite3_stmt *s = store_prepare(ledger, which, NULL);
        if (s && sqlite3_bind_parameter_count(s))
            sqlite3_bind_int64(s, 1, before);
        ok = s && store_run(ledger, s);
    }
    return ok;
}

bool ledger_conflicts(struct ledger *ledger, int64_t now,
    bool (*report)(void *context, const struct ledger_conflict *conflict), void *context)
{
    sqlite3_stmt *s = store_prepare(ledger, SQL_CONFLICTS_FIND, NULL);
    bool more = true;
    store_bind_number(s, 1, now);
    while (more && store_step(ledger, s)) {
        struct arena arena = {0};
        struct ledger_conflict conflict;
        rows_read_overlap(s, 0, &arena, &conflict.first);
        rows_read_overlap(s, 6, &arena, &conflict.second);
        conflict.organizer = store_text(s, 12, &arena);
        more = arena.failed ? store_fail_memory(ledger) : report(context, &conflict);
        arena_free(&arena);
    }
    store_done(s);
    return !ledger->failed;
}
