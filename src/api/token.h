/*
 * token: the tokens that are shown to one provider's API: which one is next, and what is known of
 * each. Internal to the room.
 *
 * A token is named by its fingerprint, the first digits of a SHA-256 of provider and token, and
 * never shown. What is known of it is in the ledger, by its fingerprint (ledger/tokens.h), and from
 * there in the counters (COUNT_TOKEN_...), which the receiver reads too: it has no ledger.
 *
 * A token that was refused is not used first by later runs either, until a check finds it accepted.
 */
#ifndef API_TOKEN_H
#define API_TOKEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/conf.h"
#include "ledger/ledger.h"
#include "ledger/tokens.h"
#include "provider/provider.h"

enum { API_TOKENS = 2 /* primary, secondary */, API_FINGERPRINT_SIZE = 9, API_TOKEN_MAX = 4096 };

struct api_token {
    char *text;
    char fingerprint[API_FINGERPRINT_SIZE];
    enum setting setting;
    size_t slot;      /* 0: primary */
    bool refused;     /* 401, now or in an earlier run */
    bool refused_now; /* this client was answered 401 */
    bool stored;      /* the ledger has a row of it */
    int64_t unsaved;  /* uses that the ledger does not have yet */
    struct token_row row;
};

struct api_tokens {
    const struct conf *conf;
    enum provider provider;
    struct ledger *ledger; /* NULL: nothing is kept */
    struct api_token token[API_TOKENS];
    size_t count, current;
};

/* The settings of a provider's tokens, primary first. */
enum setting api_token_setting(enum provider provider, size_t slot);

/* Reads the tokens that are set; none is no error. False, with a line in `why`: one cannot
 * be a token, its file cannot be read, or memory ran out. */
bool api_tokens_read(struct api_tokens *tokens, const struct conf *conf, enum provider provider,
    struct ledger *ledger, struct buf *why);
/* Saves what is not saved yet. */
void api_tokens_free(struct api_tokens *tokens);

/* The token for the next request; NULL: there is none. */
struct api_token *api_tokens_current(struct api_tokens *tokens);

/* A request with the current one was made. */
void api_tokens_used(struct api_tokens *tokens, int64_t now);

/* The current one was refused with 401: true when another one is current now. One that an earlier
 * run found refused is tried once more: it may have been the provider's fault. */
bool api_tokens_refused(struct api_tokens *tokens, int64_t now);

/* The current one was accepted for a call that needs that scope. */
void api_tokens_accepted(struct api_tokens *tokens, unsigned scope);
/* It lacks these. */
void api_tokens_lack(struct api_tokens *tokens, unsigned scopes, const char *names);

/* The account's id, from the answer about the current token's user. */
void api_tokens_know_account(struct api_tokens *tokens, const char *id);

/* Is a check of that token due? */
bool api_token_due(const struct api_tokens *tokens, size_t which, int64_t now);
/* It was checked; or could not be, and is tried again in an hour. */
void api_token_checked(struct api_tokens *tokens, size_t which, bool answered, int64_t now);

/* Into the counters. */
void api_tokens_publish(const struct api_tokens *tokens);

/* "1a2b3c4d (CALENDLY_API_TOKEN)", or both of those that were refused. */
void api_tokens_name(const struct api_tokens *tokens, bool refused, struct buf *out);

#endif
