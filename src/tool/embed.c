/* bookspool embed --check: does a page's Content-Security-Policy let its calendar run? */
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sysexits.h>

#include <curl/curl.h>

#include "base/text.h"
#include "http/http.h"
#include "tool/csp.h"
#include "tool/markup.h"
#include "tool/output.h"
#include "tool/tool.h"

static const char usage[] =
    "embed --check URL [OPTION...]\n"
    "\n"
    "Fetches a page and reports whether its Content-Security-Policy lets its\n"
    "calendar run, and the policy that would. Which calendar it is comes from the\n"
    "page (its scripts, frames and links to Cal.com and Calendly), and from\n"
    "PUBLIC_CALCOM_EMBED_URL where the page uses it or shows none.\n"
    "\n"
    "  --cacert FILE   certificates to trust instead of the system's\n"
    "  --json          one object: url, embeds, checks, policies\n"
    "\n"
    "Exit status: 0 it may run, 1 it may not, 65 the page shows no calendar or is\n"
    "none, 75 there was no answer.\n";

enum { EXIT_BLOCKED = 1, REDIRECTS_MAX = 5, ANSWER_LIMIT = 15000 /* ms */, REQUESTS_MAX = 48 };

struct need {
    const char *what; /* for a person */
    struct csp_request request;
};

struct embed {
    const char *start, *cacert;
    char *url; /* of the page, after redirects; libcurl's */
    struct http_answer answer;
    struct csp csp;
    struct markup markup;
    struct arena arena;
    const char *calcom; /* the origin of its script; NULL: none in the page */
    bool calendly;
    bool framed;  /* a plain frame, without a script */
    bool guessed; /* only the settings say so */
    struct need needs[REQUESTS_MAX];
    size_t count;
};

/* ---- fetching ---- */

/* The URL that `text` is as a link in a page at `base`; NULL when it is none. To be freed by
 * curl_free. */
static char *resolve(const char *base, const char *text)
{
    char *found = NULL;
    CURLU *url = curl_url();
    if (url && (!base || curl_url_set(url, CURLUPART_URL, base, 0) == CURLUE_OK) &&
        curl_url_set(url, CURLUPART_URL, text, 0) == CURLUE_OK)
        curl_url_get(url, CURLUPART_URL, &found, 0);
    curl_url_cleanup(url);
    return found;
}

/* The same in the arena, without a fragment; NULL when it is no http or https URL. */
static const char *absolute(struct embed *embed, const char *text)
{
    char *url = resolve(embed->url, text);
    const char *copy = NULL;
    if (url && (strncmp(url, "http://", 7) == 0 || strncmp(url, "https://", 8) == 0))
        copy = arena_strndup(&embed->arena, url, strcspn(url, "#"));
    curl_free(url);
    return copy;
}

/* Follows redirects, as a browser does; EX_OK with a page of status 200. */
static int fetch(struct tool *tool, struct embed *embed)
{
    const char *ca = embed->cacert ? embed->cacert : conf_text(&tool->conf, SET_TLS_CA);
    const struct http_options options = {.ca = ca, .total_ms = ANSWER_LIMIT};
    struct http_client *client = http_open(&options);
    int code = EX_TEMPFAIL;
    if (!client)
        tool_no_memory();
    for (int i = 0; i <= REDIRECTS_MAX; i++) {
        const struct http_request request = {
            .url = embed->url, .headers = (const char *const[]){"Accept: text/html", NULL}};
        char to[2048];
        if (!http_is_private(embed->url)) {
            tool_say(tool, "%s: only https is fetched, and http from this machine", embed->url);
            code = EX_DATAERR;
            break;
        }
        if (!http_get(client, &request, &embed->answer)) {
            tool_say(tool, "no answer from %s: %s", embed->url, embed->answer.error);
            break;
        }
        http_answer_header(&embed->answer, "location", to, sizeof to);
        if (embed->answer.status < 300 || embed->answer.status > 399 || !*to) {
            code = embed->answer.status == 200 ? EX_OK : EX_DATAERR;
            if (code != EX_OK)
                tool_say(tool, "%s answers %ld", embed->url, embed->answer.status);
            break;
        }
        char *next = resolve(embed->url, to);
        http_answer_free(&embed->answer);
        embed->answer = (struct http_answer){0};
        if (!next) {
            tool_say(tool, "%s redirects to what is no URL: %s", embed->url, to);
            code = EX_DATAERR;
            break;
        }
        curl_free(embed->url);
        embed->url = next;
        if (i == REDIRECTS_MAX)
            tool_say(tool, "%s: more than %d redirects", embed->start, REDIRECTS_MAX);
    }
    http_close(client);
    return code;
}

static void read_policies(struct embed *embed)
{
    static const char name[] = "content-security-policy:";
    int len;
    for (const char *line, *at = buf_text(&embed->answer.headers); (line = text_line(&at, &len));)
        if ((size_t)len >= sizeof name && strncasecmp(line, name, sizeof name - 1) == 0) {
            const char *value = arena_strndup(
                &embed->arena, line + sizeof name - 1, (size_t)len - (sizeof name - 1));
            if (value)
                csp_add(&embed->csp, value, false);
        }
    for (size_t i = 0; i < embed->markup.count; i++)
        if (embed->markup.items[i].kind == MARKUP_POLICY)
            csp_add(&embed->csp, embed->markup.items[i].text, true);
}

static void add_need(struct embed *embed, const char *what, struct csp_request request)
{
    if (embed->count < REQUESTS_MAX)
        embed->needs[embed->count++] = (struct need){what, request};
}

/* ---- which calendar ---- */

/* "https://HOST" of a URL in the page; NULL. */
static const char *origin_of(struct embed *embed, const char *url)
{
    size_t scheme = url && strncasecmp(url, "https://", 8) == 0  ? 8
                    : url && strncasecmp(url, "http://", 7) == 0 ? 7
                                                                 : 0;
    return scheme
               ? arena_strndup(&embed->arena, url, scheme + strcspn(url + scheme, "/?#\"'`\\ <>"))
               : NULL;
}

/* The hosted Cal.com serves its embed from app.cal.com and app.cal.eu. */
static const char *calcom_origin(const char *origin)
{
    if (origin && strcasecmp(origin, "https://cal.com") == 0)
        return "https://app.cal.com";
    if (origin && strcasecmp(origin, "https://cal.eu") == 0)
        return "https://app.cal.eu";
    return origin;
}

static bool is_host(const char *origin, const char *domain)
{
    const char *host = origin ? strstr(origin, "://") : NULL;
    size_t len = host ? strlen(host += 3) : 0, most = strlen(domain);
    return len >= most && strcasecmp(host + len - most, domain) == 0 &&
           (len == most || host[len - most - 1] == '.');
}

/* The origin before /embed/embed.js, in a script's address or in its text. */
static const char *before_embed_js(struct embed *embed, const char *text, size_t len)
{
    static const char path[] = "/embed/embed.js";
    const char *found = memmem(text, len, path, sizeof path - 1), *from = found;
    while (from && from > text && !strchr("\"'`( \t\n=", from[-1]))
        from--;
    return found ? origin_of(embed, arena_strndup(&embed->arena, from, (size_t)(found - from)))
                 : NULL;
}

/* What one element says of the calendar. */
static void recognise_item(struct embed *embed, const struct markup_item *item, const char *own)
{
    const char *url = item->url ? absolute(embed, item->url) : NULL;
    const char *origin = calcom_origin(origin_of(embed, url));
    bool calcom = is_host(origin, "cal.com") || is_host(origin, "cal.eu") ||
                  (own && origin && strcasecmp(own, origin) == 0);
    bool calendly = is_host(origin, "calendly.com");
    if (item->kind == MARKUP_FRAME && (calcom || calendly)) {
        add_need(embed, arena_printf(&embed->arena, "the frame %s", url),
            (struct csp_request){.use = CSP_FRAME, .url = url});
        embed->framed = true;
        return;
    }
    if (item->kind == MARKUP_SCRIPT) {
        const char *text = item->text ? item->text : url;
        size_t len = item->text ? item->len : strlen(text ? text : "");
        const char *found = text ? before_embed_js(embed, text, len) : NULL;
        calcom = found != NULL;
        origin = calcom_origin(found);
        calendly = calendly || (item->text && memmem(item->text, item->len, "calendly.com/", 13));
    }
    if (calcom && !embed->calcom)
        embed->calcom = origin;
    embed->calendly = embed->calendly || calendly || item->kind == MARKUP_WIDGET;
}

/* Links count where nothing else does: a script of the page may make a calendar of one. */
static void recognise(struct embed *embed, const char *configured)
{
    const char *own = calcom_origin(origin_of(embed, configured));
    for (int links = 0; links < 2 && !embed->calcom && !embed->calendly && !embed->framed; links++)
        for (size_t i = 0; i < embed->markup.count; i++)
            if ((embed->markup.items[i].kind == MARKUP_LINK) == links)
                recognise_item(embed, &embed->markup.items[i], own);
    if (!embed->calcom && !embed->calendly && !embed->framed && own) {
        embed->calcom = own;
        embed->guessed = true;
    }
}

/* ---- what it needs ---- */

/* The page's own scripts, one of which starts the calendar, and those that the page names. */
static bool add_scripts(struct embed *embed, const char *provider_script)
{
    const char *own = origin_of(embed, embed->url);
    bool named = false;
    for (size_t i = 0; i < embed->markup.count; i++) {
        const struct markup_item *item = &embed->markup.items[i];
        const char *url = item->url ? absolute(embed, item->url) : NULL,
                   *origin = origin_of(embed, url);
        struct csp_request request = {.use = item->url ? CSP_SCRIPT : CSP_SCRIPT_INLINE,
            .url = url,
            .nonce = item->nonce,
            .integrity = item->integrity,
            .text = item->text,
            .len = item->len};
        if (item->kind != MARKUP_SCRIPT)
            continue;
        if (url && provider_script && strncmp(url, provider_script, strlen(provider_script)) == 0) {
            add_need(embed, "the provider's script", request);
            named = true;
        } else if (url && origin && own && strcasecmp(origin, own) == 0)
            add_need(embed, arena_printf(&embed->arena, "the page's script %s", url), request);
        else if (item->text && (memmem(item->text, item->len, "/embed/embed.js", 15) ||
                                   memmem(item->text, item->len, "Calendly.", 9)))
            add_need(embed, "the page's inline script", request);
    }
    return named;
}

static void add_calcom(struct embed *embed)
{
    const char *script = arena_printf(&embed->arena, "%s/embed/embed.js", embed->calcom);
    if (!add_scripts(embed, script))
        add_need(embed, "Cal.com's script",
            (struct csp_request){.use = CSP_SCRIPT, .url = script, .by_script = true});
    add_need(embed, "Cal.com's frame",
        (struct csp_request){
            .use = CSP_FRAME, .url = arena_printf(&embed->arena, "%s/", embed->calcom)});
    add_need(
        embed, "the <style> elements of embed.js", (struct csp_request){.use = CSP_STYLE_INLINE});
    add_need(embed, "the style attributes of embed.js",
        (struct csp_request){.use = CSP_STYLE_ATTRIBUTE});
}

static void add_calendly(struct embed *embed)
{
    static const char script[] = "https://assets.calendly.com/assets/external/widget.js";
    bool widget = false;
    if (!add_scripts(embed, script))
        add_need(embed, "Calendly's script",
            (struct csp_request){.use = CSP_SCRIPT, .url = script, .by_script = true});
    add_need(embed, "Calendly's frame",
        (struct csp_request){.use = CSP_FRAME, .url = "https://calendly.com/"});
    for (size_t i = 0; i < embed->markup.count; i++) {
        const struct markup_item *item = &embed->markup.items[i];
        const char *url = item->url ? absolute(embed, item->url) : NULL;
        if (item->kind == MARKUP_STYLE_SHEET && is_host(origin_of(embed, url), "calendly.com"))
            add_need(embed, "Calendly's style sheet",
                (struct csp_request){.use = CSP_STYLE, .url = url});
        widget = widget || item->kind == MARKUP_WIDGET;
    }
    if (widget)
        add_need(embed, "the style attribute of calendly-inline-widget",
            (struct csp_request){.use = CSP_STYLE_ATTRIBUTE});
}

static void add_needs(struct embed *embed)
{
    if (embed->calcom)
        add_calcom(embed);
    if (embed->calendly)
        add_calendly(embed);
    if (embed->calcom || embed->calendly)
        add_need(embed, "scripts that write markup", (struct csp_request){.use = CSP_MARKUP});
}

/* ---- what comes of it ---- */

static const char advice_none[] =
    "The page has no Content-Security-Policy: the calendar runs, and so does everything else.\n"
    "nginx/contact-server.conf has one that lets only this calendar in.\n";

static const char *why_blocked(const struct csp_answer *answer, const struct need *need)
{
    if (strcmp(answer->directive, "sandbox") == 0)
        return "take sandbox away, or give it allow-scripts";
    if (need->request.use == CSP_MARKUP)
        return "take require-trusted-types-for away: the provider's script writes markup";
    if (need->request.use == CSP_SCRIPT_INLINE)
        return "move the inline script into a file of yours, or give it the policy's nonce";
    if (!answer->remedy)
        return "give the script the policy's nonce: 'strict-dynamic' ignores hosts";
    return NULL;
}

/* One line, or object, for each need and policy; the number of those that are blocked. */
static size_t report_checks(struct embed *embed, struct table *table, cJSON *checks)
{
    size_t blocked = 0;
    for (size_t i = 0; i < embed->count; i++)
        for (size_t p = 0; p < embed->csp.count; p++) {
            const struct need *need = &embed->needs[i];
            const struct csp_policy *policy = &embed->csp.policies[p];
            struct csp_answer answer = csp_ask(policy, embed->url, &need->request);
            const char *advice = answer.allowed ? NULL : why_blocked(&answer, need);
            struct buf line = {0};
            if (*answer.directive)
                csp_print_directive(policy, answer.directive, &line);
            blocked += !answer.allowed;
            if (checks) {
                cJSON *one = json_append(checks);
                json_put_text(one, "what", need->what);
                json_put_bool(one, "allowed", answer.allowed);
                json_put_number(one, "policy", (int64_t)p);
                json_put_text(one, "directive", *answer.directive ? buf_text(&line) : NULL);
                json_put_text(one, "advice", advice);
            } else if (!(need->request.use == CSP_MARKUP && answer.allowed))
                table_add(
                    table, (const char *[]){answer.allowed ? "allowed" : "BLOCKED", need->what,
                               *answer.directive ? buf_text(&line) : "no directive for it"});
            if (advice && !checks)
                table_add(table, (const char *[]){"", "", advice});
            buf_free(&line);
        }
    return blocked;
}

/* The policies as they are, and as they would have to be. */
static void report_policies(struct embed *embed, cJSON *policies)
{
    for (size_t p = 0; p < embed->csp.count; p++) {
        struct csp_policy *policy = &embed->csp.policies[p];
        struct buf before = {0}, after = {0};
        csp_print(policy, &before);
        for (size_t i = 0; i < embed->count; i++)
            csp_amend(&embed->csp, policy, embed->url, &embed->needs[i].request);
        csp_print(policy, &after);
        bool changed = strcmp(buf_text(&before), buf_text(&after)) != 0;
        const char *where = policy->meta ? "<meta>" : "header";
        if (policies) {
            cJSON *one = json_append(policies);
            json_put_text(one, "where", where);
            json_put_text(one, "policy", buf_text(&before));
            json_put_text(one, "would_allow", changed ? buf_text(&after) : NULL);
        } else if (changed)
            printf("\nIn place of the policy in the %s:\n\n    %s%s%s\n", where,
                policy->meta ? "" : "Content-Security-Policy: ", buf_text(&after),
                embed->csp.count > 1
                    ? "\n\n(The page has several policies, and all of them must allow.)"
                    : "");
        buf_free(&before);
        buf_free(&after);
    }
}

static int report(const struct tool *tool, struct embed *embed)
{
    struct table table = {.columns = 3};
    cJSON *json = tool->json ? json_object() : NULL;
    if (json) {
        json_put_text(json, "url", embed->url);
        cJSON *embeds = json_put_array(json, "embeds");
        if (embed->calcom)
            json_append_text(embeds, embed->calcom, (int)strlen(embed->calcom));
        if (embed->calendly)
            json_append_text(embeds, "https://calendly.com", 20);
    } else {
        printf("%s\n", embed->url);
        if (embed->calcom)
            printf("Cal.com's calendar from %s%s\n", embed->calcom,
                embed->guessed ? ", as PUBLIC_CALCOM_EMBED_URL says; the page shows none" : "");
        if (embed->calendly)
            puts("Calendly's calendar");
        if (embed->framed)
            puts("a calendar in a frame");
    }
    size_t blocked = report_checks(embed, &table, json ? json_put_array(json, "checks") : NULL);
    if (!json) {
        if (embed->csp.count)
            table_print(&table, (const char *[]){"POLICY", "WHAT", "DIRECTIVE"});
        else
            fputs(advice_none, stdout);
    }
    report_policies(embed, json ? json_put_array(json, "policies") : NULL);
    if (json) {
        json_put_bool(json, "allowed", blocked == 0);
        json_print(json, JSON_INDENTED);
    }
    return blocked ? EXIT_BLOCKED : EX_OK;
}

static int check_page(struct tool *tool, struct embed *embed)
{
    embed->url = resolve(NULL, embed->start);
    if (!embed->url)
        tool_usage(tool, "%s is no URL that begins with https://", embed->start);
    int code = fetch(tool, embed);
    if (code != EX_OK)
        return code;
    markup_read(&embed->markup, buf_text(&embed->answer.body));
    read_policies(embed);
    recognise(embed, conf_text(&tool->conf, SET_CALCOM_EMBED_URL));
    if (embed->answer.body.len == HTTP_BODY_MAX)
        tool_say(tool, "the page is long: only its first %d bytes are read", HTTP_BODY_MAX);
    if (!embed->calcom && !embed->calendly && !embed->framed) {
        tool_say(tool,
            "%s shows no calendar of Cal.com or Calendly; one that a script adds is found by "
            "PUBLIC_CALCOM_EMBED_URL",
            embed->url);
        return EX_DATAERR;
    }
    add_needs(embed);
    if (embed->arena.failed || embed->csp.arena.failed || embed->markup.arena.failed)
        tool_no_memory();
    return report(tool, embed);
}

static int run(struct tool *tool, int argc, char **argv)
{
    char **operands;
    struct embed embed = {0};
    const struct tool_option options[] = {
        {"check", NULL, &embed.start}, {"cacert", NULL, &embed.cacert}, {0}};
    if (tool_parse(tool, argc, argv, options, &operands))
        tool_usage(tool, "%s is too much: name the page with --check URL", operands[0]);
    if (!embed.start)
        tool_usage(tool, "name the page with --check URL");
    tool_settings(tool);
    int code = check_page(tool, &embed);
    http_answer_free(&embed.answer);
    csp_free(&embed.csp);
    markup_free(&embed.markup);
    arena_free(&embed.arena);
    curl_free(embed.url);
    return code;
}

const struct command command_embed = {
    "embed", "does a page's policy let its calendar run?", usage, run};
