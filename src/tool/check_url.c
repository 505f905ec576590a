/* bookspool check --url: a signed test, and one that is signed wrongly, through the web server. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/json.h"
#include "http/http.h"
#include "tool/check.h"

enum { ANSWER_LIMIT = 15000 /* ms: Calendly gives up then */, SLOW = 5000 };

/* The address of the web server, without the path of a webhook that a user may have added. */
static void make_url(const struct conf *conf, const char *base, enum provider p, struct buf *out)
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

/* One answer: the receiver's own, nginx's in the receiver's form, or of something else. */
struct seen {
    struct http_answer answer;
    cJSON *json;
    const char *status, *reason; /* NULL: not an answer of bookspool */
};

static int post_ping(struct report *report, enum provider p, const char *url,
    enum secret_choice choice, struct seen *seen)
{
    struct buf body = {0};
    char header[SIGNATURE_LINE_SIZE];
    *seen = (struct seen){0};
    buf_puts(&body, provider_table[p]->ping);
    int code = tool_sign(report->tool, p, choice, &body, report->tool->now, header);
    struct http_client *client =
        http_open(&(struct http_options){.ca = report->cacert, .total_ms = ANSWER_LIMIT});
    if (!client || body.failed)
        tool_no_memory();
    if (code == 0) {
        http_post(client,
            &(struct http_request){.url = url,
                .headers = (const char *const[]){"Content-Type: application/json", header, NULL},
                .body = body.data,
                .len = body.len},
            &seen->answer);
        seen->json = json_parse(buf_text(&seen->answer.body), seen->answer.body.len);
        seen->status = json_text(seen->json, "status");
        seen->reason = json_text(seen->json, "reason");
    }
    http_close(client);
    buf_free(&body);
    return code;
}

static void drop(struct seen *seen)
{
    cJSON_Delete(seen->json);
    http_answer_free(&seen->answer);
}

/* What keeps webhooks from the receiver, whatever their signature: true when one was reported. */
static bool add_obstacle(struct report *report, const char *url, const struct seen *seen)
{
    const struct http_answer *answer = &seen->answer;
    char location[SITE_TEXT];
    if (!answer->status) {
        add_finding(report, LEVEL_FAIL, "%s: no answer: %s", url, answer->error);
        add_remedy(report,
            "name, port, firewall, certificate: the providers see the same, and accept only what a "
            "browser trusts");
    } else if (answer->status >= 300 && answer->status < 400) {
        http_answer_header(answer, "Location", location, sizeof location);
        add_finding(report, LEVEL_FAIL,
            "%s: redirects (%ld) to %s: both providers count that as a failure", url,
            answer->status, *location ? location : "nowhere");
        add_remedy(report,
            "subscribe the address that it redirects to, or answer this one without a redirect");
    } else if (!seen->status) {
        add_finding(report, LEVEL_FAIL, "%s: answered %ld by something else than bookspool", url,
            answer->status);
        add_remedy(report,
            answer->status == 404
                ? "another server block answers: include bookspool-server.conf in the one of this "
                  "server_name"
            : answer->status == 405
                ? "another location answers: include bookspool-server.conf before it"
                : "a login, a proxy or a firewall in front must let the webhook paths through");
    } else if (strcmp(seen->status, "not-found") == 0) {
        add_finding(report, LEVEL_FAIL, "%s: the receiver knows no such path", url);
        add_remedy(report, "CALCOM_WEBHOOK_ENDPOINT and CALENDLY_WEBHOOK_ENDPOINT_PREFIX must be "
                           "what bookspool-server.conf names; restart the receiver after a change");
    } else if (answer->status == 503) {
        add_finding(report, LEVEL_FAIL, "%s: answered 503: %s", url,
            seen->reason ? seen->reason : seen->status);
        add_remedy(report,
            !seen->reason ? "see the log of bookspool-fcgi"
            : strcmp(seen->reason, "no-receiver") == 0
                ? "nginx does not reach the receiver: see above"
            : strcmp(seen->reason, "no-secret") == 0
                ? "the running receiver has no secret: restart it, it reads receive.env at its "
                  "start"
            : strcmp(seen->reason, "nginx-limit") == 0
                ? "a limit of bookspool-http.conf: behind a proxy all clients share one, so "
                  "uncomment set_real_ip_from there"
                : "see the log of bookspool-fcgi");
    } else
        return false;
    return true;
}

static void check_provider(struct report *report, enum provider p, const char *url)
{
    struct seen seen;
    const char *name = provider_name(p);
    if (post_ping(report, p, url, SECRET_FORGED, &seen) != 0)
        return;
    bool reached = !add_obstacle(report, url, &seen);
    if (reached && seen.answer.status == 401)
        add_finding(report, LEVEL_PASS, "%s: a wrong signature is refused (401)", url);
    else if (reached) {
        add_finding(report, LEVEL_FAIL, "%s: a wrong signature is answered %ld, not 401", url,
            seen.answer.status);
        add_remedy(report, "the receiver there is not the one of this installation");
    }
    drop(&seen);
    if (!reached || report->receive_env_unread)
        return;
    for (enum secret_choice choice = SECRET_PRIMARY; choice <= SECRET_SECONDARY; choice++) {
        static const char *const names[] = {"primary", "secondary"};
        if (!conf_text(&report->tool->conf, provider_table[p]->secret[choice]) ||
            post_ping(report, p, url, choice, &seen) != 0)
            continue;
        bool slow = seen.answer.milliseconds > SLOW;
        if (add_obstacle(report, url, &seen))
            ;
        else if (seen.answer.status == 200) {
            add_finding(report, slow ? LEVEL_WARN : LEVEL_PASS,
                "%s: a test signed with the %s secret of %s is accepted, in %lld ms", url,
                names[choice], name, (long long)seen.answer.milliseconds);
            if (slow)
                add_remedy(report, "the providers give up after 5 to 15 s: find out what is slow");
        } else {
            add_finding(report, LEVEL_FAIL,
                "%s: a test signed with the %s secret of %s is answered %ld %s", url, names[choice],
                name, seen.answer.status, seen.reason ? seen.reason : seen.status);
            add_remedy(report,
                "the running receiver has another secret than receive.env: restart it, it reads "
                "that at its start");
        }
        drop(&seen);
    }
}

void check_url(struct report *report)
{
    const struct conf *conf = &report->tool->conf;
    report->area = "url";
    if (report->url && strncasecmp(report->url, "http://", 7) != 0 &&
        strncasecmp(report->url, "https://", 8) != 0)
        tool_usage(report->tool, "%s is no URL that begins with http:// or https://", report->url);
    for (enum provider p = 0; p < PROVIDERS; p++) {
        const char *base = report->url ? report->url : conf_text(conf, provider_table[p]->base_url);
        const char *endpoint = conf_text(conf, provider_table[p]->endpoint);
        bool has_secret = conf_text(conf, provider_table[p]->secret[0]) ||
                          conf_text(conf, provider_table[p]->secret[1]);
        struct buf url = {0};
        bool plain = false;
        if (!base || !endpoint || (!has_secret && !report->receive_env_unread))
            continue;
        make_url(conf, base, p, &url);
        if (url.failed)
            tool_no_memory();
        if (!http_may_have_credential(url.data, &plain)) {
            add_finding(report, LEVEL_WARN, "%s: bookings travel unencrypted", url.data);
            add_remedy(report, "subscribe an https:// address");
        }
        check_provider(report, p, url.data);
        buf_free(&url);
    }
}
