/*
 * cache: answers to GET requests, kept in the ledger and shared by all processes. Internal to the
 * room, but for api_cache_clear (api/api.h).
 *
 * The id of an answer is a digest over the provider, the account of the token, and the address.
 * The account is known once the token has asked about its own user; until then the token's
 * fingerprint is in its place. So tokens of one account share answers, and those of different
 * accounts never do.
 */
#ifndef API_CACHE_H
#define API_CACHE_H

#include <stdbool.h>
#include <stdint.h>

#include "api/token.h"
#include "base/buf.h"

enum { API_CACHED_MAX = 256 << 10 /* a longer answer is not kept */ };

/* CALENDLY_ENABLE_CACHING, and there is a ledger and a token. */
bool api_cache_wanted(const struct api_tokens *tokens);

/* Appends the answer to that address for the current token; counts a hit or a miss. */
bool api_cache_get(const struct api_tokens *tokens, const char *url, struct buf *body);
void api_cache_put(const struct api_tokens *tokens, const char *url, const struct buf *body);

#endif
