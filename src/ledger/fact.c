#include "ledger/fact.h"

#include <ctype.h>
#include <string.h>

int64_t fact_stamp(const struct event *event)
{
    return event->sent_at != TIME_NONE ? event->sent_at : event->received_at;
}

const char *fact_person(const struct event *event, size_t attendee, struct arena *arena)
{
    const struct booking *b = &event->booking;
    const struct person *person = attendee < b->attendee_count ? &b->attendees[attendee] : NULL;
    if (person && person->email) {
        char *lower = arena_strdup(arena, person->email);
        for (char *p = lower; p && *p; p++)
            *p = (char)tolower((unsigned char)*p);
        return lower;
    }
    if (b->seat && attendee == 0)
        return b->seat;
    return person ? person->name : NULL;
}

/* The documented JSON form holds all that an event says, also fields that are added to it. */
static bool digest(const struct event *event, char out[DIGEST_HEX + 1])
{
    static const char *const delivery[] = {"id", "received_at", "sent_at"};
    cJSON *json = event_to_json(event);
    for (size_t i = 0; json && i < sizeof delivery / sizeof *delivery; i++)
        cJSON_DeleteItemFromObjectCaseSensitive(json, delivery[i]);
    char *text = json ? cJSON_PrintUnformatted(json) : NULL;
    bool ok = text && digest_hex(&(struct digest_part){text, strlen(text)}, 1, out);
    cJSON_free(text);
    cJSON_Delete(json);
    return ok;
}

static bool is_bare(const struct event *event)
{
    return !event->booking.uid || event->kind == KIND_OTHER || event->kind == KIND_PING;
}

bool fact_of(const struct event *event, struct arena *arena, struct fact *fact)
{
    const char *uid = event->booking.uid;
    const char *person = fact_person(event, 0, arena);
    *fact = (struct fact){.uid = uid ? uid : "",
        .person = person ? person : "",
        .name = event->name ? event->name : event_kind_name(event->kind),
        .stamp = fact_stamp(event),
        .bare = is_bare(event)};
    return digest(event, fact->digest) && !arena->failed;
}

void fact_compare(
    struct fact_repetition *repetition, const struct fact *fact, int64_t stamp, const char *other)
{
    bool equal = strcmp(fact->digest, other) == 0;
    int64_t apart = stamp > fact->stamp ? stamp - fact->stamp : fact->stamp - stamp;
    repetition->near |= equal && apart <= (fact->bare ? FACT_NEAR_BARE : FACT_NEAR);
    if (fact->bare)
        return;
    if (stamp <= fact->stamp)
        repetition->before = equal;
    else if (!repetition->after_seen) {
        repetition->after_seen = true;
        repetition->after = equal;
    }
}

bool fact_repeats(const struct fact_repetition *repetition)
{
    return repetition->near || repetition->before || repetition->after;
}
