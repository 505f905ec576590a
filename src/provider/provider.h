/*
 * provider: the table of the providers whose webhooks are understood. Everything
 * that only one provider has (its names, settings, signature, and the shape of
 * its bodies) is in its row, and other code asks the row. Pure: no I/O, no
 * globals, no clock of its own; the same arguments give the same result.
 *
 * The receiver calls, in this order, provider_verify (over the raw bytes, before
 * anything parses them) and provider_envelope (what the replay window, the id and
 * the file's header need); the drain calls provider_map.
 *
 * To add a provider, see src/README.md.
 */
#ifndef PROVIDER_PROVIDER_H
#define PROVIDER_PROVIDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/settings.h"
#include "event/event.h"
#include "provider/envelope.h"
#include "provider/signature.h"

/* Positions in the table. Counters are stored by them, so new ones are added at the end. */
enum provider { PROVIDER_CALCOM, PROVIDER_CALENDLY, PROVIDERS };

struct provider_row {
    const char *name;  /* "calcom": in paths, files, JSON, the ledger and on command lines */
    const char *title; /* "Cal.com": in mails and messages */
    const char *signature_header;
    /* The header that names the form of the payload, and the forms that `map` was written for, NULL
     * at their end; both NULL where the provider has none. It is not signed: only counted by. */
    const char *version_header;
    const char *const *versions;

    enum setting secret[PROVIDER_SECRETS]; /* primary, secondary */
    enum setting endpoint;
    enum setting window;   /* replay window, in ms */
    enum setting base_url; /* where the web server is reached from outside, for tests */

    /* For samples: the signed time is a member of the body (and not of the signature header). */
    bool time_in_body;
    /* The body of a test: signed, it is answered 200 `pong`, and never stored. */
    const char *ping;

    /* As provider_verify; there is a secret, and the header is not empty. */
    enum signature_result (*verify)(const struct provider_secrets *secrets, const char *header,
        struct digest_part body, int *which);
    /* As provider_sign. */
    bool (*sign)(
        struct hmac *hmac, struct digest_part body, int64_t now, char *out, size_t out_size);
    /* Sets event, clock, at and ping. root is NULL when the body is not JSON; objects and
     * arrays inside it are empty. header may be NULL. */
    void (*envelope)(const cJSON *root, const char *header, struct envelope *envelope);
    /* Sets name, kind, sent_at and booking, from a body that is a JSON object. */
    void (*map)(const cJSON *root, struct event *event);
};

extern const struct provider_row *const provider_table[]; /* PROVIDERS rows */

/* The row's name. */
const char *provider_name(enum provider provider);
/* False: no provider has this name. */
bool provider_parse(const char *name, enum provider *provider);
/* The title of the provider with this name; the name itself where it is unknown. */
const char *provider_title(const char *name);
/* Was `map` written for this version of the payload? Absent ("" or NULL) is the oldest one. */
bool provider_version_known(enum provider provider, const char *version);
/* "calcom or calendly": all names, for messages. */
void provider_list_names(struct buf *out);

/*
 * `header` is the value of the row's signature_header, NULL when absent. On SIGNATURE_RIGHT,
 * *which is the index of the secret that matched. Each secret is compared in constant time.
 */
enum signature_result provider_verify(enum provider provider,
    const struct provider_secrets *secrets, const char *header, const void *body, size_t len,
    int *which);

/* The header value that signs this body now. False: libcrypto failed, or out is too small. */
bool provider_sign(enum provider provider, struct hmac *hmac, const void *body, size_t len,
    int64_t now, char *out, size_t out_size);

/*
 * For a body whose signature is right. A body that cannot be understood has no clock and no name;
 * of a body that has both, it does not matter here whether its payload can be parsed.
 * `header` is the signature header. False: memory ran out and nothing is known. The caller must
 * not go on then: a body taken for one without a clock would pass every replay window.
 */
bool provider_envelope(enum provider provider, const char *header, const void *body, size_t len,
    struct envelope *envelope);

/* One webhook as it was received. */
struct webhook {
    enum provider provider;
    const char *id;
    int64_t received; /* ms */
    const char *body;
    size_t length;
};

/*
 * Makes the booking event of a webhook. A body that is not understood becomes KIND_OTHER.
 * False only when memory ran out; the event must be freed either way.
 */
bool provider_map(const struct webhook *webhook, struct event *event);

#endif
