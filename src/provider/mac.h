/*
 * mac: HMAC-SHA256 (RFC 2104) by libcrypto's EVP_MAC, armed once per key and
 * re-armed for each message, which is within a tenth of the fastest way there
 * is. The key is the secret's characters as they stand: neither provider
 * decodes, trims or prefixes it. libcrypto wipes its copy when the mac is closed.
 */
#ifndef PROVIDER_MAC_H
#define PROVIDER_MAC_H

#include <stdbool.h>
#include <stddef.h>

#include "base/digest.h"

struct mac;

struct mac *mac_open(const char *secret);
bool mac_compute(
    struct mac *mac, const struct digest_part *parts, size_t count, unsigned char out[DIGEST_SIZE]);
void mac_close(struct mac *mac);

#endif
