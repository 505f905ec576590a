#include "ledger/agenda.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/address.h"
#include "base/array.h"
#include "base/clock.h"
#include "base/digest.h"
#include "ledger/fact.h"
#include "ledger/store.h"

enum { CHAIN_MAX = 16, MARKS_KEPT_DAYS = 400 };

/* ---- reading ---- */

static void read_item(struct statement *s, struct arena *arena, struct agenda_item *item)
{
    const char *state = store_peek(s, 8);
    int64_t persons = store_number(s, 10);
    *item = (struct agenda_item){.provider = store_text(s, 0, arena),
        .uid = store_text(s, 1, arena),
        .meeting = store_text(s, 2, arena),
        .title = store_text(s, 3, arena),
        .who = store_text(s, 4, arena),
        .organizer = store_text(s, 5, arena),
        .start = store_time(s, 6),
        .end = store_time(s, 7),
        .request = state && strcmp(state, "pending") == 0,
        .calendar_uid = store_text(s, 9, arena),
        .others = persons > 1 ? (size_t)persons - 1 : 0,
        .place = store_text(s, 11, arena),
        .place_word = store_text(s, 12, arena),
        .link = store_text(s, 13, arena),
        .hosts = store_text(s, 14, arena),
        .previous_start = TIME_NONE,
        .change = AGENDA_CHANGES};
    if (state && strcmp(state, "cancelled") == 0)
        item->change = AGENDA_CANCELLED;
    if (state && strcmp(state, "rejected") == 0)
        item->change = AGENDA_DECLINED;
}

static bool same_text(const char *a, const char *b)
{
    return a && b && strcmp(a, b) == 0;
}

/* The invitees of one meeting are one item: the first one, and how many others. */
static bool add_item(
    struct ledger *ledger, struct agenda_list *list, const struct agenda_item *item)
{
    for (size_t i = 0; i < list->count; i++) {
        struct agenda_item *known = &list->item[i];
        if (same_text(known->provider, item->provider) &&
            same_text(known->meeting, item->meeting) && known->start == item->start &&
            known->request == item->request && known->change == item->change) {
            known->others += item->others + 1;
            return true;
        }
    }
    struct agenda_item *grown = array_room(list->item, list->count, &list->room, sizeof *grown);
    if (!grown)
        return store_fail_memory(ledger);
    list->item = grown;
    list->item[list->count++] = *item;
    return true;
}

/* ---- what changed ---- */

/* What is asked of each booking of a chain of moves. */
struct link {
    const char *previous_uid;
    int64_t start;
    int64_t first; /* when its first event arrived; TIME_NONE: not known */
};

static bool read_link(struct ledger *ledger, const struct agenda_item *item, const char *uid,
    struct arena *arena, struct link *link, bool *found)
{
    struct statement *s = store_prepare(ledger, SQL_AGENDA_LINK, uid, item->provider);
    *found = store_step(ledger, s);
    if (*found) {
        link->previous_uid = store_text(s, 0, arena);
        link->start = store_time(s, 1);
        link->first = store_time(s, 2);
        store_done(s);
    }
    return !ledger->failed;
}

/*
 * Goes back along the moves to the booking that was known before `since`: it has the time that the
 * reader knows. Where there is none, the booking is new, however often it was moved.
 */
static bool judge_change(struct ledger *ledger, int64_t since, struct arena *arena,
    struct agenda_item *item, bool entry_changed)
{
    struct link link, previous;
    bool found;
    if (item->change != AGENDA_CHANGES)
        return true;
    if (!read_link(ledger, item, item->uid, arena, &link, &found) || !found)
        return !ledger->failed;
    int64_t own_start = link.start;
    for (int i = 0; i < CHAIN_MAX && link.first > since && link.previous_uid; i++) {
        if (!read_link(ledger, item, link.previous_uid, arena, &previous, &found))
            return false;
        if (!found)
            break;
        link = previous;
        item->previous_start = link.start;
        if (link.first == TIME_NONE)
            break;
    }
    if (link.first != TIME_NONE && link.first > since)
        item->change = AGENDA_NEW;
    else if (item->previous_start != TIME_NONE && item->previous_start != own_start)
        item->change = AGENDA_MOVED;
    else if (entry_changed)
        item->change = AGENDA_CHANGED;
    if (item->change != AGENDA_MOVED)
        item->previous_start = TIME_NONE;
    return true;
}

static bool find_changes(
    struct ledger *ledger, const struct agenda_span *span, struct agenda *agenda)
{
    bool ok = true;
    struct statement *s = store_prepare(ledger, SQL_AGENDA_CHANGES, NULL);
    store_bind_number(s, 1, span->start);
    store_bind_number(s, 2, span->since);
    store_bind_number(s, 3, span->now);
    while (ok && store_step(ledger, s)) {
        struct agenda_item item;
        read_item(s, &agenda->arena, &item);
        bool entry_changed = store_number(s, 14);
        ok = judge_change(ledger, span->since, &agenda->arena, &item, entry_changed) &&
             (item.change == AGENDA_CHANGES || add_item(ledger, &agenda->changes, &item));
    }
    store_done(s);
    return ok && !ledger->failed;
}

/* ---- the day ---- */

static bool find_items(
    struct ledger *ledger, struct statement *s, struct arena *arena, struct agenda_list *list)
{
    bool ok = true;
    while (ok && store_step(ledger, s)) {
        struct agenda_item item;
        read_item(s, arena, &item);
        ok = add_item(ledger, list, &item);
    }
    store_done(s);
    return ok && !ledger->failed;
}

/* A booking without an end takes up half an hour, as everywhere in the ledger. */
static int64_t busy_until(const struct agenda_item *item)
{
    return item->end != TIME_NONE ? item->end : item->start + INT64_C(1800) * MS_PER_SECOND;
}

static bool overlap(const struct agenda_item *a, const struct agenda_item *b)
{
    return store_share_host(a->hosts, b->hosts) && a->start < busy_until(b) &&
           b->start < busy_until(a) && !same_text(a->calendar_uid, b->calendar_uid) &&
           !same_text(a->meeting, b->meeting);
}

static void mark_overlaps(struct agenda_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        for (size_t j = i + 1; j < list->count; j++) {
            struct agenda_item *a = &list->item[i], *b = &list->item[j];
            if (b->start >= busy_until(a))
                break; /* in order of start */
            if (overlap(a, b))
                a->overlaps = b->overlaps = true;
        }
}

bool ledger_agenda(struct ledger *ledger, const struct agenda_span *span, struct agenda *agenda)
{
    *agenda = (struct agenda){0};
    struct statement *day = store_prepare(ledger, SQL_AGENDA_DAY, NULL);
    store_bind_number(day, 1, span->start);
    store_bind_number(day, 2, span->end);
    if (!find_items(ledger, day, &agenda->arena, &agenda->bookings))
        return false;
    mark_overlaps(&agenda->bookings);
    struct statement *requests = store_prepare(ledger, SQL_AGENDA_REQUESTS, NULL);
    store_bind_number(requests, 1, span->now);
    return find_items(ledger, requests, &agenda->arena, &agenda->requests) &&
           find_changes(ledger, span, agenda) &&
           (!agenda->arena.failed || store_fail_memory(ledger));
}

void agenda_free(struct agenda *agenda)
{
    free(agenda->bookings.item);
    free(agenda->requests.item);
    free(agenda->changes.item);
    arena_free(&agenda->arena);
    *agenda = (struct agenda){0};
}

static bool copy_of_organizer(
    const struct agenda_list *all, const char *address, struct agenda_list *own)
{
    own->item = calloc(all->count + 1, sizeof *own->item);
    for (size_t i = 0; own->item && i < all->count; i++)
        if (all->item[i].hosts && store_share_host(all->item[i].hosts, address))
            own->item[own->count++] = all->item[i];
    return own->item != NULL;
}

bool agenda_of_organizer(const struct agenda *all, const char *address, struct agenda *own)
{
    *own = (struct agenda){0};
    return copy_of_organizer(&all->bookings, address, &own->bookings) &&
           copy_of_organizer(&all->requests, address, &own->requests) &&
           copy_of_organizer(&all->changes, address, &own->changes);
}

bool agenda_put_place(struct ledger *ledger, const struct event *event)
{
    const struct booking *b = &event->booking;
    if (!b->uid || (!b->location && !b->join_url))
        return true;
    struct statement *s = store_prepare(ledger, SQL_PLACE_PUT, b->uid, event->provider);
    store_bind_text(s, 3, b->location);
    store_bind_text(s, 4, b->location_word);
    store_bind_text(s, 5, b->join_url);
    store_bind_number(s, 6, fact_stamp(event));
    return store_run(ledger, s);
}

/* ---- which were made ---- */

bool agenda_id(const char *day, const char *recipient, char id[ID_SIZE])
{
    static const char word[] = "agenda"; /* its zero byte is part of it */
    char lower[ADDRESS_SIZE], digest[DIGEST_HEX + 1];
    size_t len = strlen(recipient);
    if (len >= sizeof lower)
        return false;
    for (size_t i = 0; i <= len; i++)
        lower[i] = (char)tolower((unsigned char)recipient[i]);
    const struct digest_part parts[] = {{word, sizeof word}, {day, strlen(day)}, {lower, len}};
    if (!digest_hex(parts, 3, digest))
        return false;
    memcpy(id, digest, ID_LEN);
    id[ID_LEN] = '\0';
    return true;
}

bool ledger_agenda_known(struct ledger *ledger, const char *id, bool *known)
{
    struct statement *s = store_prepare(ledger, SQL_AGENDA_KNOWN, id);
    *known = store_step(ledger, s);
    store_done(s);
    return !ledger->failed;
}

bool ledger_agenda_mark(
    struct ledger *ledger, const char *id, const char *day, const char *result, int64_t now)
{
    struct statement *s = store_prepare(ledger, SQL_AGENDA_MARK, id, day, result);
    store_bind_number(s, 4, now);
    if (!store_run(ledger, s))
        return false;
    s = store_prepare(ledger, SQL_AGENDA_FORGET, NULL);
    store_bind_number(s, 1, now - MARKS_KEPT_DAYS * MS_PER_DAY);
    return store_run(ledger, s);
}
