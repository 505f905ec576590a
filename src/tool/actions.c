#include "tool/actions.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

/* ---- the second word ---- */

static void list_actions(FILE *out, const char *command, const struct command *const *actions)
{
    fprintf(out, "usage: bookspool %s ACTION [ARGUMENT...] [--json]\n\n", command);
    for (; *actions; actions++)
        fprintf(out, "  %-13s %s\n", strchr((*actions)->name, ' ') + 1, (*actions)->summary);
    fprintf(out, "\nbookspool %s ACTION --help describes one.\n", command);
}

int actions_run(struct tool *tool, int argc, char **argv, const struct command *const *actions)
{
    const char *command = tool->command->name;
    if (argc < 2) {
        list_actions(stderr, command, actions);
        return EX_USAGE;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
        list_actions(stdout, command, actions);
        return EX_OK;
    }
    for (const struct command *const *action = actions; *action; action++)
        if (strcmp(strchr((*action)->name, ' ') + 1, argv[1]) == 0) {
            tool->command = *action;
            return (*action)->run(tool, argc - 1, argv + 1);
        }
    tool_usage(tool, "%s is no action", argv[1]);
}

/* ---- opening ---- */

int action_open(struct action *action, struct tool *tool, enum provider provider, bool needs_url)
{
    int code = remote_open(
        &action->remote, tool, provider, action->dry_run, needs_url && !action->dry_run);
    bool known = action->url || conf_text(&tool->conf, provider_table[provider]->base_url);
    action->rotation.remote = &action->remote;
    if (code != EX_OK || !(known || needs_url))
        return code;
    receiver_init(&action->remote, &action->rotation.receiver);
    return remote_url(&action->remote, action->url, &action->base, &action->exact);
}

int action_close(struct action *action, int code)
{
    rotation_close(&action->rotation);
    subscriptions_free(&action->all);
    arena_free(&action->arena);
    buf_free(&action->base);
    buf_free(&action->exact);
    return remote_close(&action->remote, code);
}

int action_fetch(struct action *action)
{
    struct remote *remote = &action->remote;
    struct calendly_account account = {0};
    struct calcom_account calcom;
    enum api_result result;
    subscriptions_free(&action->all);
    api_answer_free(&remote->answer);
    if (remote->provider == PROVIDER_CALENDLY) {
        result = calendly_whoami(remote->api, &account, &remote->answer);
        api_answer_free(&remote->answer);
        if (result == API_OK)
            result = calendly_subscriptions(remote->api, &account, &action->all, &remote->answer);
        arena_free(&account.arena);
    } else {
        result = calcom_whoami(remote->api, &calcom, &remote->answer);
        api_answer_free(&remote->answer);
        if (result == API_OK)
            result = calcom_subscriptions(remote->api, &calcom, &action->all, &remote->answer);
    }
    return remote_failed(remote, result, "list the subscriptions");
}

void action_say_unread(struct action *action)
{
    tool_say_lines(action->remote.tool, "not seen: ", &action->all.unread);
    if (action->all.groups_unread)
        tool_say(action->remote.tool,
            "not seen: groups: this token may not list them (the plan has "
            "none, or it lacks groups:read)");
}

/* ---- events ---- */

void action_read_events(struct action *action, const char *level, struct subscription *wanted)
{
    const struct tool *tool = action->remote.tool;
    enum provider provider = action->remote.provider;
    size_t count = 0;
    char *list = action->events ? arena_strdup(&action->arena, action->events) : NULL;
    if (!action->events)
        for (const struct webhook_event *event = webhook_events(provider); event->name; event++)
            if (event->usual)
                wanted->events[count++] = event->name;
    for (char *name; list && (name = conf_next_item(&list));) {
        const struct webhook_event *event = webhook_event_find(provider, name);
        struct buf why = {0};
        if (!event)
            webhook_event_explain(provider, name, &why);
        else if (event->scopes && level && !strstr(event->scopes, level))
            buf_printf(&why, "%s is only for --scope %s", name, event->scopes);
        if (why.len)
            tool_usage(tool, "%s", buf_text(&why));
        bool known = false;
        for (size_t i = 0; i < count; i++)
            known |= strcmp(wanted->events[i], name) == 0;
        if (!known && count < SUBSCRIPTION_EVENTS_MAX)
            wanted->events[count++] = event->name;
    }
    if (!count)
        tool_usage(tool, "--events names no event");
}

bool action_has_events(const struct subscription *has, const struct subscription *wanted)
{
    for (const char *const *event = wanted->events; *event; event++) {
        const char *const *found = has->events;
        while (*found && strcmp(*found, *event) != 0)
            found++;
        if (!*found)
            return false;
    }
    return true;
}

void action_print_events(const struct subscription *subscription, struct buf *out)
{
    for (const char *const *event = subscription->events; *event; event++)
        buf_printf(out, "%s%s", event == subscription->events ? "" : ", ", *event);
}

/* ---- the secret ---- */

int action_prepare_secret(struct action *action)
{
    struct rotation *rotation = &action->rotation;
    struct remote *remote = &action->remote;
    char name[ROTATION_NAME_SIZE];
    int code = rotation_read_secrets(rotation);
    if (code != EX_OK)
        return code;
    if (!rotation->primary.len) {
        if (remote->dry_run) {
            remote_step(remote, "stored", "make a secret and store it, before %s gets it",
                provider_table[remote->provider]->title);
            return EX_OK;
        }
        rotation_make_secret(&rotation->primary);
        code = rotation_store(rotation);
        if (code != EX_OK)
            return code;
        rotation_name(buf_text(&rotation->primary), name);
        remote_step(remote, "stored", "make and store the secret %s", name);
    }
    if (remote->dry_run)
        return EX_OK;
    code = receiver_learn(
        remote, &rotation->receiver, action->exact.data, buf_text(&rotation->primary), 0);
    if (code == EX_OK)
        remote_step(remote, "tested", "test: the receiver accepts what is signed with the secret");
    return code;
}

/* ---- lists ---- */

/* Is this URL subscribed at another place, too? */
static bool is_double(const struct subscriptions *all, const struct subscription *one)
{
    for (size_t i = 0; i < all->count; i++) {
        const struct subscription *other = &all->list[i];
        if (other != one && other->url && one->url && strcmp(other->url, one->url) == 0 &&
            other->active && one->active)
            return true;
    }
    return false;
}

static const char *state_of(const struct action *action, const struct subscription *one)
{
    if (!one->active)
        return action->remote.provider == PROVIDER_CALENDLY ? "disabled" : "inactive";
    return one->retrying != TIME_NONE     ? "retrying"
           : is_double(&action->all, one) ? "twice"
                                          : "active";
}

/* What is wrong with it, and what to do; NULL: nothing. */
static const char *advice_for(const struct action *action, const struct subscription *one)
{
    bool calendly = action->remote.provider == PROVIDER_CALENDLY;
    if (!one->active)
        return calendly
                   ? "it was disabled after a day of failures: `subscribe` makes it anew"
                   : "it is switched off: `bookspool reconcile --resubscribe` switches it on again";
    if (one->retrying != TIME_NONE)
        return "deliveries fail: `bookspool check --url` says why";
    if (is_double(&action->all, one))
        return "the same URL is subscribed at two levels: each event is delivered twice; "
               "unsubscribe one";
    if (one->templated)
        return "its payload template hides what bookspool reads: empty it";
    return NULL;
}

static void list_as_json(struct action *action)
{
    cJSON *list = json_put_array(action->remote.json, "subscriptions");
    for (size_t i = 0; i < action->all.count; i++) {
        const struct subscription *one = &action->all.list[i];
        cJSON *shown = json_append(list);
        json_put_text(shown, "id", one->id);
        json_put_text(shown, "level", one->level);
        json_put_text(shown, "url", one->url);
        json_put_text(shown, "state", state_of(action, one));
        json_put_bool(
            shown, "own", action->base.len && remote_url_is_own(action->base.data, one->url));
        json_put_bool(shown, "delivers_twice", is_double(&action->all, one));
        cJSON *events = json_put_array(shown, "events");
        for (const char *const *event = one->events; *event; event++)
            json_append_text(events, *event, (int)strlen(*event));
        json_put_text(shown, "version", one->version);
        json_put_time(shown, "created", one->created);
        json_put_time(shown, "retry_started", one->retrying);
        json_put_text(shown, "advice", advice_for(action, one));
    }
    cJSON *unread = json_put_array(action->remote.json, "not_seen");
    if (action->all.unread.len)
        json_append_text(unread, action->all.unread.data, (int)action->all.unread.len - 1);
    if (action->all.groups_unread)
        json_append_text(unread, "groups", (int)strlen("groups"));
}

int action_list(struct action *action)
{
    struct table table = {.columns = 5};
    if (action->remote.json) {
        list_as_json(action);
        return EX_OK;
    }
    for (size_t i = 0; i < action->all.count; i++) {
        const struct subscription *one = &action->all.list[i];
        struct buf events = {0};
        action_print_events(one, &events);
        table_add(&table, (const char *const[]){one->id, one->level, state_of(action, one),
                              one->url, buf_text(&events)});
        buf_free(&events);
    }
    table_print(&table, (const char *const[]){"ID", "LEVEL", "STATE", "URL", "EVENTS"});
    for (size_t i = 0; i < action->all.count; i++) {
        const char *advice = advice_for(action, &action->all.list[i]);
        if (advice)
            tool_say(action->remote.tool, "%s: %s", action->all.list[i].id, advice);
    }
    action_say_unread(action);
    return EX_OK;
}

/* ---- unsubscribe ---- */

static bool is_named(
    const struct action *action, const struct subscription *one, char *const *operands, int count)
{
    if (count == 0)
        return remote_url_is_own(action->base.data, one->url);
    for (int i = 0; i < count; i++) {
        size_t len = strlen(operands[i]), id_len = strlen(one->id);
        bool tail = len < id_len && one->id[id_len - len - 1] == '/' &&
                    strcmp(one->id + id_len - len, operands[i]) == 0;
        if (tail || strcmp(one->id, operands[i]) == 0 ||
            (one->url && strcmp(one->url, operands[i]) == 0))
            return true;
    }
    return false;
}

int action_unsubscribe(struct action *action, char *const *operands, int count)
{
    struct remote *remote = &action->remote;
    size_t removed = 0;
    int code = action_fetch(action);
    for (size_t i = 0; code == EX_OK && i < action->all.count; i++) {
        const struct subscription *one = &action->all.list[i];
        if (!is_named(action, one, operands, count))
            continue;
        if (!remote->dry_run) {
            api_answer_free(&remote->answer);
            code = remote_failed(remote, subscription_delete(remote->api, one, &remote->answer),
                "delete a subscription");
        }
        if (code == EX_OK)
            remote_step(remote, "deleted", "delete %s (%s, %s)", one->id, one->level, one->url);
        removed++;
    }
    if (code == EX_OK && !removed)
        remote_note(remote, "nothing", "nothing to delete");
    action_say_unread(action);
    return code;
}
