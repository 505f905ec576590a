#include "provider/calcom_booking.h"

#include <string.h>

#include "base/buf.h"
#include "base/json.h"
#include "event/clean.h"
#include "provider/map.h"

static const char *array_text(struct arena *arena, const cJSON *array)
{
    struct buf list = {0};
    const cJSON *item;
    cJSON_ArrayForEach (item, array) {
        if (!cJSON_IsString(item) || !*item->valuestring)
            continue;
        if (list.len)
            buf_puts(&list, ", ");
        buf_puts(&list, item->valuestring);
    }
    if (list.failed)
        arena->failed = true;
    const char *text = clean_text(arena, buf_text(&list));
    buf_free(&list);
    return text;
}

/* {firstName, lastName}, or {value, optionValue} where the option says more. */
static const char *object_text(struct arena *arena, const cJSON *object)
{
    const char *name = map_joined(
        arena, map_line(arena, object, "firstName"), map_line(arena, object, "lastName"));
    if (name)
        return name;
    const char *option = map_text(arena, object, "optionValue");
    return option ? option : map_text(arena, object, "value");
}

static const char *value_text(struct arena *arena, const cJSON *value)
{
    if (cJSON_IsString(value))
        return clean_text(arena, value->valuestring);
    if (cJSON_IsNumber(value))
        return arena_printf(arena, "%.15g", value->valuedouble);
    if (cJSON_IsBool(value))
        return cJSON_IsTrue(value) ? "yes" : "no";
    return cJSON_IsArray(value) ? array_text(arena, value) : object_text(arena, value);
}

/* {label, value?, isHidden?}, and a form's {value, response}; older rows hold the value bare. */
static bool is_wrapped(const cJSON *response)
{
    return cJSON_IsObject(response) &&
           (json_get(response, "label") || json_get(response, "isHidden") ||
               json_get(response, "response") ||
               (json_get(response, "value") && !json_get(response, "optionValue")));
}

const char *calcom_response(struct arena *arena, const cJSON *response)
{
    return value_text(arena, is_wrapped(response) ? json_get(response, "value") : response);
}

static void add_answer(struct event *event, const cJSON *response)
{
    struct arena *arena = &event->arena;
    const char *question = NULL, *answer = calcom_response(arena, response);
    const char *description = event->booking.description;
    if (json_true(response, "isHidden"))
        return;
    if (answer && description && strcmp(answer, description) == 0) /* the notes, told already */
        return;
    if (is_wrapped(response))
        question = map_line(arena, response, "label");
    if (!question)
        question = clean_line(arena, response->string);
    map_add_answer(event, question, answer);
}

static bool is_field_of_its_own(const char *name)
{
    static const char *const fields[] = {"name", "email", "guests", "location", "rescheduleReason"};
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
        if (strcmp(fields[i], name) == 0)
            return true;
    return false;
}

/* A custom question comes in responses and again in userFieldsResponses or customInputs. */
static bool is_told_before(const cJSON *const *earlier, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (json_get(earlier[i], name))
            return true;
    return false;
}

void calcom_map_answers(const cJSON *payload, struct event *event)
{
    const cJSON *sources[] = {json_get(payload, "responses"),
        json_get(payload, "userFieldsResponses"), json_get(payload, "customInputs")};
    const size_t count = sizeof sources / sizeof *sources;
    if (!map_room_for_answers(event, count * ANSWERS_MAX))
        return;
    for (size_t i = 0; i < count; i++) {
        size_t seen = 0;
        const cJSON *item;
        if (!cJSON_IsObject(sources[i]))
            continue;
        cJSON_ArrayForEach (item, sources[i]) {
            if (seen++ == ANSWERS_MAX)
                break;
            if (!is_field_of_its_own(item->string) && json_get(sources[i], item->string) == item &&
                !is_told_before(sources, i, item->string))
                add_answer(event, item);
        }
    }
}

void calcom_map_form_answers(const cJSON *payload, struct event *event)
{
    const cJSON *responses = json_get(payload, "responses");
    const cJSON *item;
    size_t seen = 0;
    if (!cJSON_IsObject(responses) || !map_room_for_answers(event, ANSWERS_MAX))
        return;
    cJSON_ArrayForEach (item, responses) {
        if (seen++ == ANSWERS_MAX)
            break;
        if (json_get(responses, item->string) == item)
            add_answer(event, item);
    }
}
