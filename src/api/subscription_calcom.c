#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/subscription.h"
#include "api/subscription_parts.h"
#include "base/clock.h"
#include "base/json.h"

/* ids are numbers by the OpenAPI file, and UUIDs in answers. */
static const char *read_id(struct arena *arena, const cJSON *item)
{
    const cJSON *id = json_get(item, "id");
    if (cJSON_IsNumber(id))
        return arena_printf(arena, "%.0f", id->valuedouble);
    return cJSON_IsString(id) && *id->valuestring ? arena_strdup(arena, id->valuestring) : NULL;
}

static void read_webhook(
    struct subscriptions *all, const char *level, const char *path, const cJSON *item)
{
    struct arena *arena = &all->arena;
    const char *id = read_id(arena, item), *secret = json_text(item, "secret"),
               *template = json_text(item, "payloadTemplate");
    struct subscription *s = id ? subscription_add(all) : NULL;
    if (!s)
        return;
    s->id = id;
    s->path = arena_printf(arena, "%s/%s", path, id);
    s->url = subscription_text(arena, item, "subscriberUrl");
    s->level = arena_strdup(arena, level);
    s->active = json_true(item, "active");
    s->created = subscription_time(item, "createdAt");
    s->version = subscription_text(arena, item, "version");
    s->templated = template && *template;
    if (secret && *secret)
        secret_digest(secret, s->secret_digest);
    subscription_read_events(all, s, json_get(item, "triggers"));
}

/* ---- the levels ---- */

struct walk {
    struct api *api;
    struct subscriptions *all;
    struct api_answer *answer;
    const char *level, *path; /* at hand */
};

static bool add_webhook(void *context, const cJSON *item)
{
    const struct walk *walk = context;
    read_webhook(walk->all, walk->level, walk->path, item);
    return !walk->all->arena.failed;
}

/* What may not be read is noted, and the walk goes on. */
static enum api_result note_unread(struct walk *walk, enum api_result result, const char *what)
{
    if (result != API_FORBIDDEN && result != API_NOT_FOUND)
        return result;
    buf_printf(
        &walk->all->unread, "%s: this key may not list them (%ld)\n", what, walk->answer->status);
    return API_OK;
}

static enum api_result walk_level(struct walk *walk, const char *level, const char *path)
{
    walk->level = level;
    walk->path = path;
    return note_unread(walk, api_list(walk->api, path, add_webhook, walk, walk->answer), level);
}

/* Numbers of a list, ended by 0. */
struct ids {
    int64_t *id;
    size_t count;
    bool failed;
};

static bool add_id(void *context, const cJSON *item)
{
    struct ids *ids = context;
    const cJSON *id = json_get(item, "id");
    if (!cJSON_IsNumber(id) || id->valuedouble < 1)
        return true;
    int64_t *longer = realloc(ids->id, (ids->count + 2) * sizeof *longer);
    ids->failed = !longer;
    if (!longer)
        return false;
    ids->id = longer;
    ids->id[ids->count++] = (int64_t)id->valuedouble;
    ids->id[ids->count] = 0;
    return true;
}

static enum api_result list_ids(
    struct walk *walk, const char *path, const char *what, struct ids *ids)
{
    *ids = (struct ids){0};
    enum api_result result = api_list(walk->api, path, add_id, ids, walk->answer);
    if (ids->failed)
        return subscription_strange(walk->answer, "out of memory");
    return note_unread(walk, result, what);
}

static enum api_result walk_team(struct walk *walk, int64_t team)
{
    char path[128], level[96];
    struct ids events;
    snprintf(path, sizeof path, "/v2/teams/%" PRId64 "/event-types", team);
    snprintf(level, sizeof level, "event types of team %" PRId64, team);
    enum api_result result = list_ids(walk, path, level, &events);
    for (int64_t *event = events.id; event && *event && result == API_OK; event++) {
        snprintf(path, sizeof path, "/v2/teams/%" PRId64 "/event-types/%" PRId64 "/webhooks", team,
            *event);
        snprintf(level, sizeof level, "team %" PRId64 " event type %" PRId64, team, *event);
        result = walk_level(walk, level, path);
    }
    free(events.id);
    return result;
}

static enum api_result walk_event_types(struct walk *walk)
{
    char path[128], level[96];
    struct ids events;
    enum api_result result = list_ids(walk, "/v2/event-types", "event types", &events);
    for (int64_t *event = events.id; event && *event && result == API_OK; event++) {
        snprintf(path, sizeof path, "/v2/event-types/%" PRId64 "/webhooks", *event);
        snprintf(level, sizeof level, "event type %" PRId64, *event);
        result = walk_level(walk, level, path);
    }
    free(events.id);
    return result;
}

static enum api_result walk_teams(struct walk *walk)
{
    struct ids teams;
    enum api_result result = list_ids(walk, "/v2/teams", "teams", &teams);
    for (int64_t *team = teams.id; team && *team && result == API_OK; team++)
        result = walk_team(walk, *team);
    free(teams.id);
    return result;
}

static int64_t number_of(const cJSON *object, const char *name)
{
    const cJSON *number = json_get(object, name);
    return cJSON_IsNumber(number) ? (int64_t)number->valuedouble : 0;
}

enum api_result calcom_whoami(
    struct api *api, struct calcom_account *account, struct api_answer *answer)
{
    *account = (struct calcom_account){0};
    enum api_result result = api_get_fresh(api, "/v2/me", answer);
    const cJSON *me = json_get(answer->json, "data");
    if (result != API_OK)
        return result;
    account->id = number_of(me, "id");
    account->organization = number_of(me, "organizationId");
    return account->id ? API_OK : subscription_strange(answer, "/v2/me names no user");
}

enum api_result calcom_subscriptions(struct api *api, const struct calcom_account *account,
    struct subscriptions *all, struct api_answer *answer)
{
    struct walk walk = {.api = api, .all = all, .answer = answer};
    int64_t organization = account->organization;
    char path[96], level[64];
    *all = (struct subscriptions){0};
    *answer = (struct api_answer){0};
    enum api_result result = walk_level(&walk, "user", "/v2/webhooks");
    if (result == API_OK)
        result = walk_event_types(&walk);
    if (result == API_OK)
        result = walk_teams(&walk);
    if (result == API_OK && organization) {
        snprintf(path, sizeof path, "/v2/organizations/%" PRId64 "/webhooks", organization);
        snprintf(level, sizeof level, "organization %" PRId64, organization);
        result = walk_level(&walk, level, path);
    }
    if (result == API_OK && (all->arena.failed || all->unread.failed))
        return subscription_strange(answer, "out of memory");
    return result;
}

/* ---- changes ---- */

bool calcom_level_path(const char *level, char *path, size_t size)
{
    unsigned long long team, id;
    char end;
    if (strcmp(level, "user") == 0)
        snprintf(path, size, "/v2/webhooks");
    else if (sscanf(level, "event-type:%llu%c", &id, &end) == 1)
        snprintf(path, size, "/v2/event-types/%llu/webhooks", id);
    else if (sscanf(level, "team-event-type:%llu/%llu%c", &team, &id, &end) == 2)
        snprintf(path, size, "/v2/teams/%llu/event-types/%llu/webhooks", team, id);
    else if (sscanf(level, "organization:%llu%c", &id, &end) == 1)
        snprintf(path, size, "/v2/organizations/%llu/webhooks", id);
    else
        return false;
    return true;
}

static enum api_result post_webhook(struct api *api, const char *path,
    const struct subscription *wanted, const char *secret, struct api_answer *answer)
{
    cJSON *body = cJSON_CreateObject(), *triggers = subscription_names(wanted->events);
    bool made = triggers && cJSON_AddItemToObject(body, "triggers", triggers);
    if (!made)
        cJSON_Delete(triggers);
    made = made && cJSON_AddStringToObject(body, "subscriberUrl", wanted->url) &&
           cJSON_AddTrueToObject(body, "active") &&
           cJSON_AddStringToObject(body, "secret", secret) &&
           (!wanted->version || cJSON_AddStringToObject(body, "version", wanted->version));
    enum api_result result = made ? api_send(api, "POST", path, body, answer)
                                  : subscription_strange(answer, "out of memory");
    cJSON_Delete(body);
    return result;
}

/* Takes the recent events away; true when others are left, and there were some. */
static bool drop_recent_events(struct subscription *wanted)
{
    size_t kept = 0, count = 0;
    for (; wanted->events[count]; count++) {
        const struct webhook_event *event =
            webhook_event_find(PROVIDER_CALCOM, wanted->events[count]);
        if (!event || !event->recent)
            wanted->events[kept++] = wanted->events[count];
    }
    wanted->events[kept] = NULL;
    return kept > 0 && kept < count;
}

/* The version before; false when it was the oldest. Without one the instance takes its oldest. */
static bool older_version(struct subscription *wanted)
{
    const char *const *versions = provider_table[PROVIDER_CALCOM]->versions;
    size_t at = 0;
    while (versions[at] && (!wanted->version || strcmp(versions[at], wanted->version) != 0))
        at++;
    if (!wanted->version)
        return false;
    wanted->version = versions[at] && at > 0 ? versions[at - 1] : NULL;
    return true;
}

enum api_result calcom_subscribe(struct api *api, const char *path, struct subscription *wanted,
    const char *secret, struct api_answer *answer)
{
    for (;;) {
        enum api_result result = post_webhook(api, path, wanted, secret, answer);
        bool again = false;
        if (result == API_REFUSED && answer->status == 400) {
            if (strcasestr(answer->error, "version"))
                again = older_version(wanted);
            if (strcasestr(answer->error, "trigger"))
                again |= drop_recent_events(wanted);
        }
        if (!again)
            return result;
    }
}

enum api_result calcom_change_secret(struct api *api, const struct subscription *subscription,
    const char *secret, struct api_answer *answer)
{
    cJSON *body = cJSON_CreateObject();
    enum api_result result = cJSON_AddStringToObject(body, "secret", secret)
                                 ? api_send(api, "PATCH", subscription->path, body, answer)
                                 : subscription_strange(answer, "out of memory");
    cJSON_Delete(body);
    return result;
}
