#include "tool/ping.h"

#include <string.h>

#include "base/json.h"
#include "report/site.h"

enum { ANSWER_LIMIT = 15000 /* ms: Calendly gives up then */ };

void ping_make_url(const struct conf *conf, const char *base, enum provider p, struct buf *out)
{
    size_t len = strlen(base);
    for (enum provider other = 0; other < PROVIDERS; other++) {
        const char *path = conf_text(conf, provider_table[other]->endpoint);
        size_t tail = path ? strlen(path) : 0;
        if (tail && len > tail && strcmp(base + strlen(base) - tail, path) == 0)
            len = strlen(base) - tail;
    }
    while (len && base[len - 1] == '/')
        len--;
    buf_printf(out, "%.*s%s", (int)len, base, conf_text(conf, provider_table[p]->endpoint));
}

void ping_body(enum provider provider, struct buf *out)
{
    buf_puts(out, provider_table[provider]->ping);
}

void ping_post(enum provider provider, const char *url, const char *signature, const char *ca,
    struct ping *ping)
{
    struct buf body = {0};
    *ping = (struct ping){0};
    ping_body(provider, &body);
    struct http_client *client =
        http_open(&(struct http_options){.ca = ca, .total_ms = ANSWER_LIMIT});
    if (!client || body.failed)
        tool_no_memory();
    http_post(client,
        &(struct http_request){.url = url,
            .headers = (const char *const[]){"Content-Type: application/json", signature, NULL},
            .body = body.data,
            .len = body.len},
        &ping->answer);
    ping->json = json_parse(buf_text(&ping->answer.body), ping->answer.body.len);
    ping->status = json_text(ping->json, "status");
    ping->reason = json_text(ping->json, "reason");
    http_close(client);
    buf_free(&body);
}

void ping_free(struct ping *ping)
{
    cJSON_Delete(ping->json);
    http_answer_free(&ping->answer);
}

static void explain_unavailable(const struct ping *ping, struct buf *remedy)
{
    const char *reason = ping->reason ? ping->reason : "";
    if (strcmp(reason, "no-receiver") == 0)
        buf_puts(remedy, "nginx does not reach the receiver: see above");
    else if (strcmp(reason, "no-secret") == 0)
        buf_puts(remedy, "the running receiver has no secret: restart it, it reads receive.env at "
                         "its start");
    else if (strcmp(reason, "nginx-limit") == 0)
        buf_puts(remedy, "a limit of bookspool-http.conf: behind a proxy all clients share one, so "
                         "uncomment set_real_ip_from there");
    else
        buf_puts(remedy, "see the log of bookspool-fcgi");
}

bool ping_obstacle(
    const char *url, const struct ping *ping, struct buf *finding, struct buf *remedy)
{
    const struct http_answer *answer = &ping->answer;
    char location[SITE_TEXT];
    if (!answer->status) {
        buf_printf(finding, "%s: no answer: %s", url, answer->error);
        buf_puts(remedy,
            "name, port, firewall, certificate: the providers see the same, and accept only what a "
            "browser trusts");
    } else if (answer->status >= 300 && answer->status < 400) {
        http_answer_header(answer, "Location", location, sizeof location);
        buf_printf(finding, "%s: redirects (%ld) to %s: both providers count that as a failure",
            url, answer->status, *location ? location : "nowhere");
        buf_puts(remedy,
            "subscribe the address that it redirects to, or answer this one without a redirect");
    } else if (!ping->status) {
        buf_printf(
            finding, "%s: answered %ld by something else than bookspool", url, answer->status);
        buf_puts(remedy,
            answer->status == 404
                ? "another server block answers: include bookspool-server.conf in the one of this "
                  "server_name"
            : answer->status == 405
                ? "another location answers: include bookspool-server.conf before it"
                : "a login, a proxy or a firewall in front must let the webhook paths through");
    } else if (strcmp(ping->status, "not-found") == 0) {
        buf_printf(finding, "%s: the receiver knows no such path", url);
        buf_puts(remedy, "CALCOM_WEBHOOK_ENDPOINT and CALENDLY_WEBHOOK_ENDPOINT_PREFIX must be "
                         "what bookspool-server.conf names; restart the receiver after a change");
    } else if (answer->status == 503) {
        buf_printf(
            finding, "%s: answered 503: %s", url, ping->reason ? ping->reason : ping->status);
        explain_unavailable(ping, remedy);
    } else
        return false;
    return true;
}
