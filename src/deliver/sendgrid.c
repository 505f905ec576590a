#include "deliver/sendgrid.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/address.h"
#include "base/clock.h"
#include "base/json.h"
#include "deliver/outcome.h"
#include "deliver/sendgrid_body.h"
#include "deliver/sendgrid_outcome.h"
#include "http/http.h"

#define SEND_PATH "/v3/mail/send"

enum { ID_SIZE = 80, NUMBER_SIZE = 24 };

struct sendgrid {
    struct http_client *client;
    struct buf url;
};

/* SENDGRID_API_BASE with the path of Mail Send. */
static bool add_url(const char *base, struct buf *url, bool *plain)
{
    size_t len = strlen(base);
    while (len && base[len - 1] == '/')
        len--;
    buf_add(url, base, len);
    buf_puts(url, SEND_PATH);
    return !url->failed && http_may_have_credential(url->data, plain);
}

static bool key_usable(const char *key)
{
    while (*key > ' ' && *key <= '~')
        key++;
    return *key == '\0';
}

void *sendgrid_open(const struct conf *conf, const struct target *target, struct buf *why)
{
    (void)target;
    const char *key = conf_text(conf, SET_SENDGRID_API_KEY);
    struct sendgrid *sendgrid = calloc(1, sizeof *sendgrid);
    bool plain = false;
    if (!sendgrid)
        conf_fault(conf, SET_TRANSPORT, why, "out of memory");
    else if (!key)
        conf_fault(
            conf, SET_SENDGRID_API_KEY, why, "is required with sendgrid:; set it in drain.env");
    else if (!key_usable(key))
        conf_fault(conf, SET_SENDGRID_API_KEY, why, "must be one word of printable ASCII");
    else if (!add_url(conf_text(conf, SET_SENDGRID_API_BASE), &sendgrid->url, &plain))
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
        conf_fault(conf, SET_TRANSPORT, why, "libcurl cannot be set up for SendGrid");
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

/* The status, and the id of the request or the first error's message; or why there is no answer. */
static void describe(
    const struct http_answer *answer, const char *message, struct delivery_result *result)
{
    char id[ID_SIZE];
    http_answer_header(answer, "X-Message-Id", id, sizeof id);
    if (!answer->status)
        outcome_add_detail(result, answer->error);
    else {
        snprintf(result->detail, sizeof result->detail, "%ld%s", answer->status,
            message ? " "
            : *id   ? " X-Message-Id: "
                    : "");
        outcome_add_detail(result, message ? message : id);
    }
}

/* {"errors":[{"message":"...","field":"personalizations.0.to"|null,"help":...}]} */
static void classify(const struct http_answer *answer, struct delivery_result *result)
{
    char reset[NUMBER_SIZE];
    cJSON *json = json_parse(buf_text(&answer->body), answer->body.len);
    const cJSON *errors = json_get(json, "errors");
    const cJSON *first = cJSON_IsArray(errors) ? cJSON_GetArrayItem(errors, 0) : NULL;
    http_answer_header(answer, "X-RateLimit-Reset", reset, sizeof reset);
    sendgrid_classify(&(struct sendgrid_attempt){.curl = answer->code,
                          .status = answer->status,
                          .field = json_text(first, "field"),
                          .reset = strtoll(reset, NULL, 10),
                          .connected = answer->connected,
                          .end_given = answer->end_given,
                          .given_up = answer->given_up},
        clock_now(), result);
    describe(answer, json_text(first, "message"), result);
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
        outcome_set(result, OUTCOME_NEVER, "sendgrid-body");
        outcome_add_detail(result, "the message cannot be read, or it has no text");
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
        classify(&answer, result);
        http_answer_free(&answer);
    }
    buf_free(&body);
}
