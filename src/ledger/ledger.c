#include "ledger/ledger.h"

#include <stdlib.h>
#include <string.h>

#include "ledger/fact.h"
#include "ledger/rows.h"
#include "ledger/rules.h"
#include "ledger/store.h"

struct ledger {
    struct store store;
};

/* ---- opening ---- */

static struct ledger *open_as(const char *value, bool readonly, struct buf *why)
{
    struct ledger *ledger = calloc(1, sizeof *ledger);
    if (!ledger)
        buf_puts(why, "out of memory");
    if (ledger && store_open(&ledger->store, value, readonly, why))
        return ledger;
    free(ledger);
    return NULL;
}

struct ledger *ledger_open(const char *value, struct buf *why)
{
    return open_as(value, false, why);
}

struct ledger *ledger_open_readonly(const char *value, struct buf *why)
{
    return open_as(value, true, why);
}

void ledger_close(struct ledger *ledger)
{
    if (ledger)
        store_close(&ledger->store);
    free(ledger);
}

const char *ledger_failure(const struct ledger *ledger)
{
    return buf_text(&ledger->store.failure);
}

bool ledger_begin(struct ledger *ledger)
{
    return store_begin(&ledger->store);
}

bool ledger_commit(struct ledger *ledger)
{
    return store_commit(&ledger->store);
}

void ledger_rollback(struct ledger *ledger)
{
    store_rollback(&ledger->store);
}

/* ---- entering an event ---- */

/* What is read and written for one event. */
struct entering {
    struct store *store;
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
    bool ok = rows_get_booking(t->store, t->event->provider, uid, &t->decision->arena, row, &found);
    *known = found ? row : NULL;
    return ok;
}

static bool load_persons(struct entering *t, const char *previous_uid)
{
    const struct booking *b = &t->event->booking;
    const char *provider = t->event->provider;
    struct rules_state *known = &t->known;
    if (!*t->fact.person || !b->seat)
        return true;
    return rows_get_person(
               t->store, provider, b->uid, t->fact.person, &known->person, &known->person_stamp) &&
           (!previous_uid || rows_count_others(t->store, provider, previous_uid, t->fact.person,
                                 &known->previous_others));
}

static bool load(struct entering *t)
{
    const struct event *event = t->event;
    if (!rows_is_repeated(t->store, event->provider, &t->fact, &t->known.repeated))
        return false;
    if (t->known.repeated || !rules_about_booking(event))
        return true;
    if (!load_booking(t, event->booking.uid, &t->own, &t->known.own))
        return false;
    const char *previous_uid = rules_previous_uid(event, t->known.own);
    return load_booking(t, previous_uid, &t->previous, &t->known.previous) &&
           load_persons(t, previous_uid);
}

/* The notice names the only person of an ordinary booking. */
static bool save_joined(struct entering *t)
{
    const struct event *event = t->event;
    const struct booking *b = &event->booking;
    bool ok = true;
    for (size_t i = 0; ok && (b->seat || b->attendee_count > 1) && i < b->attendee_count; i++) {
        const char *person = fact_person(event, i, &t->decision->arena);
        ok = !person || rows_put_person(t->store, event->provider, event->booking.uid, person,
                            PERSON_PRESENT, t->fact.stamp);
    }
    return ok;
}

static bool save_persons(struct entering *t)
{
    const struct event *event = t->event;
    const struct rules_writes *w = &t->writes;
    bool ok = !w->joined || save_joined(t);
    if (ok && w->left && *t->fact.person)
        ok = rows_put_person(t->store, event->provider, event->booking.uid, t->fact.person,
            PERSON_GONE, t->fact.stamp);
    if (ok && w->left_previous && *t->fact.person)
        ok = rows_put_person(
            t->store, event->provider, w->previous.uid, t->fact.person, PERSON_GONE, t->fact.stamp);
    return ok;
}

static bool save(struct entering *t)
{
    const struct event *event = t->event;
    const struct rules_writes *w = &t->writes;
    struct store *store = t->store;
    struct arena *arena = &t->decision->arena;
    return (!w->own_changed || rows_put_booking(store, &w->own, arena)) &&
           (!w->previous_changed || rows_put_booking(store, &w->previous, arena)) &&
           save_persons(t) && (!w->takes_time || rows_find_overlaps(store, &w->own, t->decision)) &&
           (!w->told || rows_put_notice(store, event->provider, &t->fact, event->id)) &&
           (!w->decided || rows_put_decision(store, event->id, event->received_at, t->decision));
}

static bool no_memory(struct ledger *ledger)
{
    struct store *store = &ledger->store;
    buf_clear(&store->failure);
    buf_puts(&store->failure, "out of memory, or libcrypto cannot compute");
    store->failed = true;
    store_rollback(store);
    return false;
}

bool ledger_decide(struct ledger *ledger, const struct event *event, int64_t now, int64_t fold,
    struct decision *decision)
{
    struct entering t = {.store = &ledger->store, .event = event, .decision = decision};
    bool known;
    if (sqlite3_get_autocommit(t.store->db))
        return store_fail(t.store, "entered outside a transaction");
    if (!ledger_recall(ledger, event->id, decision, &known))
        return false;
    if (known)
        return true;
    if (!fact_of(event, &decision->arena, &t.fact))
        return no_memory(ledger);
    if (!load(&t))
        return false;
    if (!rules_decide(event, &t.known, now, fold, decision, &t.writes))
        return no_memory(ledger);
    return save(&t) && (!decision->arena.failed || no_memory(ledger));
}

bool ledger_recall(
    struct ledger *ledger, const char id[ID_SIZE], struct decision *decision, bool *found)
{
    decision_init(decision);
    bool ok = rows_get_decision(&ledger->store, id, decision, found);
    return ok && (!decision->arena.failed || no_memory(ledger));
}

/* ---- upkeep ---- */

bool ledger_clear(struct ledger *ledger)
{
    return store_exec(&ledger->store,
        "DELETE FROM booking; DELETE FROM person; DELETE FROM notice;"
        "DELETE FROM decision; DELETE FROM overlap",
        "clear");
}

bool ledger_forget(struct ledger *ledger, int64_t before)
{
    bool ok = true;
    for (enum store_statement which = SQL_FORGET; ok && which <= SQL_FORGET_LAST; which++) {
        sqlite3_stmt *s = store_prepare(&ledger->store, which);
        if (s && sqlite3_bind_parameter_count(s))
            sqlite3_bind_int64(s, 1, before);
        ok = s && store_run(&ledger->store, s);
    }
    return ok;
}

bool ledger_conflicts(struct ledger *ledger, int64_t now,
    bool (*tell)(void *context, const struct ledger_conflict *conflict), void *context)
{
    struct store *store = &ledger->store;
    sqlite3_stmt *s = store_prepare(store, SQL_CONFLICTS_FIND);
    bool on = s != NULL;
    if (s)
        sqlite3_bind_int64(s, 1, now);
    while (on && store_step(store, s)) {
        struct arena arena = {0};
        struct ledger_conflict conflict;
        rows_read_overlap(s, 0, &arena, &conflict.first);
        rows_read_overlap(s, 6, &arena, &conflict.second);
        conflict.organizer = store_text(s, 12, &arena);
        on = arena.failed ? no_memory(ledger) : tell(context, &conflict);
        arena_free(&arena);
    }
    if (s)
        store_done(s);
    return !store->failed;
}
