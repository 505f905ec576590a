#include "ledger/erase.h"

#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "ledger/store.h"

enum { KEYS = 4, RANDOM = 8 };

/* The key of a row: of a booking, its uid and provider. */
struct erase_key {
    const char *part[KEYS];
};

struct key_list {
    struct erase_key *item;
    size_t count, room;
};

struct erasing {
    struct mention *mention;
    struct arena arena;
    struct key_list bookings; /* of the person */
    struct key_list events;
};

void erase_drop(struct ledger *ledger)
{
    struct erasing *erasing = ledger->erasing;
    if (!erasing)
        return;
    free(erasing->bookings.item);
    free(erasing->events.item);
    arena_free(&erasing->arena);
    free(erasing);
    ledger->erasing = NULL;
}

static bool has_key(const struct key_list *list, const struct erase_key *key, int parts)
{
    for (size_t i = 0; i < list->count; i++) {
        int same = 0;
        while (same < parts && strcmp(list->item[i].part[same], key->part[same]) == 0)
            same++;
        if (same == parts)
            return true;
    }
    return false;
}

/* Copies the parts; one that is in the list already is not added again. */
static bool add_key(
    struct ledger *ledger, struct key_list *list, const struct erase_key *key, int parts)
{
    struct erase_key copy = {0};
    if (has_key(list, key, parts))
        return true;
    struct erase_key *grown = array_room(list->item, list->count, &list->room, sizeof *grown);
    if (grown)
        list->item = grown;
    for (int i = 0; grown && i < parts; i++)
        copy.part[i] = arena_strdup(&ledger->erasing->arena, key->part[i]);
    if (!grown || ledger->erasing->arena.failed)
        return store_fail_memory(ledger);
    list->item[list->count++] = copy;
    return true;
}

bool ledger_erase_begin(struct ledger *ledger, struct mention *mention)
{
    erase_drop(ledger);
    ledger->erasing = calloc(1, sizeof *ledger->erasing);
    if (!ledger->erasing)
        return store_fail_memory(ledger);
    ledger->erasing->mention = mention;
    return ledger_begin(ledger) && store_patient(ledger);
}

bool ledger_erase_event(struct ledger *ledger, const char *id)
{
    return add_key(ledger, &ledger->erasing->events, &(struct erase_key){{id}}, 1);
}

bool ledger_erase_booking(struct ledger *ledger, const char *provider, const char *uid)
{
    return add_key(ledger, &ledger->erasing->bookings, &(struct erase_key){{uid, provider}}, 2);
}

/* ---- rows that name the person ---- */

static bool names_person(struct ledger *ledger, const char *text)
{
    return text && mention_in(ledger->erasing->mention, text, strlen(text));
}

/*
 * Adds the keys of the rows of which one column names the person. The first `parts` columns are the
 * key; all from column `judged` on are looked at.
 */
static bool find_keys(
    struct ledger *ledger, const char *sql, int parts, int judged, struct key_list *list)
{
    struct statement *s = store_stream_sql(ledger, sql);
    bool ok = true;
    while (ok && store_step(ledger, s)) {
        bool named = false;
        for (int i = judged; !named && i < store_columns(s); i++)
            named = names_person(ledger, store_peek(s, i));
        struct erase_key key = {0};
        for (int i = 0; i < parts; i++)
            key.part[i] = store_peek(s, i);
        ok = !named || add_key(ledger, list, &key, parts);
    }
    store_end(s);
    return ok && !ledger->failed;
}

/* Runs a statement for each key; the numbers of rows that it changed are added. */
static bool change_keys(
    struct ledger *ledger, const char *sql, int parts, const struct key_list *list, int64_t *rows)
{
    struct statement *s = list->count ? store_prepare_sql(ledger, sql) : NULL;
    for (size_t i = 0; s && !ledger->failed && i < list->count; i++) {
        for (int n = 0; n < parts; n++)
            store_bind_text(s, n + 1, list->item[i].part[n]);
        if (store_run(ledger, s))
            *rows += store_changed(ledger);
    }
    store_end(s);
    return !ledger->failed;
}

bool ledger_erase_hosted(struct ledger *ledger, int64_t *count)
{
    struct statement *s = store_stream_sql(ledger, "SELECT organizer, hosts FROM booking");
    *count = 0;
    while (store_step(ledger, s))
        *count += names_person(ledger, store_peek(s, 0)) || names_person(ledger, store_peek(s, 1));
    store_end(s);
    return !ledger->failed;
}

/* ---- the tables ---- */

#define BOOKING  "uid = ?1 AND provider = ?2"
#define NAMED    "(title IS NOT NULL OR who IS NOT NULL)"
#define HAS_SEAT "present <> 0 AND substr(person, 1, 10) <> '" FORGOTTEN "'"

static bool find_bookings(struct ledger *ledger)
{
    static const char *const asks[] = {
        "SELECT uid, provider, person FROM person",
        "SELECT uid, provider, person FROM notice WHERE person <> ''",
        "SELECT uid, provider, person FROM detail WHERE person <> ''",
        "SELECT uid, provider, who FROM booking WHERE who IS NOT NULL",
    };
    bool ok = true;
    for (size_t i = 0; ok && i < sizeof asks / sizeof *asks; i++)
        ok = find_keys(ledger, asks[i], 2, 2, &ledger->erasing->bookings);
    return ok;
}

/* Those that are known, and of these the ones that will take place, or may. */
static bool count_bookings(struct ledger *ledger, int64_t now, struct erased *erased)
{
    const struct key_list *list = &ledger->erasing->bookings;
    struct statement *s = store_prepare_sql(ledger,
        "SELECT CASE WHEN state IN ('pending', 'accepted') AND coalesce(busy, 0) > ?3"
        " THEN 1 ELSE 0 END FROM booking WHERE " BOOKING);
    for (size_t i = 0; s && !ledger->failed && i < list->count; i++) {
        store_bind_text(s, 1, list->item[i].part[0]);
        store_bind_text(s, 2, list->item[i].part[1]);
        store_bind_number(s, 3, now);
        if (store_step(ledger, s)) {
            erased->bookings++;
            erased->upcoming += store_number(s, 0);
            store_done(s);
        }
    }
    store_end(s);
    return !ledger->failed;
}

/* The events of which a mail may name one of the bookings as an overlap, each once. */
static bool report_others(
    struct ledger *ledger, bool (*other)(void *context, const char *id), void *context)
{
    const struct key_list *list = &ledger->erasing->bookings;
    struct key_list ids = {0};
    struct statement *s =
        store_prepare_sql(ledger, "SELECT DISTINCT id FROM overlap WHERE " BOOKING);
    bool ok = s != NULL;
    for (size_t i = 0; ok && i < list->count; i++) {
        store_bind_text(s, 1, list->item[i].part[0]);
        store_bind_text(s, 2, list->item[i].part[1]);
        while (ok && store_step(ledger, s))
            ok = add_key(ledger, &ids, &(struct erase_key){{store_peek(s, 0)}}, 1);
        ok = ok && !ledger->failed;
    }
    store_end(s);
    for (size_t i = 0; ok && i < ids.count; i++)
        ok = other(context, ids.item[i].part[0]) || store_fail_memory(ledger);
    free(ids.item);
    return ok;
}

/* The places of bookings in which no other person has a seat. */
static bool erase_places(struct ledger *ledger, int64_t *rows)
{
    const struct key_list *list = &ledger->erasing->bookings;
    struct key_list own = {0};
    struct statement *s =
        store_prepare_sql(ledger, "SELECT person FROM person WHERE " BOOKING " AND " HAS_SEAT);
    bool ok = s != NULL;
    for (size_t i = 0; ok && i < list->count; i++) {
        bool shared = false;
        store_bind_text(s, 1, list->item[i].part[0]);
        store_bind_text(s, 2, list->item[i].part[1]);
        while (store_step(ledger, s))
            shared |= !names_person(ledger, store_peek(s, 0));
        ok = !ledger->failed && (shared || add_key(ledger, &own, &list->item[i], 2));
    }
    store_end(s);
    ok = ok && change_keys(ledger, "DELETE FROM place WHERE " BOOKING, 2, &own, rows);
    free(own.item);
    return ok;
}

/* A fact stays without the person; where it is there so already, once. */
static bool erase_notices(struct ledger *ledger, int64_t *rows)
{
    static const char drop[] =
        "DELETE FROM notice WHERE person = '' AND EXISTS(SELECT 1 FROM notice o"
        " WHERE o.person = ?1 AND o.uid = notice.uid AND o.provider = notice.provider"
        " AND o.name = notice.name AND o.stamp = notice.stamp AND o.fact = notice.fact)";
    struct key_list persons = {0};
    int64_t ignored = 0;
    bool ok =
        find_keys(ledger, "SELECT DISTINCT person FROM notice WHERE person <> ''", 1, 0, &persons);
    for (size_t i = 0; ok && i < persons.count; i++) {
        const struct key_list one = {.item = &persons.item[i], .count = 1};
        ok = change_keys(ledger, drop, 1, &one, &ignored) &&
             change_keys(ledger, "UPDATE notice SET person = '' WHERE person = ?1", 1, &one, rows);
    }
    free(persons.item);
    return ok;
}

/* A seat stays, under a key that means nothing. */
static bool erase_seats(struct ledger *ledger, int64_t *rows)
{
    struct key_list seats = {0};
    bool ok = find_keys(ledger, "SELECT uid, provider, person FROM person", 3, 2, &seats);
    for (size_t i = 0; ok && i < seats.count; i++) {
        unsigned char bytes[RANDOM];
        char key[sizeof FORGOTTEN + 2 * RANDOM];
        size_t len = (size_t)snprintf(key, sizeof key, FORGOTTEN);
        if (RAND_bytes(bytes, sizeof bytes) != 1)
            ok = store_fail_memory(ledger);
        for (size_t n = 0; n < sizeof bytes; n++)
            len += (size_t)snprintf(key + len, sizeof key - len, "%02X", bytes[n]);
        seats.item[i].part[3] = key;
        const struct key_list one = {.item = &seats.item[i], .count = 1};
        ok = ok &&
             change_keys(ledger, "UPDATE person SET person = ?4 WHERE " BOOKING " AND person = ?3",
                 4, &one, rows);
    }
    free(seats.item);
    return ok;
}

/* Rows that `find` gives and that name the person: `change` is run for each. */
static bool erase_found(struct ledger *ledger, const char *find, int parts, int judged,
    const char *change, int64_t *rows)
{
    struct key_list found = {0};
    bool ok = find_keys(ledger, find, parts, judged, &found) &&
              change_keys(ledger, change, parts, &found, rows);
    free(found.item);
    return ok;
}

bool ledger_erase(struct ledger *ledger, int64_t now, bool (*other)(void *context, const char *id),
    void *context, struct erased *erased)
{
    struct erasing *erasing = ledger->erasing;
    const struct key_list *bookings = &erasing->bookings;
    int64_t *rows = &erased->rows;
    *erased = (struct erased){0};
    /* in this order: what later steps ask for is there */
    return find_bookings(ledger) && count_bookings(ledger, now, erased) &&
           report_others(ledger, other, context) &&
           change_keys(ledger,
               "UPDATE overlap SET title = NULL, who = NULL WHERE " BOOKING " AND " NAMED, 2,
               bookings, rows) &&
           erase_places(ledger, rows) &&
           erase_found(ledger, "SELECT uid, provider, person, person, text FROM detail", 3, 3,
               "DELETE FROM detail WHERE " BOOKING " AND person = ?3", rows) &&
           change_keys(
               ledger, "DELETE FROM detail WHERE " BOOKING " AND person = ''", 2, bookings, rows) &&
           change_keys(ledger,
               "UPDATE booking SET title = NULL, who = NULL WHERE " BOOKING " AND " NAMED, 2,
               bookings, rows) &&
           erase_notices(ledger, rows) && erase_seats(ledger, rows) &&
           erase_found(ledger, "SELECT address, address FROM host", 1, 1,
               "DELETE FROM host WHERE address = ?1", rows) &&
           erase_found(ledger, "SELECT id, known FROM decision WHERE known IS NOT NULL", 1, 1,
               "UPDATE decision SET known = NULL WHERE id = ?1", rows) &&
           change_keys(ledger,
               "UPDATE decision SET known = NULL WHERE id = ?1 AND known IS NOT NULL", 1,
               &erasing->events, rows) &&
           /* what the providers' APIs answered may name anybody, and is asked for again */
           store_exec(ledger, "DELETE FROM answer", "erase");
}

bool ledger_erase_end(struct ledger *ledger)
{
    return store_rewrite(ledger);
}
