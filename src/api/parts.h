/*
 * parts: what api.c does for the other files of this room. Internal to the room.
 */
#ifndef API_PARTS_H
#define API_PARTS_H

#include <stdbool.h>
#include <stddef.h>

#include "api/api.h"
#include "api/token.h"

struct api_tokens *api_tokens_of(struct api *api);

/* As api_get, aside from the cache. */
enum api_result api_get_uncached(struct api *api, const char *path, struct api_answer *answer);

#endif
