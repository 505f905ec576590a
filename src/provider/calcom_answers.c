#include <string.h>

#include "base/buf.h"
#include "base/json.h"
#include "event/clean.h"
#include "provider/calcom_parts.h"
#include "provider/map.h"

/* Texts, or {label, id}. */
static const char *response_array_text(struct arena *arena, const cJSON *array)
{
    struct buf list = {0};
    const cJSON *item;
    cJSON_ArrayForEach (item, array) {
        const char *one = cJSON_IsString(item) ? item->valuestring : json_text(item, "label");
        if (!one || !*one)
            continue;
        if (list.len)
            buf_puts(&list, ", ");
        buf_puts(&list, one);
    }
    if (list.failed)
        arena->failed = true;
    const char *text = clean_text(arena, buf_text(&list));
    buf_free(&list);
    return text;
}

/* {firstName, lastName}, or {value, optionValue}, of which optionValue is the more precise. */
static const char *response_object_text(struct arena *arena, const cJSON *object)
{
    const char *name = map_joined(
        arena, map_line(arena, object, "firstName"), map_line(arena, object, "lastName"));
    if (name)
        return name;
    const char *option = map_text(arena, object, "optionValue");
    return option ? option : map_text(arena, object, "value");
}

static const char *response_value_text(struct arena *arena, const cJSON *value)
{
    if (cJSON_IsString(value))
        return clean_text(arena, value->valuestring);
    if (cJSON_IsNumber(value))
        return arena_printf(arena, "%.15g", value->valuedouble);
    if (cJSON_IsBool(value))
        return cJSON_IsTrue(value) ? "yes" : "no";
    return cJSON_IsArray(value) ? response_array_text(arena, value)
                                : response_object_text(arena, value);
}

/*
 * {label, value?, isHidden?}, or {value, response} in a form, where `response` is to outlive
 * `value`. Older rows of the database hold the
 * value without an object around it.
 */
static bool is_wrapped_response(const cJSON *response)
{
    return cJSON_IsObject(response) &&
           (json_get(response, "label") || json_get(response, "isHidden") ||
               json_get(response, "response") ||
               (json_get(response, "value") && !json_get(response, "optionValue")));
}

const char *calcom_response_text(struct arena *arena, const cJSON *response)
{
    if (!is_wrapped_response(response))
        return response_value_text(arena, response);
    const char *text = response_value_text(arena, json_get(response, "value"));
    return text ? text : response_value_text(arena, json_get(response, "response"));
}

/*
 * Cal.com's own fields of a booking form, whose labels come as keys of its language files (system
 * fields of packages/features/bookings/lib/getBookingFields.ts). Older bodies have the field's name
 * as its label.
 */
static const struct {
    const char *name, *label, *word, *question;
} own_fields[] = {
    {"name", "your_name", "name", "Your name"},
    {"email", "email_address", "email", "E-mail address"},
    {"attendeePhoneNumber", "phone_number", "phone", "Phone number"},
    {"smsReminderNumber", "number_text_notifications", "phone", "Phone number"},
    {"aiAgentCallPhoneNumber", "phone_number_for_ai_call", "phone", "Phone number"},
    {"location", "location", "place", "Location"},
    {"title", "what_is_this_meeting_about", "about", "What is this meeting about?"},
    {"notes", "additional_notes", "notes", "Additional notes"},
    {"guests", "additional_guests", "guests", "Additional guests"},
    {"rescheduleReason", "reason_for_reschedule", "move_reason", "Reason for the new time"},
};

enum { OWN_FIELDS = sizeof own_fields / sizeof *own_fields };

/* -1: the label is somebody's own text. */
static int find_own_field(const char *label)
{
    for (int i = 0; i < OWN_FIELDS; i++)
        if (strcmp(own_fields[i].label, label) == 0 || strcmp(own_fields[i].name, label) == 0)
            return i;
    return -1;
}

const char *calcom_phone_answer(struct arena *arena, const cJSON *responses)
{
    const cJSON *item, *object = cJSON_IsObject(responses) ? responses : NULL;
    size_t left = ANSWERS_MAX;
    cJSON_ArrayForEach (item, object) {
        const char *label = json_text(item, "label");
        int own = find_own_field(label ? label : item->string);
        if (left-- == 0)
            break;
        if (own < 0 || strcmp(own_fields[own].word, "phone") != 0)
            continue;
        const char *phone = clean_line(arena, calcom_response_text(arena, item));
        if (phone)
            return phone;
    }
    return NULL;
}

static bool is_mapped_elsewhere(const char *name)
{
    static const char *const fields[] = {"name", "email", "guests", "location", "rescheduleReason"};
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
        if (strcmp(fields[i], name) == 0)
            return true;
    return false;
}

static bool is_same_number(const char *a, const char *b)
{
    static const char digits[] = "0123456789";
    for (;;) {
        a += strcspn(a, digits);
        b += strcspn(b, digits);
        if (*a != *b || *a == '\0')
            return *a == *b;
        a++, b++;
    }
}

/* The customer's notes, and the telephone number of who booked. */
static bool is_shown_already(const struct booking *b, const char *word, const char *answer)
{
    const char *phone = b->attendee_count ? b->attendees[0].phone : NULL;
    if (strcmp(word, "notes") == 0)
        return b->notes && strcmp(b->notes, answer) == 0;
    return strcmp(word, "phone") == 0 && phone && is_same_number(phone, answer);
}

/* To a custom question, or in a form. */
static void add_custom_answer(struct event *event, const char *question, const cJSON *response)
{
    const cJSON *value = is_wrapped_response(response) ? json_get(response, "value") : response;
    if (cJSON_IsBool(value))
        map_add_tick(event, question, cJSON_IsTrue(value));
    else
        map_add_answer(event, question, calcom_response_text(&event->arena, response));
}

static void add_calcom_answer(struct event *event, const cJSON *response)
{
    struct arena *arena = &event->arena;
    if (json_true(response, "isHidden") || is_mapped_elsewhere(response->string))
        return;
    const char *question = NULL;
    if (is_wrapped_response(response))
        question = map_line(arena, response, "label");
    if (!question)
        question = clean_line(arena, response->string);
    int own = question ? find_own_field(question) : -1;
    const char *answer = own < 0 ? NULL : calcom_response_text(arena, response);
    if (own < 0)
        add_custom_answer(event, question, response);
    else if (answer && !is_shown_already(&event->booking, own_fields[own].word, answer))
        map_add_known_answer(event, own_fields[own].word, own_fields[own].question, answer);
}

/*
 * The answer to a custom question comes in the first source, and again in a later one. Of members
 * with one name the last one counts.
 */
static void add_calcom_answers(struct event *event, const cJSON *const *sources, size_t which)
{
    const cJSON *source = cJSON_IsObject(sources[which]) ? sources[which] : NULL, *item;
    size_t left = ANSWERS_MAX;
    cJSON_ArrayForEach (item, source) {
        if (left-- == 0)
            break;
        bool wanted = json_get(source, item->string) == item;
        for (size_t i = 0; wanted && i < which; i++)
            wanted = !json_get(sources[i], item->string);
        if (wanted)
            add_calcom_answer(event, item);
    }
}

void calcom_map_answers(const cJSON *payload, struct event *event)
{
    const cJSON *const sources[] = {json_get(payload, "responses"),
        json_get(payload, "userFieldsResponses"), json_get(payload, "customInputs")};
    for (size_t i = 0; i < sizeof sources / sizeof *sources; i++)
        add_calcom_answers(event, sources, i);
}

void calcom_map_form_answers(const cJSON *responses, struct event *event)
{
    const cJSON *item, *object = cJSON_IsObject(responses) ? responses : NULL;
    struct arena *arena = &event->arena;
    size_t left = ANSWERS_MAX;
    cJSON_ArrayForEach (item, object) {
        if (left-- == 0)
            break;
        if (json_get(object, item->string) != item || json_true(item, "isHidden"))
            continue;
        const char *label = is_wrapped_response(item) ? map_line(arena, item, "label") : NULL;
        add_custom_answer(event, label ? label : clean_line(arena, item->string), item);
    }
}
