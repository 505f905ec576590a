#include "provider/hmac.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>

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

bool hmac_compute(struct hmac *hmac, const struct digest_part *parts, size_t count,
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
