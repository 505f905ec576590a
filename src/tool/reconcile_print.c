/* What bookspool reconcile found, for people and with --json. */
#include <stdio.h>
#include <string.h>

#include "base/counters.h"
#include "tool/output.h"
#include "tool/reconcile.h"

static const char *const state_names[] = {"missing", "put", "waits", "held"};
static const char *const subscription_names[] = {
    "unknown", "active", "retrying", "disabled", "missing"};
static const char *const result_names[] = {"done", "stopped", "failed", "failed"};

/* ---- for people ---- */

static void print_missing(const struct compared *c, enum provider provider)
{
    static const char *const heading[] = {
        "STATE", "PROVIDER", "EVENT", "START", "WHO", "TITLE", "ID"};
    struct table table = {.columns = sizeof heading / sizeof *heading};
    for (size_t i = 0; i < c->count; i++) {
        const struct missing *one = &c->missing[i];
        char start[TIME_TEXT] = "-";
        if (one->start != TIME_NONE)
            time_format(one->start, start);
        table_add(&table, (const char *const[]){state_names[one->state], provider_name(provider),
                              one->event, start, one->who, one->title, one->id});
    }
    if (c->count)
        table_print(&table, heading);
}

static size_t count_state(const struct compared *c, enum missing_state state)
{
    size_t count = 0;
    for (size_t i = 0; i < c->count; i++)
        count += c->missing[i].state == state;
    return count;
}

static void print_summary(const struct reconciling *r, enum provider provider)
{
    const struct compared *c = &r->compared[provider];
    const char *title = provider_table[provider]->title;
    size_t put = count_state(c, MISSING_PUT), waits = count_state(c, MISSING_WAITS),
           left = c->count - put - waits;
    char since[TIME_TEXT];
    time_format(r->since, since);
    printf("%s: %lld bookings since %s compared%s: ", title, (long long)c->bookings, since,
        c->resumed ? " (continued)" : "");
    if (!c->count)
        puts(c->result == RECONCILE_DONE ? "no webhook is missing" : "none is missing so far");
    else
        printf("%zu missing, %zu put into the spool, %zu wait there\n", left, put, waits);
    if (c->recent)
        printf("  %lld changed only now: left to the webhook, or to the next run\n",
            (long long)c->recent);
    if (left && !r->apply)
        puts("  bookspool reconcile --apply puts them into the spool; the next drain mails them");
    if (c->result == RECONCILE_STOPPED)
        puts("  stopped; the next run goes on from there");
    else if (c->result != RECONCILE_DONE)
        puts(r->cursor[provider].since ? "  not to the end; the next run goes on from there"
                                       : "  not all could be asked; the next run begins anew");
    if (c->advice.len) {
        printf("  ");
        output_folded(buf_text(&c->advice), 2, 2);
    }
}

/* ---- for programs ---- */

static void put_provider(cJSON *list, const struct reconciling *r, enum provider provider)
{
    const struct compared *c = &r->compared[provider];
    cJSON *object = json_append(list);
    json_put_text(object, "provider", provider_name(provider));
    json_put_text(object, "result", result_names[c->result]);
    json_put_text(object, "error", *c->error ? c->error : NULL);
    json_put_bool(object, "resumed", c->resumed);
    json_put_number(object, "bookings", c->bookings);
    json_put_number(object, "recent", c->recent);
    cJSON *missing = json_put_array(object, "missing");
    for (size_t i = 0; i < c->count; i++) {
        const struct missing *one = &c->missing[i];
        cJSON *item = json_append(missing);
        json_put_text(item, "state", state_names[one->state]);
        json_put_text(item, "id", one->id);
        json_put_text(item, "event", one->event);
        json_put_text(item, "kind", event_kind_name(one->kind));
        json_put_text(item, "uid", one->uid);
        json_put_text(item, "who", one->who);
        json_put_text(item, "title", one->title);
        json_put_time(item, "start", one->start);
        json_put_time(item, "changed", one->changed);
    }
    cJSON *subscription = json_put_object(object, "subscription");
    json_put_text(subscription, "state", subscription_names[c->subscription]);
    json_put_text(subscription, "url", *c->url ? c->url : NULL);
    json_put_time(subscription, "retry_started_at", c->retrying);
    json_put_bool(subscription, "made_anew", c->resubscribed);
    if (r->dry_run)
        json_put_bool(subscription, "would_be_made_anew", c->would_resubscribe);
    json_put_text(subscription, "advice", c->advice.len ? buf_text(&c->advice) : NULL);
}

void reconcile_print(const struct reconciling *r)
{
    cJSON *json = r->tool->json ? json_object() : NULL;
    cJSON *list = json ? json_put_array(json, "providers") : NULL;
    for (enum provider p = 0; p < PROVIDERS; p++) {
        if (!r->compared[p].asked)
            continue;
        if (json) {
            put_provider(list, r, p);
            continue;
        }
        print_missing(&r->compared[p], p);
        print_summary(r, p);
    }
    if (json)
        json_print(json, JSON_INDENTED);
}
