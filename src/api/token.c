#include "api/token.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/counters.h"
#include "base/digest.h"
#include "base/log.h"

/* A check that found no answer. */
#define CHECK_AGAIN (INT64_C(3600) * MS_PER_SECOND)

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
    return !text[len] && len && len <= API_TOKEN_MAX;
}

/* One that equals the primary is no second token. */
static bool add_token(struct api_tokens *tokens, const struct conf *conf, size_t slot,
    const struct buf *text, struct buf *why)
{
    struct api_token *token = &tokens->token[tokens->count];
    *token = (struct api_token){.setting = token_settings[tokens->provider][slot], .slot = slot};
    if (!is_word(buf_text(text))) {
        conf_fault(conf, token->setting, why,
            "cannot be a token: it must be one word of printable ASCII, at most %d characters long",
            API_TOKEN_MAX);
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

/* ---- what the ledger knows ---- */

/* What another process saved counts too, so the row is read again after each change. */
static void load(const struct api_tokens *tokens, struct api_token *token)
{
    struct token_row row;
    if (!tokens->ledger || !tokens_get(tokens->ledger, token->fingerprint, &row))
        return;
    token->row = row;
    token->stored = row.first != TIME_NONE;
    token->refused = row.refused != TIME_NONE;
}

static void save_uses(const struct api_tokens *tokens, struct api_token *token, int64_t now)
{
    if (!tokens->ledger || !token->unsaved ||
        !tokens_add(tokens->ledger, token->fingerprint, provider_name(tokens->provider),
            token->unsaved, now))
        return;
    token->unsaved = 0;
    bool refused = token->refused;
    load(tokens, token);
    token->refused = refused; /* what this process has seen itself */
}

static void save_mark(const struct api_tokens *tokens, const struct api_token *token)
{
    if (tokens->ledger && token->stored)
        tokens_mark(tokens->ledger, token->fingerprint, &token->row);
    api_tokens_publish(tokens);
}

void api_tokens_publish(const struct api_tokens *tokens)
{
    for (size_t slot = 0; slot < API_TOKENS; slot++) {
        const struct api_token *token = NULL;
        for (size_t i = 0; i < tokens->count; i++)
            if (tokens->token[i].slot == slot)
                token = &tokens->token[i];
        const struct token_row *row = token ? &token->row : NULL;
        const struct {
            enum counter first;
            int64_t value;
        } values[] = {
            {COUNT_TOKEN_USES, row ? row->uses : 0},
            {COUNT_TOKEN_SINCE, token && token->stored ? row->first : 0},
            {COUNT_TOKEN_REFUSED_AT, row && row->refused != TIME_NONE ? row->refused : 0},
            {COUNT_TOKEN_SCOPES, row ? row->scopes : 0},
            {COUNT_TOKEN_MARK, token ? strtoll(token->fingerprint, NULL, 16) : 0},
        };
        for (size_t i = 0; i < sizeof values / sizeof *values; i++)
            counter_set(counter_at(values[i].first, tokens->provider, slot), values[i].value);
    }
    if (tokens->provider == PROVIDER_CALENDLY)
        counter_set(counter_at(COUNT_TOKEN_LIMIT, tokens->provider, 0),
            conf_number(tokens->conf, SET_CALENDLY_MAX_USAGE));
}

/* ---- reading ---- */

bool api_tokens_read(struct api_tokens *tokens, const struct conf *conf, enum provider provider,
    struct ledger *ledger, struct buf *why)
{
    *tokens = (struct api_tokens){.conf = conf, .provider = provider, .ledger = ledger};
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
    for (size_t i = 0; ok && i < tokens->count; i++)
        load(tokens, &tokens->token[i]);
    if (tokens->count > 1 && tokens->token[0].refused && !tokens->token[1].refused)
        tokens->current = 1;
    return ok;
}

void api_tokens_free(struct api_tokens *tokens)
{
    for (size_t i = 0; i < tokens->count; i++) {
        save_uses(tokens, &tokens->token[i], clock_now());
        if (tokens->ledger && tokens->token[i].unsaved)
            log_warn(NULL, "api-uses-not-saved",
                "%lld uses of the token %s are not counted: the "
                "ledger could not be written",
                (long long)tokens->token[i].unsaved, tokens->token[i].fingerprint);
        explicit_bzero(tokens->token[i].text, strlen(tokens->token[i].text));
        free(tokens->token[i].text);
    }
    *tokens = (struct api_tokens){0};
}

struct api_token *api_tokens_current(struct api_tokens *tokens)
{
    return tokens->count ? &tokens->token[tokens->current] : NULL;
}

void api_tokens_used(struct api_tokens *tokens, int64_t now)
{
    struct api_token *token = api_tokens_current(tokens);
    token->unsaved++;
    save_uses(tokens, token, now);
    api_tokens_publish(tokens);
}

bool api_tokens_refused(struct api_tokens *tokens, int64_t now)
{
    struct api_token *token = api_tokens_current(tokens);
    size_t next = tokens->count - 1 - tokens->current;
    bool other = tokens->count > 1 && !tokens->token[next].refused_now;
    bool known = token->refused;
    token->refused = token->refused_now = true;
    if (token->row.refused == TIME_NONE || !token->stored)
        token->row.refused = now;
    save_mark(tokens, token);
    if (!known)
        log_error(NULL, "api-token-refused",
            "%s refuses the token %s (%s) with 401: it is revoked, expired or wrong; %s",
            provider_table[tokens->provider]->title, token->fingerprint,
            settings[token->setting].name,
            other ? "the other one is used from now on; set a new one"
                  : "no token is accepted: set a new one");
    if (other)
        tokens->current = next;
    return other;
}

void api_tokens_accepted(struct api_tokens *tokens, unsigned scope)
{
    struct api_token *token = api_tokens_current(tokens);
    bool lacked = (token->row.scopes & scope) != 0;
    if (!token->refused && !lacked)
        return;
    token->refused = token->refused_now = false;
    token->row.refused = TIME_NONE;
    token->row.scopes &= ~scope;
    save_mark(tokens, token);
}

void api_tokens_lack(struct api_tokens *tokens, unsigned scopes, const char *names)
{
    struct api_token *token = api_tokens_current(tokens);
    if ((token->row.scopes | scopes) == token->row.scopes)
        return;
    token->row.scopes |= scopes;
    save_mark(tokens, token);
    log_error(NULL, "api-scope-missing",
        "the token %s (%s) lacks %s: make one with these scopes and set it", token->fingerprint,
        settings[token->setting].name, names);
}

void api_tokens_know_account(struct api_tokens *tokens, const char *id)
{
    struct api_token *token = api_tokens_current(tokens);
    char digest[DIGEST_HEX + 1];
    _Static_assert(sizeof digest == sizeof token->row.account, "it holds a digest");
    if (!digest_hex(&(struct digest_part){id, strlen(id)}, 1, digest) ||
        strcmp(digest, token->row.account) == 0)
        return;
    memcpy(token->row.account, digest, sizeof digest);
    save_mark(tokens, token);
}

/* ---- checks ---- */

bool api_token_due(const struct api_tokens *tokens, size_t which, int64_t now)
{
    int64_t due = tokens->token[which].row.due;
    int64_t interval = conf_number(tokens->conf, SET_CALENDLY_ROTATION_INTERVAL);
    return tokens->ledger && (!tokens->token[which].stored || due == TIME_NONE || due <= now ||
                                 due > now + interval); /* a clock that was ahead */
}

void api_token_checked(struct api_tokens *tokens, size_t which, bool answered, int64_t now)
{
    struct api_token *token = &tokens->token[which];
    int64_t interval = conf_number(tokens->conf, SET_CALENDLY_ROTATION_INTERVAL);
    token->row.due = now + (answered || interval < CHECK_AGAIN ? interval : CHECK_AGAIN);
    save_mark(tokens, token);
}

void api_tokens_name(const struct api_tokens *tokens, bool refused, struct buf *out)
{
    for (size_t i = 0; i < tokens->count; i++)
        if (refused ? tokens->token[i].refused : i == tokens->current)
            buf_printf(out, "%s%s (%s)", out->len ? " and " : "", tokens->token[i].fingerprint,
                settings[tokens->token[i].setting].name);
}
