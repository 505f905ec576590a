#include "deliver/sendgrid.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <curl/curl.h>

#include "base/address.h"
#include "base/clock.h"
#include "base/json.h"
#include "deliver/outcome.h"
#include "deliver/sendgrid_body.h"
#include "http/http.h"

#define SEND_PATH "/v3/mail/send"

enum { NAME_SIZE = 80, ID_SIZE = 80, NUMBER_SIZE = 24, FIELD_MAX = 20 };

struct sendgrid {
    struct http_client *client;
    struct buf url;
    char name[NAME_SIZE]; /* of the host, for words */
};

void *sendgrid_open(const struct conf *conf, const struct target *target, struct buf *why)
{
    (void)target;
    const char *key = conf_text(conf, SET_SENDGRID_API_KEY);
    struct sendgrid *sendgrid = calloc(1, sizeof *sendgrid);
    const char *base = conf_text(conf, SET_SENDGRID_API_BASE);
    size_t base_len = strlen(base);
    const char *host = strstr(base, "://");
    bool plain = false;
    while (base_len && base[base_len - 1] == '/')
        base_len--;
    if (sendgrid)
        buf_printf(&sendgrid->url, "%.*s" SEND_PATH, (int)base_len, base);
    if (sendgrid && host)
        snprintf(
            sendgrid->name, sizeof sendgrid->name, "%.*s", (int)strcspn(host + 3, "/?#"), host + 3);
    if (!sendgrid || sendgrid->url.failed)
        conf_fault(conf, SET_TRANSPORT, why, "out of memory");
    else if (!key)
        conf_fault(
            conf, SET_SENDGRID_API_KEY, why, "is required with sendgrid:; set it in drain.env");
    else if (!target_is_word(key))
        conf_fault(conf, SET_SENDGRID_API_KEY, why, "must be one word of printable ASCII");
    else if (!http_may_have_credential(sendgrid->url.data, &plain))
        conf_fault(conf, SET_SENDGRID_API_BASE, why,
            "must be https://HOST (http:// is for 127.0.0.1, [::1] and localhost only)");
    else if (!(sendgrid->client = http_open(&(struct http_options){
                   .ca = conf_text(conf, SET_TLS_CA),
                   .bearer = key,
                   .only_tls = !plain,
                   .no_proxy = plain,
                   .connect_ms = conf_number(conf, SET_CONNECT_TIMEOUT),
                   .silence_ms = conf_number(conf, SET_REPLY_TIMEOUT),
               })))
        conf_fault(
            conf, SET_TRANSPORT, why, "libcurl cannot be set up for SendGrid (out of memory?)");
    else
        return sendgrid;
    sendgrid_close(sendgrid);
    return NULL;
}

void sendgrid_close(void *state)
{
    struct sendgrid *sendgrid = state;
    if (sendgrid) {
        http_close(sendgrid->client);
        buf_free(&sendgrid->url);
    }
    free(sendgrid);
}

/* ---- what an answer means ---- */

/* Where a 429 does not say when it is over. */
#define RATE_LIMIT_WAIT (60 * INT64_C(1000))

/* Where credits are used up. */
#define LIMIT_WAIT (4 * 3600 * INT64_C(1000))

/* The first row that fits decides. Words follow the name of the interface's host. */
static const struct {
    long low, high;
    const char *field;   /* NULL: whatever the error is about */
    const char *phrases; /* one of them is in the error's words; NULL: whatever they are */
    enum outcome outcome;
    const char *cause; /* ends the reason; NULL: nothing */
    const char *words;
} answers[] = {
    {202, 202, NULL, NULL, OUTCOME_SENT, NULL, NULL},
    {200, 200, NULL, NULL, OUTCOME_BLOCKED, NULL,
        "is in sandbox mode and delivers nothing: switch it off in the account"},
    {200, 299, NULL, NULL, OUTCOME_UNKNOWN, NULL,
        "gave an acceptance that the interface does not document"},
    {300, 399, NULL, NULL, OUTCOME_BLOCKED, NULL,
        "redirects: SENDGRID_API_BASE is not SendGrid's interface"},
    {400, 403, NULL, "credits|sending limit|daily limit|quota|per day|per hour", OUTCOME_RETRY,
        "limit",
        "says that the credits or the sending limit of this account are used up: the mails wait "
        "until they are there again"},
    {400, 400, "from", NULL, OUTCOME_BLOCKED, NULL,
        "refused the sender: BOOKSPOOL_MAIL_FROM must be an address verified there"},
    {400, 400, "reply_to", NULL, OUTCOME_BLOCKED, NULL,
        "refused the address for replies: check BOOKSPOOL_REPLY_TO"},
    {400, 403, NULL, "sender identity|from address|from email|verified sender|not verified",
        OUTCOME_BLOCKED, "sender",
        "refused the sender: BOOKSPOOL_MAIL_FROM must be an address verified there (Sender "
        "Authentication)"},
    {400, 400, NULL, NULL, OUTCOME_NEVER, NULL, "refused the request"},
    {401, 401, NULL, NULL, OUTCOME_BLOCKED, NULL,
        "refused SENDGRID_API_KEY: check drain.env; the key needs the permission Mail Send"},
    {403, 403, NULL, NULL, OUTCOME_BLOCKED, NULL,
        "forbids it: BOOKSPOOL_MAIL_FROM is not a verified sender there, SENDGRID_API_KEY lacks "
        "the permission Mail Send, or the account is blocked for a while"},
    {404, 405, NULL, NULL, OUTCOME_BLOCKED, NULL,
        "is not SendGrid's interface: correct SENDGRID_API_BASE"},
    {408, 408, NULL, NULL, OUTCOME_RETRY, NULL, "did not get the request in time"},
    {413, 413, NULL, NULL, OUTCOME_NEVER, NULL, "says that the message is too large"},
    {429, 429, NULL, NULL, OUTCOME_RETRY, NULL, "gets too many requests"},
    {451, 451, NULL, NULL, OUTCOME_BLOCKED, NULL,
        "says that the account belongs to another region: set SENDGRID_API_BASE"},
    {400, 499, NULL, NULL, OUTCOME_BLOCKED, NULL,
        "refused the request: is SENDGRID_API_BASE right?"},
    {502, 502, NULL, NULL, OUTCOME_UNKNOWN, NULL, "has a gateway that lost the answer"},
    {504, 504, NULL, NULL, OUTCOME_UNKNOWN, NULL, "has a gateway that lost the answer"},
    {500, 599, NULL, NULL, OUTCOME_RETRY, NULL, "is in trouble"},
    {0, LONG_MAX, NULL, NULL, OUTCOME_UNKNOWN, NULL, "gave an answer that is none"},
};

/*
 * The length of "personalizations" in "personalizations.0.to": the part of the message that an
 * error is about. Only letters, because these words of others go into a log.
 */
static int field_len(const char *field)
{
    size_t len = strspn(field, "abcdefghijklmnopqrstuvwxyz_");
    return len > FIELD_MAX ? FIELD_MAX : (int)len;
}

static int64_t wait_until(int64_t reset, int64_t now)
{
    if (reset <= 0 || reset > INT64_MAX / MS_PER_SECOND)
        return RATE_LIMIT_WAIT;
    int64_t wait = reset * MS_PER_SECOND - now;
    return wait > MS_PER_SECOND ? wait : MS_PER_SECOND;
}

static void classify_answer(
    const struct sendgrid_attempt *attempt, int64_t now, struct delivery_result *result)
{
    const char *field = attempt->field ? attempt->field : "";
    const char *message = attempt->message ? attempt->message : "";
    long status = attempt->status;
    size_t i = 0;
    while (status < answers[i].low || status > answers[i].high ||
           (answers[i].field && strncmp(answers[i].field, field, strlen(answers[i].field)) != 0) ||
           (answers[i].phrases && !outcome_has_phrase(message, answers[i].phrases)))
        i++;
    if (!attempt->end_given &&
        (answers[i].outcome == OUTCOME_SENT || answers[i].outcome == OUTCOME_UNKNOWN)) {
        outcome_set(result, OUTCOME_RETRY, "sendgrid-%ld-early", status);
        outcome_say(result, "%s answered before it had all of the mail", attempt->peer.name);
        return;
    }
    if (answers[i].cause)
        outcome_set(result, answers[i].outcome, "sendgrid-%ld-%s", status, answers[i].cause);
    else if (status == 400 && field_len(field))
        outcome_set(result, answers[i].outcome, "sendgrid-400-%.*s", field_len(field), field);
    else
        outcome_set(result, answers[i].outcome, "sendgrid-%ld", status);
    if (answers[i].words)
        outcome_say(result, "%s %s", attempt->peer.name, answers[i].words);
    if (status == 429)
        result->wait_ms = wait_until(attempt->reset, now);
    result->exhausted = answers[i].outcome == OUTCOME_RETRY && answers[i].cause;
    if (result->exhausted)
        result->wait_ms = LIMIT_WAIT;
}

void sendgrid_classify(
    const struct sendgrid_attempt *attempt, int64_t now, struct delivery_result *result)
{
    const char *failure = attempt->curl == CURLE_OPERATION_TIMEDOUT ? "timeout" : "lost";
    long status = attempt->status;
    if (attempt->given_up) {
        outcome_set(result, OUTCOME_RETRY, "sendgrid-before-end");
    } else if (status) {
        classify_answer(attempt, now, result);
    } else {
        if (attempt->end_given)
            outcome_set(result, OUTCOME_UNKNOWN, "sendgrid-%s", failure);
        else if (!outcome_by_curl(result, "sendgrid", attempt->curl))
            outcome_set(result, OUTCOME_RETRY, "sendgrid-%s", failure);
        if (!outcome_explain_curl(result, &attempt->peer, attempt->curl))
            outcome_say(result, "%s %s", attempt->peer.name,
                attempt->curl == CURLE_OPERATION_TIMEDOUT ? "did not answer in time"
                                                          : "closed the connection");
    }
    result->unreachable =
        result->outcome == OUTCOME_RETRY && !status && !attempt->connected && !attempt->given_up;
}

/* ---- sending ---- */

/*
 * {"errors":[{"message":"...","field":"personalizations.0.to"|null,"help":...}]}
 *
 * The detail is the status, and the id of the request or the first error's message; or why there is
 * no answer.
 */
static void read_answer(
    const char *name, const struct http_answer *answer, struct delivery_result *result)
{
    char reset[NUMBER_SIZE], id[ID_SIZE];
    cJSON *json = json_parse(buf_text(&answer->body), answer->body.len);
    const cJSON *errors = json_get(json, "errors");
    const cJSON *first = cJSON_IsArray(errors) ? cJSON_GetArrayItem(errors, 0) : NULL;
    const char *message = json_text(first, "message");
    http_answer_header(answer, "X-RateLimit-Reset", reset, sizeof reset);
    http_answer_header(answer, "X-Message-Id", id, sizeof id);
    sendgrid_classify(&(struct sendgrid_attempt){.curl = answer->code,
                          .status = answer->status,
                          .field = json_text(first, "field"),
                          .message = message,
                          .reset = strtoll(reset, NULL, 10),
                          .connected = answer->connected,
                          .end_given = answer->end_given,
                          .given_up = answer->given_up,
                          .peer = {.name = name,
                              .setting = "SENDGRID_API_BASE",
                              .connected = answer->reached,
                              .os_error = answer->os_error,
                              .verify = answer->verify}},
        clock_now(), result);
    if (answer->status)
        snprintf(result->detail, sizeof result->detail, "%ld%s", answer->status,
            message ? " "
            : *id   ? " X-Message-Id: "
                    : "");
    outcome_add_detail(result, !answer->status ? answer->error : message ? message : id);
    cJSON_Delete(json);
}

void sendgrid_send(void *state, const struct delivery *delivery, struct delivery_result *result)
{
    /* SendGrid answers 406 to a request that does not say that it takes JSON */
    static const char *const headers[] = {
        "Content-Type: application/json", "Accept: application/json", NULL};
    struct sendgrid *sendgrid = state;
    struct buf body = {0};
    struct http_answer answer;
    *result = (struct delivery_result){0};
    if (!address_valid(delivery->from) || !address_valid(delivery->to)) {
        outcome_set(result, OUTCOME_NEVER, "sendgrid-invalid");
        outcome_add_detail(result, "not a bare address");
    } else if (!sendgrid_body(delivery, &body)) {
        outcome_set(result, body.failed ? OUTCOME_RETRY : OUTCOME_NEVER,
            body.failed ? "sendgrid-memory" : "sendgrid-body");
        outcome_add_detail(result,
            body.failed ? "out of memory" : "the message cannot be read, or it has no text");
    } else {
        http_post(sendgrid->client,
            &(struct http_request){.url = sendgrid->url.data,
                .headers = headers,
                .body = body.data,
                .len = body.len,
                .before_end = delivery->before_end,
                .waiting = delivery->waiting,
                .context = delivery->context},
            &answer);
        read_answer(sendgrid->name, &answer, result);
        http_answer_free(&answer);
    }
    buf_free(&body);
}
