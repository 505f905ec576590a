#include "provider/mac.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>

struct mac {
    EVP_MAC *algorithm;
    EVP_MAC_CTX *armed;
};

static bool arm(struct mac *mac, const char *secret)
{
    char sha256[] = "SHA256";
    const OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, sha256, 0),
        OSSL_PARAM_construct_end(),
    };
    mac->algorithm = EVP_MAC_fetch(NULL, "HMAC", NULL);
    mac->armed = mac->algorithm ? EVP_MAC_CTX_new(mac->algorithm) : NULL;
    return mac->armed &&
           EVP_MAC_init(mac->armed, (const unsigned char *)secret, strlen(secret), params) == 1;
}

struct mac *mac_open(const char *secret)
{
    struct mac *mac = calloc(1, sizeof *mac);
    if (mac && !arm(mac, secret)) {
        mac_close(mac);
        return NULL;
    }
    return mac;
}

bool mac_compute(
    struct mac *mac, const struct digest_part *parts, size_t count, unsigned char out[DIGEST_SIZE])
{
    bool ok = EVP_MAC_init(mac->armed, NULL, 0, NULL) == 1;
    for (size_t i = 0; ok && i < count; i++)
        ok = EVP_MAC_update(mac->armed, parts[i].data, parts[i].len) == 1;
    size_t written = 0;
    return ok && EVP_MAC_final(mac->armed, out, &written, DIGEST_SIZE) == 1 &&
           written == DIGEST_SIZE;
}

void mac_close(struct mac *mac)
{
    if (!mac)
        return;
    EVP_MAC_CTX_free(mac->armed);
    EVP_MAC_free(mac->algorithm);
    free(mac);
}
