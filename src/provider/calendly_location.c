#include <string.h>

#include "base/json.h"
#include "event/clean.h"
#include "provider/calendly.h"
#include "provider/map.h"

/* Zoom has two names: Calendly's own specification lists one and shows the other. */
static const struct {
    const char *type, *label;
} types[] = {
    {"physical", "In person"},
    {"inbound_call", "Phone call to the host"},
    {"outbound_call", "Phone call to the customer"},
    {"custom", NULL},
    {"ask_invitee", NULL},
    {"google_conference", "Google Meet"},
    {"zoom", "Zoom"},
    {"zoom_conference", "Zoom"},
    {"microsoft_teams_conference", "Microsoft Teams"},
    {"webex_conference", "Webex"},
    {"gotomeeting", "GoTo Meeting"},
};

static bool is_call(const char *type)
{
    return strcmp(type, "inbound_call") == 0 || strcmp(type, "outbound_call") == 0;
}

/* The words for a type; a type of tomorrow stands for itself. */
static const char *label_of(const char *type)
{
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (strcmp(types[i].type, type) == 0)
            return types[i].label;
    return type;
}

static const char *place_of(struct arena *arena, const cJSON *location)
{
    const char *type = map_line(arena, location, "type");
    const char *place = map_line(arena, location, "location");
    const char *label = type ? label_of(type) : NULL;
    if (place && label && is_call(type))
        return clean_line(arena, arena_printf(arena, "%s: %s", label, place));
    return place ? place : label;
}

void calendly_map_location(const cJSON *location, struct event *event)
{
    struct arena *arena = &event->arena;
    struct booking *b = &event->booking;
    const char *typed =
        cJSON_IsString(location) ? location->valuestring : json_text(location, "location");
    b->join_url = map_url(arena, location, "join_url");
    if (!b->join_url)
        b->join_url = clean_url(arena, typed);
    if (cJSON_IsString(location))
        b->location = clean_line(arena, typed);
    else
        b->location = place_of(arena, location);
    /* A place that is the join link itself need not be told twice. */
    if (b->location && b->join_url && strcmp(b->location, b->join_url) == 0)
        b->location = NULL;
    const char *more = map_line(arena, location, "additional_info");
    if (b->location && more)
        b->location = clean_line(arena, arena_printf(arena, "%s (%s)", b->location, more));
}
