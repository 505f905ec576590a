/*
 * cgi: a CGI program that fcgiwrap starts for each request: verifies Cal.com's signature of the
 * body with the key SECRET, stores it under SPOOL, answers.
 */
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "durable.h"

static const char *variable(const char *name)
{
    const char *value = getenv(name);
    return value ? value : "";
}

static bool read_body(char *body, size_t length)
{
    size_t have = 0;
    while (have < length) {
        ssize_t count = read(STDIN_FILENO, body + have, length - have);
        if (count <= 0)
            return false;
        have += (size_t)count;
    }
    return true;
}

static bool is_signed(const char *body, size_t length)
{
    const char *key = variable("SECRET"), *given = variable("HTTP_X_CAL_SIGNATURE_256");
    unsigned char digest[32];
    char hex[2 * sizeof digest + 1];
    if (!HMAC(
            EVP_sha256(), key, (int)strlen(key), (const unsigned char *)body, length, digest, NULL))
        return false;
    for (size_t i = 0; i < sizeof digest; i++)
        snprintf(hex + 2 * i, 3, "%02x", digest[i]);
    return strlen(given) == sizeof hex - 1 && CRYPTO_memcmp(given, hex, sizeof hex - 1) == 0;
}

static const char *status_of_request(void)
{
    static char body[BODY_MAX];
    size_t length = strtoul(variable("CONTENT_LENGTH"), NULL, 10);
    if (length > sizeof body)
        return "413 Content Too Large";
    if (!read_body(body, length))
        return "400 Bad Request";
    if (!is_signed(body, length))
        return "401 Unauthorized";
    return durable_store(variable("SPOOL"), body, length) ? "503 Service Unavailable" : "200 OK";
}

int main(void)
{
    printf("Status: %s\r\nContent-Type: text/plain\r\n\r\n", status_of_request());
    return 0;
}
