/* bookspool calendly subscribe, unsubscribe. */
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "tool/actions.h"

static const char subscribe_usage[] =
    "calendly subscribe [--url URL] [OPTION...]\n"
    "\n"
    "Subscribes this installation to Calendly's webhooks. A secret is made where none\n"
    "is set (CALENDLY_WEBHOOK_SIGNING_KEY), and stored before Calendly gets it: it is\n"
    "never shown again. Calendly gets it when a signed test has shown that the\n"
    "receiver accepts it. What exists already is left as it is.\n"
    "\n" ACTION_URL_USAGE "  --events LIST      separated by commas; without it invitee.created,\n"
    "                     invitee.canceled, invitee_no_show.created and .deleted\n"
    "  --scope SCOPE      user (the token's, the default) or organization\n" ACTION_RECEIVER_USAGE
    "\n" ACTION_STATUS_USAGE;

/* One that delivers to this installation: at this URL, or, where no exact one was named, at any. */
static const struct subscription *find_own(const struct action *action, const char *scope)
{
    bool any = strcmp(action->base.data, action->exact.data) == 0;
    const struct subscription *found = NULL;
    for (size_t i = 0; i < action->all.count; i++) {
        const struct subscription *one = &action->all.list[i];
        if (!one->url || !one->level || strcmp(one->level, scope) != 0)
            continue;
        bool here = strcmp(one->url, action->exact.data) == 0;
        if ((here || (any && remote_url_is_own(action->base.data, one->url))) &&
            (!found || one->active))
            found = one;
    }
    return found;
}

/* There is an active one: is it right? */
static int judge_existing(
    struct action *action, const struct subscription *one, const struct subscription *wanted)
{
    remote_note(&action->remote, "exists", "%s is subscribed already (%s)", one->url, one->id);
    if (action_has_events(one, wanted)) {
        remote_note(&action->remote, "secret",
            "its secret cannot be read back: if its webhooks are answered 401, "
            "`bookspool calendly rotate-key` gives it the stored one's successor");
        return EX_OK;
    }
    tool_say(action->remote.tool,
        "it lacks some of the events, and Calendly cannot change it: subscribe those at a second "
        "path, --url %s/more --events LIST, or unsubscribe it first",
        action->base.data);
    return EX_UNAVAILABLE;
}

/* A lost answer may be that of a success: what the list says counts. */
static int post(struct action *action, const struct subscription *wanted)
{
    struct remote *remote = &action->remote;
    api_answer_free(&remote->answer);
    enum api_result result = calendly_subscribe(
        remote->api, wanted, buf_text(&action->rotation.primary), &remote->answer);
    if (result == API_UNREACHABLE) {
        struct api_answer failed = remote->answer;
        remote->answer = (struct api_answer){0};
        int code = action_fetch(action);
        const struct subscription *one = find_own(action, wanted->level);
        if (code != EX_OK || (one && one->active))
            return code;
        remote->answer = failed;
    }
    return remote_failed(remote, result, "subscribe");
}

static int subscribe(struct action *action, struct subscription *wanted)
{
    struct remote *remote = &action->remote;
    struct calendly_account account;
    struct buf events = {0};
    int code = remote_failed(
        remote, calendly_whoami(remote->api, &account, &remote->answer), "read whose token it is");
    if (code == EX_OK)
        code = action_fetch(action);
    const struct subscription *one = code == EX_OK ? find_own(action, wanted->level) : NULL;
    if (one && one->active) {
        code = judge_existing(action, one, wanted);
        arena_free(&account.arena);
        return code;
    }
    wanted->url = action->exact.data;
    wanted->organization = account.organization;
    wanted->user = account.uri;
    if (code == EX_OK)
        code = action_prepare_secret(action);
    if (code == EX_OK && one) { /* disabled: it delivers nothing, and is in the way */
        api_answer_free(&remote->answer);
        if (!remote->dry_run)
            code = remote_failed(remote, subscription_delete(remote->api, one, &remote->answer),
                "delete the disabled subscription");
        if (code == EX_OK)
            remote_step(remote, "deleted", "delete %s, which Calendly had disabled", one->id);
    }
    if (code == EX_OK && !remote->dry_run)
        code = post(action, wanted);
    action_print_events(wanted, &events);
    if (code == EX_OK)
        remote_step(remote, "subscribed", "subscribe %s for the %s: %s", wanted->url, wanted->level,
            buf_text(&events));
    buf_free(&events);
    arena_free(&account.arena);
    return code;
}

static int run_subscribe(struct tool *tool, int argc, char **argv)
{
    static struct action action;
    struct subscription wanted = {0};
    char **operands;
    const struct tool_option options[] = {ACTION_OPTIONS(action), ACTION_RECEIVER_OPTIONS(action),
        {"events", NULL, &action.events}, {"scope", NULL, &action.level}, {0}};
    if (tool_parse(tool, argc, argv, options, &operands) > 0)
        tool_usage(tool, "no operand is expected: %s", operands[0]);
    wanted.level = action.level ? action.level : "user";
    if (strcmp(wanted.level, "user") != 0 && strcmp(wanted.level, "organization") != 0)
        tool_usage(tool, "--scope is user or organization");
    action.remote.tool = tool;
    action.remote.provider = PROVIDER_CALENDLY;
    action_read_events(&action, wanted.level, &wanted);
    int code = action_open(&action, tool, PROVIDER_CALENDLY, true);
    if (code == EX_OK)
        code = subscribe(&action, &wanted);
    return action_close(&action, code);
}

const struct command action_calendly_subscribe = {"calendly subscribe",
    "subscribe this installation, with a secret that is stored first", subscribe_usage,
    run_subscribe};

/* ---- unsubscribe ---- */

static const char unsubscribe_usage[] =
    "calendly unsubscribe [ID | URL]... [OPTION...]\n"
    "\n"
    "Deletes these subscriptions at Calendly; without an operand, all that lead to\n"
    "this installation. The secrets here stay as they are.\n"
    "\n" ACTION_URL_USAGE "\n"
    "Exit status: 0, 69 refused, 75 no answer, 77 no right, 78 a setting is missing.\n";

static int run_unsubscribe(struct tool *tool, int argc, char **argv)
{
    static struct action action;
    char **operands;
    const struct tool_option options[] = {ACTION_OPTIONS(action), {0}};
    int count = tool_parse(tool, argc, argv, options, &operands);
    int code = action_open(&action, tool, PROVIDER_CALENDLY, count == 0);
    if (code == EX_OK)
        code = action_unsubscribe(&action, operands, count);
    return action_close(&action, code);
}

const struct command action_calendly_unsubscribe = {"calendly unsubscribe",
    "delete subscriptions of this installation, or those named", unsubscribe_usage,
    run_unsubscribe};
