#include "tool/http.h"

#include <stdio.h>

#include <curl/curl.h>

#include "base/clock.h"
#include "base/version.h"

static size_t keep(char *data, size_t size, size_t count, void *context)
{
    struct buf *body = context;
    size_t len = size * count, room = HTTP_ANSWER_MAX - body->len;
    buf_add(body, data, len < room ? len : room);
    return body->failed ? 0 : len;
}

static struct curl_slist *make_headers(const struct http_request *request)
{
    char type[160];
    snprintf(type, sizeof type, "Content-Type: %s", request->type);
    struct curl_slist *list = curl_slist_append(NULL, type), *longer;
    /* "Expect:" keeps libcurl from asking first: providers send at once. */
    const char *const more[] = {request->header, "Expect:"};
    for (size_t i = 0; list && i < sizeof more / sizeof *more; i++) {
        longer = curl_slist_append(list, more[i]);
        if (!longer)
            curl_slist_free_all(list);
        list = longer;
    }
    return list;
}

static CURLcode perform(CURL *curl, const struct http_request *request,
    const struct curl_slist *headers, struct http_answer *answer)
{
    curl_easy_setopt(curl, CURLOPT_URL, request->url);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT, (long)HTTP_TIMEOUT);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_USERAGENT, "bookspool/" BOOKSPOOL_VERSION);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, buf_text(request->body));
    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body->len);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, keep);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, &answer->body);
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, answer->error);
    if (request->cacert)
        curl_easy_setopt(curl, CURLOPT_CAINFO, request->cacert);
    if (request->unix_socket)
        curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, request->unix_socket);
    return curl_easy_perform(curl);
}

_Static_assert(sizeof((struct http_answer *)0)->error >= CURL_ERROR_SIZE, "libcurl writes so much");

bool http_post(const struct http_request *request, struct http_answer *answer)
{
    *answer = (struct http_answer){0};
    CURL *curl = curl_easy_init();
    struct curl_slist *headers = curl ? make_headers(request) : NULL;
    CURLcode code = CURLE_OUT_OF_MEMORY;
    if (headers) {
        int64_t start = clock_monotonic();
        code = perform(curl, request, headers, answer);
        answer->milliseconds = clock_monotonic() - start;
        curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &answer->status);
    }
    if (code != CURLE_OK && !*answer->error)
        snprintf(answer->error, sizeof answer->error, "%s", curl_easy_strerror(code));
    curl_slist_free_all(headers);
    curl_easy_cleanup(curl);
    return code == CURLE_OK && !answer->body.failed;
}
