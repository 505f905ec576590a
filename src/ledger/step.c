#include "ledger/step.h"

#include <stdio.h>
#include <string.h>

#include "base/digest.h"
#include "ledger/rules.h"

static const char *name_of_step(const struct event *event)
{
    switch (event->kind) {
    case KIND_CREATED:
    case KIND_RESCHEDULED:
        return "@accepted";
    case KIND_REQUESTED:
        return "@pending";
    case KIND_CANCELLED:
        return rules_is_moved_half(event) ? "@moved" : "@cancelled";
    case KIND_REJECTED:
        return "@rejected";
    default:
        return NULL;
    }
}

bool step_of(const struct event *event, struct arena *arena, struct fact *step)
{
    const struct booking *b = &event->booking;
    const char *name = b->uid ? name_of_step(event) : NULL;
    const char *person = b->seat ? fact_person(event, 0, arena) : NULL;
    if (!name)
        return false;
    *step = (struct fact){
        .uid = b->uid, .person = person ? person : "", .name = name, .stamp = fact_stamp(event)};
    if (strcmp(name, "@accepted") == 0 && b->start != TIME_NONE)
        snprintf(step->digest, sizeof step->digest, "%lld", (long long)b->start);
    return true;
}

bool step_equal(const struct fact *a, const struct fact *b)
{
    return strcmp(a->name, b->name) == 0 && strcmp(a->uid, b->uid) == 0 &&
           strcmp(a->person, b->person) == 0 && strcmp(a->digest, b->digest) == 0;
}

bool step_id(const char *provider, const struct fact *step, char id[ID_SIZE])
{
    const char *const words[] = {
        "reconcile", provider, step->name, step->uid, step->person, step->digest};
    enum { WORDS = sizeof words / sizeof *words };
    struct digest_part parts[WORDS];
    char hex[DIGEST_HEX + 1];
    for (size_t i = 0; i < WORDS; i++)
        parts[i] = (struct digest_part){words[i], strlen(words[i]) + (i + 1 < WORDS)};
    if (!digest_hex(parts, WORDS, hex))
        return false;
    snprintf(id, ID_SIZE, "%.*s", ID_LEN, hex);
    return true;
}
