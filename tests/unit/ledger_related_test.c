/* Events that concern more than one entry or more than one booking: series, group events, seats
 * that move, other hosts and places, and entries whose bookings are linked too late. */
#include "ledger_scene.h"

#include "ledger/known.h"

/* A step, and what struct step has no member for. */
struct told {
    struct step step;
    bool in_series, whole, written;
    const char *group, *type;
    const char *host; /* the second of two */
    int places, taken;
    bool open; /* the transaction goes on: the next event is of the same batch */
    /*
     * RESULT REASON, then each entry: WHOM CHANGE SEQUENCE UID (TAKEN). WHOM is "both", "owner" or
     * "customer", "of" before it: an occurrence of a series. UIDs that bookspool made are #1, #2.
     */
    const char *decision;
};

static char made_up[8][64];

static const char *short_uid(const char *uid, char out[64])
{
    snprintf(out, 64, "%s", uid);
    if (!strstr(uid, "@bookspool"))
        return out;
    for (int i = 0; i < 8; i++) {
        if (!*made_up[i])
            snprintf(made_up[i], sizeof made_up[i], "%s", uid);
        if (strcmp(made_up[i], uid) == 0) {
            snprintf(out, 64, "#%d", i + 1);
            break;
        }
    }
    return out;
}

static void put_entry(struct buf *out, const char *whom, const struct calendar_entry *entry)
{
    char uid[64];
    buf_printf(out, "; %s %s %lld %s", whom, calendar_change_name(entry->calendar),
        (long long)entry->sequence, short_uid(entry->calendar_uid, uid));
    if (entry->taken)
        buf_printf(out, " (%lld)", (long long)entry->taken);
}

static void describe(const struct decision *d, struct buf *out)
{
    buf_printf(out, "%s %s", decision_result_name(d->result), d->reason);
    const struct calendar_entry own = {.calendar = d->calendar,
        .calendar_uid = d->calendar_uid,
        .sequence = d->sequence,
        .taken = d->taken};
    if (d->calendar != CALENDAR_UNTOUCHED)
        put_entry(out, d->grouped ? "customer" : "both", &own);
    for (size_t i = 0; i < d->occurrence_count; i++)
        put_entry(out, "of both", &d->occurrences[i]);
    for (size_t i = 0; i < d->other_count; i++) {
        const struct calendar_entry *other = &d->others[i];
        put_entry(out,
            other->owner && other->customer ? "both"
            : other->owner                  ? "owner"
                                            : "customer",
            other);
    }
    if (d->unconfirmed)
        buf_puts(out, "; unconfirmed");
    if (d->calendar_written)
        buf_puts(out, "; written");
    if (d->overlap_count)
        buf_printf(out, "; overlaps %zu", d->overlap_count);
}

static void told_event(const struct told *told, int number, struct event *event)
{
    scene_event(&told->step, number, event);
    struct booking *b = &event->booking;
    b->in_series = told->in_series || told->whole;
    b->whole_series = told->whole;
    b->calendar_written = told->written;
    b->group_uid = told->group;
    b->places = told->places;
    b->places_taken = told->taken;
    if (told->host) {
        b->hosts = arena_alloc(&event->arena, 2 * sizeof *b->hosts);
        assert_non_null(b->hosts);
        b->hosts[0] = b->organizer;
        b->hosts[1].email = told->host;
        b->host_count = 2;
    }
    b->event_type = told->type ? told->type : "lesson";
}

/* After the batch, the decision is read back: one of a series has grown. */
static void check_stored(struct ledger *ledger, const struct told *told, int number)
{
    char id[ID_SIZE];
    struct decision decision;
    struct buf text = {0};
    bool found;
    snprintf(id, sizeof id, "%032x", number);
    assert_true(ledger_recall(ledger, id, &decision, &found));
    describe(&decision, &text);
    if (strcmp(buf_text(&text), told->decision) != 0)
        fail_msg("step %d:\n  %s\nand not\n  %s", number, buf_text(&text), told->decision);
    decision_free(&decision);
    buf_free(&text);
}

static void tell(const struct told *steps)
{
    struct ledger *ledger = scene_ledger();
    memset(made_up, 0, sizeof made_up);
    int first = 0;
    for (int i = 0; steps[i].decision; i++) {
        struct event event;
        struct decision decision;
        told_event(&steps[i], i + 1, &event);
        if (first == i)
            assert_true(ledger_begin(ledger));
        if (!ledger_decide(ledger, &event, event.received_at, SCENE_MOVE_WAIT, &decision))
            fail_msg("%s", ledger_failure(ledger));
        decision_free(&decision);
        event_free(&event);
        if (steps[i].open)
            continue;
        assert_true(ledger_commit(ledger));
        for (; first <= i; first++)
            check_stored(ledger, &steps[first], first + 1);
    }
    ledger_close(ledger);
}

/* clang-format off */

/* ---- series ---- */

static void a_series_that_is_confirmed_once(void **state)
{
    (void)state;
    tell((const struct told[]){
        {{KIND_REQUESTED, "a", .ical = "a@Cal.com", .sent = 1, .start = 9}, .in_series = true, .open = true,
            .decision = "notify first-report; both tentative 0 a@Cal.com; of both tentative 0 a@Cal.com; of both tentative 0 b@Cal.com; of both tentative 0 c@Cal.com"},
        {{KIND_REQUESTED, "b", .ical = "b@Cal.com", .sent = 2, .start = 33}, .in_series = true, .open = true,
            .decision = "suppress in-series; both tentative 0 b@Cal.com"},
        {{KIND_REQUESTED, "c", .ical = "c@Cal.com", .sent = 3, .start = 57}, .in_series = true,
            .decision = "suppress in-series; both tentative 0 c@Cal.com"},
        /* of another customer, and of another type */
        {{KIND_REQUESTED, "x", .who = "other@example.org", .sent = 3, .start = 100}, .in_series = true,
            .decision = "notify first-report; both tentative 0 #1; of both tentative 0 #1"},
        {{KIND_REQUESTED, "y", .sent = 3, .start = 200}, .in_series = true, .type = "other",
            .decision = "notify first-report; both tentative 0 #2; of both tentative 0 #2"},
        {{KIND_CREATED, "a", .ical = "a@Cal.com", .sent = 900, .start = 9}, .whole = true,
            .decision = "notify first-report; both confirmed 1 a@Cal.com; of both confirmed 1 a@Cal.com; of both confirmed 1 b@Cal.com; of both confirmed 1 c@Cal.com"},
        /* one is cancelled, then the rest */
        {{KIND_CANCELLED, "b", .sent = 901, .start = 33}, .decision = "notify first-report; both cancelled 2 b@Cal.com"},
        {{KIND_CANCELLED, "a", .sent = 902, .start = 9}, .whole = true,
            .decision = "notify first-report; both cancelled 2 a@Cal.com; of both cancelled 2 a@Cal.com; of both cancelled 2 c@Cal.com"},
        {{KIND_CREATED, "z", .sent = 903, .start = 57}, .decision = "notify first-report; both confirmed 0 #3"},
        {.decision = NULL}});
}

static void a_series_that_is_declined(void **state)
{
    (void)state;
    tell((const struct told[]){
        {{KIND_REQUESTED, "a", .sent = 1, .start = 9}, .in_series = true,
            .decision = "notify first-report; both tentative 0 #1; of both tentative 0 #1"},
        {{KIND_REQUESTED, "b", .sent = 2, .start = 33}, .in_series = true,
            .decision = "notify first-report; both tentative 0 #2; of both tentative 0 #2"},
        {{KIND_REJECTED, "a", .sent = 3, .start = 9}, .whole = true,
            .decision = "notify first-report; both cancelled 1 #1; of both cancelled 1 #1; of both cancelled 1 #2; unconfirmed"},
        {{KIND_CREATED, "b", .sent = 4, .start = 33}, .decision = "notify late"},
        {.decision = NULL}});
}

/* The same person's series of the same type, made half a year before, and what is over. */
static void a_cancelled_series_leaves_another_one(void **state)
{
    enum { LATER = 86400 };
    (void)state;
    tell((const struct told[]){
        {{KIND_CREATED, "old", .sent = 1, .start = 300}, .in_series = true,
            .decision = "notify first-report; both confirmed 0 #1; of both confirmed 0 #1"},
        {{KIND_CREATED, "a", .sent = LATER, .start = 9}, .in_series = true, .open = true,
            .decision = "notify first-report; both confirmed 0 #2; of both confirmed 0 #2; of both confirmed 0 #3"},
        {{KIND_CREATED, "b", .sent = LATER + 1, .start = 200}, .in_series = true,
            .decision = "suppress in-series; both confirmed 0 #3"},
        {{KIND_CANCELLED, "b", .sent = 4 * LATER, .start = 200}, .whole = true, /* a was yesterday */
            .decision = "notify first-report; both cancelled 1 #3"},
        {{KIND_CREATED, "x", .sent = 4 * LATER + 1, .start = 300}, .decision = "notify first-report; both confirmed 0 #4; overlaps 1"},
        {.decision = NULL}});
}

static void occurrences_with_one_icaluid(void **state)
{
    (void)state;
    tell((const struct told[]){
        {{KIND_CREATED, "a", .ical = "a@Cal.com", .sent = 1, .start = 9}, .in_series = true,
            .decision = "notify first-report; both confirmed 0 a@Cal.com; of both confirmed 0 a@Cal.com"},
        {{KIND_CREATED, "b", .ical = "a@Cal.com", .sent = 2, .start = 33}, .in_series = true,
            .decision = "notify first-report; both confirmed 0 #1; of both confirmed 0 #1"},
        {{KIND_RESCHEDULED, "b2", "b", .ical = "a@Cal.com", .sent = 3, .start = 35},
            .decision = "notify first-report; both confirmed 1 #1"},
        {{KIND_CANCELLED, "b2", .ical = "a@Cal.com", .sent = 4, .start = 35},
            .decision = "notify first-report; both cancelled 2 #1"},
        /* nothing says that they are of a series */
        {{KIND_CREATED, "p", .ical = "google-1", .sent = 5, .start = 57}, .decision = "notify first-report; both confirmed 0 google-1"},
        {{KIND_CREATED, "q", .ical = "google-1", .sent = 6, .start = 81}, .decision = "notify first-report; both confirmed 0 #2"},
        {.decision = NULL}});
}

/* ---- an entry whose bookings are linked too late ---- */

static void what_was_cancelled_does_not_come_back(void **state)
{
    (void)state;
    tell((const struct told[]){
        {{KIND_CANCELLED, "b", .ical = "a@Cal.com", .number = 2, .sent = 30, .came = 1, .start = 11}, .decision = "notify first-report; both cancelled 2 a@Cal.com"},
        {{KIND_CREATED, "a", .ical = "a@Cal.com", .sent = 10, .came = 2, .start = 9}, .decision = "notify late"},
        {{KIND_RESCHEDULED, "b", "a", .ical = "a@Cal.com", .number = 1, .sent = 20, .came = 3, .start = 11}, .decision = "notify late"},
        {{KIND_CREATED, "x", .sent = 40, .start = 9}, .decision = "notify first-report; both confirmed 0 #1"},
        {.decision = NULL}});
    tell((const struct told[]){
        {{KIND_CREATED, "a", .ical = "a@Cal.com", .number = 4, .sent = 10, .start = 9}, .decision = "notify first-report; both confirmed 4 a@Cal.com"},
        {{KIND_CANCELLED, "b", .ical = "a@Cal.com", .sent = 30, .start = 11}, .decision = "notify first-report; both cancelled 5 a@Cal.com"},
        {.decision = NULL}});
}

/* ---- group events ---- */

static void a_group_event_is_one_entry_of_the_owner(void **state)
{
    (void)state;
#define CLASS .group = "class", .places = 6
    tell((const struct told[]){
        {{KIND_CREATED, "a", .who = "one@example.org", .calendly = true, .sent = 1, .start = 9}, CLASS, .taken = 1,
            .decision = "notify first-report; customer confirmed 0 #1; owner confirmed 0 #2 (1)"},
        {{KIND_CREATED, "b", .who = "two@example.org", .calendly = true, .sent = 2, .start = 9}, CLASS, .taken = 2,
            .decision = "notify first-report; customer confirmed 0 #3; owner confirmed 1 #2 (2)"},
        {{KIND_CANCELLED, "a", .who = "one@example.org", .calendly = true, .sent = 3, .start = 9}, CLASS, .taken = 1,
            .decision = "notify first-report; customer cancelled 1 #1; owner confirmed 2 #2 (1)"},
        /* to another hour: the customer's entry moves, the owner has two classes */
        {{KIND_CREATED, "c", .who = "three@example.org", .calendly = true, .sent = 4, .start = 33}, .group = "other", .places = 6, .taken = 1,
            .decision = "notify first-report; customer confirmed 0 #4; owner confirmed 0 #5 (1)"},
        {{KIND_RESCHEDULED, "b2", "b", .who = "two@example.org", .calendly = true, .sent = 5, .start = 33}, .group = "other", .places = 6, .taken = 2,
            .decision = "notify first-report; customer confirmed 1 #3; owner confirmed 1 #5 (2); owner cancelled 3 #2"},
        {{KIND_CANCELLED, "c", .who = "three@example.org", .calendly = true, .sent = 6, .start = 33}, .group = "other", .places = 6, .taken = 0,
            .decision = "notify first-report; customer cancelled 1 #4; owner cancelled 2 #5"},
        {.decision = NULL}});
}

static void places_that_the_ledger_never_saw_are_taken(void **state)
{
    (void)state;
    tell((const struct told[]){
        {{KIND_CREATED, "a", .calendly = true, .sent = 1, .start = 9}, CLASS, .taken = 4,
            .decision = "notify first-report; customer confirmed 0 #1; owner confirmed 0 #2 (4)"},
        {{KIND_CANCELLED, "a", .calendly = true, .sent = 2, .start = 9}, CLASS, .taken = 3,
            .decision = "notify first-report; customer cancelled 1 #1; owner confirmed 1 #2 (3)"},
        {.decision = NULL}});
    /* a class for one is none */
    tell((const struct told[]){
        {{KIND_CREATED, "a", .calendly = true, .sent = 1, .start = 9}, .group = "e", .places = 1, .taken = 1,
            .decision = "notify first-report; both confirmed 0 #1"},
        {.decision = NULL}});
}

/* ---- seats ---- */

static void a_seat_that_moves_or_ends(void **state)
{
    (void)state;
    tell((const struct told[]){
        {{KIND_CREATED, "a", .seat = "s1", .who = "one@example.org", .sent = 1, .start = 9}, .decision = "notify first-report; both confirmed 0 #1 (1)"},
        {{KIND_CREATED, "a", .seat = "s2", .who = "two@example.org", .sent = 2, .start = 9}, .decision = "notify first-report; both confirmed 1 #1 (2)"},
        {{KIND_RESCHEDULED, "b", "a", .seat = "s3", .who = "two@example.org", .sent = 3, .start = 33},
            .decision = "notify first-report; both confirmed 1 #2 (1); customer cancelled 2 #1; owner confirmed 2 #1 (1)"},
        {{KIND_CANCELLED, "a", .seat = "7", .who = "one@example.org", .sent = 4, .start = 9}, .decision = "notify first-report; both cancelled 3 #1"},
        {{KIND_CREATED, "x", .sent = 5, .start = 9}, .decision = "notify first-report; both confirmed 0 #3"},
        {{KIND_CREATED, "a", .seat = "s4", .who = "four@example.org", .sent = 6, .start = 9}, .decision = "notify first-report; both confirmed 4 #1 (1); overlaps 1"},
        /* the last one of a moves to where others are: his old entry goes, and so does the owner's */
        {{KIND_RESCHEDULED, "b", "a", .seat = "s5", .who = "four@example.org", .sent = 7, .start = 33},
            .decision = "notify first-report; both confirmed 2 #2 (2); both cancelled 5 #1"},
        {.decision = NULL}});
}

/* ---- another host, another place ---- */

static void a_booking_that_is_changed(void **state)
{
    (void)state;
    tell((const struct told[]){
        {{KIND_CREATED, "a", .ical = "a@Cal.com", .sent = 1, .start = 9}, .written = true, .decision = "notify first-report; both confirmed 0 a@Cal.com; written"},
        {{KIND_LOCATION_CHANGED, "a", .ical = "a@Cal.com", .number = 1, .sent = 3, .start = 9}, .decision = "notify first-report; both confirmed 1 a@Cal.com; written"},
        {{KIND_CREATED, "a", .ical = "a@Cal.com", .name = "again", .sent = 2, .came = 4, .start = 9}, .decision = "notify late; written"},
        {{KIND_LOCATION_CHANGED, "a", .ical = "a@Cal.com", .reason = "older", .sent = 2, .came = 4, .start = 9}, .decision = "notify late; written"},
        {{KIND_REASSIGNED, "a", .ical = "a@Cal.com", .organizer = "new@example.org", .number = 2, .sent = 5, .start = 9}, .decision = "notify first-report; both confirmed 2 a@Cal.com; written"},
        {{KIND_REASSIGNED, "a", .ical = "other@google.com", .organizer = "third@example.org", .sent = 6, .start = 9},
            .decision = "notify first-report; both confirmed 1 other@google.com; both cancelled 3 a@Cal.com; written"},
        {{KIND_CREATED, "x", .organizer = "new@example.org", .sent = 7, .start = 9}, .decision = "notify first-report; both confirmed 0 #1"},
        {{KIND_CREATED, "y", .organizer = "third@example.org", .sent = 7, .start = 9}, .decision = "notify first-report; both confirmed 0 #2; overlaps 1"},
        {{KIND_RESCHEDULED, "b", "a", .organizer = "third@example.org", .sent = 8, .start = 20}, .decision = "notify first-report; both confirmed 2 other@google.com; written"},
        {{KIND_CANCELLED, "b", .sent = 9, .start = 20}, .decision = "notify first-report; both cancelled 3 other@google.com; written"},
        {{KIND_LOCATION_CHANGED, "b", .sent = 10, .start = 20}, .decision = "notify late; written"},
        /* not known before */
        {{KIND_REASSIGNED, "n", .ical = "n@Cal.com", .number = 3, .sent = 11, .start = 50}, .decision = "notify first-report; both confirmed 3 n@Cal.com"},
        {.decision = NULL}});
}

static void every_host_is_busy(void **state)
{
    (void)state;
    tell((const struct told[]){
        {{KIND_CREATED, "a", .organizer = "Emil@example.org", .sent = 1, .start = 9}, .host = "dora@example.org", .decision = "notify first-report; both confirmed 0 #1"},
        {{KIND_CREATED, "b", .organizer = "dora@example.org", .sent = 2, .start = 9}, .decision = "notify first-report; both confirmed 0 #2; overlaps 1"},
        {{KIND_CREATED, "c", .organizer = "emil@example.org", .sent = 3, .start = 9}, .decision = "notify first-report; both confirmed 0 #3; overlaps 1"},
        {{KIND_CREATED, "d", .organizer = "dor@example.org", .sent = 4, .start = 9}, .decision = "notify first-report; both confirmed 0 #4"},
        {{KIND_CREATED, "e", .organizer = "f@example.org", .sent = 5, .start = 9}, .host = "DORA@example.org", .decision = "notify first-report; both confirmed 0 #5; overlaps 2"},
        /* given to one host alone */
        {{KIND_REASSIGNED, "a", .organizer = "g@example.org", .sent = 6, .start = 9}, .decision = "notify first-report; both confirmed 1 #1"},
        {{KIND_CREATED, "h", .organizer = "emil@example.org", .sent = 7, .start = 9}, .decision = "notify first-report; both confirmed 0 #6; overlaps 1"},
        {.decision = NULL}});
}

static void somebody_takes_the_one_who_waits(void **state)
{
    (void)state;
    tell((const struct told[]){
        {{KIND_INSTANT, "a", .sent = 1}, .decision = "notify first-report"},
        {{KIND_INSTANT, "a", .status = "accepted", .sent = 2, .start = 9}, .decision = "notify first-report; both confirmed 0 #1"},
        {{KIND_CANCELLED, "a", .sent = 3, .start = 9}, .decision = "notify first-report; both cancelled 1 #1"},
        {.decision = NULL}});
}
/* clang-format on */

/* ---- what bodies lack ---- */

/* A body of Cal.com's that has no more than the uid and who it is about. */
static void bare(struct event *event, enum event_kind kind, int number, const char *who)
{
    scene_event(&(struct step){kind, "a", .who = who, .sent = number}, number, event);
    event->booking.title = NULL;
    event->booking.organizer.email = NULL;
}

static struct answer answers[] = {{.question = "Which frame size?", .answer = "58 cm"},
    {.question = "Helmet?", .answer = "no", .answer_word = "no"}};

static void enter_full(
    struct ledger *ledger, int number, const char *seat, const char *who, const char *notes)
{
    struct event event;
    struct decision decision;
    scene_event(
        &(struct step){KIND_CREATED, "a", .seat = seat, .who = who, .sent = number, .start = 9},
        number, &event);
    struct booking *b = &event.booking;
    b->notes = notes;
    b->answers = answers;
    b->answer_count = 2;
    b->join_url = "https://video.example.com/1";
    b->location = "https://video.example.com/1";
    b->attendees[0].name = who;
    b->attendees[0].phone = "+49 30 1234567";
    b->organizer.name = "Orla";
    b->organizer.timezone = "Europe/Oslo";
    b->hide_notes = true;
    b->reply_to = "desk@example.org";
    scene_enter(ledger, &event, event.received_at, &decision);
    assert_null(decision.known);
    decision_free(&decision);
    event_free(&event);
}

/* Entered, then mailed by a run that finds the decision stored. */
static void complete(struct ledger *ledger, struct event *event)
{
    struct decision decision;
    bool found;
    scene_enter(ledger, event, event->received_at, &decision);
    decision_free(&decision);
    assert_true(ledger_recall(ledger, event->id, &decision, &found));
    ledger_complete(&decision, event);
    decision_free(&decision);
    assert_false(event->arena.failed);
}

static void a_bare_body_is_completed(void **state)
{
    (void)state;
    struct ledger *ledger = scene_ledger();
    struct event event;
    enter_full(ledger, 1, NULL, "guest@example.org", "Knee hurts.");
    static const enum event_kind kinds[] = {KIND_PAID, KIND_NO_SHOW, KIND_HOST_NO_SHOW};
    for (int i = 0; i < 3; i++) {
        bare(&event, kinds[i], 10 + i, "Guest@example.org");
        if (i == 0)
            event.booking.notes = "In its own words.";
        complete(ledger, &event);
        const struct booking *b = &event.booking;
        assert_string_equal(b->title, "A talk");
        assert_string_equal(b->notes, i == 0 ? "In its own words." : "Knee hurts.");
        assert_int_equal(b->answer_count, 2);
        assert_string_equal(b->answers[0].question, "Which frame size?");
        assert_string_equal(b->answers[0].answer, "58 cm");
        assert_null(b->answers[0].answer_word);
        assert_string_equal(b->answers[1].answer_word, "no");
        assert_int_equal(b->start, scene_hour(9));
        assert_int_equal(b->end, scene_hour(9) + 1800000);
        assert_string_equal(b->organizer.email, "owner@example.org");
        assert_string_equal(b->organizer.timezone, "Europe/Oslo");
        assert_string_equal(b->join_url, "https://video.example.com/1");
        assert_int_equal(b->attendee_count, 1);
        assert_string_equal(b->attendees[0].email, "Guest@example.org");
        assert_string_equal(b->attendees[0].phone, "+49 30 1234567");
        event_free(&event);
    }
    /* a booking that is not known stays as it is */
    scene_event(&(struct step){KIND_PAID, "other", .sent = 20}, 20, &event);
    event.booking.title = NULL;
    complete(ledger, &event);
    assert_null(event.booking.title);
    event_free(&event);
    ledger_close(ledger);
}

static void nobody_reads_what_the_next_seat_wrote(void **state)
{
    (void)state;
    struct ledger *ledger = scene_ledger();
    struct event event;
    enter_full(ledger, 1, "s1", "one@example.org", "One's words.");
    enter_full(ledger, 2, "s2", "two@example.org", "Two's words.");
    bare(&event, KIND_PAID, 3, "one@example.org");
    complete(ledger, &event);
    assert_string_equal(event.booking.notes, "One's words.");
    event_free(&event);
    scene_event(&(struct step){KIND_CREATED, "a", .seat = "s3", .who = "four@example.org",
                    .sent = 4, .start = 9},
        9, &event);
    event.booking.places = 6;
    complete(ledger, &event);
    assert_int_equal(event.booking.places_taken, 3);
    event_free(&event);
    bare(&event, KIND_NO_SHOW, 4, "three@example.org");
    complete(ledger, &event);
    assert_string_equal(event.booking.title, "A talk");
    assert_null(event.booking.notes);
    assert_int_equal(event.booking.answer_count, 0);
    event_free(&event);
    ledger_close(ledger);
}

static void what_was_before_a_change(void **state)
{
    (void)state;
    struct ledger *ledger = scene_ledger();
    struct event event;
    enter_full(ledger, 1, NULL, NULL, NULL);
    scene_event(
        &(struct step){KIND_REASSIGNED, "a", .organizer = "new@example.org", .sent = 2, .start = 9},
        2, &event);
    complete(ledger, &event);
    assert_string_equal(event.booking.previous_organizer.email, "owner@example.org");
    assert_string_equal(event.booking.previous_organizer.name, "Orla");
    assert_true(event.booking.hide_notes);
    assert_string_equal(event.booking.reply_to, "desk@example.org");
    assert_null(event.booking.notes);
    event_free(&event);

    scene_event(&(struct step){KIND_LOCATION_CHANGED, "a", .organizer = "new@example.org",
                    .sent = 3, .start = 9},
        3, &event);
    event.booking.join_url = "https://video.example.com/2";
    complete(ledger, &event);
    assert_string_equal(event.booking.previous_location, "https://video.example.com/1");
    event_free(&event);

    scene_event(&(struct step){KIND_LOCATION_CHANGED, "a", .organizer = "new@example.org",
                    .sent = 4, .start = 9},
        4, &event);
    event.booking.previous_location = "Said by the body";
    event.booking.join_url = "https://video.example.com/3";
    complete(ledger, &event);
    assert_string_equal(event.booking.previous_location, "Said by the body");
    event_free(&event);
    ledger_close(ledger);
}

/* Calendly sends no zone of the host; Cal.com did, for the same address. */
static void a_host_s_zone_is_known_from_elsewhere(void **state)
{
    (void)state;
    struct ledger *ledger = scene_ledger();
    struct event event;
    enter_full(ledger, 1, NULL, NULL, NULL);
    scene_event(&(struct step){KIND_CREATED, "c", .organizer = "Owner@example.org",
                    .calendly = true, .sent = 2, .start = 20},
        2, &event);
    complete(ledger, &event);
    assert_string_equal(event.booking.organizer.timezone, "Europe/Oslo");
    assert_string_equal(event.booking.organizer.email, "Owner@example.org");
    event_free(&event);
    scene_event(&(struct step){KIND_CREATED, "d", .organizer = "nobody@example.org",
                    .calendly = true, .sent = 2, .start = 20},
        3, &event);
    complete(ledger, &event);
    assert_null(event.booking.organizer.timezone);
    event_free(&event);
    ledger_close(ledger);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_series_that_is_confirmed_once),
        cmocka_unit_test(a_series_that_is_declined),
        cmocka_unit_test(a_cancelled_series_leaves_another_one),
        cmocka_unit_test(occurrences_with_one_icaluid),
        cmocka_unit_test(what_was_cancelled_does_not_come_back),
        cmocka_unit_test(a_group_event_is_one_entry_of_the_owner),
        cmocka_unit_test(places_that_the_ledger_never_saw_are_taken),
        cmocka_unit_test(a_seat_that_moves_or_ends),
        cmocka_unit_test(a_booking_that_is_changed),
        cmocka_unit_test(every_host_is_busy),
        cmocka_unit_test(somebody_takes_the_one_who_waits),
        cmocka_unit_test(a_bare_body_is_completed),
        cmocka_unit_test(nobody_reads_what_the_next_seat_wrote),
        cmocka_unit_test(what_was_before_a_change),
        cmocka_unit_test(a_host_s_zone_is_known_from_elsewhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
