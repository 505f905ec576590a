/* bookspool check --url: a signed test, and one that is signed wrongly, through the web server. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "http/http.h"
#include "tool/check.h"
#include "tool/ping.h"

enum { SLOW = 5000 /* ms */ };

static int post_ping(struct report *report, enum provider p, const char *url,
    enum secret_choice choice, struct ping *ping)
{
    struct buf body = {0};
    char signature[SIGNATURE_LINE_SIZE];
    ping_body(p, &body);
    int code = tool_sign(report->tool, p, choice, &body, report->tool->now, signature);
    buf_free(&body);
    if (code == 0)
        ping_post(p, url, signature, report->cacert, ping);
    return code;
}

/* True when one was reported. */
static bool add_obstacle(struct report *report, const char *url, const struct ping *ping)
{
    struct buf finding = {0}, remedy = {0};
    bool found = ping_obstacle(url, ping, &finding, &remedy);
    if (found) {
        add_finding(report, LEVEL_FAIL, "%s", buf_text(&finding));
        add_remedy(report, "%s", buf_text(&remedy));
    }
    buf_free(&finding);
    buf_free(&remedy);
    return found;
}

static void check_provider(struct report *report, enum provider p, const char *url)
{
    struct ping ping;
    const char *name = provider_name(p);
    if (post_ping(report, p, url, SECRET_FORGED, &ping) != 0)
        return;
    bool reached = !add_obstacle(report, url, &ping);
    if (reached && ping.answer.status == 401)
        add_finding(report, LEVEL_PASS, "%s: a wrong signature is refused (401)", url);
    else if (reached) {
        add_finding(report, LEVEL_FAIL, "%s: a wrong signature is answered %ld, not 401", url,
            ping.answer.status);
        add_remedy(report, "the receiver there is not the one of this installation");
    }
    ping_free(&ping);
    if (!reached || report->receive_env_unread)
        return;
    for (enum secret_choice choice = SECRET_PRIMARY; choice <= SECRET_SECONDARY; choice++) {
        static const char *const names[] = {"primary", "secondary"};
        if (!conf_text(&report->tool->conf, provider_table[p]->secret[choice]) ||
            post_ping(report, p, url, choice, &ping) != 0)
            continue;
        bool slow = ping.answer.milliseconds > SLOW;
        if (add_obstacle(report, url, &ping))
            ;
        else if (ping.answer.status == 200) {
            add_finding(report, slow ? LEVEL_WARN : LEVEL_PASS,
                "%s: a test signed with the %s secret of %s is accepted, in %lld ms", url,
                names[choice], name, (long long)ping.answer.milliseconds);
            if (slow)
                add_remedy(report, "the providers give up after 5 to 15 s: find out what is slow");
        } else {
            add_finding(report, LEVEL_FAIL,
                "%s: a test signed with the %s secret of %s is answered %ld %s", url, names[choice],
                name, ping.answer.status, ping.reason ? ping.reason : ping.status);
            add_remedy(report,
                "the running receiver has another secret than receive.env: restart it, it reads "
                "that at its start");
        }
        ping_free(&ping);
    }
}

void check_url(struct report *report)
{
    const struct conf *conf = &report->tool->conf;
    report->area = "url";
    if (report->url && strncasecmp(report->url, "http://", 7) != 0 &&
        strncasecmp(report->url, "https://", 8) != 0)
        tool_usage(report->tool, "%s is no URL that begins with http:// or https://", report->url);
    if (report->cacert && access(report->cacert, R_OK) < 0) {
        add_finding(report, LEVEL_FAIL, "--cacert %s: %s", report->cacert, strerror(errno));
        add_remedy(
            report, "as root this judges as the owner of the spool, who has to read it, too");
        return;
    }
    for (enum provider p = 0; p < PROVIDERS; p++) {
        const char *base = report->url ? report->url : conf_text(conf, provider_table[p]->base_url);
        const char *endpoint = conf_text(conf, provider_table[p]->endpoint);
        bool has_secret = conf_text(conf, provider_table[p]->secret[0]) ||
                          conf_text(conf, provider_table[p]->secret[1]);
        struct buf url = {0};
        bool plain = false;
        if (!base || !endpoint || (!has_secret && !report->receive_env_unread))
            continue;
        ping_make_url(conf, base, p, &url);
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
