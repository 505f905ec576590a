#include "ledger/rows.h"

#include <string.h>

/* ---- bookings ---- */

static const char *const state_names[BOOKING_STATES] = {
    [STATE_NAMED] = "named",
    [STATE_EMPTY] = "empty",
    [STATE_PENDING] = "pending",
    [STATE_ACCEPTED] = "accepted",
    [STATE_CANCELLED] = "cancelled",
    [STATE_REJECTED] = "rejected",
    [STATE_MOVED] = "moved",
};

static bool state_parse(const char *name, enum booking_state *state)
{
    for (int i = 0; name && i < BOOKING_STATES; i++)
        if (strcmp(state_names[i], name) == 0) {
            *state = (enum booking_state)i;
            return true;
        }
    return false;
}

/*
 * The meeting that the booking belongs to. The invitees of one Calendly event are bookings of
 * their own, whose URIs begin with that of the event; they do not conflict with each other.
 */
static const char *meeting_of(struct arena *arena, const char *uid)
{
    const char *invitee = strstr(uid, "/invitees/");
    return invitee ? arena_strndup(arena, uid, (size_t)(invitee - uid)) : uid;
}

/* The columns are those of BOOKING in store_sql.c. False: the row is not as it was written. */
static bool read_booking(
    struct statement *s, const char *provider, struct arena *arena, struct booking_row *row)
{
    *row = (struct booking_row){.provider = provider};
    row->uid = store_text(s, 0, arena);
    bool known = state_parse(store_peek(s, 1), &row->state);
    row->stamp = store_time(s, 2);
    row->start = store_time(s, 3);
    row->end = store_time(s, 4);
    row->organizer = store_text(s, 5, arena);
    row->title = store_text(s, 6, arena);
    row->who = store_text(s, 7, arena);
    row->previous_uid = store_text(s, 8, arena);
    row->replaced_by = store_text(s, 9, arena);
    row->calendar_uid = store_text(s, 10, arena);
    row->sequence = store_number(s, 11);
    row->ical_uid = store_text(s, 12, arena);
    row->group_uid = store_text(s, 13, arena);
    row->series = store_text(s, 14, arena);
    row->born = store_time(s, 15);
    row->changed = store_time(s, 16);
    row->calendar_written = store_number(s, 17);
    row->hosts = store_text(s, 18, arena);
    return known && row->calendar_uid;
}

/* The one row of a statement, if it has one. */
static bool get_booking(struct ledger *ledger, struct statement *s, const char *provider,
    struct arena *arena, struct booking_row *row, bool *found)
{
    *found = store_step(ledger, s);
    if (!*found)
        return !ledger->failed;
    bool ok = read_booking(s, provider, arena, row);
    store_done(s);
    return ok || store_fail(ledger, "a booking is not as it was written");
}

bool rows_get_booking(struct ledger *ledger, const char *provider, const char *uid,
    struct arena *arena, struct booking_row *row, bool *found)
{
    return get_booking(
        ledger, store_prepare(ledger, SQL_BOOKING_GET, uid, provider), provider, arena, row, found);
}

bool rows_get_same_entry(struct ledger *ledger, const char *provider, const char *calendar_uid,
    const char *uid, struct arena *arena, struct booking_row *row, bool *found)
{
    return get_booking(ledger,
        store_prepare(ledger, SQL_ENTRY_BOOKING_GET, calendar_uid, provider, uid), provider, arena,
        row, found);
}

bool rows_get_series(struct ledger *ledger, const char *provider, const char *series,
    const char *uid, int64_t born, struct arena *arena, struct booking_row **rows, size_t *count)
{
    struct statement *s = store_prepare(ledger, SQL_SERIES_GET, series, provider, uid);
    bool ok = true;
    store_bind_time(s, 4, born);
    store_bind_number(s, 5, SERIES_BOOKED_WITHIN);
    store_bind_number(s, 6, ENTRIES_MAX - 1);
    *count = 0;
    *rows = NULL;
    while (ok && store_step(ledger, s)) {
        if (!*rows)
            *rows = arena_alloc(arena, (ENTRIES_MAX - 1) * sizeof **rows);
        ok = *rows && read_booking(s, provider, arena, &(*rows)[*count]);
        *count += ok;
    }
    store_done(s);
    return !ledger->failed && (ok || store_fail(ledger, "a booking is not as it was written"));
}

bool rows_put_booking(struct ledger *ledger, const struct booking_row *row, struct arena *arena)
{
    struct statement *s = store_prepare(ledger, SQL_BOOKING_PUT, row->uid, row->provider,
        row->group_uid ? row->group_uid : meeting_of(arena, row->uid), state_names[row->state]);
    store_bind_time(s, 5, row->stamp);
    store_bind_time(s, 6, row->start);
    store_bind_time(s, 7, row->end);
    store_bind_text(s, 8, row->organizer);
    store_bind_text(s, 9, row->title);
    store_bind_text(s, 10, row->who);
    store_bind_text(s, 11, row->previous_uid);
    store_bind_text(s, 12, row->replaced_by);
    store_bind_text(s, 13, row->calendar_uid);
    store_bind_number(s, 14, row->sequence);
    store_bind_text(s, 15, row->ical_uid);
    store_bind_text(s, 16, row->group_uid);
    store_bind_text(s, 17, row->series);
    store_bind_time(s, 18, row->born);
    store_bind_time(s, 19, row->changed);
    store_bind_number(s, 20, row->calendar_written);
    store_bind_text(s, 21, row->hosts);
    return store_run(ledger, s);
}

bool rows_get_shared(struct ledger *ledger, const char *provider, const char *uid, const char *own,
    struct group *group)
{
    struct statement *s = store_prepare(ledger, SQL_SHARED_GET, uid, provider, own);
    *group = (struct group){.sequence = -1};
    if (store_step(ledger, s)) {
        group->sequence = store_number(s, 0);
        group->others = (size_t)store_number(s, 1);
        store_done(s);
    }
    return !ledger->failed;
}

bool rows_put_shared(struct ledger *ledger, const char *provider, const char *uid, int64_t sequence)
{
    struct statement *s = store_prepare(ledger, SQL_SHARED_PUT, uid, provider);
    store_bind_number(s, 3, sequence);
    return store_run(ledger, s);
}

/* ---- what bodies said ---- */

bool rows_get_details(struct ledger *ledger, const char *provider, const char *uid,
    const char *person, struct arena *arena, const char **text, const char **whose)
{
    struct statement *s = store_prepare(ledger, SQL_DETAIL_GET, uid, provider, person);
    *text = *whose = NULL;
    if (store_step(ledger, s)) {
        *text = store_text(s, 0, arena);
        *whose = store_text(s, 1, arena);
        store_done(s);
    }
    return !ledger->failed;
}

bool rows_put_details(struct ledger *ledger, const char *provider, const char *uid,
    const char *person, int64_t stamp, const char *text)
{
    struct statement *s = store_prepare(ledger, SQL_DETAIL_PUT, uid, provider, person);
    store_bind_number(s, 4, stamp);
    store_bind_text(s, 5, text);
    return store_run(ledger, s);
}

bool rows_get_zone(
    struct ledger *ledger, const char *address, struct arena *arena, const char **zone)
{
    struct statement *s = store_prepare(ledger, SQL_HOST_GET, address);
    *zone = NULL;
    if (store_step(ledger, s)) {
        *zone = store_text(s, 0, arena);
        store_done(s);
    }
    return !ledger->failed;
}

bool rows_put_zone(struct ledger *ledger, const char *address, const char *zone, int64_t stamp)
{
    struct statement *s = store_prepare(ledger, SQL_HOST_PUT, address, zone);
    store_bind_number(s, 3, stamp);
    return store_run(ledger, s);
}

/* ---- persons ---- */

bool rows_get_person(struct ledger *ledger, const char *provider, const char *uid,
    const char *person, enum presence *presence, int64_t *stamp)
{
    struct statement *s = store_prepare(ledger, SQL_PERSON_GET, uid, provider, person);
    *presence = PERSON_UNKNOWN;
    if (store_step(ledger, s)) {
        *presence = store_number(s, 0) ? PERSON_PRESENT : PERSON_GONE;
        *stamp = store_time(s, 1);
        store_done(s);
    }
    return !ledger->failed;
}

bool rows_put_person(struct ledger *ledger, const char *provider, const char *uid,
    const char *person, enum presence presence, int64_t stamp)
{
    struct statement *s = store_prepare(ledger, SQL_PERSON_PUT, uid, provider, person);
    store_bind_number(s, 4, presence == PERSON_PRESENT);
    store_bind_number(s, 5, stamp);
    return store_run(ledger, s);
}

bool rows_count_others(
    struct ledger *ledger, const char *provider, const char *uid, const char *person, size_t *count)
{
    struct statement *s = store_prepare(ledger, SQL_OTHERS_GET, uid, provider, person);
    *count = 0;
    if (store_step(ledger, s)) {
        *count = (size_t)store_number(s, 0);
        store_done(s);
    }
    return !ledger->failed;
}

/* ---- notices ---- */

bool rows_is_repeated(
    struct ledger *ledger, const char *provider, const struct fact *fact, bool *repeated)
{
    struct statement *s =
        store_prepare(ledger, SQL_NOTICES_GET, fact->uid, provider, fact->person, fact->name);
    struct fact_repetition repetition = {0};
    store_bind_number(s, 5, fact->bare ? fact->stamp - FACT_NEAR : INT64_MIN);
    store_bind_number(s, 6, fact->bare ? fact->stamp + FACT_NEAR : INT64_MAX);
    while (store_step(ledger, s))
        fact_compare(&repetition, fact, store_number(s, 0), store_peek(s, 1));
    *repeated = repetition.near || repetition.before || repetition.after;
    return !ledger->failed;
}

bool rows_put_notice(
    struct ledger *ledger, const char *provider, const struct fact *fact, const char *id)
{
    struct statement *s =
        store_prepare(ledger, SQL_NOTICE_PUT, fact->uid, provider, fact->person, fact->name);
    store_bind_number(s, 5, fact->stamp);
    store_bind_text(s, 6, fact->digest);
    store_bind_text(s, 7, id);
    return store_run(ledger, s);
}

/* ---- decisions ---- */

void rows_read_overlap(
    struct statement *s, int column, struct arena *arena, struct overlap *overlap)
{
    overlap->provider = store_text(s, column, arena);
    overlap->uid = store_text(s, column + 1, arena);
    overlap->title = store_text(s, column + 2, arena);
    overlap->who = store_text(s, column + 3, arena);
    overlap->start = store_time(s, column + 4);
    overlap->end = store_time(s, column + 5);
}

/* False: memory ran out, which the arena remembers. */
static bool add_overlap(struct statement *s, struct decision *decision)
{
    if (!decision->overlaps)
        decision->overlaps =
            arena_alloc(&decision->arena, OVERLAPS_MAX * sizeof *decision->overlaps);
    if (decision->overlaps)
        rows_read_overlap(s, 0, &decision->arena, &decision->overlaps[decision->overlap_count++]);
    return decision->overlaps != NULL;
}

/* All rows of a statement that gives the columns of rows_read_overlap, at most OVERLAPS_MAX. */
static bool read_overlaps(struct ledger *ledger, struct statement *s, struct decision *decision)
{
    while (decision->overlap_count < OVERLAPS_MAX && store_step(ledger, s))
        if (!add_overlap(s, decision))
            break;
    store_done(s);
    return !ledger->failed;
}

/* "occurrence" comes before "other". */
static bool read_entries(struct ledger *ledger, const char *id, size_t room, struct decision *d)
{
    struct statement *s = store_prepare(ledger, SQL_ENTRIES_GET, id);
    struct calendar_entry *list = arena_alloc(&d->arena, room * sizeof *list);
    bool known = true;
    size_t count = 0;
    while (list && count < room && store_step(ledger, s)) {
        struct calendar_entry *entry = &list[count++];
        bool occurrence = strcmp(store_peek(s, 0), ROLE_OCCURRENCE) == 0;
        *entry = (struct calendar_entry){.calendar_uid = store_text(s, 1, &d->arena),
            .uid = store_text(s, 2, &d->arena),
            .sequence = store_number(s, 4),
            .start = store_time(s, 5),
            .end = store_time(s, 6),
            .taken = store_number(s, 7),
            .owner = store_number(s, 8),
            .customer = store_number(s, 9)};
        known &= calendar_change_parse(store_peek(s, 3), &entry->calendar);
        d->occurrence_count += occurrence;
    }
    store_done(s);
    d->occurrences = d->occurrence_count ? list : NULL;
    d->other_count = count - d->occurrence_count;
    d->others = d->other_count ? list + d->occurrence_count : NULL;
    return !ledger->failed && (known || store_fail(ledger, "a decision is not as it was written"));
}

bool rows_get_decision(struct ledger *ledger, const char *id, struct decision *d, bool *found)
{
    struct statement *s = store_prepare(ledger, SQL_DECISION_GET, id);
    *found = store_step(ledger, s);
    if (!*found)
        return !ledger->failed;
    const char *result = store_peek(s, 0);
    const char *meaning = store_peek(s, 2);
    const char *calendar = store_peek(s, 6);
    bool known = decision_result_parse(result, &d->result) &&
                 calendar_change_parse(calendar, &d->calendar) &&
                 (!meaning || event_kind_parse(meaning, &d->meaning));
    d->reason = store_text(s, 1, &d->arena);
    d->late = store_number(s, 3);
    d->previous_start = store_time(s, 4);
    d->previous_end = store_time(s, 5);
    d->calendar_uid = store_text(s, 7, &d->arena);
    d->sequence = store_number(s, 8);
    bool overlaps = store_number(s, 9) > 0;
    d->taken = store_number(s, 10);
    d->calendar_written = store_number(s, 11);
    d->unconfirmed = store_number(s, 12);
    d->grouped = store_number(s, 13);
    size_t entries = (size_t)store_number(s, 14);
    d->known = store_text(s, 15, &d->arena);
    store_done(s);
    if (!known)
        return store_fail(ledger, "a decision is not as it was written");
    return (!overlaps || read_overlaps(ledger, store_prepare(ledger, SQL_OVERLAPS_GET, id), d)) &&
           (!entries || read_entries(ledger, id, entries, d));
}

/* ---- the entries of a decision ---- */

static bool put_entry(struct ledger *ledger, const char *id, const char *role, size_t place,
    const struct calendar_entry *entry)
{
    struct statement *s = store_prepare(ledger, SQL_ENTRY_PUT, id, role, entry->calendar_uid,
        entry->uid, calendar_change_name(entry->calendar));
    store_bind_number(s, 6, (int64_t)place);
    store_bind_number(s, 7, entry->sequence);
    store_bind_time(s, 8, entry->start);
    store_bind_time(s, 9, entry->end);
    store_bind_number(s, 10, entry->taken);
    store_bind_number(s, 11, entry->owner);
    store_bind_number(s, 12, entry->customer);
    return store_run(ledger, s);
}

static bool put_entries(struct ledger *ledger, const char *id, const char *role,
    const struct calendar_entry *entries, size_t count)
{
    bool ok = true;
    for (size_t i = 0; ok && i < count; i++)
        ok = put_entry(ledger, id, role, i, &entries[i]);
    return ok;
}

static bool put_overlaps(struct ledger *ledger, const char *id, size_t first,
    const struct overlap *overlaps, size_t count)
{
    bool ok = true;
    for (size_t i = 0; ok && i < count; i++) {
        const struct overlap *overlap = &overlaps[i];
        struct statement *s = store_prepare(ledger, SQL_OVERLAP_PUT, id);
        store_bind_number(s, 2, (int64_t)(first + i));
        store_bind_text(s, 3, overlap->provider);
        store_bind_text(s, 4, overlap->uid);
        store_bind_text(s, 5, overlap->title);
        store_bind_text(s, 6, overlap->who);
        store_bind_time(s, 7, overlap->start);
        store_bind_time(s, 8, overlap->end);
        ok = store_run(ledger, s);
    }
    return ok;
}

bool rows_grow_decision(struct ledger *ledger, const char *id, size_t place,
    const struct calendar_entry *occurrence, const struct decision *follower)
{
    struct statement *s = store_prepare(ledger, SQL_DECISION_GROW, id);
    store_bind_number(s, 2, (int64_t)follower->overlap_count);
    return store_run(ledger, s) && put_entry(ledger, id, ROLE_OCCURRENCE, place, occurrence) &&
           put_overlaps(
               ledger, id, place * OVERLAPS_MAX, follower->overlaps, follower->overlap_count);
}

bool rows_put_decision(
    struct ledger *ledger, const char *id, int64_t arrived, const struct decision *d)
{
    struct statement *s = store_prepare(ledger, SQL_DECISION_PUT, id);
    store_bind_number(s, 2, arrived);
    store_bind_text(s, 3, decision_result_name(d->result));
    store_bind_text(s, 4, d->reason);
    store_bind_text(s, 5, d->meaning < KINDS ? event_kind_name(d->meaning) : NULL);
    store_bind_number(s, 6, d->late);
    store_bind_time(s, 7, d->previous_start);
    store_bind_time(s, 8, d->previous_end);
    store_bind_text(s, 9, calendar_change_name(d->calendar));
    store_bind_text(s, 10, d->calendar_uid);
    store_bind_number(s, 11, d->sequence);
    store_bind_number(s, 12, (int64_t)d->overlap_count);
    store_bind_number(s, 13, d->taken);
    store_bind_number(s, 14, d->calendar_written);
    store_bind_number(s, 15, d->unconfirmed);
    store_bind_number(s, 16, d->grouped);
    store_bind_number(s, 17, (int64_t)(d->occurrence_count + d->other_count));
    store_bind_text(s, 18, d->known);
    return store_run(ledger, s) && put_overlaps(ledger, id, 0, d->overlaps, d->overlap_count) &&
           put_entries(ledger, id, ROLE_OCCURRENCE, d->occurrences, d->occurrence_count) &&
           put_entries(ledger, id, ROLE_OTHER, d->others, d->other_count);
}

bool rows_find_overlaps(
    struct ledger *ledger, const struct booking_row *row, struct decision *decision)
{
    const char *hosts = row->hosts ? row->hosts : row->organizer;
    if (row->start == TIME_NONE)
        return true;
    struct statement *s = store_prepare(ledger, SQL_OVERLAPS_FIND, NULL);
    store_bind_time(s, 1, row->start);
    store_bind_time(s, 2, row->end);
    store_bind_text(s, 3, row->calendar_uid);
    store_bind_text(s, 4, row->group_uid ? row->group_uid : meeting_of(&decision->arena, row->uid));
    while (decision->overlap_count < OVERLAPS_MAX && store_step(ledger, s))
        if (store_share_host(store_peek(s, 6), hosts) && !add_overlap(s, decision))
            break;
    store_done(s);
    return !ledger->failed;
}
