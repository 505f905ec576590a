#include "api/event_type.h"

#include <stdio.h>

#include "base/json.h"

enum { ID_DIGITS = 24 };

static cJSON *ask(struct api *api, const char *id)
{
    char path[sizeof "/v2/event-types/" + ID_DIGITS];
    struct api_answer answer = {0};
    snprintf(path, sizeof path, "/v2/event-types/%s", id);
    bool ok = api_get(api, path, &answer) == API_OK;
    cJSON *type = ok ? cJSON_DetachItemFromObjectCaseSensitive(answer.json, "data") : NULL;
    api_answer_free(&answer);
    return type;
}

const cJSON *event_type_of(struct api *api, cJSON *types, const cJSON *booking)
{
    const cJSON *number = json_path(booking, "eventType.id");
    char id[ID_DIGITS];
    if (!api || !types || !cJSON_IsNumber(number))
        return NULL;
    snprintf(id, sizeof id, "%.0f", number->valuedouble);
    cJSON *type = cJSON_GetObjectItemCaseSensitive(types, id);
    if (!type) {
        type = ask(api, id);
        type = type ? type : cJSON_CreateNull(); /* do not ask again */
        if (!type || !cJSON_AddItemToObject(types, id, type)) {
            cJSON_Delete(type);
            return NULL;
        }
    }
    return cJSON_IsObject(type) ? type : NULL;
}

/* Without one it is null, absent, or {"disabled": true}. */
bool event_type_confirms(const cJSON *type)
{
    const cJSON *policy = json_get(type, "confirmationPolicy");
    return cJSON_IsObject(policy) && !json_true(policy, "disabled");
}

bool event_type_hide(cJSON *payload, const cJSON *type)
{
    static const char *const names[] = {
        "hideOrganizerEmail", "hideCalendarNotes", "hideCalendarEventDetails"};
    bool ok = true;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (!type || json_true(type, names[i]))
            ok = cJSON_AddTrueToObject(payload, names[i]) && ok;
    return ok;
}
