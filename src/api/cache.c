#include "api/cache.h"

#include <string.h>

#include "api/api.h"
#include "base/clock.h"
#include "base/counters.h"
#include "base/digest.h"
#include "ledger/answers.h"

bool api_cache_wanted(const struct api_tokens *tokens)
{
    return tokens->ledger && tokens->count && conf_number(tokens->conf, SET_CALENDLY_CACHING);
}

static bool make_id(const struct api_tokens *tokens, const char *url, char id[DIGEST_HEX + 1])
{
    const struct api_token *token = &tokens->token[tokens->current];
    const char *account = *token->row.account ? token->row.account : token->fingerprint;
    const char *name = provider_name(tokens->provider);
    const struct digest_part parts[] = {
        {name, strlen(name) + 1}, {account, strlen(account) + 1}, {url, strlen(url)}};
    return digest_hex(parts, sizeof parts / sizeof *parts, id);
}

bool api_cache_get(const struct api_tokens *tokens, const char *url, struct buf *body)
{
    char id[DIGEST_HEX + 1];
    int64_t now = clock_now(), ttl = conf_number(tokens->conf, SET_CALENDLY_CACHE_TTL);
    bool hit =
        make_id(tokens, url, id) && answers_get(tokens->ledger, id, now - ttl + 1, now, body);
    counter_add(counter_at(COUNT_API_CACHE, tokens->provider,
                    counter_label_value(LABEL_LOOKUP, hit ? "hit" : "miss")),
        1);
    return hit;
}

void api_cache_put(const struct api_tokens *tokens, const char *url, const struct buf *body)
{
    char id[DIGEST_HEX + 1];
    int64_t now = clock_now(), ttl = conf_number(tokens->conf, SET_CALENDLY_CACHE_TTL);
    if (body->len <= API_CACHED_MAX && make_id(tokens, url, id))
        answers_put(tokens->ledger, id, provider_name(tokens->provider), buf_text(body), now,
            now - ttl + 1, conf_number(tokens->conf, SET_CALENDLY_CACHE_MAX_ENTRIES));
}

bool api_cache_clear(struct ledger *ledger, enum provider provider, int64_t *count)
{
    return answers_clear(ledger, provider == PROVIDERS ? NULL : provider_name(provider), count);
}
