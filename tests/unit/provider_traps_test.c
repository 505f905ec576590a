#include "provider_body.h"

#include <dirent.h>

#include "event/clean.h"

#define FFFD "\xef\xbf\xbd"

#define TEXT(body, ...)                                                                            \
    text_check(PROVIDER_CALCOM, body, (const struct fact[]){__VA_ARGS__, {NULL, NULL}})
#define TITLE(title) "{\"triggerEvent\":\"BOOKING_CREATED\",\"payload\":{\"title\":\"" title "\"}}"

static void text_cannot_break_out(void **state)
{
    (void)state;
    TEXT(TITLE("a\\r\\nBcc: eve@example.com"), {"booking.title", "a Bcc: eve@example.com"});
    TEXT(TITLE("a\\u0000b"), {"booking.title", "a b"});
    TEXT(TITLE("\\u202eevil\\u2066"), {"booking.title", "evil"});
    TEXT(TITLE("\\ud83d"), {"booking.title", FFFD});
    TEXT(TITLE("\\ud83d\\ude00 \\udc00"), {"booking.title", "\xf0\x9f\x98\x80 " FFFD});
    TEXT(TITLE("\xff\xfe\xc3"), {"booking.title", FFFD FFFD FFFD});
    TEXT(TITLE("\\u001b[2J\\u009b1m"), {"booking.title", "[2J1m"});
    TEXT("{\"triggerEvent\":\"X\\r\\nY\",\"payload\":{\"attendees\":[{\"name\":\"A\\nB\",\"email\":"
         "\"a@example.com\\r\\nRCPT TO:<e@example.com>\",\"timeZone\":\"Europe/Berlin\\n\"}]}}",
        {"event", "null"}, {"booking.attendees.0.name", "A B"},
        {"booking.attendees.0.email", "null"}, {"booking.timezone", "Europe/Berlin"});
}

static void a_raw_nul_hides_nothing(void **state)
{
    (void)state;
    static const char text[] = "before\0after";
    static const char json[] = "{\"triggerEvent\":\"PING\",\"payload\":{\"title\":\"a\0b\"}}";
    cJSON *event = body_map(PROVIDER_CALCOM, text, sizeof text - 1);
    fact_check("text", event, &(const struct fact){"booking.description", "before after"});
    cJSON_Delete(event);
    event = body_map(PROVIDER_CALCOM, json, sizeof json - 1);
    fact_check("json", event, &(const struct fact){"booking.title", "a b"});
    cJSON_Delete(event);
}

static void names_of_members_are_exact(void **state)
{
    (void)state;
    TEXT("{\"triggerevent\":\"PING\",\"TriggerEvent\":\"PING\",\"Title\":\"no\",\"title\":\"yes\"}",
        {"kind", "other"}, {"event", "null"}, {"booking.title", "yes"});
    TEXT("{\"title\":\"first\",\"title\":\"last\"}", {"booking.title", "last"});
    TEXT("{\"title\":\"first\",\"title\":null,\"uid\":\"u\"}", {"booking.title", "null"});
}

static void long_names_are_cut(void **state)
{
    (void)state;
    struct buf body = {0};
    buf_puts(&body, "{\"payload\":{\"title\":\"");
    for (int i = 0; i < 10000; i++)
        buf_puts(&body, "\xc3\xab");
    buf_puts(&body, "\"}}");
    cJSON *json = body_map(PROVIDER_CALCOM, body.data, body.len);
    const cJSON *title = fact_find(json, "booking.title");
    assert_int_equal(strlen(title->valuestring), 2 * CLEAN_LINE_MAX + 3);
    cJSON_Delete(json);
    buf_free(&body);
}

/* Unreadable to cJSON, so it is shown as the text that it also is. */
static void deep_nesting_is_no_harm(void **state)
{
    (void)state;
    enum { LEVELS = 10000 };
    static const char *const brackets[] = {"[", "{\"payload\":"};
    for (size_t which = 0; which < 2; which++) {
        struct buf body = {0};
        struct envelope envelope;
        for (int i = 0; i < LEVELS; i++)
            buf_puts(&body, brackets[which]);
        provider_envelope(PROVIDER_CALCOM, NULL, body.data, body.len, &envelope);
        assert_true(envelope.anonymous);
        cJSON *json = body_map(PROVIDER_CALENDLY, body.data, body.len);
        fact_check("nesting", json, &(const struct fact){"kind", "other"});
        cJSON_Delete(json);
        buf_free(&body);
    }
}

static void large_lists_end(void **state)
{
    (void)state;
    enum { MANY = 60000 };
    struct buf body = {0};
    buf_puts(&body, "{\"payload\":{\"attendees\":[");
    for (int i = 0; i < MANY; i++)
        buf_puts(&body, "{\"name\":\"A\"},");
    buf_puts(&body, "{}],\"responses\":{\"guests\":[");
    for (int i = 0; i < MANY / 10; i++)
        buf_puts(&body, "\"a@example.com\",");
    buf_puts(&body, "1]");
    for (int i = 0; i < MANY; i++)
        buf_printf(&body, ",\"q%d\":1", i);
    buf_puts(&body, "}}}");
    cJSON *json = body_map(PROVIDER_CALCOM, body.data, body.len);
    assert_int_equal(cJSON_GetArraySize(fact_find(json, "booking.attendees")), 1000);
    assert_int_equal(cJSON_GetArraySize(fact_find(json, "booking.guests")), 1000);
    assert_int_equal(cJSON_GetArraySize(fact_find(json, "booking.answers")), 499);
    cJSON_Delete(json);
    buf_free(&body);
}

/* Puts `value` in place of the first value behind `at`, which starts a string, number or word. */
static void map_with(const struct buf *body, size_t at, size_t end, const char *value)
{
    struct buf changed = {0};
    struct envelope envelope;
    buf_add(&changed, body->data, at);
    buf_puts(&changed, value);
    buf_add(&changed, body->data + end, body->len - end);
    for (int provider = 0; provider < PROVIDERS; provider++) {
        provider_envelope(
            (enum provider)provider, "t=1,v1=0", changed.data, changed.len, &envelope);
        cJSON_Delete(body_map((enum provider)provider, changed.data, changed.len));
    }
    buf_free(&changed);
}

/* Each value of a sample in turn becomes one of another type; nothing may crash. */
static void types_of_a_body(const char *name)
{
    static const char *const values[] = {
        "null", "true", "-1e99", "\"\"", "\"x\"", "[]", "[[{}],null]", "{}", "{\"value\":[{}]}"};
    struct buf body = {0};
    body_read(name, &body);
    for (size_t i = 0; i + 1 < body.len; i++) {
        if (body.data[i] != ':' || body.data[i - 1] != '"')
            continue;
        size_t end = i + 1;
        if (body.data[end] == '"')
            end += strcspn(body.data + end + 1, "\"") + 2;
        else if (body.data[end] != '{' && body.data[end] != '[')
            end += strcspn(body.data + end, ",}]");
        else if (body.data[end + 1] == '}' || body.data[end + 1] == ']')
            end += 2;
        else
            end = i + 1;
        /* Three of the values at each place: places are many, and most are of a kind. */
        for (size_t v = i % 3; end > i + 1 && v < sizeof values / sizeof *values; v += 3)
            map_with(&body, i + 1, end, values[v]);
    }
    for (size_t cut = 0; cut < body.len; cut += 29)
        map_with(&body, cut, body.len, "");
    buf_free(&body);
}

static void no_type_and_no_cut_crashes(void **state)
{
    (void)state;
    static const char *const folders[] = {"calcom", "calendly"};
    size_t count = 0;
    for (size_t i = 0; i < 2; i++) {
        char path[512];
        snprintf(path, sizeof path, SAMPLES "%s", folders[i]);
        DIR *folder = opendir(path);
        assert_non_null(folder);
        for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
            if (entry->d_name[0] == '.')
                continue;
            snprintf(path, sizeof path, "%s/%s", folders[i], entry->d_name);
            types_of_a_body(path);
            count++;
        }
        closedir(folder);
    }
    assert_in_range(count, 50, 1000);
}

/* Objects and lists in place of each other, down to the body itself. */
static void odd_roots_are_kept(void **state)
{
    (void)state;
    static const char *const bodies[] = {"", " ", "null", "true", "[]", "[1,{}]", "7", "{}",
        "{\"payload\":[]}", "{\"payload\":{}}",
        "{\"payload\":{\"attendees\":{\"a\":1},\"responses\":"
        "[{}],\"organizer\":[],\"oooEntry\":1,\"questions_and_answers\":{\"a\":{}},"
        "\"scheduled_event\":[]}}",
        "{\"triggerEvent\":\"OOO_CREATED\"}",
        "{\"triggerEvent\":\"FORM_SUBMITTED\",\"payload\":{\"responses\":[1]}}",
        "{\"event\":\"invitee.created\"}", "{\"event\":\"routing_form_submission.created\"}",
        "{\"event\":\"contact.created\",\"payload\":7}"};
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++)
        for (int provider = 0; provider < PROVIDERS; provider++)
            cJSON_Delete(body_map((enum provider)provider, bodies[i], strlen(bodies[i])));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_cannot_break_out),
        cmocka_unit_test(a_raw_nul_hides_nothing),
        cmocka_unit_test(names_of_members_are_exact),
        cmocka_unit_test(long_names_are_cut),
        cmocka_unit_test(deep_nesting_is_no_harm),
        cmocka_unit_test(large_lists_end),
        cmocka_unit_test(no_type_and_no_cut_crashes),
        cmocka_unit_test(odd_roots_are_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
