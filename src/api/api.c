#include "api/api.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <curl/curl.h>

#include "api/cache.h"
#include "api/parts.h"
#include "api/token.h"
#include "api/url.h"
#include "api/words.h"
#include "base/clock.h"
#include "base/counters.h"
#include "base/json.h"
#include "base/log.h"
#include "http/http.h"
#include "http/retry.h"

enum { FIRST_PAUSE_MS = 500, STEP_MS = 1000, NUMBER_SIZE = 24, HOST_SIZE = 128 };

struct api {
    const struct conf *conf;
    enum provider provider;
    struct ledger *ledger;
    enum setting base_setting;
    const char *base;
    char host[HOST_SIZE];
    struct http_client *client;
    struct api_tokens tokens;
    int64_t patience;
    bool (*stop)(void);
};

/* Where a token's own user is: the natural test of a token. */
static const char *const user_paths[PROVIDERS] = {
    [PROVIDER_CALCOM] = "/v2/me", [PROVIDER_CALENDLY] = "/users/me"};

const char *api_result_name(enum api_result result)
{
    static const char *const names[] = {"ok", "no-token", "unauthorized", "forbidden", "not-found",
        "conflict", "refused", "limited", "unreachable", "strange"};
    return names[result];
}

void api_answer_free(struct api_answer *answer)
{
    cJSON_Delete(answer->json);
    answer->json = NULL;
}

/* ---- opening ---- */

static bool open_client(struct api *api, struct buf *why)
{
    bool plain = false;
    const char *host = strstr(api->base, "://");
    const struct api_token *token = api_tokens_current(&api->tokens);
    if (!http_may_have_credential(api->base, &plain) || strpbrk(api->base, "?#@ ")) {
        conf_fault(api->conf, api->base_setting, why,
            "must be https://HOST, maybe with a port and a path (http:// is for 127.0.0.1, [::1] "
            "and localhost only)");
        return false;
    }
    snprintf(api->host, sizeof api->host, "%.*s", (int)strcspn(host + 3, "/"), host + 3);
    api->client = http_open(&(struct http_options){
        .ca = conf_text(api->conf, SET_TLS_CA),
        .bearer = token ? token->text : "",
        .only_tls = !plain,
        .no_proxy = plain,
        .connect_ms = conf_number(api->conf, SET_CONNECT_TIMEOUT),
        .total_ms = API_ATTEMPT_MS,
        .body_max = API_BODY_MAX,
    });
    if (!api->client)
        conf_fault(api->conf, api->base_setting, why, "libcurl cannot be set up (out of memory?)");
    return api->client != NULL;
}

struct api *api_open(
    const struct conf *conf, enum provider provider, struct ledger *ledger, struct buf *why)
{
    struct api *api = calloc(1, sizeof *api);
    if (!api) {
        buf_puts(why, "out of memory\n");
        return NULL;
    }
    api->conf = conf;
    api->provider = provider;
    api->ledger = ledger;
    api->base_setting = provider == PROVIDER_CALENDLY ? SET_CALENDLY_API_BASE : SET_CALCOM_API_BASE;
    api->base = conf_text(conf, api->base_setting);
    api->patience = API_PATIENCE_MS;
    if (!counters_are_kept())
        counters_open(conf_text(conf, SET_STATE)); /* else it counts in memory */
    if (api_tokens_read(&api->tokens, conf, provider, ledger, why) && open_client(api, why)) {
        api_tokens_publish(&api->tokens);
        return api;
    }
    api_close(api);
    return NULL;
}

void api_close(struct api *api)
{
    if (!api)
        return;
    http_close(api->client);
    api_tokens_free(&api->tokens);
    free(api);
}

bool api_has_token(const struct conf *conf, enum provider provider)
{
    for (size_t slot = 0; slot < API_TOKENS; slot++) {
        const char *text = conf_text(conf, api_token_setting(provider, slot));
        if (text && *text)
            return true;
    }
    return false;
}

void api_set_patience(struct api *api, int64_t ms)
{
    api->patience = ms;
}

void api_set_stop(struct api *api, bool (*stop)(void))
{
    api->stop = stop;
}

/* ---- one call ---- */

struct call {
    struct api *api;
    const char *method;
    const char *path; /* after the base, for the words about scopes */
    struct buf url, body;
    const cJSON *sent; /* the body; NULL: none */
    int64_t deadline;  /* monotonic */
    bool sent_before;  /* an earlier attempt may have had an effect */
    struct http_answer http;
};

/* Bookings need their own version of the API; without a known one Cal.com takes the oldest. */
static const char *version_header(const struct call *call)
{
    static const struct {
        const char *path, *header;
    } versions[] = {
        {"/v2/event-types", "cal-api-version: 2024-06-14"},
        {"/v2/schedules", "cal-api-version: 2024-06-11"},
        {"/", "cal-api-version: 2024-08-13"},
    };
    size_t i = 0;
    while (strncmp(call->path, versions[i].path, strlen(versions[i].path)) != 0)
        i++;
    return call->api->provider == PROVIDER_CALCOM ? versions[i].header : NULL;
}

static void count_answer(const struct api *api, const struct http_answer *http)
{
    char word[NUMBER_SIZE];
    snprintf(word, sizeof word, "%ld", http->status);
    size_t label = counter_label_value(LABEL_ANSWER, word);
    snprintf(word, sizeof word, "%ldxx", http->status / 100);
    if (!http->status || http->code != CURLE_OK)
        label = counter_label_value(LABEL_ANSWER, "none");
    else if (!label)
        label = counter_label_value(LABEL_ANSWER, word);
    counter_add(counter_at(COUNT_API_REQUESTS, api->provider, label), 1);
    counter_observe(COUNT_API_TIME, http->milliseconds);
}

/* One request with the current token, and what is to be known of it. */
static void attempt(struct call *call)
{
    const char *lines[4] = {"Accept: application/json"};
    size_t count = 1;
    struct api *api = call->api;
    if (call->body.len)
        lines[count++] = "Content-Type: application/json";
    if ((lines[count] = version_header(call)))
        count++;
    lines[count] = NULL;
    const struct http_request request = {.url = buf_text(&call->url),
        .headers = lines,
        .body = call->body.data,
        .len = call->body.len,
        .fresh = strcmp(call->method, "GET") != 0};
    int64_t left = call->deadline - clock_monotonic();
    http_set_bearer(api->client, api_tokens_current(&api->tokens)->text);
    http_set_total(api->client, left < 1 ? 1 : left < API_ATTEMPT_MS ? left : API_ATTEMPT_MS);
    http_answer_free(&call->http);
    http_send(api->client, call->method, &request, &call->http);
    count_answer(api, &call->http);
    if (call->http.connected)
        api_tokens_used(&api->tokens, clock_now());
    if (call->http.status && call->http.status != 401 && call->http.status < 500)
        api_tokens_accepted(
            &api->tokens, call->http.status < 300 ? api_scope_of(call->method, call->path) : 0);
    log_debug(NULL, "api-request", "%s %s: status %ld in %lld ms", provider_name(api->provider),
        call->method, call->http.status, (long long)call->http.milliseconds);
}

/* False: it was ended by the caller or a signal, or would end after the deadline. */
static bool pause_for(const struct call *call, int64_t ms)
{
    int64_t end = clock_monotonic() + ms;
    if (end >= call->deadline)
        return false;
    if (ms >= 5 * MS_PER_SECOND)
        log_info(NULL, "api-waits", "%s asks to wait %lld s",
            provider_table[call->api->provider]->title, (long long)(ms / MS_PER_SECOND));
    for (int64_t left; (left = end - clock_monotonic()) > 0;) {
        struct timespec step = time_to_timespec(left < STEP_MS ? left : STEP_MS);
        if ((call->api->stop && call->api->stop()) || nanosleep(&step, NULL) < 0)
            return false;
    }
    return true;
}

/* May the attempt that came to nothing be made again? */
static bool is_repeatable(const struct call *call)
{
    const struct http_answer *http = &call->http;
    if (http->code == CURLE_PEER_FAILED_VERIFICATION)
        return false;
    return strcmp(call->method, "POST") != 0 || http->status == 429 ||
           (!http->status && !http->connected);
}

/* Attempts until there is an answer to go by, or none can be had in time. */
static void exchange(struct call *call)
{
    struct api *api = call->api;
    for (int made = 1;; made++) {
        attempt(call);
        const struct http_answer *http = &call->http;
        if (http->status == 401 && api_tokens_refused(&api->tokens, clock_now())) {
            made--;
            continue;
        }
        bool complete = http->status && http->code == CURLE_OK;
        if ((complete && !http_retry_status(http->status)) || made == API_ATTEMPTS ||
            !is_repeatable(call))
            return;
        call->sent_before |= http->status != 429 && http->connected;
        int64_t wait = http->status ? http_retry_wait(http, clock_now()) : -1;
        if (!pause_for(call, wait >= 0 ? wait : FIRST_PAUSE_MS << (made - 1)))
            return;
    }
}

static enum api_result result_of(const struct call *call)
{
    long status = call->http.status;
    bool gone = status == 404 || status == 410;
    if (gone && call->sent_before && strcmp(call->method, "DELETE") == 0)
        return API_OK;
    if (!status || status >= 500)
        return API_UNREACHABLE;
    if (status < 200 || status >= 300)
        return status < 400                     ? API_STRANGE
               : status == 401                  ? API_UNAUTHORIZED
               : status == 403                  ? API_FORBIDDEN
               : gone                           ? API_NOT_FOUND
               : status == 409                  ? API_CONFLICT
               : status == 429 || status == 408 ? API_LIMITED
                                                : API_REFUSED;
    return API_OK;
}

/* Of a success, what the answer lacks makes it strange: an answer that was cut, or is no JSON. */
static enum api_result read_body(
    struct call *call, enum api_result result, struct buf *detail, struct api_answer *answer)
{
    const struct http_answer *http = &call->http;
    if (http->body.len && !http->cut)
        answer->json = json_parse(buf_text(&http->body), http->body.len);
    if (result != API_OK)
        return result;
    if (http->code != 0)
        buf_printf(detail, "%s", http->error);
    else if (http->cut)
        buf_printf(detail, "its answer is longer than %d MiB", API_BODY_MAX >> 20);
    else if (!answer->json && http->status != 204 && (http->body.len || http->status == 200))
        buf_puts(detail, "its answer is not JSON");
    return http->code != 0 ? API_UNREACHABLE : detail->len ? API_STRANGE : API_OK;
}

/* The answer about the token's own user names its account. */
static void learn_account(const struct call *call, const cJSON *json)
{
    struct api *api = call->api;
    char number[NUMBER_SIZE];
    const cJSON *id = json_path(json, "data.id");
    if (strcmp(call->path, user_paths[api->provider]) != 0)
        return;
    const char *text = json_text(json, "resource.uri");
    snprintf(number, sizeof number, "%.0f", cJSON_IsNumber(id) ? id->valuedouble : 0);
    if (api->provider == PROVIDER_CALCOM)
        text = cJSON_IsNumber(id) ? number : NULL;
    if (text)
        api_tokens_know_account(&api->tokens, text);
}

/* A provider may repeat what it was sent: words with a secret in them are never shown. */
static bool shows_secret(const struct call *call, const char *words)
{
    static const char *const members[] = {"signing_key", "secret"};
    const struct api_tokens *tokens = &call->api->tokens;
    for (size_t i = 0; i < tokens->count; i++)
        if (strstr(words, tokens->token[i].text))
            return true;
    for (size_t i = 0; i < sizeof members / sizeof *members; i++) {
        const char *secret = json_text(call->sent, members[i]);
        if (secret && *secret && strstr(words, secret))
            return true;
    }
    return false;
}

static void explain(
    const struct call *call, enum api_result result, struct buf *detail, struct api_answer *answer)
{
    struct api *api = call->api;
    unsigned scopes = 0;
    char challenge[256];
    struct buf names = {0}, tokens = {0};
    http_answer_header(&call->http, "WWW-Authenticate", challenge, sizeof challenge);
    if (!detail->len && !call->http.status)
        buf_puts(detail, call->http.error);
    else if (!detail->len)
        api_reason(api->provider, answer->json, detail);
    if (result == API_FORBIDDEN && api->provider == PROVIDER_CALENDLY)
        scopes = api_missing_scopes(answer->json, challenge, call->method, call->path, &names);
    if (scopes)
        api_tokens_lack(&api->tokens, scopes, buf_text(&names));
    api_tokens_name(&api->tokens, result == API_UNAUTHORIZED, &tokens);
    if (shows_secret(call, buf_text(detail)))
        buf_clear(detail);
    api_explain(&(struct api_failure){.result = result,
                    .provider = api->provider,
                    .status = call->http.status,
                    .host = api->host,
                    .tokens = buf_text(&tokens),
                    .setting = settings[api_token_setting(api->provider, 0)].name,
                    .base = settings[api->base_setting].name,
                    .scopes = buf_text(&names),
                    .detail = buf_text(detail)},
        answer->error, sizeof answer->error);
    buf_free(&names);
    buf_free(&tokens);
}

/* X-RateLimit-Limit of Calendly, X-RateLimit-Limit-Default of Cal.com. */
static int64_t limit_of(const struct http_answer *http)
{
    static const char *const names[] = {"X-RateLimit-Limit", "X-RateLimit-Limit-Default"};
    char text[24];
    int64_t limit = 0;
    for (size_t i = 0; i < sizeof names / sizeof *names && limit <= 0; i++) {
        http_answer_header(http, names[i], text, sizeof text);
        limit = strtol(text, NULL, 10);
    }
    return limit > 0 ? limit : 0;
}

/* False, with a reason: the address is not one of the base's host, or memory ran out. */
static bool make_address(struct call *call, const char *path, struct buf *detail)
{
    const char *base = call->api->base;
    size_t len = strlen(base);
    call->path = "/";
    if (!api_url_make(base, path, &call->url)) {
        buf_puts(detail, "the address is not one of this API");
        return false;
    }
    while (len && base[len - 1] == '/')
        len--;
    call->path = call->url.data + len;
    return true;
}

static bool find_cached(struct call *call, struct api_answer *answer)
{
    struct buf body = {0};
    if (api_cache_get(&call->api->tokens, buf_text(&call->url), &body)) {
        answer->json = json_parse(buf_text(&body), body.len);
        answer->cached = answer->json != NULL;
        answer->status = answer->cached ? 200 : 0;
    }
    buf_free(&body);
    return answer->cached;
}

enum cache_use { CACHE_READ, CACHE_WRITE, CACHE_PASS };

static enum api_result ask(
    struct call *call, enum cache_use use, struct buf *detail, struct api_answer *answer)
{
    struct api *api = call->api;
    int64_t cleared;
    use = api_cache_wanted(&api->tokens) ? use : CACHE_PASS;
    if (use == CACHE_READ && find_cached(call, answer))
        return API_OK;
    exchange(call);
    answer->status = call->http.status;
    answer->limit = limit_of(&call->http);
    enum api_result result = read_body(call, result_of(call), detail, answer);
    if (result == API_OK)
        learn_account(call, answer->json);
    if (result == API_OK && use != CACHE_PASS && answer->status == 200)
        api_cache_put(&api->tokens, buf_text(&call->url), &call->http.body);
    if (strcmp(call->method, "GET") != 0 && api->ledger &&
        (result == API_OK || result == API_UNREACHABLE))
        api_cache_clear(api->ledger, api->provider, &cleared);
    return result;
}

static enum api_result call_api(struct api *api, const char *method, const char *path,
    const cJSON *body, enum cache_use use, struct api_answer *answer)
{
    struct call call = {.api = api,
        .method = method,
        .path = "/",
        .sent = body,
        .deadline = clock_monotonic() + api->patience};
    struct buf detail = {0};
    enum api_result result = API_NO_TOKEN;
    char *text = body ? cJSON_PrintUnformatted(body) : NULL;
    *answer = (struct api_answer){0};
    if (text)
        buf_puts(&call.body, text);
    if (api->tokens.count) {
        if ((body && !text) || call.body.failed)
            buf_puts(&detail, "out of memory");
        result = !detail.len && make_address(&call, path, &detail)
                     ? ask(&call, use, &detail, answer)
                     : API_STRANGE;
    }
    if (result != API_OK) {
        explain(&call, result, &detail, answer);
        api_answer_free(answer);
    }
    cJSON_free(text);
    http_answer_free(&call.http);
    buf_free(&call.url);
    buf_free(&call.body);
    buf_free(&detail);
    return result;
}

enum api_result api_get(struct api *api, const char *path, struct api_answer *answer)
{
    return call_api(api, "GET", path, NULL, CACHE_READ, answer);
}

enum api_result api_get_fresh(struct api *api, const char *path, struct api_answer *answer)
{
    return call_api(api, "GET", path, NULL, CACHE_WRITE, answer);
}

enum api_result api_get_uncached(struct api *api, const char *path, struct api_answer *answer)
{
    return call_api(api, "GET", path, NULL, CACHE_PASS, answer);
}

enum api_result api_send(struct api *api, const char *method, const char *path, const cJSON *body,
    struct api_answer *answer)
{
    return call_api(api, method, path, body, CACHE_PASS, answer);
}

/* ---- checks of the tokens ---- */

enum api_result api_try_token(struct api *api, size_t which, struct api_answer *answer)
{
    struct call call = {
        .api = api, .method = "GET", .path = "/", .deadline = clock_monotonic() + api->patience};
    struct buf detail = {0};
    enum api_result result = API_STRANGE;
    *answer = (struct api_answer){0};
    if (which >= api->tokens.count)
        return API_NO_TOKEN;
    api->tokens.current = which;
    if (make_address(&call, user_paths[api->provider], &detail)) {
        attempt(&call);
        if (call.http.status == 401)
            api_tokens_refused(&api->tokens, clock_now());
        answer->status = call.http.status;
        result = read_body(&call, result_of(&call), &detail, answer);
        api->tokens.current = which;
    }
    if (result == API_OK)
        learn_account(&call, answer->json);
    else
        explain(&call, result, &detail, answer);
    http_answer_free(&call.http);
    buf_free(&call.url);
    buf_free(&detail);
    return result;
}

struct api_tokens *api_tokens_of(struct api *api)
{
    return &api->tokens;
}
