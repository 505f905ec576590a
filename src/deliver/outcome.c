#include "deliver/outcome.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <curl/curl.h>

static const struct {
    int curl;
    enum outcome outcome;
    const char *reason; /* libcurl's code follows */
} errors[] = {
    {CURLE_COULDNT_RESOLVE_HOST, OUTCOME_RETRY, "dns"},
    {CURLE_COULDNT_RESOLVE_PROXY, OUTCOME_RETRY, "proxy"},
    {CURLE_PROXY, OUTCOME_RETRY, "proxy"},
    {CURLE_COULDNT_CONNECT, OUTCOME_RETRY, "connect"},
    {CURLE_OUT_OF_MEMORY, OUTCOME_RETRY, "memory"},
    {CURLE_LOGIN_DENIED, OUTCOME_BLOCKED, "auth"},
    {CURLE_AUTH_ERROR, OUTCOME_BLOCKED, "auth"},
    {CURLE_SSL_CONNECT_ERROR, OUTCOME_BLOCKED, "tls"},
    {CURLE_PEER_FAILED_VERIFICATION, OUTCOME_BLOCKED, "tls"},
    {CURLE_USE_SSL_FAILED, OUTCOME_BLOCKED, "tls"},
    {CURLE_SSL_CACERT_BADFILE, OUTCOME_BLOCKED, "tls"},
    {CURLE_SSL_CERTPROBLEM, OUTCOME_BLOCKED, "tls"},
    {CURLE_SSL_CIPHER, OUTCOME_BLOCKED, "tls"},
    {CURLE_SSL_ISSUER_ERROR, OUTCOME_BLOCKED, "tls"},
    {CURLE_REMOTE_ACCESS_DENIED, OUTCOME_BLOCKED, "ehlo"},
    {CURLE_UNSUPPORTED_PROTOCOL, OUTCOME_BLOCKED, "setup"},
    {CURLE_URL_MALFORMAT, OUTCOME_BLOCKED, "setup"},
    {CURLE_NOT_BUILT_IN, OUTCOME_BLOCKED, "setup"},
    {CURLE_FAILED_INIT, OUTCOME_BLOCKED, "setup"},
};

bool outcome_set(struct delivery_result *result, enum outcome outcome, const char *reason, ...)
{
    va_list args;
    va_start(args, reason);
    result->outcome = outcome;
    vsnprintf(result->reason, sizeof result->reason, reason, args);
    va_end(args);
    return true;
}

bool outcome_by_curl(struct delivery_result *result, const char *prefix, int code)
{
    for (size_t i = 0; i < sizeof errors / sizeof errors[0]; i++)
        if (code == errors[i].curl) {
            result->words = curl_easy_strerror((CURLcode)code);
            return outcome_set(
                result, errors[i].outcome, "%s-%s-%d", prefix, errors[i].reason, code);
        }
    return false;
}

size_t outcome_add_words(char *text, size_t size, size_t at, const char *words, size_t len)
{
    for (size_t i = 0; i < len && at + 1 < size; i++)
        text[at++] = words[i] < ' ' || words[i] > '~' ? '?' : words[i];
    text[at] = '\0';
    return at;
}

void outcome_add_detail(struct delivery_result *result, const char *words)
{
    outcome_add_words(
        result->detail, sizeof result->detail, strlen(result->detail), words, strlen(words));
}
