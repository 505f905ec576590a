/*
 * ledger_scene: events entered one after the other, and what the ledger must decide about each.
 *
 * Times are small numbers: `sent` and `came` in seconds after SCENE_START, `start` in hours after
 * SCENE_DAY. A scene is run as it is, with every event entered twice, and with every transaction
 * cut short once by a rollback; the ledger must hold the same each time.
 */
#ifndef UNIT_LEDGER_SCENE_H
#define UNIT_LEDGER_SCENE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "ledger/ledger.h"
#include "ledger/store.h"
#include "ledger_server.h"

#define SCENE_START INT64_C(1795255200000) /* 2026-11-21T10:00:00Z */
#define SCENE_DAY   INT64_C(1795478400000) /* 2026-11-24T00:00:00Z */
#define SCENE_HOUR  INT64_C(3600000)

enum { SCENE_MOVE_WAIT = 60000 };

struct step {
    /* the event */
    enum event_kind kind;
    const char *uid, *previous, *seat, *who, *status, *name, *ical, *organizer, *reason;
    int sent, came; /* came: 0, as soon as it was sent */
    int start;      /* 0: absent */
    int old_start;  /* the event itself names the time it moves from */
    int minutes;    /* of length; 0: 30, -1: no end */
    int64_t number; /* the provider's sequence */
    bool calendly;
    int again; /* the event of that step (from 1), entered once more now, at `came` */
    /* what follows */
    const char *because; /* NULL: "first-report" */
    enum calendar_change calendar;
    int64_t sequence;
    bool moved;  /* meaning: rescheduled */
    int old;     /* previous_start */
    int overlap; /* how many */
};

static inline int64_t scene_hour(int hour)
{
    return hour ? SCENE_DAY + hour * SCENE_HOUR : TIME_NONE;
}

static inline void scene_event(const struct step *step, int number, struct event *event)
{
    int64_t start = scene_hour(step->start);
    int minutes = step->minutes ? step->minutes : 30;
    struct booking *b = &event->booking;
    *event = (struct event){.provider = step->calendly ? "calendly" : "calcom",
        .kind = step->kind,
        .name = step->name,
        .sent_at = SCENE_START + step->sent * 1000,
        .received_at = SCENE_START + (step->came ? step->came : step->sent) * 1000};
    snprintf(event->id, sizeof event->id, "%032x", number);
    *b = (struct booking){.uid = step->uid,
        .previous_uid = step->previous,
        .ical_uid = step->ical,
        .seat = step->seat,
        .status = step->status,
        .reason = step->reason,
        .title = "A talk",
        .sequence = step->number,
        .start = start,
        .end = start == TIME_NONE || minutes < 0 ? TIME_NONE : start + minutes * INT64_C(60000),
        .previous_start = scene_hour(step->old_start),
        .previous_end = TIME_NONE};
    b->organizer.email = step->organizer ? step->organizer : "owner@example.org";
    b->attendees = arena_alloc(&event->arena, sizeof *b->attendees);
    assert_non_null(b->attendees);
    b->attendees[0].email = step->who ? step->who : "guest@example.org";
    b->attendee_count = 1;
}

static inline struct ledger *scene_ledger(void)
{
    struct ledger *ledger = ledger_server_open("sqlite::memory:");
    if (ledger_server())
        ledger_server_clear(ledger);
    return ledger;
}

static inline void scene_enter(
    struct ledger *ledger, const struct event *event, int64_t now, struct decision *decision)
{
    if (!ledger_begin(ledger) || !ledger_decide(ledger, event, now, SCENE_MOVE_WAIT, decision) ||
        !ledger_commit(ledger))
        fail_msg("%s", ledger_failure(ledger));
}

enum scene_manner { SCENE_PLAIN, SCENE_TWICE, SCENE_CUT, SCENE_MANNERS };

static inline void scene_enter_in(enum scene_manner manner, struct ledger *ledger,
    const struct event *event, int64_t now, struct decision *decision)
{
    if (manner == SCENE_CUT) {
        assert_true(ledger_begin(ledger));
        assert_true(ledger_decide(ledger, event, now, SCENE_MOVE_WAIT, decision));
        ledger_rollback(ledger);
        decision_free(decision);
    }
    scene_enter(ledger, event, now, decision);
    if (manner == SCENE_TWICE) {
        decision_free(decision);
        scene_enter(ledger, event, now, decision);
    }
}

/* A line "TABLE column=value ..." for each row, in an order that only the contents decide. */
static inline void scene_dump(struct ledger *ledger, struct buf *dump)
{
    static const char *const tables[] = {"booking ORDER BY uid, provider",
        "person ORDER BY uid, provider, person",
        "notice ORDER BY uid, provider, person, name, stamp, fact", "decision ORDER BY id",
        "overlap ORDER BY id, place", "entry ORDER BY id, role, place",
        "shared ORDER BY uid, provider", "detail ORDER BY uid, provider, person",
        "host ORDER BY address"};
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) {
        char query[100];
        snprintf(query, sizeof query, "SELECT * FROM %s", tables[i]);
        struct statement *s = store_prepare_sql(ledger, query);
        while (store_step(ledger, s)) {
            buf_printf(dump, "%.*s", (int)strcspn(tables[i], " "), tables[i]);
            for (int n = 0; n < store_columns(s); n++)
                if (store_peek(s, n))
                    buf_printf(dump, " %s=%s", store_column_name(s, n), store_peek(s, n));
            buf_putc(dump, '\n');
        }
        store_end(s);
        if (ledger->failed)
            fail_msg("%s", ledger_failure(ledger));
    }
}

#define SCENE_SAME(what, is, wanted)                                                               \
    do {                                                                                           \
        long long is_ = (long long)(is), wanted_ = (long long)(wanted);                            \
        if (is_ != wanted_)                                                                        \
            fail_msg("%s, step %d: %s is %lld, not %lld", scene, number, what, is_, wanted_);      \
    } while (0)

static inline void scene_check(
    const char *scene, int number, const struct step *step, const struct decision *d)
{
    const char *because = step->because ? step->because : "first-report";
    if (strcmp(d->reason, because) != 0)
        fail_msg("%s, step %d: %s, not %s", scene, number, d->reason, because);
    SCENE_SAME("late", d->late, strcmp(because, "late") == 0);
    SCENE_SAME("suppressed", d->result == DECISION_SUPPRESS,
        strcmp(because, "repeated-fact") == 0 || strcmp(because, "joined") == 0 ||
            strcmp(because, "in-series") == 0);
    SCENE_SAME("waiting", d->result == DECISION_DEFER, strcmp(because, "partner-awaited") == 0);
    SCENE_SAME("meaning", d->meaning, step->moved ? KIND_RESCHEDULED : KINDS);
    SCENE_SAME("calendar", d->calendar, step->calendar);
    SCENE_SAME("calendar uid", d->calendar_uid || d->calendar == CALENDAR_UNTOUCHED, true);
    SCENE_SAME("sequence", d->sequence, step->sequence);
    SCENE_SAME("old start", d->previous_start, scene_hour(step->old));
    SCENE_SAME("old end in order",
        d->previous_end == TIME_NONE || d->previous_end > d->previous_start, true);
    SCENE_SAME("overlaps", d->overlap_count, step->overlap);
}

/* Tells the steps, up to one without a uid, and leaves the ledger open. */
static inline struct ledger *scene_play(
    const char *scene, const struct step *steps, enum scene_manner manner)
{
    struct ledger *ledger = scene_ledger();
    for (int i = 0; steps[i].uid || steps[i].name || steps[i].again; i++) {
        const struct step *entered = steps[i].again ? &steps[steps[i].again - 1] : &steps[i];
        struct event event;
        struct decision decision;
        scene_event(entered, (int)(entered - steps) + 1, &event);
        int64_t now = steps[i].again ? SCENE_START + steps[i].came * 1000 : event.received_at;
        scene_enter_in(manner, ledger, &event, now, &decision);
        scene_check(scene, i + 1, &steps[i], &decision);
        decision_free(&decision);
        event_free(&event);
    }
    return ledger;
}

static inline void scene_run(const char *scene, const struct step *steps)
{
    struct buf dump[SCENE_MANNERS] = {0};
    for (enum scene_manner manner = 0; manner < SCENE_MANNERS; manner++) {
        struct ledger *ledger = scene_play(scene, steps, manner);
        scene_dump(ledger, &dump[manner]);
        ledger_close(ledger);
        assert_string_equal(buf_text(&dump[0]), buf_text(&dump[manner]));
    }
    for (int i = 0; i < SCENE_MANNERS; i++)
        buf_free(&dump[i]);
}

#endif
