#include "deliver/outcome.h"

#include <stdarg.h>
#include <stdio.h>

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
    {CURLE_LOGIN_DENIED, OUTCOME_HOLD, "auth"},
    {CURLE_AUTH_ERROR, OUTCOME_HOLD, "auth"},
    {CURLE_SSL_CONNECT_ERROR, OUTCOME_HOLD, "tls"},
    {CURLE_PEER_FAILED_VERIFICATION, OUTCOME_HOLD, "tls"},
    {CURLE_USE_SSL_FAILED, OUTCOME_HOLD, "tls"},
    {CURLE_SSL_CACERT_BADFILE, OUTCOME_HOLD, "tls"},
    {CURLE_SSL_CERTPROBLEM, OUTCOME_HOLD, "tls"},
    {CURLE_SSL_CIPHER, OUTCOME_HOLD, "tls"},
    {CURLE_SSL_ISSUER_ERROR, OUTCOME_HOLD, "tls"},
    {CURLE_REMOTE_ACCESS_DENIED, OUTCOME_HOLD, "ehlo"},
    {CURLE_UNSUPPORTED_PROTOCOL, OUTCOME_HOLD, "setup"},
    {CURLE_URL_MALFORMAT, OUTCOME_HOLD, "setup"},
    {CURLE_NOT_BUILT_IN, OUTCOME_HOLD, "setup"},
    {CURLE_FAILED_INIT, OUTCOME_HOLD, "setup"},
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
