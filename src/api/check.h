/*
 * check: the state of the tokens, once a run of the drain (api_check_tokens in api/api.h).
 * Internal to the room.
 */
#ifndef API_CHECK_H
#define API_CHECK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "api/api.h"
#include "api/token.h"

/* Asks with that token about its own user, once. True: the provider answered about the token. */
bool api_check_token(struct api *api, size_t which);

struct api_tokens *api_tokens_of(struct api *api);

#endif
