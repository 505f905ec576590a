#include "api/url.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <curl/curl.h>

#include "http/handle.h"

static size_t base_length(const char *base)
{
    size_t len = strlen(base);
    while (len && base[len - 1] == '/')
        len--;
    return len;
}

static bool is_clean(const char *path)
{
    for (const char *at = path; *at; at++)
        if (*at <= ' ' || *at > '~' || *at == '#' || *at == '\\')
            return false;
    size_t len = strcspn(path, "?");
    for (const char *at = path; (at = strstr(at, "/..")) && at < path + len; at++)
        if (at[3] == '\0' || at[3] == '/' || at[3] == '?')
            return false;
    return true;
}

static bool same_part(CURLU *one, CURLU *other, CURLUPart part)
{
    char *a = NULL, *b = NULL;
    bool same = curl_url_get(one, part, &a, CURLU_DEFAULT_PORT) == CURLUE_OK &&
                curl_url_get(other, part, &b, CURLU_DEFAULT_PORT) == CURLUE_OK &&
                strcasecmp(a, b) == 0;
    curl_free(a);
    curl_free(b);
    return same;
}

/* After scheme, host and port, the path goes on where that of the base ends. */
static bool continues(CURLU *base, CURLU *full)
{
    char *a = NULL, *b = NULL;
    bool ok = curl_url_get(base, CURLUPART_PATH, &a, 0) == CURLUE_OK &&
              curl_url_get(full, CURLUPART_PATH, &b, 0) == CURLUE_OK;
    size_t len = ok ? base_length(a) : 0;
    ok = ok && strncmp(a, b, len) == 0 && (b[len] == '/' || b[len] == '\0');
    curl_free(a);
    curl_free(b);
    return ok;
}

static bool on_base(const char *base, const char *full)
{
    CURLU *one = curl_url(), *other = curl_url();
    bool ok = one && other && curl_url_set(one, CURLUPART_URL, base, 0) == CURLUE_OK &&
              curl_url_set(other, CURLUPART_URL, full, 0) == CURLUE_OK &&
              same_part(one, other, CURLUPART_SCHEME) && same_part(one, other, CURLUPART_HOST) &&
              same_part(one, other, CURLUPART_PORT) && continues(one, other) &&
              !handle_url_has(other, CURLUPART_USER) && !handle_url_has(other, CURLUPART_PASSWORD);
    curl_url_cleanup(one);
    curl_url_cleanup(other);
    return ok;
}

bool api_url_make(const char *base, const char *path, struct buf *url)
{
    if (!is_clean(path))
        return false;
    if (*path != '/') { /* the same in the spelling of the base */
        const char *host = strstr(path, "://"), *base_host = strstr(base, "://");
        if (!host || !base_host || !on_base(base, path))
            return false;
        size_t prefix = base_length(base_host + 3) - strcspn(base_host + 3, "/");
        host += 3 + strcspn(host + 3, "/?");
        path = *host == '/' ? host + prefix : host;
    }
    buf_add(url, base, base_length(base));
    buf_puts(url, path);
    return !url->failed;
}

static void put_escaped(struct buf *out, const char *text)
{
    static const char plain[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~";
    for (; *text; text++)
        if (strchr(plain, *text))
            buf_putc(out, *text);
        else
            buf_printf(out, "%%%02X", (unsigned char)*text);
}

/* The next NAME=VALUE of a query; NULL at its end. */
static const char *next_pair(const char **at, size_t *len)
{
    const char *pair = *at;
    if (!*pair)
        return NULL;
    *len = strcspn(pair, "&");
    *at = pair + *len + (pair[*len] == '&');
    return pair;
}

static bool has_name(const char *pair, size_t len, const char *name)
{
    size_t name_len = strlen(name);
    return len > name_len && strncmp(pair, name, name_len) == 0 && pair[name_len] == '=';
}

bool api_url_set(struct buf *url, const char *name, const char *value)
{
    struct buf out = {0};
    const char *text = buf_text(url), *at = text + strcspn(text, "?"), *pair;
    char between = '?';
    size_t len;
    buf_add(&out, text, (size_t)(at - text));
    for (at += *at == '?'; (pair = next_pair(&at, &len));)
        if (!has_name(pair, len, name)) {
            buf_putc(&out, between);
            buf_add(&out, pair, len);
            between = '&';
        }
    buf_printf(&out, "%c%s=", between, name);
    put_escaped(&out, value);
    if (out.failed || url->failed) {
        buf_free(&out);
        return false;
    }
    buf_free(url);
    *url = out;
    return true;
}

bool api_url_get(const char *url, const char *name, struct buf *value)
{
    const char *at = url + strcspn(url, "?"), *pair;
    size_t len;
    for (at += *at == '?'; (pair = next_pair(&at, &len));)
        if (has_name(pair, len, name)) {
            int decoded = 0;
            size_t skip = strlen(name) + 1;
            char *text = curl_easy_unescape(NULL, pair + skip, (int)(len - skip), &decoded);
            bool ok = text && strlen(text) == (size_t)decoded;
            if (ok)
                buf_puts(value, text);
            curl_free(text);
            return ok && !value->failed;
        }
    return false;
}
