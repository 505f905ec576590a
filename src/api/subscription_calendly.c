#include <stdio.h>
#include <string.h>

#include "api/subscription.h"
#include "api/subscription_parts.h"
#include "base/json.h"

enum api_result calendly_whoami(
    struct api *api, struct calendly_account *account, struct api_answer *answer)
{
    *account = (struct calendly_account){0};
    enum api_result result = api_get_fresh(api, "/users/me", answer);
    if (result != API_OK)
        return result;
    const cJSON *user = json_get(answer->json, "resource");
    struct arena *arena = &account->arena;
    account->uri = subscription_text(arena, user, "uri");
    account->organization = subscription_text(arena, user, "current_organization");
    account->name = subscription_text(arena, user, "name");
    account->email = subscription_text(arena, user, "email");
    account->timezone = subscription_text(arena, user, "timezone");
    account->scheduling_url = subscription_text(arena, user, "scheduling_url");
    if (!account->uri || !account->organization)
        return subscription_strange(answer, "/users/me names no user or no organization");
    return API_OK;
}

/* Paths have the bare id, which ends the URI. */
static void read_subscription(struct subscriptions *all, const cJSON *item)
{
    struct arena *arena = &all->arena;
    const char *uri = json_text(item, "uri"), *slash = uri ? strrchr(uri, '/') : NULL;
    const char *state = json_text(item, "state");
    struct subscription *s = slash && slash[1] ? subscription_add(all) : NULL;
    if (!s)
        return;
    s->id = arena_strdup(arena, uri);
    s->path = arena_printf(arena, "/webhook_subscriptions%s", slash);
    s->url = subscription_text(arena, item, "callback_url");
    s->level = subscription_text(arena, item, "scope");
    s->active = state && strcmp(state, "active") == 0;
    s->created = subscription_time(item, "created_at");
    s->retrying = subscription_time(item, "retry_started_at");
    s->organization = subscription_text(arena, item, "organization");
    s->user = subscription_text(arena, item, "user");
    s->group = subscription_text(arena, item, "group");
    subscription_read_events(all, s, json_get(item, "events"));
}

static bool add_subscription(void *context, const cJSON *item)
{
    struct subscriptions *all = context;
    read_subscription(all, item);
    return !all->arena.failed;
}

static bool add_group(void *context, const cJSON *item)
{
    cJSON *groups = context;
    const char *uri = json_text(item, "uri");
    return !uri || json_list_add(groups, cJSON_CreateString(uri));
}

/* `common` is the path of a list without its scope. */
static enum api_result add_groups(struct api *api, const char *organization, const char *common,
    struct subscriptions *all, struct api_answer *answer)
{
    struct buf path = {0};
    cJSON *groups = cJSON_CreateArray();
    const cJSON *group;
    buf_puts(&path, "/groups?organization=");
    subscription_encode(&path, organization);
    enum api_result result = groups && !path.failed
                                 ? api_list(api, buf_text(&path), add_group, groups, answer)
                                 : subscription_strange(answer, "out of memory");
    cJSON_ArrayForEach (group, groups) {
        if (result != API_OK)
            break;
        buf_clear(&path);
        buf_printf(&path, "%s&scope=group&group=", common);
        subscription_encode(&path, group->valuestring);
        result = path.failed ? subscription_strange(answer, "out of memory")
                             : api_list(api, buf_text(&path), add_subscription, all, answer);
    }
    if (result == API_FORBIDDEN || result == API_NOT_FOUND) { /* the plan, or the token's scope */
        all->groups_unread = true;
        result = API_OK;
    }
    cJSON_Delete(groups);
    buf_free(&path);
    return result;
}

enum api_result calendly_subscriptions(struct api *api, const struct calendly_account *account,
    struct subscriptions *all, struct api_answer *answer)
{
    struct buf common = {0}, user = {0};
    *all = (struct subscriptions){0};
    *answer = (struct api_answer){0};
    buf_puts(&common, "/webhook_subscriptions?count=100&organization=");
    subscription_encode(&common, account->organization);
    subscription_encode(&user, account->uri);
    const char *of_user =
        arena_printf(&all->arena, "%s&scope=user&user=%s", buf_text(&common), buf_text(&user));
    const char *of_organization =
        arena_printf(&all->arena, "%s&scope=organization", buf_text(&common));
    enum api_result result = API_STRANGE;
    if (!common.failed && !user.failed && !all->arena.failed)
        result = api_list(api, of_user, add_subscription, all, answer);
    if (result == API_OK) {
        result = api_list(api, of_organization, add_subscription, all, answer);
        if (result == API_FORBIDDEN) { /* only its owners and admins may */
            buf_puts(&all->unread, "organization: this token may not list its subscriptions\n");
            result = API_OK;
        }
    }
    if (result == API_OK)
        result = add_groups(api, account->organization, buf_text(&common), all, answer);
    buf_free(&common);
    buf_free(&user);
    return all->arena.failed ? subscription_strange(answer, "out of memory") : result;
}

enum api_result calendly_subscribe(struct api *api, const struct subscription *wanted,
    const char *secret, struct api_answer *answer)
{
    cJSON *body = cJSON_CreateObject(), *events = subscription_names(wanted->events);
    bool made = events && cJSON_AddItemToObject(body, "events", events);
    if (!made)
        cJSON_Delete(events);
    made = made && cJSON_AddStringToObject(body, "url", wanted->url) &&
           cJSON_AddStringToObject(body, "organization", wanted->organization) &&
           cJSON_AddStringToObject(body, "scope", wanted->level) &&
           cJSON_AddStringToObject(body, "signing_key", secret) &&
           (!wanted->user || strcmp(wanted->level, "organization") == 0 ||
               cJSON_AddStringToObject(body, "user", wanted->user)) &&
           (!wanted->group || cJSON_AddStringToObject(body, "group", wanted->group));
    enum api_result result = made ? api_send(api, "POST", "/webhook_subscriptions", body, answer)
                                  : subscription_strange(answer, "out of memory");
    cJSON_Delete(body);
    return result;
}
