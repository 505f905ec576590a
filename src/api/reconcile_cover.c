#include "api/reconcile_cover.h"

#include <string.h>

#include "base/json.h"

static bool names(const char *const *list, const char *name)
{
    for (; *list; list++)
        if (strcmp(*list, name) == 0)
            return true;
    return false;
}

static bool covers_calcom(const struct reconcile_cover *cover, const cJSON *body)
{
    const char *event = json_text(body, "triggerEvent");
    const cJSON *type = json_path(body, "payload.eventTypeId");
    return event && names(cover->events, event) &&
           (!cover->event_type ||
               (cJSON_IsNumber(type) && (int64_t)type->valuedouble == cover->event_type));
}

static bool covers_calendly(const struct reconcile_cover *cover, const cJSON *body)
{
    const char *event = json_text(body, "event");
    const cJSON *hosts = json_path(body, "payload.scheduled_event.event_memberships"), *host;
    if (!event || !names(cover->events, event))
        return false;
    if (!cover->host || !*cover->host)
        return true;
    cJSON_ArrayForEach (host, hosts) {
        const char *user = json_text(host, "user");
        if (user && strcmp(user, cover->host) == 0)
            return true;
    }
    return false;
}

bool reconcile_is_covered(const struct reconcile_walk *walk, const cJSON *body)
{
    for (size_t i = 0; i < walk->covers; i++)
        if (walk->provider == PROVIDER_CALCOM ? covers_calcom(&walk->cover[i], body)
                                              : covers_calendly(&walk->cover[i], body))
            return true;
    return !walk->cover;
}

static bool is_number(const cJSON *object, const char *name, int64_t number)
{
    const cJSON *item = json_get(object, name);
    return number && cJSON_IsNumber(item) && (int64_t)item->valuedouble == number;
}

static bool is_host(const cJSON *body, int64_t user)
{
    const cJSON *member;
    if (is_number(json_path(body, "payload.organizer"), "id", user))
        return true;
    cJSON_ArrayForEach (member, json_path(body, "payload.team.members"))
        if (is_number(member, "id", user))
            return true;
    return false;
}

bool reconcile_covers_type(const struct reconcile_walk *walk, const cJSON *body, const cJSON *type)
{
    for (size_t i = 0; i < walk->covers; i++) {
        const struct reconcile_cover *cover = &walk->cover[i];
        if (!covers_calcom(cover, body))
            continue;
        if (cover->event_type || is_number(type, "ownerId", cover->user))
            return true;
        if (cover->organization && (type || is_host(body, cover->user)))
            return true;
    }
    return !walk->cover;
}
