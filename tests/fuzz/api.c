/*
 * api: an answer of a provider's API, headers, an empty line and a body, as http/ and api/ read it.
 *
 * Whatever it is: a wait that is not negative, words without controls, and a next page only on the
 * host that was asked.
 */
#include "fuzz.h"

#include "api/url.h"
#include "api/words.h"
#include "base/json.h"
#include "http/http.h"
#include "http/retry.h"

#define NOW  INT64_C(1795255200000)
#define BASE "https://api.example.org"

static void read_headers(const struct http_answer *answer)
{
    static const char *const names[] = {
        "Retry-After", "WWW-Authenticate", "X-RateLimit-Reset", "Content-Type"};
    char value[64];
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        http_answer_header(answer, names[i], value, sizeof value);
        REQUIRE(fuzz_is_printable(value), "%s: %s", names[i], value);
    }
    int64_t wait = http_retry_wait(answer, NOW);
    REQUIRE(wait >= -1, "%lld", (long long)wait);
}

static void read_words(const struct http_answer *answer, const cJSON *json)
{
    char challenge[64], words[256];
    http_answer_header(answer, "WWW-Authenticate", challenge, sizeof challenge);
    for (enum provider p = 0; p < PROVIDERS; p++) {
        struct buf scopes = {0}, reason = {0};
        api_missing_scopes(json, challenge, "POST", "/webhook_subscriptions", &scopes);
        api_reason(p, json, &reason);
        const struct api_failure failure = {.result = API_FORBIDDEN,
            .provider = p,
            .status = 403,
            .host = "api.example.org",
            .tokens = "0123456789ab of CALENDLY_API_TOKEN",
            .setting = "CALENDLY_API_TOKEN",
            .base = "CALENDLY_API_BASE",
            .scopes = buf_text(&scopes),
            .detail = buf_text(&reason)};
        api_explain(&failure, words, sizeof words);
        REQUIRE(*words && fuzz_is_clean(words, false), "%s", words);
        buf_free(&scopes);
        buf_free(&reason);
    }
}

static void read_next_page(const cJSON *json)
{
    const char *next = json_text(json, "pagination.next_page");
    struct buf url = {0}, value = {0};
    if (next && api_url_make(BASE, next, &url)) {
        REQUIRE(strncmp(buf_text(&url), BASE "/", sizeof BASE) == 0, "%s", buf_text(&url));
        REQUIRE(fuzz_is_printable(buf_text(&url)), "%s", buf_text(&url));
        api_url_get(buf_text(&url), "page_token", &value);
        REQUIRE(api_url_set(&url, "count", "100"), "out of memory");
        buf_clear(&value);
        REQUIRE(
            api_url_get(buf_text(&url), "count", &value) && strcmp(buf_text(&value), "100") == 0,
            "%s", buf_text(&url));
    }
    buf_free(&url);
    buf_free(&value);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct http_answer answer = {.status = 429};
    const uint8_t *end = memmem(data, size, "\r\n\r\n", 4);
    size_t head = end ? (size_t)(end - data) + 4 : size;
    buf_add(&answer.headers, data, head < HTTP_HEADERS_MAX ? head : HTTP_HEADERS_MAX);
    buf_add(&answer.body, data + head, size - head);
    cJSON *json = json_parse(buf_text(&answer.body), answer.body.len);
    read_headers(&answer);
    read_words(&answer, json);
    read_next_page(json);
    cJSON_Delete(json);
    http_answer_free(&answer);
    return 0;
}
