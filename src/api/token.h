/*
 * token: the tokens that are shown to one provider's API: which one is next, and what is known of
 * each. Internal to the room.
 *
 * A token is named by its fingerprint, the first digits of a SHA-256 of provider and token, and
 * never shown. Uses are counted by fingerprint in the ledger, so across runs and processes.
 */
#ifndef API_TOKEN_H
#define API_TOKEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/conf.h"
#include "ledger/ledger.h"
#include "provider/provider.h"

enum { API_TOKENS = 2 /* primary, secondary */, API_FINGERPRINT_SIZE = 9 };

struct api_token {
    char *text;
    char fingerprint[API_FINGERPRINT_SIZE];
    enum setting setting;
    size_t slot;  /* 0: primary */
    bool refused; /* 401 */
};

struct api_tokens {
    enum provider provider;
    struct ledger *ledger;
    struct api_token token[API_TOKENS];
    size_t count, current;
};

/* The settings of a provider's tokens, primary first. */
enum setting api_token_setting(enum provider provider, size_t slot);

/* Reads the tokens that are set; none is no error. False, with a line in `why`: one is not a word
 * of printable ASCII, its file cannot be read, or memory ran out. */
bool api_tokens_read(struct api_tokens *tokens, const struct conf *conf, enum provider provider,
    struct ledger *ledger, struct buf *why);
void api_tokens_free(struct api_tokens *tokens);

/* The token for the next request; NULL: there is none. */
struct api_token *api_tokens_current(struct api_tokens *tokens);

/* The current one was refused with 401: true when another one is current now. */
bool api_tokens_refused(struct api_tokens *tokens);

/* "1a2b3c4d (CALENDLY_API_TOKEN)", or both of those that were refused. */
void api_tokens_name(const struct api_tokens *tokens, bool refused, struct buf *out);

#endif
