#include "health/check.h"

#include <string.h>

#include "base/rotation.h"

/* One of a provider's tokens, as the drain and the tool have counted it. */
struct token {
    const char *slot; /* primary, secondary */
    unsigned mark;
    int64_t uses, since, refused;
    unsigned scopes;
};

static bool read_token(
    const struct health_facts *facts, enum provider provider, size_t slot, struct token *token)
{
    const uint64_t *value = facts->counters.value;
    *token = (struct token){.slot = counter_label_word(LABEL_TOKEN, slot),
        .mark = (unsigned)value[counter_at(COUNT_TOKEN_MARK, provider, slot)],
        .uses = (int64_t)value[counter_at(COUNT_TOKEN_USES, provider, slot)],
        .since = health_time(facts, counter_at(COUNT_TOKEN_SINCE, provider, slot)),
        .refused = health_time(facts, counter_at(COUNT_TOKEN_REFUSED_AT, provider, slot)),
        .scopes = (unsigned)value[counter_at(COUNT_TOKEN_SCOPES, provider, slot)]};
    return token->mark != 0;
}

static const char *titled(enum provider provider)
{
    return provider_table[provider]->title;
}

static void name_scopes(unsigned scopes, char *out, size_t size)
{
    size_t len = 0;
    *out = '\0';
    for (size_t i = 0; counter_scopes[i]; i++)
        if (scopes & 1u << i && len < size)
            len +=
                (size_t)snprintf(out + len, size - len, "%s%s", len ? ", " : "", counter_scopes[i]);
    if (!len)
        snprintf(out, size, "a scope that a call needs");
}

/* Accepted, and with the scopes that are needed. */
static void check_state(
    enum provider provider, const struct token *token, size_t tokens, struct health *health)
{
    struct health_check *check = add(health, "token:state");
    const struct token *refused = NULL, *lacking = NULL;
    char names[128];
    size_t bad = 0;
    check->provider = provider;
    for (size_t i = tokens; i-- > 0;) {
        refused = token[i].refused != TIME_NONE ? &token[i] : refused;
        lacking = token[i].scopes ? &token[i] : lacking;
        bad += token[i].refused != TIME_NONE;
    }
    if (refused) {
        check->since = refused->refused;
        say(check, "%s: API token state: the %s token %08x is refused%s", titled(provider),
            refused->slot, refused->mark,
            bad == tokens ? ", and there is no other: its API cannot be asked"
                          : "; the other one is used");
        set(check, HEALTH_WARN, "token-refused",
            "it is revoked, expired or wrong: make a new one at the provider and set it in "
            "drain.env");
    } else if (lacking) {
        name_scopes(lacking->scopes, names, sizeof names);
        say(check, "%s: API token state: the %s token %08x lacks %s", titled(provider),
            lacking->slot, lacking->mark, names);
        set(check, HEALTH_WARN, "token-scopes",
            "make a token with these scopes ticked and set it in drain.env");
    } else
        say(check, "%s: API token state: accepted", titled(provider));
}

static void check_uses(const struct health_facts *facts, enum provider provider,
    const struct token *token, size_t tokens, struct health *health)
{
    struct health_check *check = add(health, "token:uses");
    int64_t limit = (int64_t)facts->counters.value[counter_at(COUNT_TOKEN_LIMIT, provider, 0)];
    const struct token *most = &token[0];
    for (size_t i = 1; i < tokens; i++)
        if (token[i].uses > most->uses)
            most = &token[i];
    int64_t age = most->since == TIME_NONE ? 0 : facts->now - most->since;
    check->provider = provider;
    count(check, most->uses, "requests");
    if (limit)
        say(check, "%s: the %s token %08x has been used for %lld of %lld requests",
            titled(provider), most->slot, most->mark, (long long)most->uses, (long long)limit);
    else
        say(check, "%s: the %s token %08x has been used for %lld requests", titled(provider),
            most->slot, most->mark, (long long)most->uses);
    set(check,
        rotation_by_uses(most->uses, limit, age, facts->limits.token_interval) ? HEALTH_WARN
                                                                               : HEALTH_PASS,
        "token-used-up",
        "it is due for rotation before CALENDLY_MAX_USAGE_PER_KEY: make a new token at the "
        "provider, set it in drain.env, and revoke this one");
}

static void check_age(const struct health_facts *facts, enum provider provider,
    const struct token *token, size_t tokens, struct health *health)
{
    struct health_check *check = add(health, "token:age");
    const struct token *oldest = NULL;
    char age[TIME_TEXT];
    check->provider = provider;
    for (size_t i = 0; i < tokens; i++)
        if (token[i].since != TIME_NONE && (!oldest || token[i].since < oldest->since))
            oldest = &token[i];
    if (!oldest) {
        say(check, "%s: no API token has been used yet", titled(provider));
        return;
    }
    check->since = oldest->since;
    count(check, (facts->now - oldest->since) / MS_PER_SECOND, "s");
    time_format_age(facts->now - oldest->since, age);
    say(check, "%s: the %s token %08x has been in use for %s", titled(provider), oldest->slot,
        oldest->mark, age);
    set(check,
        rotation_by_age(facts->now - oldest->since, facts->limits.key_age) ? HEALTH_WARN
                                                                           : HEALTH_PASS,
        "token-old",
        "it is due for rotation after BOOKSPOOL_KEY_AGE: make a new token at the provider, set it "
        "in drain.env, and revoke this one");
}

void health_check_tokens(
    const struct health_facts *facts, enum provider provider, struct health *health)
{
    struct token token[2];
    size_t tokens = 0;
    for (size_t slot = 0; counter_label_word(LABEL_TOKEN, slot); slot++)
        tokens += read_token(facts, provider, slot, &token[tokens]);
    if (!tokens)
        return;
    check_state(provider, token, tokens, health);
    check_uses(facts, provider, token, tokens, health);
    check_age(facts, provider, token, tokens, health);
}
