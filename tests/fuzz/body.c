/*
 * body: a body with a right signature, read as the receiver and the drain read it, for each
 * provider: envelope, booking event, its JSON, its fact, and the redacted copy.
 */
#include "fuzz.h"

#include <cjson/cJSON.h>

#include "base/address.h"
#include "base/json.h"
#include "event/event.h"
#include "ledger/fact.h"
#include "provider/provider.h"
#include "provider/redact.h"

static const char signature[] = "t=1795255200,v1=0123";

/* Line breaks are allowed in these alone (event/event.h). */
static bool has_lines(const char *name)
{
    return strcmp(name, "description") == 0 || strcmp(name, "notes") == 0 ||
           strcmp(name, "host_notes") == 0 || strcmp(name, "reason") == 0 ||
           strcmp(name, "answer") == 0;
}

static void require_clean(const cJSON *node)
{
    const char *name = node->string ? node->string : "";
    if (cJSON_IsString(node)) {
        REQUIRE(*node->valuestring, "%s is empty", name);
        REQUIRE(
            fuzz_is_clean(node->valuestring, has_lines(name)), "%s: %s", name, node->valuestring);
        if (strcmp(name, "email") == 0 || strcmp(name, "reply_to") == 0)
            REQUIRE(address_valid(node->valuestring), "%s", node->valuestring);
    }
    for (const cJSON *child = node->child; child; child = child->next)
        require_clean(child);
}

static void check_event(const struct event *event)
{
    struct fact fact;
    struct arena arena = {0};
    cJSON *json = event_to_json(event);
    REQUIRE(json, "out of memory");
    require_clean(json);
    char *text = cJSON_PrintUnformatted(json);
    REQUIRE(text, "out of memory");
    cJSON *again = json_parse(text, strlen(text));
    REQUIRE(again, "its JSON cannot be read: %s", text);
    REQUIRE(fact_of(event, &arena, &fact), "out of memory");
    arena_free(&arena);
    cJSON_Delete(again);
    cJSON_free(text);
    cJSON_Delete(json);
}

/* Nothing is left to be removed; JSON stays JSON. */
static void check_redacted(const char *body, size_t len, bool is_json)
{
    struct arena arena = {0};
    const char *once = body_redacted(&arena, body, len);
    if (is_json) {
        REQUIRE(once, "a JSON body has no redacted copy");
        const char *twice = body_redacted(&arena, once, strlen(once));
        REQUIRE(twice && strcmp(once, twice) == 0, "%s becomes %s", once, twice ? twice : "NULL");
    }
    arena_free(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *body = fuzz_copy(data, size);
    struct arena arena = {0};
    cJSON *json = json_parse(body, size);
    bool is_json = json != NULL;
    REQUIRE((json_parse_in(&arena, body, size) != NULL) == is_json, "the two parsers differ");
    arena_free(&arena);
    cJSON_Delete(json);
    check_redacted(body, size, is_json);
    for (enum provider p = 0; p < PROVIDERS; p++) {
        struct envelope envelope;
        struct event event;
        const struct webhook webhook = {.provider = p,
            .id = "0123456789abcdef0123456789abcdef",
            .received = INT64_C(1795255200000),
            .body = body,
            .length = size};
        REQUIRE(provider_envelope(p, signature, body, size, &envelope), "out of memory");
        REQUIRE(strlen(envelope.event) < ENVELOPE_EVENT_SIZE && fuzz_is_printable(envelope.event) &&
                    !strchr(envelope.event, ' '),
            "%s", envelope.event);
        REQUIRE(provider_map(&webhook, &event), "out of memory");
        check_event(&event);
        event_free(&event);
    }
    free(body);
    return 0;
}
