#include "provider/provider.h"

#include <errno.h>
#include <string.h>

#include "base/json.h"
#include "provider/calcom.h"
#include "provider/calendly.h"
#include "provider/map.h"

static void start(const struct record *record, struct event *event)
{
    *event = (struct event){
        .provider = record->provider,
        .kind = KIND_OTHER,
        .received_at = record->received,
        .sent_at = TIME_NONE,
        .booking = {.start = TIME_NONE,
            .end = TIME_NONE,
            .previous_start = TIME_NONE,
            .previous_end = TIME_NONE},
    };
    memcpy(event->id, record->key, sizeof event->id);
}

/*
 * A template's text, whatever it looks like, is shown as it came; the `false` of a template that
 * Cal.com could not fill says nothing.
 */
static void map_plain(const cJSON *root, const struct record *record, struct event *event)
{
    struct arena *arena = &event->arena;
    if (cJSON_IsString(root))
        event->booking.description = clean_text(arena, root->valuestring);
    else if (!cJSON_IsBool(root) && !cJSON_IsNull(root))
        event->booking.description = map_raw_text(arena, record->body, record->length);
}

static bool is_blank(const struct booking *b)
{
    return !b->uid && !b->title && !b->description && !b->reason && b->start == TIME_NONE &&
           !b->organizer.email && b->attendee_count + b->guest_count + b->answer_count == 0;
}

/* Members under names of the template author's own choice: the body itself is the message. */
static bool is_foreign(const cJSON *root, const struct event *event)
{
    return root->child && !event->name && !cJSON_IsObject(json_get(root, "payload")) &&
           is_blank(&event->booking);
}

bool provider_map(const struct record *record, struct event *event)
{
    start(record, event);
    const cJSON *root = json_parse_in(&event->arena, record->body, record->length);
    if (!root && errno == ENOMEM)
        return false;
    if (!cJSON_IsObject(root)) {
        map_plain(root, record, event);
    } else {
        if (record->provider == PROVIDER_CALENDLY)
            calendly_map(root, event);
        else
            calcom_map(root, event);
        if (is_foreign(root, event))
            event->booking.description = map_raw_text(&event->arena, record->body, record->length);
    }
    return !event->arena.failed;
}
