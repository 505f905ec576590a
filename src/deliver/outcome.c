#include "deliver/outcome.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <curl/curl.h>
#include <openssl/x509_vfy.h>

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

void outcome_say(struct delivery_result *result, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(result->words, sizeof result->words, format, args);
    va_end(args);
}

bool outcome_by_curl(struct delivery_result *result, const char *prefix, int code)
{
    for (size_t i = 0; i < sizeof errors / sizeof errors[0]; i++)
        if (code == errors[i].curl)
            return outcome_set(
                result, errors[i].outcome, "%s-%s-%d", prefix, errors[i].reason, code);
    return false;
}

/* Of a certificate that was not accepted. */
static void explain_certificate(struct delivery_result *result, const struct outcome_peer *peer)
{
    const char *name = peer->name;
    switch (peer->verify) {
    case X509_V_OK: /* the chain is right: only the name is not. libcurl asks for the name first */
    case X509_V_ERR_UNSPECIFIED:
        outcome_say(result,
            "the certificate of %s is for another name: put the name that is in it into %s", name,
            peer->setting);
        break;
    case X509_V_ERR_CERT_HAS_EXPIRED:
    case X509_V_ERR_CERT_NOT_YET_VALID:
        outcome_say(result,
            "the certificate of %s has expired or is not valid yet: compare this machine's clock, "
            "and tell the server's operator",
            name);
        break;
    default:
        outcome_say(result,
            "the certificate of %s is not trusted (%s): install ca-certificates, or name the file "
            "of its authority in BOOKSPOOL_TLS_CA",
            name, X509_verify_cert_error_string(peer->verify));
    }
}

bool outcome_explain_curl(struct delivery_result *result, const struct outcome_peer *peer, int code)
{
    const char *name = peer->name;
    switch (code) {
    case CURLE_COULDNT_RESOLVE_HOST:
        outcome_say(result,
            "the name of %s cannot be resolved: check %s, and this machine's DNS "
            "(/etc/resolv.conf)",
            name, peer->setting);
        return true;
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_PROXY:
        outcome_say(result, "no connection to %s by the proxy: check all_proxy and no_proxy", name);
        return true;
    case CURLE_COULDNT_CONNECT:
        if (peer->os_error == ECONNREFUSED)
            outcome_say(result,
                "%s refused the connection: nothing listens on that port, or a firewall closes it: "
                "check host and port in %s",
                name, peer->setting);
        else
            outcome_say(result, "%s cannot be reached (%s): check %s, network and firewall", name,
                peer->os_error ? strerrordesc_np(peer->os_error) : "no connection", peer->setting);
        return true;
    case CURLE_OPERATION_TIMEDOUT:
        if (peer->connected)
            return false;
        outcome_say(result,
            "no answer from %s within BOOKSPOOL_CONNECT_TIMEOUT: check %s; or a firewall drops it "
            "(many hosters block ports 25 and 465: try 587)",
            name, peer->setting);
        return true;
    case CURLE_OUT_OF_MEMORY:
        outcome_say(result, "out of memory");
        return true;
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_ISSUER_ERROR:
        explain_certificate(result, peer);
        return true;
    case CURLE_SSL_CACERT_BADFILE:
        outcome_say(
            result, "the certificates of BOOKSPOOL_TLS_CA, or the system's, cannot be read");
        return true;
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_SSL_CIPHER:
        outcome_say(
            result, "%s and this machine agree on no TLS: it must take TLS 1.2 or later", name);
        return true;
    default:
        return false;
    }
}

bool outcome_has_phrase(const char *text, const char *list)
{
    char phrase[64];
    for (size_t len; *list; list += len + (list[len] == '|')) {
        len = strcspn(list, "|");
        snprintf(phrase, sizeof phrase, "%.*s", (int)len, list);
        if (strcasestr(text, phrase))
            return true;
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
