/*
 * words: what an answer that is no success means, in words. Pure.
 *
 * What a provider says of the reason goes into the words as one clean line (event/clean.h); a text
 * that holds a token is left out.
 */
#ifndef API_WORDS_H
#define API_WORDS_H

#include <stdbool.h>
#include <stddef.h>

#include <cjson/cJSON.h>

#include "api/api.h"
#include "base/counters.h"

/* The scope that Calendly's documents ask for; SCOPE_OTHER where it is none of those. */
unsigned api_scope_of(const char *method, const char *path);

/*
 * The scopes that a 403 says are missing, as a set of enum counter_scope; 0: it is about something
 * else. `names` gets them as text: "webhooks:write, users:read". Where the answer names none, they
 * are those that the documents ask for that method and path.
 */
unsigned api_missing_scopes(const cJSON *json, const char *challenge, const char *method,
    const char *path, struct buf *names);

/* What the provider says of the reason; nothing where it says none. */
void api_reason(enum provider provider, const cJSON *json, struct buf *out);

struct api_failure {
    enum api_result result;
    enum provider provider;
    long status;
    const char *host;    /* of the base */
    const char *tokens;  /* those that were used, by fingerprint and setting */
    const char *setting; /* of the token */
    const char *base;    /* setting of the base */
    const char *scopes;  /* "": none are missing */
    const char *detail;  /* the provider's reason, or libcurl's; "": none */
};

/* Fills `out`, cut between two characters where it is too long. */
void api_explain(const struct api_failure *failure, char *out, size_t size);

#endif
