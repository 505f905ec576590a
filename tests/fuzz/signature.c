/*
 * signature: a signature header and a body, for each provider.
 *
 *     HEADER LF BODY       in the header, bytes 1 and 2 become the right HMAC in hex under the
 *                          primary and the secondary secret
 *
 * Whatever the header is, it is accepted only where such an HMAC is in it; what a provider's own
 * `sign` makes is accepted always, and never for another body.
 */
#include "fuzz.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "base/digest.h"
#include "base/hex.h"
#include "provider/provider.h"

static const char *const secret[PROVIDER_SECRETS] = {"the primary secret", "another one"};
static struct provider_secrets ring;

/* By another function of libcrypto than provider/signature.c uses. */
static void hmac_of(int which, const struct buf *text, char hex[DIGEST_HEX + 1])
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    HMAC(EVP_sha256(), secret[which], (int)strlen(secret[which]),
        (const unsigned char *)buf_text(text), text->len, digest, &len);
    for (unsigned i = 0; i < len; i++)
        snprintf(hex + 2 * (size_t)i, 3, "%02x", digest[i]);
}

/* What is signed: for Calendly the digits after the first "t=", a dot and the body. */
static void signed_text(
    enum provider provider, const char *header, const char *body, size_t len, struct buf *text)
{
    const char *t = provider == PROVIDER_CALENDLY ? strstr(header, "t=") : NULL;
    if (t)
        buf_add(text, t + 2, strspn(t + 2, "0123456789"));
    if (provider == PROVIDER_CALENDLY)
        buf_puts(text, ".");
    buf_add(text, body, len);
}

static void one(enum provider provider, const char *raw, const char *body, size_t len)
{
    char hex[PROVIDER_SECRETS][DIGEST_HEX + 1];
    struct buf header = {0}, text = {0};
    int which = -1;
    signed_text(provider, raw, body, len, &text);
    for (int i = 0; i < PROVIDER_SECRETS; i++)
        hmac_of(i, &text, hex[i]);
    for (; *raw; raw++)
        if (*raw == 1 || *raw == 2)
            buf_puts(&header, hex[*raw - 1]);
        else
            buf_putc(&header, *raw);
    enum signature_result result =
        provider_verify(provider, &ring, buf_text(&header), body, len, &which);
    bool primary = strstr(buf_text(&header), hex[0]), secondary = strstr(buf_text(&header), hex[1]);
    REQUIRE(result != SIGNATURE_NO_SECRET && fuzz_is_code(signature_reason(result)), "%d", result);
    if (result == SIGNATURE_RIGHT)
        REQUIRE((which == 0 && primary) || (which == 1 && secondary), "%s", buf_text(&header));
    buf_free(&header);
    buf_free(&text);
}

/* Both secrets sign; one bit more or less is a forgery. */
static void as_signed(enum provider provider, char *body, size_t len)
{
    char header[128];
    int which;
    for (int i = 0; i < PROVIDER_SECRETS; i++) {
        REQUIRE(provider_sign(provider, ring.hmac[i], body, len, INT64_C(1795255200000), header,
                    sizeof header),
            "signing");
        which = -1;
        REQUIRE(provider_verify(provider, &ring, header, body, len, &which) == SIGNATURE_RIGHT &&
                    which == i,
            "secret %d: %s", i, header);
        if (len == 0)
            continue;
        body[len / 2] ^= 1;
        REQUIRE(provider_verify(provider, &ring, header, body, len, &which) == SIGNATURE_WRONG,
            "another body: %s", header);
        body[len / 2] ^= 1;
        REQUIRE(provider_verify(provider, &ring, header, body, len - 1, &which) == SIGNATURE_WRONG,
            "a shorter body: %s", header);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (provider_secrets_empty(&ring))
        REQUIRE(provider_secrets_open(&ring, secret[0], secret[1]), "libcrypto");
    const uint8_t *end = size ? memchr(data, '\n', size) : NULL;
    size_t header_len = end ? (size_t)(end - data) : size;
    size_t body_len = end ? size - header_len - 1 : 0;
    char *header = fuzz_copy(data, header_len);
    char *body = fuzz_copy(end ? end + 1 : NULL, body_len);
    for (enum provider p = 0; p < PROVIDERS; p++) {
        one(p, header, body, body_len);
        as_signed(p, body, body_len);
    }
    free(header);
    free(body);
    return 0;
}
