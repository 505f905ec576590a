/*
 * provider: what Cal.com and Calendly send, made plain. Pure: no I/O, no
 * globals, no clock of its own; the same arguments give the same result.
 *
 * The receiver calls, in this order, provider_verify (over the raw bytes, before
 * anything parses them), provider_glance (what the replay window, the key and
 * the header need to know) and nothing else; the drain calls provider_map.
 */
#ifndef PROVIDER_PROVIDER_H
#define PROVIDER_PROVIDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "event/event.h"
#include "event/key.h"
#include "event/record.h"

/* ---- signature ---- */

enum { KEYRING_SIZE = 2 };

struct mac; /* an armed HMAC-SHA256 context of libcrypto, see provider/mac.h */

/* The keys of one provider, primary first; NULL where none is set. */
struct keyring {
    struct mac *mac[KEYRING_SIZE];
};

/* Copies what it needs of the secrets; either may be NULL or "". False: libcrypto failed. */
bool keyring_open(struct keyring *ring, const char *primary, const char *secondary);
bool keyring_empty(const struct keyring *ring);
void keyring_close(struct keyring *ring);

enum signature_verdict {
    SIGNATURE_RIGHT,
    SIGNATURE_ABSENT,
    SIGNATURE_MALFORMED,
    SIGNATURE_WRONG,
    SIGNATURE_NOT_SIGNED, /* Cal.com's literal no-secret-provided */
    SIGNATURE_NO_KEY      /* no key is configured: nothing is ever accepted */
};

/* "signature-absent", ...: the reason codes of the log. */
const char *signature_reason(enum signature_verdict verdict);

/*
 * `header` is the value of provider_signature_header(), NULL when absent. On SIGNATURE_RIGHT,
 * *which is the index of the key that matched. Each key is compared in constant time.
 */
enum signature_verdict provider_verify(enum provider provider, const struct keyring *ring,
    const char *header, const void *body, size_t len, int *which);

/* "X-Cal-Signature-256", "Calendly-Webhook-Signature" */
const char *provider_signature_header(enum provider provider);

/* The header value that signs this body now; Cal.com ignores `now`. False: out is too small. */
bool provider_sign(enum provider provider, struct mac *mac, const void *body, size_t len,
    int64_t now, char *out, size_t out_size);

/* ---- what the receiver must know ---- */

enum replay_clock {
    CLOCK_NONE,     /* no signed time: only the memory of keys protects */
    CLOCK_SENT,     /* `at` is when it was sent: the replay window applies */
    CLOCK_SCHEDULED /* `at` is when the meeting starts or ends: a day's slack applies */
};

struct glance {
    char event[65]; /* the provider's event name as a token; "-" when it tells none */
    enum replay_clock clock;
    int64_t at;
    bool ping;      /* Cal.com's test button: counted only */
    bool anonymous; /* carries neither time nor booking: keyed with the hour too */
};

/*
 * For a body whose signature was right. What cannot be understood has no clock and no name; of a
 * body that has both, it does not matter here whether its payload can be read.
 * `header` is the signature header (Calendly's clock is in it). False: memory was short, and
 * nothing is known; to take that for a body without a clock would open the window.
 */
bool provider_glance(enum provider provider, const char *header, const void *body, size_t len,
    struct glance *glance);

/* Within the window, in both directions. `window` is in ms and bounds CLOCK_SENT. */
bool glance_fresh(const struct glance *glance, int64_t now, int64_t window);

/* ---- the booking event ---- */

/*
 * Makes the booking event of a stored record. A body that is not understood
 * becomes KIND_OTHER. False only when memory ran out; the event must be freed either way.
 */
bool provider_map(const struct record *record, struct event *event);

#endif
