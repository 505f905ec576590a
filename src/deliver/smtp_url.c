#include "deliver/smtp_url.h"

#include <netdb.h>
#include <string.h>
#include <unistd.h>

#include <curl/curl.h>

#include "base/loopback.h"

enum { HOST_SIZE = 256 };

static const char plain_scheme[] = "smtp+plain://";

bool smtp_url_is_plain(const char *value)
{
    return strncmp(value, plain_scheme, sizeof plain_scheme - 1) == 0;
}

/* A domain or an address literal, RFC 5321 section 4.1.1.1. */
static bool ehlo_valid(const char *name)
{
    size_t len = strlen(name);
    return len > 0 && len < HOST_SIZE &&
           strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.:[]") ==
               len;
}

/* The host name where it has a domain, else the name that the resolver gives it. */
static void full_host_name(char name[HOST_SIZE])
{
    struct addrinfo hints = {.ai_flags = AI_CANONNAME, .ai_socktype = SOCK_STREAM}, *found = NULL;
    if (gethostname(name, HOST_SIZE) < 0)
        name[0] = '\0';
    name[HOST_SIZE - 1] = '\0';
    if (!strchr(name, '.') && getaddrinfo(name, NULL, &hints, &found) == 0) {
        const char *full = found->ai_canonname;
        if (full && strchr(full, '.') && strlen(full) < HOST_SIZE)
            memcpy(name, full, strlen(full) + 1);
        freeaddrinfo(found);
    }
    if (!ehlo_valid(name))
        memcpy(name, "localhost", sizeof "localhost");
}

static bool has_part(CURLU *parsed, CURLUPart part)
{
    char *text = NULL;
    bool has = curl_url_get(parsed, part, &text, 0) == CURLUE_OK;
    /* the path is "/" when there was none */
    has = has && !(part == CURLUPART_PATH && strcmp(text, "/") == 0);
    curl_free(text);
    return has;
}

static bool only_host_and_port(CURLU *parsed)
{
    static const CURLUPart unwanted[] = {
        CURLUPART_USER, CURLUPART_PASSWORD, CURLUPART_PATH, CURLUPART_QUERY, CURLUPART_FRAGMENT};
    for (size_t i = 0; i < sizeof unwanted / sizeof unwanted[0]; i++)
        if (has_part(parsed, unwanted[i]))
            return false;
    return true;
}

/* Sets the path in `parsed`; NULL or what is wrong. */
static const char *check(CURLU *parsed, bool plain, const char *ehlo)
{
    char *host = NULL;
    bool loopback =
        curl_url_get(parsed, CURLUPART_HOST, &host, 0) == CURLUE_OK && host_is_loopback(host);
    curl_free(host);
    if (!only_host_and_port(parsed))
        return "expected HOST or HOST:PORT behind the scheme, and nothing else";
    if (plain && !loopback)
        return "smtp+plain:// is for 127.0.0.1, [::1] and localhost only; use smtp:// (STARTTLS) "
               "or smtps://";
    if (!ehlo_valid(ehlo))
        return "BOOKSPOOL_EHLO: expected a host name";
    if (curl_url_set(parsed, CURLUPART_PATH, ehlo, CURLU_URLENCODE) != CURLUE_OK)
        return "out of memory";
    return NULL;
}

static const char *build(CURLU *parsed, const char *value, const char *ehlo, struct buf *url)
{
    bool plain = smtp_url_is_plain(value);
    struct buf text = {0};
    buf_printf(
        &text, "%s%s", plain ? "smtp://" : "", value + (plain ? sizeof plain_scheme - 1 : 0));
    const char *wrong = NULL;
    if (!parsed || text.failed)
        wrong = "out of memory";
    else if (curl_url_set(parsed, CURLUPART_URL, text.data, 0) != CURLUE_OK)
        wrong = "expected smtp://HOST[:PORT] or smtps://HOST[:PORT]";
    else
        wrong = check(parsed, plain, ehlo);
    buf_free(&text);
    char *whole = NULL;
    if (!wrong && curl_url_get(parsed, CURLUPART_URL, &whole, 0) != CURLUE_OK)
        wrong = "out of memory";
    if (whole)
        buf_puts(url, whole);
    curl_free(whole);
    return wrong;
}

bool smtp_url(const char *value, const char *ehlo, struct buf *url, struct buf *why)
{
    char name[HOST_SIZE];
    if (!ehlo) {
        full_host_name(name);
        ehlo = name;
    }
    CURLU *parsed = curl_url();
    const char *wrong = build(parsed, value, ehlo, url);
    curl_url_cleanup(parsed);
    if (wrong)
        buf_printf(why, "BOOKSPOOL_TRANSPORT: %s", wrong);
    return !wrong && !url->failed;
}
