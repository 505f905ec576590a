/*
 * signature: the secrets of a provider, and checking a request's signature
 * with them. What is signed and how the header spells it is each provider's
 * own; these are the parts that its `verify` and `sign` are made of.
 */
#ifndef PROVIDER_SIGNATURE_H
#define PROVIDER_SIGNATURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/digest.h"

/*
 * HMAC-SHA256 (RFC 2104) under one secret, prepared once. Its key is the secret's characters as
 * they are: no provider decodes, trims or prefixes them. NULL: libcrypto failed, or memory ran out.
 */
struct hmac *hmac_open(const char *secret);
/* libcrypto wipes its copy of the secret. */
void hmac_close(struct hmac *hmac);

enum { PROVIDER_SECRETS = 2 };

/* The secrets of one provider, primary first; NULL where none is set. */
struct provider_secrets {
    struct hmac *hmac[PROVIDER_SECRETS];
};

/* Copies what it needs of the secrets; either may be NULL or "". False: libcrypto failed. */
bool provider_secrets_open(
    struct provider_secrets *secrets, const char *primary, const char *secondary);
bool provider_secrets_empty(const struct provider_secrets *secrets);
void provider_secrets_close(struct provider_secrets *secrets);

enum signature_result {
    SIGNATURE_RIGHT,
    SIGNATURE_ABSENT,
    SIGNATURE_MALFORMED,
    SIGNATURE_WRONG,
    SIGNATURE_NOT_SIGNED, /* the header says that the sender has no secret */
    SIGNATURE_NO_SECRET   /* no secret is configured: nothing is ever accepted */
};

/* A number by which it is seen that a secret was changed, without the secret: 16 bits of its
 * SHA-256, never 0. 0: libcrypto failed. */
unsigned long secret_mark(const char *secret);

/* "signature-absent", ...: the reason codes of the log. */
const char *signature_reason(enum signature_result result);

/* ---- for the providers ---- */

/* The HMACs of the signed text under each secret. */
struct signature_expected {
    unsigned char digest[PROVIDER_SECRETS][DIGEST_SIZE];
    bool there[PROVIDER_SECRETS];
    bool failed; /* libcrypto, for at least one secret */
};

void signature_expect(const struct provider_secrets *secrets, const struct digest_part *parts,
    size_t count, struct signature_expected *expected);

/* The index of the first secret that gives this HMAC, -1 for none. Takes the same time for all. */
int signature_match(
    const struct signature_expected *expected, const unsigned char given[DIGEST_SIZE]);

/*
 * The result for the result of signature_match. Where libcrypto failed, a signature that no
 * other secret matches gives SIGNATURE_NO_SECRET, so that the provider tries again later.
 */
enum signature_result signature_conclude(
    const struct signature_expected *expected, int found, int *which);

/* The HMAC of the parts as 64 hex digits. False: libcrypto failed. */
bool signature_hex(
    struct hmac *hmac, const struct digest_part *parts, size_t count, char hex[DIGEST_HEX + 1]);

#endif
