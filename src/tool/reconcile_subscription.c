/* The subscription that `bookspool reconcile` looks after. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sysexits.h>

#include "api/subscription.h"
#include "base/counters.h"
#include "tool/output.h"
#include "tool/reconcile.h"

/* The path of a URL; "" where it has none. */
static const char *path_of(const char *url)
{
    const char *host = url ? strstr(url, "://") : NULL;
    const char *path = host ? strchr(host + 3, '/') : NULL;
    return path ? path : "";
}

static bool same_host(const char *a, const char *b)
{
    size_t len = strcspn(strstr(a, "://") + 3, "/");
    return len == strcspn(strstr(b, "://") + 3, "/") &&
           strncasecmp(strstr(a, "://") + 3, strstr(b, "://") + 3, len) == 0;
}

/*
 * Does it lead to this receiver? Its path is the endpoint, or one element longer; and its host is
 * that of ..._WEBHOOK_BASE_URL, where that is set.
 */
static bool is_ours(const struct reconciling *r, enum provider provider, const char *url)
{
    const struct conf *conf = &r->tool->conf;
    const char *endpoint = conf_text(conf, provider_table[provider]->endpoint);
    const char *base = conf_text(conf, provider_table[provider]->base_url);
    const char *path = path_of(url);
    size_t len = strlen(endpoint);
    if (strncmp(path, endpoint, len) != 0 || (path[len] && path[len] != '/' && path[len] != '?'))
        return false;
    return !base || same_host(base, url);
}

static bool brings_bookings(const struct subscription *one)
{
    for (size_t i = 0; one->events[i]; i++)
        if (strcmp(one->events[i], "invitee.created") == 0 ||
            strcmp(one->events[i], "BOOKING_CREATED") == 0)
            return true;
    return false;
}

static enum subscription_state state_of(const struct subscription *one)
{
    if (!one->active)
        return SUBSCRIPTION_DISABLED;
    return one->retrying != TIME_NONE ? SUBSCRIPTION_RETRYING : SUBSCRIPTION_ACTIVE;
}

/* Does `one` bring all that `other` brings? */
static bool is_as_wide(
    enum provider provider, const struct subscription *one, const struct subscription *other)
{
    const char *wide = one->level, *narrow = other->level;
    if (!wide || !narrow)
        return false;
    if (provider == PROVIDER_CALENDLY)
        return strcmp(wide, "organization") == 0 ||
               (strcmp(wide, narrow) == 0 &&
                   (!one->group || !other->group || strcmp(one->group, other->group) == 0));
    if (strcmp(wide, narrow) == 0)
        return true;
    return strncmp(wide, "organization ", strlen("organization ")) == 0 ||
           (strcmp(wide, "user") == 0 &&
               strncmp(narrow, "event type ", strlen("event type ")) == 0);
}

/* Is there one in a better state that brings the same? */
static bool has_better(const struct reconciling *r, enum provider provider,
    const struct subscriptions *all, const struct subscription *one)
{
    for (size_t i = 0; i < all->count; i++) {
        const struct subscription *other = &all->list[i];
        if (is_ours(r, provider, other->url) && brings_bookings(other) &&
            state_of(other) < state_of(one) && is_as_wide(provider, other, one))
            return true;
    }
    return false;
}

/* Of several that bring different bookings the one that is in the worst state. */
static struct subscription *choose(
    const struct reconciling *r, enum provider provider, struct subscriptions *all)
{
    struct subscription *worst = NULL;
    for (size_t i = 0; i < all->count; i++) {
        struct subscription *one = &all->list[i];
        if (is_ours(r, provider, one->url) && brings_bookings(one) &&
            !has_better(r, provider, all, one) && (!worst || state_of(one) > state_of(worst)))
            worst = one;
    }
    return worst;
}

/* ---- what the subscriptions bring ---- */

/* "event type 7", "team 3 event type 7"; 0: a level of all event types. */
static int64_t event_type_of(const char *level)
{
    const char *type = level ? strstr(level, "event type ") : NULL;
    return type ? strtoll(type + strlen("event type "), NULL, 10) : 0;
}

static void add_cover(struct compared *c, struct reconcile_cover cover)
{
    struct reconcile_cover *longer = reallocarray(c->cover, c->covers + 1, sizeof *longer);
    if (!longer)
        tool_no_memory();
    c->cover = longer;
    c->cover[c->covers++] = cover;
}

static const char *const *usual_events(enum provider provider)
{
    static const char *list[PROVIDERS][SUBSCRIPTION_EVENTS_MAX + 1];
    size_t count = 0;
    for (const struct webhook_event *one = webhook_events(provider); one->name; one++)
        if (one->usual && count < SUBSCRIPTION_EVENTS_MAX)
            list[provider][count++] = one->name;
    return list[provider];
}

static struct reconcile_cover calcom_cover(const struct compared *c, const struct subscription *one)
{
    const char *level = one->level ? one->level : "";
    return (struct reconcile_cover){.event_type = event_type_of(level),
        .user = c->calcom.id,
        .organization = strncmp(level, "organization ", strlen("organization ")) == 0,
        .events = one->events};
}

/* What a group brings is not looked for: its URI is that of no host. */
static struct reconcile_cover calendly_cover(
    const struct compared *c, const struct subscription *one)
{
    const char *level = one->level ? one->level : "";
    const char *own = c->account.uri ? c->account.uri : "";
    return (struct reconcile_cover){.host = strcmp(level, "organization") == 0 ? NULL
                                            : one->group                       ? one->group
                                            : one->user                        ? one->user
                                                                               : own,
        .events = one->events};
}

/* Those that are disabled, too: what they did not bring is what is looked for. Without any, what
 * `bookspool ... subscribe` would subscribe. */
static void find_covers(struct reconciling *r, enum provider provider)
{
    struct compared *c = &r->compared[provider];
    for (size_t i = 0; i < c->subscriptions.count; i++) {
        const struct subscription *one = &c->subscriptions.list[i];
        if (is_ours(r, provider, one->url))
            add_cover(
                c, provider == PROVIDER_CALCOM ? calcom_cover(c, one) : calendly_cover(c, one));
    }
    if (!c->covers)
        add_cover(c, (struct reconcile_cover){.host = c->account.uri ? c->account.uri : "",
                         .user = c->calcom.id,
                         .events = usual_events(provider)});
}

/* ---- making it anew ---- */

static int refused(struct reconciling *r, enum provider provider, const char *what,
    enum api_result result, const struct api_answer *answer)
{
    tool_say(r->tool, "%s: %s: %s%s%s", provider_table[provider]->title, what,
        api_result_name(result), *answer->error ? ": " : "", answer->error);
    return EX_UNAVAILABLE;
}

/* Cal.com's webhook keeps its secret. */
static int activate_calcom(struct reconciling *r, struct api *api, const struct subscription *old)
{
    struct api_answer answer = {0};
    cJSON *body = json_object();
    json_put_bool(body, "active", true);
    enum api_result result = api_send(api, "PATCH", old->path, body, &answer);
    cJSON_Delete(body);
    int code = result == API_OK ? EX_OK
                                : refused(r, PROVIDER_CALCOM, "the webhook cannot be activated",
                                      result, &answer);
    api_answer_free(&answer);
    return code;
}

/* One that is disabled brings nothing, so nothing is lost while there is none; the same URL cannot
 * be subscribed twice. */
static int replace_calendly(struct reconciling *r, struct api *api, const struct subscription *old,
    const struct subscription *wanted, const char *secret)
{
    struct api_answer answer = {0};
    enum api_result result = old ? subscription_delete(api, old, &answer) : API_OK;
    const char *what = "the disabled subscription cannot be deleted";
    if (result == API_OK) {
        api_answer_free(&answer);
        what = old ? "the disabled subscription is deleted, and no new one can be made: run "
                     "bookspool calendly subscribe"
                   : "no subscription can be made";
        result = calendly_subscribe(api, wanted, secret, &answer);
    }
    int code = result == API_OK ? EX_OK : refused(r, PROVIDER_CALENDLY, what, result, &answer);
    api_answer_free(&answer);
    return code;
}

static int make_new(struct reconciling *r, enum provider provider, struct api *api,
    const struct calendly_account *account)
{
    const struct conf *conf = &r->tool->conf;
    const struct provider_row *row = provider_table[provider];
    const char *base = conf_text(conf, row->base_url), *secret = conf_text(conf, row->secret[0]);
    char url[512];
    if (!base || !secret) {
        tool_say(r->tool, "%s: to make a subscription, %s must be set%s", row->title,
            settings[base ? row->secret[0] : row->base_url].name,
            !secret && tool_secrets_unread(conf) ? " (receive.env cannot be read)" : "");
        return EX_CONFIG;
    }
    size_t len = strlen(base);
    snprintf(url, sizeof url, "%.*s%s", (int)(len - (base[len - 1] == '/')), base,
        conf_text(conf, row->endpoint));
    snprintf(r->compared[provider].url, sizeof r->compared[provider].url, "%.255s", url);
    struct subscription wanted = {.url = url,
        .level = "user",
        .active = true,
        .created = TIME_NONE,
        .retrying = TIME_NONE,
        .organization = account->organization,
        .user = account->uri};
    memcpy(wanted.events, usual_events(provider), sizeof wanted.events);
    if (r->dry_run)
        return EX_OK;
    if (provider == PROVIDER_CALENDLY)
        return replace_calendly(r, api, NULL, &wanted, secret);
    for (const char *const *version = row->versions; *version; version++)
        wanted.version = *version; /* the newest is last */
    struct api_answer answer = {0};
    char path[128];
    enum api_result result = API_STRANGE;
    if (calcom_level_path("user", path, sizeof path))
        result = calcom_subscribe(api, path, &wanted, secret, &answer);
    int code =
        result == API_OK ? EX_OK : refused(r, provider, "no webhook can be made", result, &answer);
    api_answer_free(&answer);
    return code;
}

static int make_anew(struct reconciling *r, enum provider provider, struct api *api,
    const struct calendly_account *account, const struct subscription *old)
{
    struct compared *c = &r->compared[provider];
    const char *secret = conf_text(&r->tool->conf, provider_table[provider]->secret[0]);
    int code;
    if (!old)
        code = make_new(r, provider, api, account);
    else if (provider == PROVIDER_CALCOM)
        code = r->dry_run ? EX_OK : activate_calcom(r, api, old);
    else if (!secret) {
        tool_say(r->tool, "Calendly: to make the subscription anew, %s must be readable",
            settings[provider_table[provider]->secret[0]].name);
        code = EX_CONFIG;
    } else {
        struct subscription wanted = *old;
        code = r->dry_run ? EX_OK : replace_calendly(r, api, old, &wanted, secret);
    }
    if (code != EX_OK)
        return code;
    c->resubscribed = !r->dry_run;
    c->would_resubscribe = r->dry_run;
    return EX_OK;
}

/* ---- what is said of it ---- */

static void advise(struct compared *c, enum provider provider)
{
    const char *name = provider_name(provider), *title = provider_table[provider]->title;
    char since[TIME_TEXT];
    if (c->would_resubscribe) {
        buf_printf(&c->advice, "%s has %s; --resubscribe would make the one to %s anew.", title,
            c->subscription == SUBSCRIPTION_MISSING ? "no subscription to this receiver"
                                                    : "disabled the subscription",
            c->url);
        return;
    }
    switch (c->subscription) {
    case SUBSCRIPTION_RETRYING:
        time_format(c->retrying, since);
        buf_printf(&c->advice,
            "%s has tried to deliver a webhook since %s and not succeeded. It disables the "
            "subscription after a day of failures: the log of bookspool-fcgi says why it refuses; "
            "bookspool check --url tries the way from outside.",
            title, since);
        break;
    case SUBSCRIPTION_DISABLED:
        buf_printf(&c->advice,
            "%s has disabled the subscription to %s: no webhook comes any more. bookspool "
            "reconcile %s --apply --resubscribe makes it anew and mails what was lost.",
            title, c->url, name);
        break;
    case SUBSCRIPTION_MISSING:
        buf_printf(&c->advice,
            "%s has no subscription to this receiver: no webhook comes. bookspool %s subscribe "
            "makes one.",
            title, name);
        break;
    default:
        if (c->resubscribed)
            buf_printf(&c->advice, "The subscription to %s was made anew.", c->url);
        break;
    }
}

static void count_state(const struct compared *c, enum provider provider, int64_t now)
{
    enum counter which = counter_at(COUNT_SUBSCRIPTION, provider, 0);
    if (c->subscription == SUBSCRIPTION_UNKNOWN) /* what was seen last is still the best known */
        return;
    if (counter_get_signed(which) != (int64_t)c->subscription)
        counter_set(counter_at(COUNT_SUBSCRIPTION_AT, provider, 0), now);
    counter_set(which, (int64_t)c->subscription);
}

/* The state of those that were listed; with --resubscribe each that is disabled is made anew. */
static int judge(struct reconciling *r, enum provider provider, struct api *api)
{
    struct compared *c = &r->compared[provider];
    struct subscriptions *all = &c->subscriptions;
    struct subscription *one = choose(r, provider, all);
    int code = EX_OK;
    while (r->resubscribe && code == EX_OK && one && !one->active) {
        code = make_anew(r, provider, api, &c->account, one);
        if (r->dry_run)
            break;
        if (code == EX_OK) {
            one->active = true;
            one->retrying = TIME_NONE;
            snprintf(c->url, sizeof c->url, "%s", one->url);
            one = choose(r, provider, all);
        }
    }
    /* where a level could not be read, it may be there */
    c->subscription = one               ? state_of(one)
                      : all->unread.len ? SUBSCRIPTION_UNKNOWN
                                        : SUBSCRIPTION_MISSING;
    c->retrying = one ? one->retrying : TIME_NONE;
    if (one && (!c->resubscribed || c->subscription != SUBSCRIPTION_ACTIVE))
        snprintf(c->url, sizeof c->url, "%s", one->url);
    if (r->resubscribe && c->subscription == SUBSCRIPTION_MISSING) {
        code = make_anew(r, provider, api, &c->account, NULL);
        if (c->resubscribed)
            c->subscription = SUBSCRIPTION_ACTIVE;
        else if (!c->would_resubscribe)
            *c->url = '\0';
    }
    return code;
}

/* Where the token may not list subscriptions, the walk takes the usual ones for granted; where that
 * is only not known now, it would find what the owner never subscribed. */
static bool may_fall_back(enum api_result result)
{
    return result != API_UNREACHABLE && result != API_LIMITED && result != API_STRANGE;
}

int reconcile_subscription(struct reconciling *r, enum provider provider, struct api *api)
{
    struct compared *c = &r->compared[provider];
    struct subscriptions *all = &c->subscriptions;
    struct calendly_account *account = &c->account;
    struct api_answer answer = {0};
    enum api_result result;
    int code = EX_OK;
    c->retrying = TIME_NONE;
    if (provider == PROVIDER_CALENDLY)
        result = calendly_whoami(api, account, &answer);
    else
        result = calcom_whoami(api, &c->calcom, &answer);
    if (result == API_OK) {
        api_answer_free(&answer);
        result = provider == PROVIDER_CALENDLY
                     ? calendly_subscriptions(api, account, all, &answer)
                     : calcom_subscriptions(api, &c->calcom, all, &answer);
    }
    if (result == API_OK) {
        code = judge(r, provider, api);
        advise(c, provider);
    } else /* the walk meets the same and says it, where it is about more than the subscription */
        buf_printf(&c->advice, "The subscription was not looked at: %.300s", answer.error);
    if (may_fall_back(result))
        find_covers(r, provider);
    else
        snprintf(
            c->error, sizeof c->error, "the subscriptions cannot be listed: %.200s", answer.error);
    count_state(c, provider, clock_now());
    api_answer_free(&answer);
    return code;
}
