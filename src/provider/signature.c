#include "provider/signature.h"

#include <stdio.h>
#include <string.h>

#include <openssl/crypto.h>

#include "base/hex.h"
#include "provider/mac.h"
#include "provider/provider.h"

enum { TIME_DIGITS = 15 };

/* What each key makes of a body. */
struct expected {
    unsigned char digest[KEYRING_SIZE][DIGEST_SIZE];
    bool there[KEYRING_SIZE];
    bool failed; /* libcrypto, for at least one key */
};

bool keyring_open(struct keyring *ring, const char *primary, const char *secondary)
{
    const char *secrets[KEYRING_SIZE] = {primary, secondary};
    *ring = (struct keyring){0};
    for (int i = 0; i < KEYRING_SIZE; i++) {
        if (!secrets[i] || !*secrets[i])
            continue;
        ring->mac[i] = mac_open(secrets[i]);
        if (!ring->mac[i]) {
            keyring_close(ring);
            return false;
        }
    }
    return true;
}

bool keyring_empty(const struct keyring *ring)
{
    for (int i = 0; i < KEYRING_SIZE; i++)
        if (ring->mac[i])
            return false;
    return true;
}

void keyring_close(struct keyring *ring)
{
    for (int i = 0; i < KEYRING_SIZE; i++)
        mac_close(ring->mac[i]);
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

const char *provider_signature_header(enum provider provider)
{
    return provider == PROVIDER_CALENDLY ? "Calendly-Webhook-Signature" : "X-Cal-Signature-256";
}

bool span_is(struct span span, const char *text)
{
    return span.len == strlen(text) && memcmp(span.at, text, span.len) == 0;
}

static bool span_equal(struct span a, struct span b)
{
    return a.len == b.len && memcmp(a.at, b.at, a.len) == 0;
}

static struct span trimmed(const char *from, const char *to)
{
    while (from < to && (*from == ' ' || *from == '\t'))
        from++;
    while (from < to && (to[-1] == ' ' || to[-1] == '\t'))
        to--;
    return (struct span){from, (size_t)(to - from)};
}

bool calendly_field(const char **header, struct span *name, struct span *value, bool *broken)
{
    while (**header) {
        const char *start = *header;
        const char *end = start + strcspn(start, ",");
        *header = end + (*end == ',');
        if (trimmed(start, end).len == 0)
            continue;
        const char *equals = memchr(start, '=', (size_t)(end - start));
        if (!equals) {
            *broken = true;
            return false;
        }
        *name = trimmed(start, equals);
        *value = trimmed(equals + 1, end);
        return true;
    }
    return false;
}

static bool read_seconds(struct span t, int64_t *seconds)
{
    *seconds = 0;
    for (size_t i = 0; i < t.len; i++) {
        if (t.at[i] < '0' || t.at[i] > '9' || i == TIME_DIGITS)
            return false;
        *seconds = *seconds * 10 + (t.at[i] - '0');
    }
    return t.len > 0;
}

bool calendly_time(const char *header, struct span *t, int64_t *seconds)
{
    struct span name, value;
    bool broken = false;
    *t = (struct span){0};
    while (calendly_field(&header, &name, &value, &broken)) {
        if (!span_is(name, "t"))
            continue;
        if (t->at && !span_equal(*t, value))
            return false;
        *t = value;
    }
    return !broken && t->at && read_seconds(*t, seconds);
}

static void expect(const struct keyring *ring, const struct digest_part *parts, size_t count,
    struct expected *expected)
{
    *expected = (struct expected){0};
    for (int i = 0; i < KEYRING_SIZE; i++) {
        if (!ring->mac[i])
            continue;
        expected->there[i] = mac_compute(ring->mac[i], parts, count, expected->digest[i]);
        expected->failed |= !expected->there[i];
    }
}

/* Compares with every key, whichever matches; the first one that does is told. */
static int match(const struct expected *expected, const unsigned char given[DIGEST_SIZE])
{
    int found = -1;
    for (int i = KEYRING_SIZE - 1; i >= 0; i--) {
        int differs = CRYPTO_memcmp(expected->digest[i], given, DIGEST_SIZE);
        if (expected->there[i] && differs == 0)
            found = i;
    }
    return found;
}

/* A key that cannot be used is like none: the provider is told to come again. */
static enum signature_verdict conclude(const struct expected *expected, int found, int *which)
{
    if (found < 0)
        return expected->failed ? SIGNATURE_NO_KEY : SIGNATURE_WRONG;
    *which = found;
    return SIGNATURE_RIGHT;
}

static enum signature_verdict verify_calcom(
    const struct keyring *ring, const char *header, struct digest_part body, int *which)
{
    unsigned char given[DIGEST_SIZE];
    struct expected expected;
    if (strcmp(header, "no-secret-provided") == 0)
        return SIGNATURE_NOT_SIGNED;
    if (!hex_decode(header, strlen(header), given, sizeof given))
        return SIGNATURE_MALFORMED;
    expect(ring, &body, 1, &expected);
    return conclude(&expected, match(&expected, given), which);
}

static enum signature_verdict verify_calendly(
    const struct keyring *ring, const char *header, struct digest_part body, int *which)
{
    struct span t, name, value;
    int64_t seconds;
    bool broken = false, any = false;
    int found = -1;
    struct expected expected;
    if (!calendly_time(header, &t, &seconds))
        return SIGNATURE_MALFORMED;
    expect(ring, (struct digest_part[]){{t.at, t.len}, {".", 1}, body}, 3, &expected);
    while (calendly_field(&header, &name, &value, &broken)) {
        unsigned char given[DIGEST_SIZE];
        if (!span_is(name, "v1") || !hex_decode(value.at, value.len, given, sizeof given))
            continue;
        int matched = match(&expected, given);
        found = matched >= 0 ? matched : found;
        any = true;
    }
    return any ? conclude(&expected, found, which) : SIGNATURE_MALFORMED;
}

enum signature_verdict provider_verify(enum provider provider, const struct keyring *ring,
    const char *header, const void *body, size_t len, int *which)
{
    struct digest_part part = {body, len};
    if (keyring_empty(ring))
        return SIGNATURE_NO_KEY;
    if (!header || !*header)
        return SIGNATURE_ABSENT;
    return provider == PROVIDER_CALENDLY ? verify_calendly(ring, header, part, which)
                                         : verify_calcom(ring, header, part, which);
}

bool provider_sign(enum provider provider, struct mac *mac, const void *body, size_t len,
    int64_t now, char *out, size_t out_size)
{
    char prefix[TIME_DIGITS + 8] = "", t[TIME_DIGITS + 1] = "";
    struct digest_part parts[] = {{t, 0}, {".", 1}, {body, len}};
    unsigned char digest[DIGEST_SIZE];
    char hex[DIGEST_HEX + 1];
    bool calendly = provider == PROVIDER_CALENDLY;
    if (calendly) {
        if (now < 0 || snprintf(t, sizeof t, "%lld", (long long)now / MS_PER_SECOND) > TIME_DIGITS)
            return false;
        parts[0].len = strlen(t);
        snprintf(prefix, sizeof prefix, "t=%s,v1=", t);
    }
    if (!mac_compute(mac, calendly ? parts : parts + 2, calendly ? 3 : 1, digest))
        return false;
    hex_encode(digest, sizeof digest, hex);
    int written = snprintf(out, out_size, "%s%s", prefix, hex);
    return written > 0 && (size_t)written < out_size;
}
