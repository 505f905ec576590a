#include "api/event_type.h"

#include <stdio.h>

#include "base/json.h"

enum { ID_DIGITS = 24 };

static const char *const hiding[] = {
    "hideOrganizerEmail", "hideCalendarNotes", "hideCalendarEventDetails"};
enum { HIDING = sizeof hiding / sizeof *hiding };

const cJSON *event_type_of(cJSON *types, const cJSON *id, event_type_ask *ask, void *context)
{
    char path[sizeof "/v2/event-types/" + ID_DIGITS];
    if (!types || !cJSON_IsNumber(id))
        return NULL;
    snprintf(path, sizeof path, "/v2/event-types/%.0f", id->valuedouble);
    cJSON *type = cJSON_GetObjectItemCaseSensitive(types, path);
    if (!type) {
        cJSON *answer = ask(context, path);
        type = cJSON_DetachItemFromObjectCaseSensitive(answer, "data");
        cJSON_Delete(answer);
        type = type ? type : cJSON_CreateNull(); /* do not ask again */
        if (!type || !cJSON_AddItemToObject(types, path, type)) {
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

bool event_type_is_said(const cJSON *payload)
{
    for (size_t i = 0; i < HIDING; i++)
        if (!cJSON_IsBool(json_get(payload, hiding[i])))
            return false;
    return true;
}

static bool set(cJSON *payload, const char *name, cJSON *value)
{
    cJSON_DeleteItemFromObjectCaseSensitive(payload, name);
    if (value && cJSON_AddItemToObject(payload, name, value))
        return true;
    cJSON_Delete(value);
    return false;
}

bool event_type_complete(cJSON *payload, const cJSON *type)
{
    const char *title = json_text(type, "title");
    bool ok = true;
    for (size_t i = 0; i < HIDING; i++)
        if (!cJSON_IsBool(json_get(payload, hiding[i])))
            ok = ok &&
                 set(payload, hiding[i], cJSON_CreateBool(!type || json_true(type, hiding[i])));
    if (title && !json_text(payload, "eventTitle"))
        ok = ok && set(payload, "eventTitle", cJSON_CreateString(title));
    return ok;
}
