#include "ledger/rows.h"

/* ---- bookings ---- */

static bool read_booking(sqlite3_stmt *s, struct arena *arena, struct booking_row *row)
{
    const char *state = (const char *)sqlite3_column_text(s, 0);
    row->stamp = store_time(s, 1);
    row->start = store_time(s, 2);
    row->end = store_time(s, 3);
    row->organizer = store_text(s, 4, arena);
    row->title = store_text(s, 5, arena);
    row->who = store_text(s, 6, arena);
    row->previous_uid = store_text(s, 7, arena);
    row->replaced_by = store_text(s, 8, arena);
    row->calendar_uid = store_text(s, 9, arena);
    row->sequence = sqlite3_column_int64(s, 10);
    return state && state_parse(state, &row->state) && row->calendar_uid;
}

bool rows_get_booking(struct store *store, const char *provider, const char *uid,
    struct arena *arena, struct booking_row *row, bool *found)
{
    sqlite3_stmt *s = store_prepare(store, SQL_BOOKING_GET);
    *row = (struct booking_row){.provider = provider, .uid = uid};
    *found = false;
    if (!s)
        return false;
    store_bind_text(s, 1, uid);
    store_bind_text(s, 2, provider);
    if (store_step(store, s)) {
        *found = true;
        if (!read_booking(s, arena, row))
            return store_fail(store, "a booking is not as it was written");
        store_done(s);
    }
    return !store->failed;
}

bool rows_put_booking(struct store *store, const struct booking_row *row, struct arena *arena)
{
    sqlite3_stmt *s = store_prepare(store, SQL_BOOKING_PUT);
    if (!s)
        return false;
    store_bind_text(s, 1, row->uid);
    store_bind_text(s, 2, row->provider);
    store_bind_text(s, 3, row_meeting(arena, row->uid));
    store_bind_text(s, 4, state_name(row->state));
    store_bind_time(s, 5, row->stamp);
    store_bind_time(s, 6, row->start);
    store_bind_time(s, 7, row->end);
    store_bind_text(s, 8, row->organizer);
    store_bind_text(s, 9, row->title);
    store_bind_text(s, 10, row->who);
    store_bind_text(s, 11, row->previous_uid);
    store_bind_text(s, 12, row->replaced_by);
    store_bind_text(s, 13, row->calendar_uid);
    sqlite3_bind_int64(s, 14, row->sequence);
    return store_run(store, s);
}

/* ---- persons ---- */

static sqlite3_stmt *about_person(struct store *store, enum store_statement which,
    const char *provider, const char *uid, const char *person)
{
    sqlite3_stmt *s = store_prepare(store, which);
    if (!s)
        return NULL;
    store_bind_text(s, 1, uid);
    store_bind_text(s, 2, provider);
    store_bind_text(s, 3, person);
    return s;
}

bool rows_get_person(struct store *store, const char *provider, const char *uid, const char *person,
    enum presence *presence, int64_t *stamp)
{
    sqlite3_stmt *s = about_person(store, SQL_PERSON_GET, provider, uid, person);
    *presence = PERSON_UNKNOWN;
    if (store_step(store, s)) {
        *presence = sqlite3_column_int(s, 0) ? PERSON_PRESENT : PERSON_GONE;
        *stamp = store_time(s, 1);
        store_done(s);
    }
    return !store->failed;
}

bool rows_put_person(struct store *store, const char *provider, const char *uid, const char *person,
    enum presence presence, int64_t stamp)
{
    sqlite3_stmt *s = about_person(store, SQL_PERSON_PUT, provider, uid, person);
    if (!s)
        return false;
    sqlite3_bind_int(s, 4, presence == PERSON_PRESENT);
    sqlite3_bind_int64(s, 5, stamp);
    return store_run(store, s);
}

bool rows_count_others(
    struct store *store, const char *provider, const char *uid, const char *person, size_t *count)
{
    sqlite3_stmt *s = about_person(store, SQL_OTHERS_GET, provider, uid, person);
    *count = 0;
    if (store_step(store, s)) {
        *count = (size_t)sqlite3_column_int64(s, 0);
        store_done(s);
    }
    return !store->failed;
}

/* ---- notices ---- */

static sqlite3_stmt *about_fact(
    struct store *store, enum store_statement which, const char *provider, const struct fact *fact)
{
    sqlite3_stmt *s = about_person(store, which, provider, fact->uid, fact->person);
    if (s)
        store_bind_text(s, 4, fact->name);
    return s;
}

bool rows_is_repeated(
    struct store *store, const char *provider, const struct fact *fact, bool *repeated)
{
    sqlite3_stmt *s = about_fact(store, SQL_NOTICES_GET, provider, fact);
    struct fact_repetition repetition = {0};
    if (!s)
        return false;
    sqlite3_bind_int64(s, 5, fact->bare ? fact->stamp - FACT_NEAR : INT64_MIN);
    sqlite3_bind_int64(s, 6, fact->bare ? fact->stamp + FACT_NEAR : INT64_MAX);
    while (store_step(store, s))
        fact_compare(
            &repetition, fact, sqlite3_column_int64(s, 0), (const char *)sqlite3_column_text(s, 1));
    *repeated = fact_repeats(&repetition);
    return !store->failed;
}

bool rows_put_notice(
    struct store *store, const char *provider, const struct fact *fact, const char *id)
{
    sqlite3_stmt *s = about_fact(store, SQL_NOTICE_PUT, provider, fact);
    if (!s)
        return false;
    sqlite3_bind_int64(s, 5, fact->stamp);
    store_bind_text(s, 6, fact->digest);
    store_bind_text(s, 7, id);
    return store_run(store, s);
}

/* ---- decisions ---- */

void rows_read_overlap(sqlite3_stmt *s, int column, struct arena *arena, struct overlap *overlap)
{
    overlap->provider = store_text(s, column, arena);
    overlap->uid = store_text(s, column + 1, arena);
    overlap->title = store_text(s, column + 2, arena);
    overlap->who = store_text(s, column + 3, arena);
    overlap->start = store_time(s, column + 4);
    overlap->end = store_time(s, column + 5);
}

/* Takes all rows of a statement that gives the columns of rows_read_overlap, at most OVERLAPS_MAX.
 */
static bool take_overlaps(struct store *store, sqlite3_stmt *s, struct decision *decision)
{
    while (store_step(store, s)) {
        if (!decision->overlaps)
            decision->overlaps =
                arena_alloc(&decision->arena, OVERLAPS_MAX * sizeof *decision->overlaps);
        if (!decision->overlaps || decision->overlap_count == OVERLAPS_MAX) {
            store_done(s);
            break;
        }
        rows_read_overlap(s, 0, &decision->arena, &decision->overlaps[decision->overlap_count++]);
    }
    return !store->failed;
}

/* False: the row was not written by this program. */
static bool read_decision(sqlite3_stmt *s, struct decision *d)
{
    const char *verdict = (const char *)sqlite3_column_text(s, 0);
    const char *meaning = (const char *)sqlite3_column_text(s, 2);
    const char *calendar = (const char *)sqlite3_column_text(s, 6);
    d->reason = store_text(s, 1, &d->arena);
    d->late = sqlite3_column_int(s, 3);
    d->previous_start = store_time(s, 4);
    d->previous_end = store_time(s, 5);
    d->calendar_uid = store_text(s, 7, &d->arena);
    d->sequence = sqlite3_column_int64(s, 8);
    return verdict && decision_result_parse(verdict, &d->result) && calendar &&
           calendar_change_parse(calendar, &d->calendar) &&
           (!meaning || event_kind_parse(meaning, &d->meaning));
}

bool rows_get_decision(struct store *store, const char *id, struct decision *decision, bool *found)
{
    int overlaps = 0;
    sqlite3_stmt *s = store_prepare(store, SQL_DECISION_GET);
    *found = false;
    if (!s)
        return false;
    store_bind_text(s, 1, id);
    if (store_step(store, s)) {
        *found = true;
        if (!read_decision(s, decision))
            return store_fail(store, "a decision is not as it was written");
        overlaps = sqlite3_column_int(s, 9);
        store_done(s);
    }
    s = overlaps ? store_prepare(store, SQL_OVERLAPS_GET) : NULL;
    if (s) {
        store_bind_text(s, 1, id);
        take_overlaps(store, s, decision);
    }
    return !store->failed;
}

static bool put_overlap(struct store *store, const char *id, int place, const struct overlap *one)
{
    sqlite3_stmt *s = store_prepare(store, SQL_OVERLAP_PUT);
    if (!s)
        return false;
    store_bind_text(s, 1, id);
    sqlite3_bind_int(s, 2, place);
    store_bind_text(s, 3, one->provider);
    store_bind_text(s, 4, one->uid);
    store_bind_text(s, 5, one->title);
    store_bind_text(s, 6, one->who);
    store_bind_time(s, 7, one->start);
    store_bind_time(s, 8, one->end);
    return store_run(store, s);
}

bool rows_put_decision(
    struct store *store, const char *id, int64_t arrived, const struct decision *d)
{
    sqlite3_stmt *s = store_prepare(store, SQL_DECISION_PUT);
    if (!s)
        return false;
    store_bind_text(s, 1, id);
    sqlite3_bind_int64(s, 2, arrived);
    store_bind_text(s, 3, decision_result_name(d->result));
    store_bind_text(s, 4, d->reason);
    store_bind_text(s, 5, d->meaning < KINDS ? event_kind_name(d->meaning) : NULL);
    sqlite3_bind_int(s, 6, d->late);
    store_bind_time(s, 7, d->previous_start);
    store_bind_time(s, 8, d->previous_end);
    store_bind_text(s, 9, calendar_change_name(d->calendar));
    store_bind_text(s, 10, d->calendar_uid);
    sqlite3_bind_int64(s, 11, d->sequence);
    sqlite3_bind_int64(s, 12, (int64_t)d->overlap_count);
    bool ok = store_run(store, s);
    for (size_t i = 0; ok && i < d->overlap_count; i++)
        ok = put_overlap(store, id, (int)i, &d->overlaps[i]);
    return ok;
}

bool rows_find_overlaps(
    struct store *store, const struct booking_row *row, struct decision *decision)
{
    sqlite3_stmt *s = row->start != TIME_NONE ? store_prepare(store, SQL_OVERLAPS_FIND) : NULL;
    if (!s)
        return !store->failed;
    store_bind_time(s, 1, row->start);
    store_bind_time(s, 2, row->end);
    store_bind_text(s, 3, row->organizer);
    store_bind_text(s, 4, row->calendar_uid);
    store_bind_text(s, 5, row_meeting(&decision->arena, row->uid));
    sqlite3_bind_int(s, 6, OVERLAPS_MAX);
    return take_overlaps(store, s, decision);
}
