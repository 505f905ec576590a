/*
 * digest: SHA-256 (FIPS 180-4) by libcrypto.
 *
 * Everything that names or seals a file is a SHA-256: keys of events, names of
 * mails, the Sha256 field. A library that cannot digest cannot keep a promise:
 * the functions say so by returning false, and their callers refuse to go on.
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

/* The digest over the parts, one behind the other, as 64 hex digits and a NUL. */
bool digest_hex(const struct digest_part *parts, size_t count, char out[DIGEST_HEX + 1]);

#endif
