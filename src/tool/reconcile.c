/* bookspool reconcile: finds the bookings whose webhooks never arrived. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "api/reconcile.h"
#include "api/reconcile_state.h"
#include "base/counters.h"
#include "ledger/step.h"
#include "spool/accept.h"
#include "spool/queue.h"
#include "tool/output.h"
#include "tool/reconcile.h"
#include "tool/remote.h"
#include "tool/tool.h"

static const char usage[] =
    "reconcile [PROVIDER] [--since 7d] [--grace 10m] [--apply]\n"
    "          [--resubscribe] [--dry-run] [--json]\n"
    "\n"
    "Asks the providers' APIs for their bookings, compares them with the ledger and\n"
    "the spool, and lists the changes of which no webhook arrived. PROVIDER is calcom\n"
    "or calendly: without it, each that has a token.\n"
    "\n"
    "  --since DURATION  what was booked, moved or cancelled since then (7d)\n"
    "  --grace DURATION  leave to its webhook what changed so short a time ago (10m);\n"
    "                    0s: leave nothing\n"
    "  --apply           put what is missing into the spool: the next drain mails it\n"
    "  --resubscribe     make a subscription that is disabled or missing anew\n"
    "  --dry-run         with these two, only say what they would do\n"
    "\n"
    "Stopped, it goes on from there when it is run again.\n"
    "\n"
    "Exit status: 0 nothing is missing any more, 1 something is, 69 a provider did\n"
    "not answer or refused, 75 stopped: run it again.\n";

enum { EX_MISSING = 1, SINCE_MAX_DAYS = 366 };

static volatile sig_atomic_t stopping;

static void stop(int number)
{
    (void)number;
    stopping = 1;
}

static bool is_stopping(void)
{
    return stopping;
}

/* ---- what is in the spool ---- */

static char *kept(const char *text)
{
    char *copy = strdup(text);
    if (!copy)
        tool_no_memory();
    return copy;
}

static void add_arrival(struct reconciling *r, struct arrival arrival, const struct event *event)
{
    struct arena arena = {0};
    struct fact step;
    if (!step_of(event, &arena, &step)) {
        arena_free(&arena);
        return;
    }
    r->arrival = reallocarray(r->arrival, r->arrivals + 1, sizeof *r->arrival);
    if (!r->arrival)
        tool_no_memory();
    step.uid = kept(step.uid);
    step.person = kept(step.person);
    arrival.step = step;
    r->arrival[r->arrivals++] = arrival;
    arena_free(&arena);
}

/* Events that arrived, and that the ledger does not know yet. */
static int find_arrivals(struct reconciling *r, enum spool_dir dir)
{
    struct spool_list list;
    struct spool_file file;
    if (!tool_list(r->tool, dir, &list))
        return tool_spool_failed(r->tool);
    for (size_t i = 0; i < list.count; i++) {
        struct event event;
        if (!spool_read(&r->tool->spool, dir, list.item[i].name, &file))
            continue;
        if (!queue_objection(&file, RECORD_EVENT, list.item[i].name)) {
            if (!record_map(&file.record, &event))
                tool_no_memory();
            add_arrival(r, (struct arrival){.provider = file.record.provider, .dir = dir}, &event);
            event_free(&event);
        }
        spool_file_free(&file);
    }
    spool_list_free(&list);
    return EX_OK;
}

static enum missing_state spool_state_of(
    const struct reconciling *r, enum provider provider, const struct fact *step)
{
    enum missing_state state = MISSING;
    for (size_t i = 0; i < r->arrivals; i++)
        if (r->arrival[i].provider == provider && step_equal(&r->arrival[i].step, step)) {
            if (r->arrival[i].listed || r->arrival[i].dir == DIR_DONE)
                return MISSING_NOT;
            if (state != MISSING_WAITS)
                state = r->arrival[i].dir == DIR_NEW ? MISSING_WAITS : MISSING_HELD;
        }
    return state;
}

/* done/ is large, so it is read only for something that is found nowhere else. */
static enum missing_state state_of(
    struct reconciling *r, enum provider provider, const struct fact *step)
{
    enum missing_state state = spool_state_of(r, provider, step);
    if (state == MISSING_WAITS || state == MISSING_NOT || r->done_read)
        return state;
    r->done_read = true;
    r->spool_code = find_arrivals(r, DIR_DONE);
    return spool_state_of(r, provider, step);
}

/* ---- what is found ---- */

static bool put_file(
    struct reconciling *r, const struct reconcile_found *found, enum missing_state *state)
{
    struct buf file = {0};
    int64_t now = clock_now_us();
    r->received_us = now > r->received_us ? now : r->received_us + 1;
    if (!reconcile_record(found, r->received_us, &file))
        tool_no_memory();
    enum accept_result put = accept_put(&r->batch, found->event->id, &file);
    buf_free(&file);
    *state = put == ACCEPT_STORED                                        ? MISSING_PUT
             : spool_exists(&r->tool->spool, DIR_DONE, found->event->id) ? MISSING_NOT
                                                                         : MISSING_WAITS;
    if (put == ACCEPT_FAILED || (accept_full(&r->batch) && !accept_sync(&r->batch)))
        r->spool_code = tool_spool_failed(r->tool);
    return r->spool_code == EX_OK;
}

static bool take_found(void *context, const struct reconcile_found *found)
{
    struct reconciling *r = context;
    struct compared *c = &r->compared[found->provider];
    const struct booking *b = &found->event->booking;
    const struct person *who = b->attendee_count ? b->attendees : NULL;
    enum missing_state state = state_of(r, found->provider, found->step);
    if (r->spool_code != EX_OK)
        return false;
    if (r->apply && (state == MISSING || state == MISSING_HELD) && !put_file(r, found, &state))
        return false;
    if (state == MISSING_NOT)
        return true;
    add_arrival(r, (struct arrival){.provider = found->provider, .dir = DIR_NEW, .listed = true},
        found->event);
    struct missing *grown = reallocarray(c->missing, c->count + 1, sizeof *grown);
    if (!grown)
        tool_no_memory();
    c->missing = grown;
    struct missing *one = &c->missing[c->count++];
    *one = (struct missing){.state = state,
        .kind = found->event->kind,
        .start = b->start,
        .changed = found->event->sent_at,
        .recent = found->recent};
    snprintf(one->id, sizeof one->id, "%s", found->event->id);
    one->event = kept(found->event->name ? found->event->name : "-");
    one->uid = kept(b->uid);
    one->title = kept(b->title ? b->title : "-");
    one->who = kept(!who ? "-" : who->name ? who->name : who->email ? who->email : "-");
    return true;
}

/* On a terminal, at most ten times a second. */
static bool show_progress(void *context, const struct reconcile_walk *walk)
{
    struct reconciling *r = context;
    int64_t now = clock_monotonic();
    if (r->progress && now - r->shown >= 100) {
        char reached[TIME_TEXT];
        time_format(walk->cursor->reached, reached);
        fprintf(stderr, "\r\033[K%s: %lld bookings compared, %zu missing; %s %.10s",
            provider_name(walk->provider), (long long)walk->bookings,
            r->compared[walk->provider].count,
            walk->provider == PROVIDER_CALENDLY ? "starts up to" : "changes up to", reached);
        r->shown = now;
    }
    return !stopping;
}

static void end_progress(struct reconciling *r)
{
    if (r->progress && r->shown)
        fputs("\r\033[K", stderr);
    r->shown = 0;
}

/* ---- one provider ---- */

/* What may be on its way is no reason for an alarm, even where --grace asked for it. */
static void count_result(const struct compared *c, enum provider provider, int64_t now)
{
    int64_t left = 0, put = 0, newest = 0;
    for (size_t i = 0; i < c->count; i++) {
        const struct missing *one = &c->missing[i];
        left += (one->state == MISSING || one->state == MISSING_HELD) && !one->recent;
        put += one->state == MISSING_PUT;
        if (one->state != MISSING_WAITS && !one->recent && one->changed > newest)
            newest = one->changed;
    }
    counter_add(counter_at(COUNT_RECONCILED, provider, 0), (uint64_t)put);
    if (newest)
        counter_set(counter_at(COUNT_LOST_AT, provider, 0), newest);
    if (c->result == RECONCILE_DONE) {
        counter_set(counter_at(COUNT_RECONCILED_AT, provider, 0), now);
        counter_set(counter_at(COUNT_WEBHOOKS_LOST, provider, 0), left);
    } else if (c->result != RECONCILE_STOPPED)
        counter_set(counter_at(COUNT_RECONCILE_FAILED_AT, provider, 0), now);
}

/* Where no subscription delivers, no webhook is on its way. */
static int64_t grace_of(const struct reconciling *r, const struct compared *c)
{
    bool dead = c->subscription == SUBSCRIPTION_DISABLED || c->subscription == SUBSCRIPTION_MISSING;
    return dead || c->resubscribed || c->would_resubscribe ? 0 : r->grace;
}

static int walk_provider(struct reconciling *r, enum provider provider, struct api *api)
{
    struct compared *c = &r->compared[provider];
    struct reconcile_walk walk = {.api = api,
        .provider = provider,
        .ledger = r->ledger,
        .since = r->since,
        .now = r->tool->now,
        .grace = grace_of(r, c),
        .cursor = &r->cursor[provider],
        .cover = c->cover,
        .covers = c->covers,
        .found = take_found,
        .progress = show_progress,
        .context = r};
    /* what a run without --apply passed is not in the spool */
    if (r->apply && !r->cursor[provider].applied)
        r->cursor[provider] = (struct reconcile_cursor){0};
    c->resumed = r->cursor[provider].since != 0;
    if (c->covers)
        c->result = reconcile_walk(&walk, &c->why);
    else
        c->result = RECONCILE_API_FAILED;
    c->bookings = walk.bookings;
    c->recent = walk.recent;
    if (c->covers)
        snprintf(c->error, sizeof c->error, "%s", walk.error);
    end_progress(r);
    if (r->spool_code == EX_OK && !accept_sync(&r->batch))
        r->spool_code = tool_spool_failed(r->tool);
    if (r->spool_code != EX_OK)
        return r->spool_code;
    count_result(c, provider, clock_now());
    r->cursor[provider].applied = r->apply;
    /* Only now: what was found before the cursor is durable in the spool. */
    if (!reconcile_state_save(conf_text(&r->tool->conf, SET_STATE), r->cursor))
        tool_say(r->tool, "%s/reconcile.json: %s; the next run begins anew",
            conf_text(&r->tool->conf, SET_STATE), strerror(errno));
    switch (c->result) {
    case RECONCILE_STOPPED:
        return EX_TEMPFAIL;
    case RECONCILE_FAILED:
        tool_say(r->tool, "%s", c->error);
        return EX_IOERR;
    case RECONCILE_API_FAILED:
        tool_say(r->tool, "%s: %s", provider_table[provider]->title, c->error);
        return EX_UNAVAILABLE;
    default:
        break;
    }
    for (size_t i = 0; i < c->count; i++)
        if (c->missing[i].state == MISSING || c->missing[i].state == MISSING_HELD)
            return EX_MISSING;
    return EX_OK;
}

static int reconcile_provider(struct reconciling *r, enum provider provider)
{
    struct buf why = {0};
    struct api *api = api_open(&r->tool->conf, provider, r->ledger, &why);
    r->compared[provider].asked = true;
    if (!api) {
        tool_say_lines(r->tool, "settings", &why);
        buf_free(&why);
        return EX_CONFIG;
    }
    api_set_stop(api, is_stopping);
    int code = reconcile_subscription(r, provider, api);
    if (!stopping)
        code = tool_worse(code, walk_provider(r, provider, api));
    api_close(api);
    return code;
}

/* ---- the command ---- */

static bool is_asked(const struct reconciling *r, enum provider provider)
{
    return r->only == provider || (r->only == PROVIDERS && api_has_token(&r->tool->conf, provider));
}

/* A change of the secret, between the settings that were read and a subscription that is made anew
 * with them, would leave that one with the old secret. */
static int lock_all(const struct reconciling *r)
{
    int code = EX_OK;
    for (enum provider p = 0; p < PROVIDERS && r->resubscribe && !r->dry_run; p++)
        if (code == EX_OK && is_asked(r, p))
            code = remote_lock(r->tool, p);
    return code;
}

static int open_all(struct reconciling *r)
{
    struct tool *tool = r->tool;
    struct buf why = {0};
    int code = tool_open(tool);
    if (code == EX_OK)
        code = lock_all(r);
    if (code == EX_OK &&
        (tool_setting_wrong(tool, SET_LEDGER) || tool_setting_wrong(tool, SET_STATE)))
        code = EX_CONFIG;
    if (code == EX_OK && !(r->ledger = ledger_open(conf_text(&tool->conf, SET_LEDGER),
                               conf_number(&tool->conf, SET_RESERVE), &why))) {
        tool_say(tool, "%s", buf_text(&why));
        code = EX_CONFIG;
    }
    buf_free(&why);
    if (code != EX_OK)
        return code;
    counters_open(conf_text(&tool->conf, SET_STATE)); /* without them it is not counted */
    accept_init(&r->batch, &tool->spool, conf_number(&tool->conf, SET_SYNC) == SYNC_FSYNC,
        conf_number(&tool->conf, SET_RESERVE), tool->conf.value[SET_RESERVE].second);
    if (r->apply && !accept_has_room(&r->batch))
        return tool_spool_failed(tool);
    code = find_arrivals(r, DIR_NEW);
    return code == EX_OK ? find_arrivals(r, DIR_HELD) : code;
}

static void free_all(struct reconciling *r)
{
    for (size_t i = 0; i < r->arrivals; i++) {
        free((char *)r->arrival[i].step.uid);
        free((char *)r->arrival[i].step.person);
    }
    free(r->arrival);
    for (enum provider p = 0; p < PROVIDERS; p++) {
        struct compared *c = &r->compared[p];
        for (size_t i = 0; i < c->count; i++) {
            free(c->missing[i].event);
            free(c->missing[i].uid);
            free(c->missing[i].title);
            free(c->missing[i].who);
        }
        free(c->missing);
        buf_free(&c->advice);
        free(c->cover);
        subscriptions_free(&c->subscriptions);
        arena_free(&c->account.arena);
    }
    ledger_close(r->ledger);
}

static int reconcile_all(struct reconciling *r)
{
    struct tool *tool = r->tool;
    int code = EX_OK;
    bool any = false;
    for (enum provider p = 0; p < PROVIDERS && !stopping && r->spool_code == EX_OK; p++) {
        if (!is_asked(r, p))
            continue;
        any = true;
        code = tool_worse(code, reconcile_provider(r, p));
    }
    if (any || stopping)
        return stopping ? EX_TEMPFAIL : code;
    tool_say(tool, "no token is set: CALCOM_API_KEY and CALENDLY_API_TOKEN belong in drain.env, or "
                   "..._FILE names a file that holds one");
    return EX_CONFIG;
}

static int run(struct tool *tool, int argc, char **argv)
{
    static struct reconciling r; /* static: it is large */
    const char *since = "7d", *grace = NULL;
    char **operands;
    const struct tool_option options[] = {{"since", NULL, &since}, {"grace", NULL, &grace},
        {"apply", &r.apply, NULL}, {"resubscribe", &r.resubscribe, NULL},
        {"dry-run", &r.dry_run, NULL}, {0}};
    int count = tool_parse(tool, argc, argv, options, &operands);
    int64_t span;
    if (count > 1)
        tool_usage(tool, "name one provider, or none");
    r.only = count ? tool_provider(tool, operands[0]) : PROVIDERS;
    if (!conf_duration(since, &span) || span <= 0 || span > SINCE_MAX_DAYS * MS_PER_DAY)
        tool_usage(tool, "--since %s is not a duration up to %dd, such as 12h or 7d", since,
            SINCE_MAX_DAYS);
    r.grace = RECONCILE_GRACE;
    if (grace && !conf_duration(grace, &r.grace))
        tool_usage(tool, "--grace %s is not a duration such as 10m or 0s", grace);
    r.tool = tool;
    r.apply &= !r.dry_run;
    r.since = tool->now - span;
    r.progress = isatty(STDERR_FILENO);
    int code = open_all(&r);
    if (code == EX_OK) {
        struct sigaction action = {.sa_handler = stop};
        sigaction(SIGINT, &action, NULL);
        sigaction(SIGTERM, &action, NULL);
        reconcile_state_load(conf_text(&tool->conf, SET_STATE), tool->now, r.cursor);
        code = reconcile_all(&r);
        reconcile_print(&r);
    }
    free_all(&r);
    return code;
}

const struct command command_reconcile = {
    "reconcile", "find bookings whose webhook never arrived", usage, run};
