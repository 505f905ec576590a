#include "api/parts.h"

#include "base/clock.h"
#include "base/incident.h"
#include "base/log.h"
#include "base/rotation.h"

enum { CHECK_PATIENCE_MS = 10 * 1000 };

/* An error, so that Sentry gets it too: once a check. */
static void log_due(const struct api_tokens *tokens, const struct api_token *token, int64_t now)
{
    const struct conf *conf = tokens->conf;
    int64_t age = token->stored ? now - token->row.first : 0;
    int64_t limit =
        tokens->provider == PROVIDER_CALENDLY ? conf_number(conf, SET_CALENDLY_MAX_USAGE) : 0;
    const char *title = provider_table[tokens->provider]->title;
    const char *name = settings[token->setting].name;
    if (rotation_by_uses(
            token->row.uses, limit, age, conf_number(conf, SET_CALENDLY_ROTATION_INTERVAL))) {
        incident_cause("uses");
        log_error(NULL, "api-token-due",
            "%s: the token %s (%s) has been used for %lld requests, of %lld that "
            "CALENDLY_MAX_USAGE_PER_KEY allows: make a new one, set it, and revoke this one",
            title, token->fingerprint, name, (long long)token->row.uses, (long long)limit);
    }
    if (rotation_by_age(age, conf_number(conf, SET_KEY_AGE))) {
        incident_cause("age");
        log_error(NULL, "api-token-due",
            "%s: the token %s (%s) has been in use for %lld days, and BOOKSPOOL_KEY_AGE is %lld: "
            "make a new one, set it, and revoke this one",
            title, token->fingerprint, name, (long long)(age / MS_PER_DAY),
            (long long)(conf_number(conf, SET_KEY_AGE) / MS_PER_DAY));
    }
}

void api_name_token(struct api *api, struct buf *out)
{
    api_tokens_name(api_tokens_of(api), false, out);
}

/* True: the provider answered about the token. */
static bool is_answered(struct api *api, size_t which)
{
    struct api_answer answer;
    enum api_result result = api_try_token(api, which, &answer);
    api_answer_free(&answer);
    return result == API_OK || result == API_UNAUTHORIZED || result == API_FORBIDDEN;
}

static void check(struct api *api, bool (*stop)(void))
{
    struct api_tokens *tokens = api_tokens_of(api);
    api_set_patience(api, CHECK_PATIENCE_MS);
    for (size_t i = 0; i < tokens->count; i++) {
        int64_t now = clock_now();
        if ((stop && stop()) || !api_token_due(tokens, i, now))
            continue;
        api_token_checked(tokens, i, is_answered(api, i), now);
        log_due(tokens, &tokens->token[i], now);
    }
}

void api_check_tokens(const struct conf *conf, struct ledger *ledger, bool (*stop)(void))
{
    for (enum provider p = 0; p < PROVIDERS; p++) {
        struct buf why = {0};
        if (!api_has_token(conf, p)) {
            api_tokens_publish(&(struct api_tokens){.conf = conf, .provider = p});
            continue;
        }
        struct api *api = api_open(conf, p, ledger, &why);
        log_lines(LOG_LEVEL_WARNING, "api-settings", buf_text(&why));
        if (api && conf_number(conf, SET_CALENDLY_ROTATION_MONITORING))
            check(api, stop);
        api_close(api);
        buf_free(&why);
    }
}
