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

/* The members of an object, at most ANSWERS_MAX; 0 when it is none. */
static size_t count_answers(const cJSON *responses)
{
    size_t count = cJSON_IsObject(responses) ? (size_t)cJSON_GetArraySize(responses) : 0;
    return count < ANSWERS_MAX ? count : ANSWERS_MAX;
}

static void add_answers(struct event *event, const cJSON *const *sources, size_t which)
{
    const cJSON *source = sources[which];
    size_t left = count_answers(source);
    const cJSON *item = left ? source->child : NULL;
    for (; left > 0; left--, item = item->next)
        if (!is_field_of_its_own(item->string) && json_get(source, item->string) == item &&
            !is_told_before(sources, which, item->string))
            add_answer(event, item);
}

void calcom_map_answers(const cJSON *payload, struct event *event)
{
    const cJSON *const sources[] = {json_get(payload, "responses"),
        json_get(payload, "userFieldsResponses"), json_get(payload, "customInputs")};
    const size_t count = sizeof sources / sizeof *sources;
    size_t room = 0;
    for (size_t i = 0; i < count; i++)
        room += count_answers(sources[i]);
    if (!room || !map_room_for_answers(event, room))
        return;
    for (size_t i = 0; i < count; i++)
        add_answers(event, sources, i);
}

void calcom_map_form_answers(const cJSON *payload, struct event *event)
{
    const cJSON *responses = json_get(payload, "responses");
    size_t left = count_answers(responses);
    if (!left || !map_room_for_answers(event, left))
        return;
    for (const cJSON *item = responses->child; left > 0; left--, item = item->next)
        if (json_get(responses, item->string) == item)
            add_answer(event, item);
}
