#include <stdlib.h>
#include <string.h>

#include "base/digest.h"
#include "ledger/fact.h"
#include "ledger/rules_parts.h"

const char *rules_series(
    const struct event *event, const struct booking_row *own, struct arena *arena)
{
    const struct booking *b = &event->booking;
    const char *person = fact_person(event, 0, arena);
    const char *host = arena_strlower(arena, b->organizer.email);
    const char *type = b->event_type ? b->event_type : b->title;
    char hex[DIGEST_HEX + 1];
    if (own && own->series)
        return own->series;
    if (!(b->in_series || b->whole_series) || !person || !type)
        return NULL;
    host = host ? host : "";
    const struct digest_part parts[] = {
        {host, strlen(host) + 1}, {person, strlen(person) + 1}, {type, strlen(type)}};
    return digest_hex(parts, 3, hex) ? arena_strndup(arena, hex, ID_LEN) : NULL;
}

static int compare_starts(const void *left, const void *right)
{
    const struct calendar_entry *a = left, *b = right;
    if (a->start != b->start)
        return a->start > b->start ? 1 : -1;
    return strcmp(a->uid, b->uid);
}

static struct calendar_entry entry_of(const struct booking_row *row, enum calendar_change change)
{
    return (struct calendar_entry){.uid = row->uid,
        .calendar = change,
        .calendar_uid = row->calendar_uid,
        .sequence = row->sequence,
        .start = row->start,
        .end = row->end,
        .owner = true,
        .customer = true};
}

/* A request to move one occurrence is answered by itself; what is over stays as it was. */
static bool is_meant(
    const struct deciding *d, const struct booking_row *row, enum booking_state from)
{
    if (from == STATE_PENDING)
        return row->state == from && !row->previous_uid;
    return row->start == TIME_NONE || row->start >= d->stamp;
}

void series_take_along(
    struct deciding *d, enum booking_state from, enum booking_state to, enum calendar_change change)
{
    const struct rules_state *known = d->known;
    struct arena *arena = &d->decision->arena;
    size_t room = known->series_count + 1, count = 0;
    if (!d->booking->whole_series || !known->series_count)
        return;
    struct booking_row *rows = arena_alloc(arena, room * sizeof *rows);
    struct calendar_entry *list = arena_alloc(arena, room * sizeof *list);
    if (!rows || !list)
        return;
    for (size_t i = 0; i < known->series_count; i++) {
        const struct booking_row *row = &known->series[i];
        if (!is_meant(d, row, from))
            continue;
        rows[count] = *row;
        rows[count].state = to;
        rows[count].sequence++;
        if (row->stamp == TIME_NONE || d->stamp > row->stamp)
            rows[count].stamp = d->stamp;
        list[count] = entry_of(&rows[count], change);
        count++;
    }
    d->writes->series = rows;
    d->writes->series_count = count;
    if (count && d->decision->calendar == change) {
        struct booking_row own = *d->own;
        if (d->booking->start != TIME_NONE) { /* the row takes it over at the end */
            own.start = d->booking->start;
            own.end = d->booking->end;
        }
        list[count++] = entry_of(&own, change);
    }
    if (count) {
        qsort(list, count, sizeof *list, compare_starts);
        d->decision->occurrences = list;
        d->decision->occurrence_count = count;
    }
}
