#include "api/token.h"

#include <stdlib.h>
#include <string.h>

#include "base/digest.h"
#include "base/log.h"

static const enum setting token_settings[PROVIDERS][API_TOKENS] = {
    [PROVIDER_CALCOM] = {SET_CALCOM_API_KEY, SET_CALCOM_API_KEY_SECONDARY},
    [PROVIDER_CALENDLY] = {SET_CALENDLY_API_TOKEN, SET_CALENDLY_API_TOKEN_SECONDARY},
};

enum setting api_token_setting(enum provider provider, size_t slot)
{
    return token_settings[provider][slot];
}

static bool make_fingerprint(struct api_token *token, enum provider provider)
{
    char digest[DIGEST_HEX + 1];
    const char *name = provider_name(provider);
    const struct digest_part parts[] = {
        {"bookspool token", 16}, {name, strlen(name) + 1}, {token->text, strlen(token->text)}};
    bool ok = digest_hex(parts, sizeof parts / sizeof *parts, digest);
    memcpy(token->fingerprint, digest, API_FINGERPRINT_SIZE - 1);
    return ok;
}

static bool is_word(const char *text)
{
    size_t len = 0;
    while (text[len] > ' ' && text[len] <= '~')
        len++;
    return !text[len];
}

/* One that equals the primary is no second token. */
static bool add_token(struct api_tokens *tokens, const struct conf *conf, size_t slot,
    const struct buf *text, struct buf *why)
{
    struct api_token *token = &tokens->token[tokens->count];
    *token = (struct api_token){.setting = token_settings[tokens->provider][slot], .slot = slot};
    if (!is_word(buf_text(text))) {
        conf_fault(conf, token->setting, why, "must be one word of printable ASCII");
        return false;
    }
    token->text = strdup(buf_text(text));
    if (!token->text || !make_fingerprint(token, tokens->provider)) {
        conf_fault(conf, token->setting, why, "out of memory");
        free(token->text);
        return false;
    }
    if (tokens->count && strcmp(tokens->token[0].text, token->text) == 0)
        free(token->text);
    else
        tokens->count++;
    return true;
}

bool api_tokens_read(struct api_tokens *tokens, const struct conf *conf, enum provider provider,
    struct ledger *ledger, struct buf *why)
{
    *tokens = (struct api_tokens){.provider = provider, .ledger = ledger};
    bool ok = true;
    for (size_t slot = 0; ok && slot < API_TOKENS; slot++) {
        struct buf text = {0}, wrong = {0};
        enum setting which = token_settings[provider][slot];
        ok = conf_reread(conf, which, &text, &wrong);
        if (!ok)
            buf_printf(why, "%s\n", buf_text(&wrong));
        else if (text.len)
            ok = add_token(tokens, conf, slot, &text, why);
        if (text.data)
            explicit_bzero(text.data, text.len);
        buf_free(&text);
        buf_free(&wrong);
    }
    return ok;
}

void api_tokens_free(struct api_tokens *tokens)
{
    for (size_t i = 0; i < tokens->count; i++) {
        explicit_bzero(tokens->token[i].text, strlen(tokens->token[i].text));
        free(tokens->token[i].text);
    }
    *tokens = (struct api_tokens){0};
}

struct api_token *api_tokens_current(struct api_tokens *tokens)
{
    return tokens->count ? &tokens->token[tokens->current] : NULL;
}

bool api_tokens_refused(struct api_tokens *tokens)
{
    struct api_token *token = api_tokens_current(tokens);
    token->refused = true;
    size_t next = tokens->count - 1 - tokens->current;
    bool other = tokens->count > 1 && !tokens->token[next].refused;
    log_warn(NULL, "api-token-refused",
        "%s: the token %s (%s) is refused (401): revoked, expired or wrong; %s",
        provider_table[tokens->provider]->title, token->fingerprint, settings[token->setting].name,
        other ? "the other one is used; set a new one" : "no other one is accepted: set a new one");
    if (other)
        tokens->current = next;
    return other;
}

void api_tokens_name(const struct api_tokens *tokens, bool refused, struct buf *out)
{
    for (size_t i = 0; i < tokens->count; i++)
        if (refused ? tokens->token[i].refused : i == tokens->current)
            buf_printf(out, "%s%s (%s)", out->len ? " and " : "", tokens->token[i].fingerprint,
                settings[tokens->token[i].setting].name);
}
