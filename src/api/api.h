/*
 * api: a client of Cal.com's API v2 and of Calendly's API v2.
 *
 * One client is for one provider. Its token is shown to the host of CALCOM_API_BASE or
 * CALENDLY_API_BASE only: an answer that names another host is not followed.
 *
 * Tokens. A 401 is answered by one more request with the other token, and every later request uses
 * that one at once; so do later runs, by the ledger. It is logged (api-token-refused), and so is a
 * token that lacks scopes (api-scope-missing). What is known of the tokens, answers, times and the
 * cache is counted (COUNT_API_..., COUNT_TOKEN_...): api_open opens the counters where the program
 * has not, so a program that root runs becomes the owner of the spool before it.
 *
 * Time. A request has API_ATTEMPT_MS, and is made again after 429, 408, 425 and 5xx or without an
 * answer: when the answer says so (http/retry.h), else after half a second, one, two. All of one
 * call, with its waits, ends within the patience: API_PATIENCE_MS, or what api_set_patience says.
 * A method that is not repeatable (POST) is made again only where it cannot have had an effect: no
 * connection, 401, 429. So API_UNREACHABLE after a POST means that it may have been done: look
 * before another attempt. A DELETE whose repetition finds nothing (404) counts as done.
 *
 * The ledger. Uses of tokens and cached answers are kept there, with short transactions of the
 * ledger's own connection; a ledger that cannot be written costs only that. Inside a transaction
 * of the caller (ledger_begin) nothing is written: uses are added by the next call after it, and
 * answers are not cached. No call should be made there, since a writer must not wait for a network.
 *
 * Personal data: `error` may have words of the provider. They are for the person that asked; a log
 * has api_result_name() and the status.
 */
#ifndef API_API_H
#define API_API_H

#include <stdbool.h>
#include <stdint.h>

#include <cjson/cJSON.h>

#include "base/buf.h"
#include "base/conf.h"
#include "ledger/ledger.h"
#include "provider/provider.h"

enum {
    API_ATTEMPT_MS = 30 * 1000,
    API_PATIENCE_MS = 150 * 1000, /* Calendly's limit counts by the minute */
    API_ATTEMPTS = 4,
    API_BODY_MAX = 4 << 20, /* a longer answer is API_STRANGE */
    API_PAGES_MAX = 1000    /* of one api_list */
};

struct api;

enum api_result {
    API_OK,
    API_NO_TOKEN,
    API_UNAUTHORIZED, /* 401 with every token */
    API_FORBIDDEN,    /* 403: plan, rights, missing scopes; `error` names them */
    API_NOT_FOUND,    /* 404, 410 */
    API_CONFLICT,     /* 409: it exists already */
    API_REFUSED,      /* another 4xx */
    API_LIMITED,      /* 429 until the patience ended */
    API_UNREACHABLE,  /* no answer, or 5xx, after the last attempt */
    API_STRANGE,      /* not what the documents say, or an address on another host */
};

/* "ok", "no-token", "unauthorized", ...: for logs and JSON. */
const char *api_result_name(enum api_result result);

struct api_answer {
    long status;     /* of HTTP; 0: none came */
    cJSON *json;     /* the body; NULL: none (204), or the result is not API_OK */
    bool cached;     /* it was not asked for now */
    int64_t limit;   /* requests that the provider allows in a minute; 0: it did not say */
    char error[256]; /* "", or what went wrong and what to do, in words, without any secret */
};

void api_answer_free(struct api_answer *answer);

/*
 * `conf` must live as long as the client, but not its secrets. `ledger`: uses and cache are kept
 * there; NULL: neither. NULL is returned, with lines in `why`, when a setting is wrong or memory
 * ran out; a missing token is no error here: each call returns API_NO_TOKEN.
 */
struct api *api_open(
    const struct conf *conf, enum provider provider, struct ledger *ledger, struct buf *why);
void api_close(struct api *api);

/* Is there a token for that provider? */
bool api_has_token(const struct conf *conf, enum provider provider);

/* How long each later call may take, with all its attempts and waits, in ms. */
void api_set_patience(struct api *api, int64_t ms);
/* Asked once a second while it waits for another attempt: true ends the wait, and the call. */
void api_set_stop(struct api *api, bool (*stop)(void));

/*
 * `path`: "/users/me?x=y" after the base, or a full URL on the base's host. `answer` is to be
 * freed in every case. The answer may come from the cache.
 */
enum api_result api_get(struct api *api, const char *path, struct api_answer *answer);
/* Never from the cache; a new answer replaces the cached one. */
enum api_result api_get_fresh(struct api *api, const char *path, struct api_answer *answer);

/*
 * POST, PATCH or DELETE. `body` may be NULL. What may have changed something empties the
 * provider's part of the cache.
 */
enum api_result api_send(struct api *api, const char *method, const char *path, const cJSON *body,
    struct api_answer *answer);

/*
 * Calls `each` for every item of all pages, in order, until it returns false; never from the
 * cache. Only a page's token or number is taken from an answer, never an address. answer->json is
 * NULL. After an error some items may have been handed over.
 */
enum api_result api_list(struct api *api, const char *path,
    bool (*each)(void *context, const cJSON *item), void *context, struct api_answer *answer);

/* Empties the cache of one provider, or of all (PROVIDERS); *count answers were in it. False: the
 * ledger cannot be written now. */
bool api_cache_clear(struct ledger *ledger, enum provider provider, int64_t *count);

/*
 * Asks the provider about its user with one of the tokens that are set, by one request; 0 is the
 * first. API_NO_TOKEN: there are no more.
 */
enum api_result api_try_token(struct api *api, size_t which, struct api_answer *answer);
/* "1a2b3c4d (CALENDLY_API_TOKEN)" of the token that was asked last. */
void api_name_token(struct api *api, struct buf *out);

/*
 * For the drain, once a run: publishes what is known of all tokens to the counters, and where a
 * check is due (CALENDLY_KEY_ROTATION_CHECK_INTERVAL) asks the provider about its user with each
 * token, one attempt each. Logs tokens that are refused, or due for rotation: by age, or by uses.
 * Nothing is asked without a ledger, or with CALENDLY_KEY_ROTATION_MONITORING=no.
 */
void api_check_tokens(const struct conf *conf, struct ledger *ledger, bool (*stop)(void));

#endif
