#include "provider/signature.h"

#include <openssl/crypto.h>

#include "base/hex.h"

bool keyring_open(struct keyring *ring, const char *primary, const char *secondary)
{
    const char *secrets[KEYRING_SIZE] = {primary, secondary};
    *ring = (struct keyring){0};
    for (int i = 0; i < KEYRING_SIZE; i++) {
        if (!secrets[i] || !*secrets[i])
            continue;
        ring->hmac[i] = hmac_open(secrets[i]);
        if (!ring->hmac[i]) {
            keyring_close(ring);
            return false;
        }
    }
    return true;
}

bool keyring_empty(const struct keyring *ring)
{
    for (int i = 0; i < KEYRING_SIZE; i++)
        if (ring->hmac[i])
            return false;
    return true;
}

void keyring_close(struct keyring *ring)
{
    for (int i = 0; i < KEYRING_SIZE; i++)
        hmac_close(ring->hmac[i]);
    *ring = (struct keyring){0};
}

const char *signature_reason(enum signature_verdict verdict)
{
    static const char *const reasons[] = {
        [SIGNATURE_RIGHT] = "signature-right",
        [SIGNATURE_ABSENT] = "signature-absent",
        [SIGNATURE_MALFORMED] = "signature-malformed",
        [SIGNATURE_WRONG] = "signature-wrong",
        [SIGNATURE_NOT_SIGNED] = "signature-not-signed",
        [SIGNATURE_NO_KEY] = "signature-no-key",
    };
    return reasons[verdict];
}

void signature_expect(const struct keyring *ring, const struct digest_part *parts, size_t count,
    struct signature_expected *expected)
{
    *expected = (struct signature_expected){0};
    for (int i = 0; i < KEYRING_SIZE; i++) {
        if (!ring->hmac[i])
            continue;
        expected->there[i] = hmac_compute(ring->hmac[i], parts, count, expected->digest[i]);
        expected->failed |= !expected->there[i];
    }
}

int signature_match(
    const struct signature_expected *expected, const unsigned char given[DIGEST_SIZE])
{
    int found = -1;
    for (int i = KEYRING_SIZE - 1; i >= 0; i--) {
        int differs = CRYPTO_memcmp(expected->digest[i], given, DIGEST_SIZE);
        if (expected->there[i] && differs == 0)
            found = i;
    }
    return found;
}

enum signature_verdict signature_conclude(
    const struct signature_expected *expected, int found, int *which)
{
    if (found < 0)
        return expected->failed ? SIGNATURE_NO_KEY : SIGNATURE_WRONG;
    *which = found;
    return SIGNATURE_RIGHT;
}

bool signature_hex(
    struct hmac *hmac, const struct digest_part *parts, size_t count, char hex[DIGEST_HEX + 1])
{
    unsigned char digest[DIGEST_SIZE];
    if (!hmac_compute(hmac, parts, count, digest))
        return false;
    hex_encode(digest, sizeof digest, hex);
    return true;
}
