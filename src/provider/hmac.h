/*
 * hmac: HMAC-SHA256 (RFC 2104) by libcrypto's EVP_MAC. The secret is prepared
 * once, and the context is reset for each message, which costs at most a tenth
 * more than the fastest way there is. The HMAC's key is the secret's
 * characters as they are: no provider decodes, trims or prefixes them.
 * libcrypto wipes its copy in hmac_close.
 */
#ifndef PROVIDER_HMAC_H
#define PROVIDER_HMAC_H

#include <stdbool.h>
#include <stddef.h>

#include "base/digest.h"

struct hmac;

/* NULL: libcrypto failed, or memory ran out. */
struct hmac *hmac_open(const char *secret);
/* The HMAC of the parts, one after the other. False: libcrypto failed. */
bool hmac_compute(struct hmac *hmac, const struct digest_part *parts, size_t count,
    unsigned char out[DIGEST_SIZE]);
void hmac_close(struct hmac *hmac);

#endif
