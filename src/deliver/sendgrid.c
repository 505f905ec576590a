#include "deliver/sendgrid.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <curl/curl.h>

#include "base/address.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/loopback.h"
#include "base/version.h"
#include "deliver/sendgrid_body.h"
#include "deliver/sendgrid_outcome.h"

#define SEND_PATH "/v3/mail/send"

enum { ANSWER_MAX = 8192, ID_SIZE = 80 };

/* What one request is about and has seen. */
struct exchange {
    const struct delivery *delivery;
    struct buf body;
    size_t given; /* bytes of it that libcurl has got */
    struct buf answer;
    char id[ID_SIZE]; /* X-Message-Id */
    struct sendgrid_attempt attempt;
};

struct sendgrid {
    CURL *easy;
    struct curl_slist *headers;
    char error[CURL_ERROR_SIZE];
    struct exchange exchange;
};

/* ---- libcurl's calls ---- */

/* CURLOPT_PREREQFUNCTION: connected, and TLS is done; the request is next. */
static int on_ready(void *context, char *remote, char *local, int remote_port, int local_port)
{
    (void)remote, (void)local, (void)remote_port, (void)local_port;
    ((struct sendgrid *)context)->exchange.attempt.connected = true;
    return CURL_PREREQFUNC_OK;
}

/* CURLOPT_READFUNCTION. With a known size libcurl may not call again after the last byte. */
static size_t on_body(char *out, size_t size, size_t count, void *context)
{
    struct exchange *exchange = &((struct sendgrid *)context)->exchange;
    const struct delivery *delivery = exchange->delivery;
    size_t room = size * count, rest = exchange->body.len - exchange->given;
    size_t len = rest < room ? rest : room;
    if (len == rest && !exchange->attempt.end_given) {
        if (!delivery->before_end(delivery->context)) {
            exchange->attempt.given_up = true;
            return CURL_READFUNC_ABORT;
        }
        exchange->attempt.end_given = true;
    }
    memcpy(out, exchange->body.data + exchange->given, len);
    exchange->given += len;
    return len;
}

/* The value of that header if the line is one of it, less the blanks around it. */
static bool header_value(
    const char *line, size_t len, const char *name, const char **value, size_t *value_len)
{
    size_t n = strlen(name);
    if (len <= n || line[n] != ':' || strncasecmp(line, name, n) != 0)
        return false;
    const char *from = line + n + 1, *end = line + len;
    while (from < end && (*from == ' ' || *from == '\t'))
        from++;
    while (end > from && (unsigned char)end[-1] <= ' ')
        end--;
    *value = from;
    *value_len = (size_t)(end - from);
    return true;
}

/* Others' words end in .why files and on terminals: printable ASCII only. */
static void keep_printable(char *to, size_t size, const char *text, size_t len)
{
    size_t n = 0;
    for (; n < len && n + 1 < size; n++)
        to[n] = text[n] < ' ' || text[n] > '~' ? '?' : text[n];
    to[n] = '\0';
}

/* CURLOPT_HEADERFUNCTION: a line at a time, not ended by a NUL. */
static size_t on_header(char *line, size_t size, size_t count, void *context)
{
    struct exchange *exchange = &((struct sendgrid *)context)->exchange;
    const char *value;
    size_t len = size * count, value_len;
    char number[24];
    if (header_value(line, len, "X-Message-Id", &value, &value_len)) {
        keep_printable(exchange->id, sizeof exchange->id, value, value_len);
    } else if (header_value(line, len, "X-RateLimit-Reset", &value, &value_len)) {
        keep_printable(number, sizeof number, value, value_len);
        exchange->attempt.reset = strtoll(number, NULL, 10);
    }
    return len;
}

/* CURLOPT_WRITEFUNCTION: what is longer than an answer of theirs is not kept. */
static size_t on_answer(char *data, size_t size, size_t count, void *context)
{
    struct buf *answer = &((struct sendgrid *)context)->exchange.answer;
    size_t len = size * count, room = ANSWER_MAX - answer->len;
    buf_add(answer, data, len < room ? len : room);
    return len;
}

/* CURLOPT_XFERINFOFUNCTION: called at least once a second, also while an answer is waited for. */
static int on_time(void *context, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
    (void)a, (void)b, (void)c, (void)d;
    const struct delivery *delivery = ((struct sendgrid *)context)->exchange.delivery;
    if (delivery && delivery->waiting)
        delivery->waiting(delivery->context);
    return 0;
}

/* ---- setting up ---- */

static bool has_part(CURLU *url, CURLUPart part)
{
    char *text = NULL;
    bool has = curl_url_get(url, part, &text, 0) == CURLUE_OK;
    curl_free(text);
    return has;
}

/* https, or http to this machine; no login, no query. */
static bool base_allowed(CURLU *url, bool *plain)
{
    char *scheme = NULL, *host = NULL;
    bool allowed = curl_url_get(url, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK &&
                   curl_url_get(url, CURLUPART_HOST, &host, 0) == CURLUE_OK;
    *plain = allowed && strcmp(scheme, "http") == 0;
    allowed = allowed && (*plain ? host_is_loopback(host) : strcmp(scheme, "https") == 0) &&
              !has_part(url, CURLUPART_USER) && !has_part(url, CURLUPART_PASSWORD) &&
              !has_part(url, CURLUPART_QUERY) && !has_part(url, CURLUPART_FRAGMENT);
    curl_free(scheme);
    curl_free(host);
    return allowed;
}

static bool make_url(const char *base, struct buf *url, bool *plain)
{
    size_t len = strlen(base);
    while (len && base[len - 1] == '/')
        len--;
    buf_add(url, base, len);
    buf_puts(url, SEND_PATH);
    CURLU *parsed = curl_url();
    bool ok = !url->failed && parsed &&
              curl_url_set(parsed, CURLUPART_URL, url->data, 0) == CURLUE_OK &&
              base_allowed(parsed, plain);
    curl_url_cleanup(parsed);
    return ok;
}

/* 406 answers who does not say that they take JSON; "Expect:" spares a round trip. */
static struct curl_slist *make_headers(void)
{
    static const char *const lines[] = {
        "Content-Type: application/json", "Accept: application/json", "Expect:"};
    struct curl_slist *list = NULL;
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        struct curl_slist *longer = curl_slist_append(list, lines[i]);
        if (!longer) {
            curl_slist_free_all(list);
            return NULL;
        }
        list = longer;
    }
    return list;
}

static bool set_text(CURL *easy, CURLoption name, const char *text)
{
    return !text || curl_easy_setopt(easy, name, text) == CURLE_OK;
}

static bool set_policy(CURL *easy, const struct conf *conf, bool plain)
{
    long reply_s =
        (long)((conf_number(conf, SET_REPLY_TIMEOUT) + MS_PER_SECOND - 1) / MS_PER_SECOND);
    const struct {
        CURLoption name;
        long value;
    } options[] = {
        {CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2},
        {CURLOPT_SSL_VERIFYPEER, 1},
        {CURLOPT_SSL_VERIFYHOST, 2},
        {CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1},
        {CURLOPT_HTTPAUTH, (long)CURLAUTH_BEARER},
        {CURLOPT_FOLLOWLOCATION, 0},
        {CURLOPT_CONNECTTIMEOUT_MS, (long)conf_number(conf, SET_CONNECT_TIMEOUT)},
        {CURLOPT_LOW_SPEED_LIMIT, 1}, /* also while an answer is waited for */
        {CURLOPT_LOW_SPEED_TIME, reply_s},
        {CURLOPT_POST, 1},
        {CURLOPT_TCP_KEEPALIVE, 1},
        {CURLOPT_SUPPRESS_CONNECT_HEADERS, 1},
        {CURLOPT_NOPROGRESS, 0},
        {CURLOPT_NOSIGNAL, 1},
    };
    for (size_t i = 0; i < sizeof options / sizeof options[0]; i++)
        if (curl_easy_setopt(easy, options[i].name, options[i].value) != CURLE_OK)
            return false;
    return set_text(easy, CURLOPT_PROTOCOLS_STR, plain ? "http" : "https") &&
           set_text(easy, CURLOPT_NOPROXY, plain ? "*" : NULL) &&
           set_text(easy, CURLOPT_USERAGENT, "bookspool/" BOOKSPOOL_VERSION) &&
           set_text(easy, CURLOPT_CAINFO, conf_text(conf, SET_TLS_CA)) &&
           set_text(easy, CURLOPT_XOAUTH2_BEARER, conf_text(conf, SET_SENDGRID_API_KEY));
}

static bool set_callbacks(struct sendgrid *sendgrid)
{
    CURL *easy = sendgrid->easy;
    return curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, sendgrid->error) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_HTTPHEADER, sendgrid->headers) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, on_ready) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_PREREQDATA, sendgrid) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_READFUNCTION, on_body) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_READDATA, sendgrid) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_HEADERDATA, sendgrid) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_answer) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_WRITEDATA, sendgrid) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_XFERINFOFUNCTION, on_time) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_XFERINFODATA, sendgrid) == CURLE_OK;
}

static bool key_usable(const char *key)
{
    while (key && *key > ' ' && *key <= '~')
        key++;
    return key && *key == '\0';
}

static struct sendgrid *make(const struct conf *conf, const char *url, bool plain)
{
    struct sendgrid *sendgrid = NULL;
    if (curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK)
        sendgrid = calloc(1, sizeof *sendgrid);
    if (!sendgrid)
        return NULL;
    sendgrid->easy = curl_easy_init();
    sendgrid->headers = make_headers();
    if (sendgrid->easy && sendgrid->headers && set_text(sendgrid->easy, CURLOPT_URL, url) &&
        set_policy(sendgrid->easy, conf, plain) && set_callbacks(sendgrid))
        return sendgrid;
    sendgrid_close(sendgrid);
    return NULL;
}

void *sendgrid_open(const struct conf *conf, const char *value, struct buf *why)
{
    bool plain = false;
    struct buf url = {0};
    struct sendgrid *sendgrid = NULL;
    if (strcmp(value, "sendgrid:") != 0)
        buf_puts(why, "BOOKSPOOL_TRANSPORT: nothing follows sendgrid:; the rest is in "
                      "SENDGRID_API_KEY and SENDGRID_API_BASE");
    else if (!key_usable(conf_text(conf, SET_SENDGRID_API_KEY)))
        buf_puts(why, "SENDGRID_API_KEY: is required with sendgrid:, one word of printable ASCII");
    else if (!make_url(conf_text(conf, SET_SENDGRID_API_BASE), &url, &plain))
        buf_puts(why, "SENDGRID_API_BASE: expected https://HOST (http:// is for 127.0.0.1, [::1] "
                      "and localhost only)");
    else if (!(sendgrid = make(conf, url.data, plain)))
        buf_puts(why, "libcurl cannot be set up for SendGrid");
    buf_free(&url);
    return sendgrid;
}

void sendgrid_close(void *state)
{
    struct sendgrid *sendgrid = state;
    curl_easy_cleanup(sendgrid->easy);
    curl_slist_free_all(sendgrid->headers);
    free(sendgrid);
}

/* ---- sending ---- */

static void perform(struct sendgrid *sendgrid)
{
    struct exchange *exchange = &sendgrid->exchange;
    CURL *easy = sendgrid->easy;
    CURLcode code =
        curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)exchange->body.len);
    if (code == CURLE_OK)
        code = curl_easy_perform(easy);
    exchange->attempt.curl = (int)code;
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &exchange->attempt.status);
    if (exchange->attempt.status < 200) /* 100 Continue is no answer */
        exchange->attempt.status = 0;
}

static void describe(
    const struct sendgrid *sendgrid, const char *message, struct delivery_result *result)
{
    const struct exchange *exchange = &sendgrid->exchange;
    char words[DETAIL_SIZE_MAX] = "";
    if (message)
        keep_printable(words, sizeof words, message, strlen(message));
    else if (exchange->id[0])
        snprintf(words, sizeof words, "X-Message-Id: %s", exchange->id);
    if (exchange->attempt.status)
        snprintf(result->detail, sizeof result->detail, "%ld%s%.300s", exchange->attempt.status,
            words[0] ? " " : "", words);
    else
        snprintf(result->detail, sizeof result->detail, "%s",
            sendgrid->error[0] ? sendgrid->error
                               : curl_easy_strerror((CURLcode)exchange->attempt.curl));
}

/* {"errors":[{"message":"...","field":"personalizations.0.to"|null,"help":...}]} */
static void judge(struct sendgrid *sendgrid, struct delivery_result *result)
{
    struct exchange *exchange = &sendgrid->exchange;
    cJSON *answer = json_parse(buf_text(&exchange->answer), exchange->answer.len);
    const cJSON *errors = json_get(answer, "errors");
    const cJSON *first = cJSON_IsArray(errors) ? cJSON_GetArrayItem(errors, 0) : NULL;
    exchange->attempt.field = json_text(first, "field");
    sendgrid_classify(&exchange->attempt, clock_now(), result);
    describe(sendgrid, json_text(first, "message"), result);
    exchange->attempt.field = NULL;
    cJSON_Delete(answer);
}

static void refuse(struct delivery_result *result, const char *reason, const char *detail)
{
    result->outcome = OUTCOME_NEVER;
    snprintf(result->reason, sizeof result->reason, "%s", reason);
    snprintf(result->detail, sizeof result->detail, "%s", detail);
}

void sendgrid_send(void *state, const struct delivery *delivery, struct delivery_result *result)
{
    struct sendgrid *sendgrid = state;
    *result = (struct delivery_result){0};
    sendgrid->exchange = (struct exchange){.delivery = delivery};
    sendgrid->error[0] = '\0';
    if (!address_valid(delivery->from) || !address_valid(delivery->to)) {
        refuse(result, "sendgrid-invalid", "not a bare address");
    } else if (!sendgrid_body(delivery, &sendgrid->exchange.body)) {
        refuse(result, "sendgrid-body", "the message cannot be read, or it has no text");
    } else {
        perform(sendgrid);
        judge(sendgrid, result);
    }
    buf_free(&sendgrid->exchange.body);
    buf_free(&sendgrid->exchange.answer);
    sendgrid->exchange.delivery = NULL;
}
