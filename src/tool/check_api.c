/* bookspool check: the tokens of the providers' APIs, and with --api what the providers say of
 * them. */
#include "api/api.h"
#include "tool/check.h"

enum { PATIENCE_MS = 15 * 1000 };

static void add_answer(struct report *report, struct api *api, enum provider p,
    enum api_result result, const struct api_answer *answer)
{
    struct buf name = {0};
    bool unreached = result == API_UNREACHABLE || result == API_STRANGE || result == API_LIMITED;
    api_name_token(api, &name);
    if (result == API_OK)
        add_finding(report, LEVEL_PASS, "%s accepts the token %s", provider_table[p]->title,
            buf_text(&name));
    else {
        add_finding(report, LEVEL_FAIL, "%s", answer->error);
        if (unreached)
            add_remedy(report, "let this machine reach the API, and run this again");
        else
            add_remedy(report, "bookspool %s whoami tries it again", provider_name(p));
    }
    buf_free(&name);
}

/* Each by itself: where one is refused, other commands use the other one. */
static void try_tokens(struct report *report, struct api *api, enum provider p)
{
    enum api_result result;
    api_set_patience(api, PATIENCE_MS);
    for (size_t which = 0;; which++) {
        struct api_answer answer;
        if ((result = api_try_token(api, which, &answer)) == API_NO_TOKEN)
            break;
        add_answer(report, api, p, result, &answer);
        api_answer_free(&answer);
    }
}

void check_api(struct report *report)
{
    const struct conf *conf = &report->tool->conf;
    bool any = false;
    report->area = "api";
    if (conf->incomplete || report->drain_env_unread) {
        if (report->api) {
            add_finding(report, LEVEL_FAIL, "no token was tried: drain.env cannot be read");
            add_remedy(report, "run this as root");
        }
        return;
    }
    for (enum provider p = 0; p < PROVIDERS; p++) {
        struct buf faults = {0};
        if (!api_has_token(conf, p))
            continue;
        any = true;
        struct api *api = api_open(conf, p, NULL, &faults);
        add_faults(report, LEVEL_FAIL, &faults);
        if (api && report->api)
            try_tokens(report, api, p);
        else if (api)
            add_finding(report, LEVEL_PASS, "%s: a token of its API is set", provider_name(p));
        api_close(api);
    }
    if (report->api && !any) {
        add_finding(report, LEVEL_WARN, "no token was tried: none is set");
        add_remedy(report, "set CALCOM_API_KEY or CALENDLY_API_TOKEN in drain.env");
    }
}
