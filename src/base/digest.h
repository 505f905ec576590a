/*
 * digest: SHA-256 (FIPS 180-4) by libcrypto.
 *
 * Ids of events, names of mails and the Sha256 field of a file are SHA-256. The
 * function returns false when libcrypto fails; callers must then stop.
 */
#ifndef BASE_DIGEST_H
#define BASE_DIGEST_H

#include <stdbool.h>
#include <stddef.h>

enum { DIGEST_SIZE = 32, DIGEST_HEX = 2 * DIGEST_SIZE };

struct digest_part {
    const void *data;
    size_t len;
};

/* The digest over the parts in sequence, as 64 hex digits and a NUL. */
bool digest_hex(const struct digest_part *parts, size_t count, char out[DIGEST_HEX + 1]);

#endif
