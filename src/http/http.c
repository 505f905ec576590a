#include "http/http.h"

#include <stdlib.h>
#include <strings.h>

#include "base/address.h"
#include "base/clock.h"
#include "base/version.h"
#include "http/handle.h"

struct http_client {
    CURL *easy;
    struct handle_upload upload;
    struct http_answer *answer; /* of the request at hand */
    size_t body_max;
    bool has_bearer;
    char error[CURL_ERROR_SIZE];
};

_Static_assert((int)HTTP_ERROR_SIZE >= (int)CURL_ERROR_SIZE, "libcurl writes so much");

/* CURLOPT_PREREQFUNCTION: connected, and TLS is done; the request is next. */
static int on_connected(void *context, char *remote, char *local, int remote_port, int local_port)
{
    (void)remote, (void)local, (void)remote_port, (void)local_port;
    ((struct http_client *)context)->answer->connected = true;
    return CURL_PREREQFUNC_OK;
}

static size_t add_up_to(struct buf *to, size_t most, const char *data, size_t len, bool *cut)
{
    size_t room = most - to->len;
    buf_add(to, data, len < room ? len : room);
    *cut |= len > room;
    return to->failed ? 0 : len;
}

/* CURLOPT_HEADERFUNCTION: a line at a time. */
static size_t on_header(char *line, size_t size, size_t count, void *context)
{
    struct http_answer *answer = ((struct http_client *)context)->answer;
    return add_up_to(&answer->headers, HTTP_HEADERS_MAX, line, size * count, &answer->cut);
}

/* CURLOPT_WRITEFUNCTION */
static size_t on_body(char *data, size_t size, size_t count, void *context)
{
    struct http_client *client = context;
    return add_up_to(
        &client->answer->body, client->body_max, data, size * count, &client->answer->cut);
}

struct http_client *http_open(const struct http_options *options)
{
    const struct handle_policy policy = {.protocols = options->only_tls ? "https" : "http,https",
        .ca = options->ca,
        .no_proxy = options->no_proxy,
        .connect_ms = options->connect_ms,
        .silence_ms = options->silence_ms};
    const struct handle_number numbers[] = {
        {CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1},
        {CURLOPT_TIMEOUT_MS, (long)options->total_ms},
    };
    struct http_client *client = calloc(1, sizeof *client);
    CURL *easy = client ? client->easy = handle_open(&policy, client->error) : NULL;
    if (client) {
        client->body_max = options->body_max ? options->body_max : HTTP_BODY_MAX;
        client->has_bearer = options->bearer != NULL;
    }
    if (easy && handle_set_numbers(easy, numbers, sizeof numbers / sizeof numbers[0]) &&
        (!options->bearer ||
            curl_easy_setopt(easy, CURLOPT_HTTPAUTH, (long)CURLAUTH_BEARER) == CURLE_OK) &&
        handle_set_text(easy, CURLOPT_XOAUTH2_BEARER, options->bearer) &&
        handle_set_text(easy, CURLOPT_UNIX_SOCKET_PATH, options->unix_socket) &&
        handle_set_text(easy, CURLOPT_USERAGENT, "bookspool/" BOOKSPOOL_VERSION) &&
        handle_set_upload(easy, &client->upload) &&
        curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, on_connected) == CURLE_OK &&
        curl_easy_setopt(easy, CURLOPT_PREREQDATA, client) == CURLE_OK &&
        curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header) == CURLE_OK &&
        curl_easy_setopt(easy, CURLOPT_HEADERDATA, client) == CURLE_OK &&
        curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body) == CURLE_OK &&
        curl_easy_setopt(easy, CURLOPT_WRITEDATA, client) == CURLE_OK)
        return client;
    http_close(client);
    return NULL;
}

void http_close(struct http_client *client)
{
    if (client)
        curl_easy_cleanup(client->easy);
    free(client);
}

bool http_set_bearer(struct http_client *client, const char *bearer)
{
    return client->has_bearer &&
           curl_easy_setopt(client->easy, CURLOPT_XOAUTH2_BEARER, bearer) == CURLE_OK;
}

bool http_set_total(struct http_client *client, int64_t total_ms)
{
    return curl_easy_setopt(client->easy, CURLOPT_TIMEOUT_MS, (long)total_ms) == CURLE_OK;
}

/* "Expect:" keeps libcurl from asking first, which costs a round trip. NULL: out of memory. */
static struct curl_slist *header_list(const char *const *lines)
{
    struct curl_slist *list = curl_slist_append(NULL, "Expect:");
    for (; list && *lines; lines++) {
        struct curl_slist *longer = curl_slist_append(list, *lines);
        if (!longer)
            curl_slist_free_all(list);
        list = longer;
    }
    return list;
}

/* libcurl takes a method without a body for a GET of another name, one with a body for a POST. */
static bool set_method(CURL *easy, const char *method, const struct http_request *request)
{
    bool get = strcmp(method, "GET") == 0, post = strcmp(method, "POST") == 0;
    bool body = post || (!get && request->body);
    return curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, get || post ? NULL : method) == CURLE_OK &&
           curl_easy_setopt(easy, body ? CURLOPT_POST : CURLOPT_HTTPGET, 1L) == CURLE_OK &&
           (!body || curl_easy_setopt(
                         easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->len) == CURLE_OK);
}

bool http_send(struct http_client *client, const char *method, const struct http_request *request,
    struct http_answer *answer)
{
    CURL *easy = client->easy;
    CURLcode code = CURLE_OUT_OF_MEMORY;
    int64_t start = clock_monotonic();
    *answer = (struct http_answer){0};
    client->answer = answer;
    client->error[0] = '\0';
    client->upload = (struct handle_upload){.data = request->body,
        .len = request->len,
        .before_end = request->before_end,
        .waiting = request->waiting,
        .context = request->context};
    struct curl_slist *headers = header_list(request->headers);
    if (headers && set_method(easy, method, request) &&
        curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, (long)request->fresh) == CURLE_OK &&
        curl_easy_setopt(easy, CURLOPT_URL, request->url) == CURLE_OK &&
        curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers) == CURLE_OK) {
        code = curl_easy_perform(easy);
        curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &answer->status);
    }
    handle_get_connection(easy, &answer->reached, &answer->os_error, &answer->verify);
    answer->reached |= answer->connected; /* the kept connection */
    if (answer->status < 200)             /* 100 Continue is no answer */
        answer->status = 0;
    answer->code = (int)code;
    answer->milliseconds = clock_monotonic() - start;
    answer->end_given = client->upload.end_given;
    answer->given_up = client->upload.given_up;
    if (code != CURLE_OK)
        snprintf(answer->error, sizeof answer->error, "%s", handle_error(code, client->error));
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, NULL);
    curl_slist_free_all(headers);
    client->upload = (struct handle_upload){0};
    client->answer = NULL;
    return code == CURLE_OK;
}

bool http_post(
    struct http_client *client, const struct http_request *request, struct http_answer *answer)
{
    return http_send(client, "POST", request, answer);
}

bool http_get(
    struct http_client *client, const struct http_request *request, struct http_answer *answer)
{
    return http_send(client, "GET", request, answer);
}

void http_answer_free(struct http_answer *answer)
{
    buf_free(&answer->headers);
    buf_free(&answer->body);
}

void http_answer_header(const struct http_answer *answer, const char *name, char *out, size_t size)
{
    size_t name_len = strlen(name), len = 0;
    const char *line = buf_text(&answer->headers);
    *out = '\0';
    for (size_t line_len; *line; line += line_len + (line[line_len] == '\n')) {
        line_len = strcspn(line, "\n");
        if (line_len <= name_len || line[name_len] != ':' || strncasecmp(line, name, name_len) != 0)
            continue;
        const char *from = line + name_len + 1, *end = line + line_len;
        from += strspn(from, " \t");
        while (end > from && (unsigned char)end[-1] <= ' ')
            end--;
        for (len = 0; from < end && len + 1 < size; from++)
            out[len++] = *from < ' ' || *from > '~' ? '?' : *from;
        out[len] = '\0';
    }
}

/* The host is asked of libcurl, which connects to it. */
static bool is_private(CURLU *parsed, const char *url, bool *plain)
{
    char *scheme = NULL, *host = NULL;
    bool ok = parsed && curl_url_set(parsed, CURLUPART_URL, url, 0) == CURLUE_OK &&
              curl_url_get(parsed, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK &&
              curl_url_get(parsed, CURLUPART_HOST, &host, 0) == CURLUE_OK;
    *plain = ok && strcmp(scheme, "http") == 0;
    ok = ok && (*plain ? address_is_loopback(host) : strcmp(scheme, "https") == 0);
    curl_free(scheme);
    curl_free(host);
    return ok;
}

bool http_is_private(const char *url)
{
    CURLU *parsed = curl_url();
    bool plain, ok = is_private(parsed, url, &plain);
    curl_url_cleanup(parsed);
    return ok;
}

bool http_may_have_credential(const char *url, bool *plain)
{
    CURLU *parsed = curl_url();
    bool may = is_private(parsed, url, plain) && !handle_url_has(parsed, CURLUPART_USER) &&
               !handle_url_has(parsed, CURLUPART_PASSWORD) &&
               !handle_url_has(parsed, CURLUPART_QUERY) &&
               !handle_url_has(parsed, CURLUPART_FRAGMENT);
    curl_url_cleanup(parsed);
    return may;
}
