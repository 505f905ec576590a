#include "provider/signature.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include "base/hex.h"

struct hmac {
    EVP_MAC *algorithm;
    EVP_MAC_CTX *context;
};

struct hmac *hmac_open(const char *secret)
{
    char sha256[] = "SHA256";
    const OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, sha256, 0),
        OSSL_PARAM_construct_end(),
    };
    struct hmac *hmac = calloc(1, sizeof *hmac);
    if (!hmac)
        return NULL;
    hmac->algorithm = EVP_MAC_fetch(NULL, "HMAC", NULL);
    if (hmac->algorithm)
        hmac->context = EVP_MAC_CTX_new(hmac->algorithm);
    if (!hmac->context ||
        EVP_MAC_init(hmac->context, (const unsigned char *)secret, strlen(secret), params) != 1) {
        hmac_close(hmac);
        return NULL;
    }
    return hmac;
}

static bool hmac_compute(struct hmac *hmac, const struct digest_part *parts, size_t count,
    unsigned char out[DIGEST_SIZE])
{
    bool ok = EVP_MAC_init(hmac->context, NULL, 0, NULL) == 1;
    for (size_t i = 0; ok && i < count; i++)
        ok = EVP_MAC_update(hmac->context, parts[i].data, parts[i].len) == 1;
    size_t written = 0;
    return ok && EVP_MAC_final(hmac->context, out, &written, DIGEST_SIZE) == 1 &&
           written == DIGEST_SIZE;
}

void hmac_close(struct hmac *hmac)
{
    if (!hmac)
        return;
    EVP_MAC_CTX_free(hmac->context);
    EVP_MAC_free(hmac->algorithm);
    free(hmac);
}

unsigned long secret_mark(const char *secret)
{
    char digest[DIGEST_HEX + 1];
    if (!digest_hex(&(struct digest_part){secret, strlen(secret)}, 1, digest))
        return 0;
    digest[4] = '\0';
    return strtoul(digest, NULL, 16) | 0x10000;
}

bool provider_secrets_open(
    struct provider_secrets *secrets, const char *primary, const char *secondary)
{
    const char *given[PROVIDER_SECRETS] = {primary, secondary};
    *secrets = (struct provider_secrets){0};
    for (int i = 0; i < PROVIDER_SECRETS; i++) {
        if (!given[i] || !*given[i])
            continue;
        secrets->hmac[i] = hmac_open(given[i]);
        if (!secrets->hmac[i]) {
            provider_secrets_close(secrets);
            return false;
        }
    }
    return true;
}

bool provider_secrets_empty(const struct provider_secrets *secrets)
{
    for (int i = 0; i < PROVIDER_SECRETS; i++)
        if (secrets->hmac[i])
            return false;
    return true;
}

void provider_secrets_close(struct provider_secrets *secrets)
{
    for (int i = 0; i < PROVIDER_SECRETS; i++)
        hmac_close(secrets->hmac[i]);
    *secrets = (struct provider_secrets){0};
}

const char *signature_reason(enum signature_result result)
{
    static const char *const reasons[] = {
        [SIGNATURE_RIGHT] = "signature-right",
        [SIGNATURE_ABSENT] = "signature-absent",
        [SIGNATURE_MALFORMED] = "signature-malformed",
        [SIGNATURE_WRONG] = "signature-wrong",
        [SIGNATURE_NOT_SIGNED] = "signature-not-signed",
        [SIGNATURE_NO_SECRET] = "signature-no-secret",
    };
    return reasons[result];
}

void signature_expect(const struct provider_secrets *secrets, const struct digest_part *parts,
    size_t count, struct signature_expected *expected)
{
    *expected = (struct signature_expected){0};
    for (int i = 0; i < PROVIDER_SECRETS; i++) {
        if (!secrets->hmac[i])
            continue;
        expected->there[i] = hmac_compute(secrets->hmac[i], parts, count, expected->digest[i]);
        expected->failed |= !expected->there[i];
    }
}

int signature_match(
    const struct signature_expected *expected, const unsigned char given[DIGEST_SIZE])
{
    int found = -1;
    for (int i = PROVIDER_SECRETS - 1; i >= 0; i--) {
        int differs = CRYPTO_memcmp(expected->digest[i], given, DIGEST_SIZE);
        int match = expected->there[i] & (differs == 0);
        found += match * (i - found); /* no branch tells which secret it was */
    }
    return found;
}

enum signature_result signature_conclude(
    const struct signature_expected *expected, int found, int *which)
{
    if (found < 0)
        return expected->failed ? SIGNATURE_NO_SECRET : SIGNATURE_WRONG;
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
