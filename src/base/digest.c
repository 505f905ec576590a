#include "base/digest.h"

#include <openssl/evp.h>

#include "base/hex.h"

bool digest_hex(const struct digest_part *parts, size_t count, char out[DIGEST_HEX + 1])
{
    unsigned char raw[DIGEST_SIZE];
    static EVP_MD *sha256; /* looked up once, which takes as long as 1 KB takes */
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    if (!sha256)
        sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
    bool ok = ctx && sha256 && EVP_DigestInit_ex(ctx, sha256, NULL) == 1;
    for (size_t i = 0; ok && i < count; i++)
        ok = EVP_DigestUpdate(ctx, parts[i].data, parts[i].len) == 1;
    ok = ok && EVP_DigestFinal_ex(ctx, raw, NULL) == 1;
    EVP_MD_CTX_free(ctx);
    if (ok)
        hex_encode(raw, sizeof raw, out);
    return ok;
}
