#include "api/reconcile.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "api/parts.h"
#include "api/reconcile_parts.h"
#include "api/url.h"
#include "base/clock.h"
#include "base/json.h"
#include "ledger/step.h"

/* ---- requests ---- */

enum {
    FREE_RATE = 40, /* until an answer says more */
    SILENT_MAX = 3  /* events without an answer: then the provider has none */
};

static bool go_on(struct reconcile_walk *walk)
{
    if (!walk->stopped && !walk->progress(walk->context, walk))
        walk->stopped = true;
    return !walk->stopped;
}

/* Waits until one more request is within the rate. */
static bool pace(struct reconcile_walk *walk)
{
    const int64_t minute = 60 * MS_PER_SECOND;
    while (walk->requests >= walk->rate &&
           clock_monotonic() - walk->paced[(walk->requests - walk->rate) % RECONCILE_RATE_MAX] <
               minute) {
        if (!go_on(walk))
            return false;
        nanosleep(&(struct timespec){.tv_nsec = 200 * 1000 * 1000}, NULL);
    }
    walk->paced[walk->requests++ % RECONCILE_RATE_MAX] = clock_monotonic();
    return true;
}

/* What the answer says of the limit decides the rate from now on. */
static void set_rate(struct reconcile_walk *walk, int64_t limit)
{
    int64_t rate = limit * 4 / 5;
    if (limit > 0)
        walk->rate = rate < 1 ? 1 : rate > RECONCILE_RATE_MAX ? RECONCILE_RATE_MAX : (size_t)rate;
}

static enum api_result keep_error(
    struct reconcile_walk *walk, enum api_result result, struct api_answer *answer)
{
    if (result != API_OK && !walk->stopped)
        snprintf(walk->error, sizeof walk->error, "%s", answer->error);
    set_rate(walk, answer->limit);
    api_answer_free(answer);
    return result;
}

static bool put_time(struct buf *path, const char *name, int64_t when)
{
    char text[TIME_TEXT];
    time_format_ms(when, text);
    return api_url_set(path, name, text);
}

static enum api_result no_memory(struct reconcile_walk *walk)
{
    reconcile_walk_failed(walk, "not enough memory");
    return API_STRANGE;
}

/* ---- Cal.com ---- */

#define CALCOM_TAKE "100"

static bool see_calcom(struct reconcile_walk *walk, const cJSON *booking)
{
    const char *updated = json_text(booking, "updatedAt");
    int64_t when;
    if (!reconcile_compare_calcom(walk, booking))
        return false;
    if (updated && time_parse(updated, &when) && when > walk->cursor->reached)
        walk->cursor->reached = when;
    return go_on(walk);
}

/* One page of what changed after `after`; `more`: there is another one. */
static enum api_result see_page(struct reconcile_walk *walk, int64_t after, size_t skip, bool *more)
{
    struct buf path = {0};
    struct api_answer answer = {0};
    char number[24];
    const cJSON *booking;
    snprintf(number, sizeof number, "%zu", skip);
    buf_puts(&path, "/v2/bookings");
    if (!put_time(&path, "afterUpdatedAt", after) || !api_url_set(&path, "sortUpdatedAt", "asc") ||
        !api_url_set(&path, "take", CALCOM_TAKE) || (skip && !api_url_set(&path, "skip", number))) {
        buf_free(&path);
        return no_memory(walk);
    }
    enum api_result result = api_get_uncached(walk->api, buf_text(&path), &answer);
    const cJSON *list = json_get(answer.json, "data");
    buf_free(&path);
    if (result == API_OK && !cJSON_IsArray(list)) {
        snprintf(answer.error, sizeof answer.error, "Cal.com: the answer is not a list");
        result = API_STRANGE;
    }
    if (result == API_OK)
        cJSON_ArrayForEach (booking, list)
            if (!see_calcom(walk, booking))
                break;
    *more = result == API_OK && list->child && json_true(answer.json, "pagination.hasNextPage");
    return keep_error(walk, result, &answer);
}

/*
 * A booking that changes moves to the end of the list, and the others up: a page that skipped as
 * many as were seen would miss some. So each page begins a second before what was reached ("after"
 * may mean "at" or not), and only within one second some are skipped.
 */
static enum api_result walk_calcom(struct reconcile_walk *walk)
{
    size_t skip = 0;
    bool more = true;
    for (int page = 0; more && page < API_PAGES_MAX; page++) {
        int64_t reached = walk->cursor->reached;
        enum api_result result = see_page(walk, reached - MS_PER_SECOND, skip, &more);
        if (result != API_OK || walk->stopped)
            return result;
        skip = walk->cursor->reached > reached ? 0 : skip + strtoul(CALCOM_TAKE, NULL, 10);
    }
    return API_OK;
}

/* ---- Calendly ---- */

/* Scheduled events of one window. */
struct window {
    struct reconcile_walk *walk;
    cJSON *events;
};

static bool keep_event(void *context, const cJSON *item)
{
    struct window *window = context;
    cJSON *copy = cJSON_Duplicate(item, true);
    if (!copy || !cJSON_AddItemToArray(window->events, copy)) {
        cJSON_Delete(copy);
        return reconcile_walk_failed(window->walk, "not enough memory");
    }
    return go_on(window->walk);
}

/* Has everything that concerns this event been seen, or happened before `since`? */
static bool is_settled(struct reconcile_walk *walk, const cJSON *scheduled)
{
    const char *uri = json_text(scheduled, "uri"), *updated = json_text(scheduled, "updated_at");
    const cJSON *total = json_path(scheduled, "invitees_counter.total");
    const cJSON *active = json_path(scheduled, "invitees_counter.active");
    const cJSON *limit = json_path(scheduled, "invitees_counter.limit");
    bool canceled = walk->cursor->canceled;
    bool alone = cJSON_IsNumber(limit) && limit->valueint == 1;
    char prefix[512];
    int64_t all, live, when;
    if ((canceled || alone) && updated && time_parse(updated, &when) && when < walk->since)
        return true;
    if (!uri || !cJSON_IsNumber(total) || !cJSON_IsNumber(active))
        return false;
    int len = snprintf(prefix, sizeof prefix, "%s/invitees/", uri);
    if (len >= (int)sizeof prefix ||
        !ledger_count(walk->ledger, provider_name(walk->provider), prefix, &all, &live))
        return false;
    return all == total->valueint && live == (canceled ? 0 : active->valueint);
}

struct seen_event {
    struct reconcile_walk *walk;
    const cJSON *scheduled;
};

static bool see_invitee(void *context, const cJSON *invitee)
{
    struct seen_event *seen = context;
    return reconcile_compare_calendly(seen->walk, seen->scheduled, invitee) && go_on(seen->walk);
}

/* After a failure that may be about this event only, the walk goes on. One that is gone has no
 * invitees. */
static enum api_result skip_event(
    struct reconcile_walk *walk, enum api_result result, struct api_answer *answer)
{
    if (walk->stopped || result == API_NO_TOKEN || result == API_UNAUTHORIZED ||
        result == API_LIMITED || (result == API_UNREACHABLE && ++walk->silent == SILENT_MAX))
        return keep_error(walk, result, answer);
    if (result != API_NOT_FOUND)
        reconcile_skip(walk, result, answer->error);
    api_answer_free(answer);
    return API_OK;
}

static enum api_result see_invitees(struct reconcile_walk *walk, const cJSON *scheduled)
{
    struct seen_event seen = {walk, scheduled};
    const char *uri = json_text(scheduled, "uri");
    const char *id = uri ? strstr(uri, "/scheduled_events/") : NULL;
    struct api_answer answer = {0};
    struct buf path = {0};
    if (!id || is_settled(walk, scheduled))
        return API_OK;
    if (!pace(walk))
        return API_OK;
    buf_printf(&path, "%s/invitees?count=100", id);
    enum api_result result =
        path.failed ? no_memory(walk)
                    : api_list(walk->api, buf_text(&path), see_invitee, &seen, &answer);
    buf_free(&path);
    if (result != API_OK)
        return skip_event(walk, result, &answer);
    walk->silent = 0;
    return keep_error(walk, result, &answer);
}

/* The events of one window, then the invitees of each: `reached` rises with their start times. */
static enum api_result see_window(
    struct reconcile_walk *walk, const char *whose, int64_t from, int64_t to)
{
    struct window window = {walk, cJSON_CreateArray()};
    struct api_answer answer = {0};
    struct buf path = {0};
    const cJSON *event;
    int64_t start;
    buf_printf(&path, "/scheduled_events?%s", whose);
    bool ok = window.events && put_time(&path, "min_start_time", from) &&
              put_time(&path, "max_start_time", to) &&
              api_url_set(&path, "status", walk->cursor->canceled ? "canceled" : "active") &&
              api_url_set(&path, "sort", "start_time:asc") && api_url_set(&path, "count", "100");
    enum api_result result = API_OK;
    if (!ok)
        result = no_memory(walk);
    else if (pace(walk)) {
        result = api_list(walk->api, buf_text(&path), keep_event, &window, &answer);
        result = keep_error(walk, result, &answer);
    }
    walk->requests += (size_t)cJSON_GetArraySize(window.events) / 100; /* further pages */
    if (result == API_OK)
        cJSON_ArrayForEach (event, window.events) {
            const char *text = json_text(event, "start_time");
            if (walk->stopped || (result = see_invitees(walk, event)) != API_OK)
                break;
            if (!walk->stopped && text && time_parse(text, &start) && start > walk->cursor->reached)
                walk->cursor->reached = start;
        }
    cJSON_Delete(window.events);
    buf_free(&path);
    return result;
}

/* "organization=URI" and "user=URI" of the token's user, for a query. */
static enum api_result find_whose(
    struct reconcile_walk *walk, struct buf *organization, struct buf *user)
{
    struct api_answer answer = {0};
    enum api_result result = pace(walk) ? api_get(walk->api, "/users/me", &answer) : API_OK;
    const char *own = json_text(answer.json, "resource.uri");
    const char *all = json_text(answer.json, "resource.current_organization");
    struct buf url = {0};
    if (result == API_OK && !walk->stopped && (!own || !all)) {
        snprintf(answer.error, sizeof answer.error, "/users/me names no user and organization");
        result = API_STRANGE;
    }
    if (result == API_OK && own && all) {
        bool ok = api_url_set(&url, "organization", all);
        buf_puts(organization, buf_text(&url) + (*buf_text(&url) == '?'));
        buf_clear(&url);
        ok = ok && api_url_set(&url, "user", own);
        buf_puts(user, buf_text(&url) + (*buf_text(&url) == '?'));
        if (!ok || organization->failed || user->failed)
            result = no_memory(walk);
    }
    buf_free(&url);
    return keep_error(walk, result, &answer);
}

static bool covers_organization(const struct reconcile_walk *walk)
{
    for (size_t i = 0; i < walk->covers; i++)
        if (!walk->cover[i].host)
            return true;
    return !walk->cover;
}

/* All events of the organization, where that is covered and the token may list them; else those of
 * its user. */
static enum api_result walk_windows(struct reconcile_walk *walk, const char *all, const char *own)
{
    struct reconcile_cursor *cursor = walk->cursor;
    const char *whose = covers_organization(walk) ? all : own;
    const int64_t end = walk->since + RECONCILE_AHEAD;
    enum api_result result = API_OK;
    for (;;) {
        int64_t from = cursor->reached, length = 7 * MS_PER_DAY;
        while (from < end && result == API_OK && !walk->stopped) {
            int64_t to = from + length < end ? from + length : end;
            result = see_window(walk, whose, from, to);
            if (result == API_FORBIDDEN && whose == all) {
                whose = own;
                *walk->error = '\0';
                result = API_OK;
                continue;
            }
            if (result != API_OK || walk->stopped)
                return result;
            cursor->reached = from = to;
            length *= 2;
        }
        if (result != API_OK || walk->stopped || cursor->canceled)
            return result;
        cursor->canceled = true;
        cursor->reached = cursor->since;
    }
}

static enum api_result walk_calendly(struct reconcile_walk *walk)
{
    struct buf organization = {0}, user = {0};
    enum api_result result = find_whose(walk, &organization, &user);
    if (result == API_OK && !walk->stopped)
        result = walk_windows(walk, buf_text(&organization), buf_text(&user));
    buf_free(&organization);
    buf_free(&user);
    return result;
}

/* ---- both ---- */

enum reconcile_result reconcile_walk(struct reconcile_walk *walk, enum api_result *why)
{
    static enum api_result (*const walks[PROVIDERS])(struct reconcile_walk *) = {
        [PROVIDER_CALCOM] = walk_calcom, [PROVIDER_CALENDLY] = walk_calendly};
    struct reconcile_cursor *cursor = walk->cursor;
    bool resumed = cursor->since && cursor->since <= walk->since && cursor->reached;
    walk->newest = TIME_NONE;
    walk->rate = FREE_RATE;
    if (resumed)
        walk->since = cursor->since;
    else
        *cursor = (struct reconcile_cursor){
            .since = walk->since, .began = walk->now, .reached = walk->since};
    walk->event_types = cJSON_CreateObject();
    enum api_result result = walks[walk->provider](walk);
    cJSON_Delete(walk->event_types);
    walk->event_types = NULL;
    *why = result;
    if (walk->holds && (walk->stopped || result != API_OK))
        *cursor = walk->held;
    if (walk->stopped)
        return *walk->error ? RECONCILE_FAILED : RECONCILE_STOPPED;
    if (result != API_OK)
        return RECONCILE_API_FAILED;
    *cursor = (struct reconcile_cursor){0};
    *why = walk->skipped;
    if (walk->skipped == API_OK)
        return RECONCILE_DONE;
    snprintf(walk->error, sizeof walk->error, "%s", walk->skipped_error);
    return RECONCILE_API_FAILED;
}
