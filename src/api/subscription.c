#include "api/subscription.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/subscription_parts.h"
#include "base/clock.h"
#include "base/json.h"

/* ---- lists ---- */

void subscriptions_free(struct subscriptions *all)
{
    arena_free(&all->arena);
    buf_free(&all->unread);
    free(all->list);
    *all = (struct subscriptions){0};
}

struct subscription *subscription_add(struct subscriptions *all)
{
    if (all->count == all->room) {
        size_t room = all->room ? 2 * all->room : 16;
        struct subscription *list = realloc(all->list, room * sizeof *list);
        if (!list) {
            all->arena.failed = true;
            return NULL;
        }
        all->list = list;
        all->room = room;
    }
    all->list[all->count] = (struct subscription){.created = TIME_NONE, .retrying = TIME_NONE};
    return &all->list[all->count++];
}

void subscription_read_events(
    struct subscriptions *all, struct subscription *subscription, const cJSON *names)
{
    const cJSON *name;
    size_t count = 0;
    cJSON_ArrayForEach (name, names)
        if (cJSON_IsString(name) && count < SUBSCRIPTION_EVENTS_MAX)
            subscription->events[count++] = arena_strdup(&all->arena, name->valuestring);
}

const char *subscription_text(struct arena *arena, const cJSON *object, const char *name)
{
    const char *text = json_text(object, name);
    return text ? arena_strdup(arena, text) : NULL;
}

int64_t subscription_time(const cJSON *object, const char *name)
{
    int64_t when;
    const char *text = json_text(object, name);
    return text && time_parse(text, &when) ? when : TIME_NONE;
}

void subscription_encode(struct buf *out, const char *text)
{
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (plain || strchr("-._~", c))
            buf_putc(out, (char)c);
        else
            buf_printf(out, "%%%02X", c);
    }
}

cJSON *subscription_names(const char *const *names)
{
    cJSON *list = cJSON_CreateArray();
    for (; list && *names; names++) {
        cJSON *name = cJSON_CreateString(*names);
        if (!name || !cJSON_AddItemToArray(list, name)) {
            cJSON_Delete(name);
            cJSON_Delete(list);
            return NULL;
        }
    }
    return list;
}

enum api_result subscription_strange(struct api_answer *answer, const char *what)
{
    api_answer_free(answer);
    snprintf(answer->error, sizeof answer->error, "%s", what);
    return API_STRANGE;
}

enum api_result subscription_delete(
    struct api *api, const struct subscription *subscription, struct api_answer *answer)
{
    enum api_result result = api_send(api, "DELETE", subscription->path, NULL, answer);
    return result == API_NOT_FOUND ? API_OK : result;
}

void secret_digest(const char *secret, char out[DIGEST_HEX + 1])
{
    if (!digest_hex(&(struct digest_part){secret, strlen(secret)}, 1, out))
        out[0] = '\0';
}

/* ---- what a refusal means ---- */

static bool says(const struct api_answer *answer, const char *word)
{
    return strcasestr(answer->error, word) != NULL;
}

/* A 403 has causes that only its words tell apart, and Calendly changed them over time. */
static const char *after_forbidden(enum provider provider, const struct api_answer *answer)
{
    if (says(answer, "scopes"))
        return "the scopes needed: users:read, webhooks:write, scheduled_events:read, "
               "event_types:read, and the read scope of each further family of events\n";
    if (says(answer, "upgrade"))
        return "the plan: webhooks are on every plan of Calendly since November 2026; an older "
               "one needs Standard, Teams or Enterprise\n";
    if (says(answer, "already canceled") || says(answer, "in the past"))
        return "the state of the event: nothing is left to do about it\n";
    if (provider == PROVIDER_CALENDLY)
        return "the rights: --scope user needs none; --scope organization needs the token of an "
               "owner or admin of the organization\n";
    return "the rights: use a key of the owner, or of an admin of the team or organization\n";
}

static const char *after_conflict(enum provider provider)
{
    if (provider == PROVIDER_CALENDLY)
        return "Calendly allows this user one subscription of a URL. bookspool calendly "
               "subscriptions lists them. Where this one is not listed, it is another "
               "organization's: choose another path, --url URL with one element more\n";
    return "Cal.com allows one webhook of a URL at each level. bookspool calcom webhooks lists "
           "them; unsubscribe removes one, rotate-secret gives it the secret stored here\n";
}

void subscription_explain(enum provider provider, enum api_result result,
    const struct api_answer *answer, struct buf *out)
{
    buf_printf(out, "%s\n", *answer->error ? answer->error : api_result_name(result));
    if (result == API_NO_TOKEN && provider == PROVIDER_CALENDLY)
        buf_puts(out, "Calendly: Integrations, API and webhooks, personal access token, with the "
                      "scopes users:read, webhooks:write, scheduled_events:read and "
                      "event_types:read\n");
    else if (result == API_NO_TOKEN)
        buf_puts(out, "Cal.com: Settings, Developer, API keys\n");
    else if (result == API_FORBIDDEN)
        buf_puts(out, after_forbidden(provider, answer));
    else if (result == API_CONFLICT)
        buf_puts(out, after_conflict(provider));
    else if (result == API_REFUSED && provider == PROVIDER_CALENDLY && answer->status == 400)
        buf_puts(out, "Calendly also answers so where the token lacks the read scope of an event "
                      "that was named, or the event is not for this --scope\n");
    else if (result == API_UNREACHABLE)
        buf_puts(out, "run this again: it goes on from what was done\n");
}
