/* bookspool calcom subscribe, unsubscribe, rotate-secret. */
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "tool/actions.h"

/* ---- subscribe ---- */

static const char subscribe_usage[] =
    "calcom subscribe [--url URL] [OPTION...]\n"
    "\n"
    "Subscribes this installation to Cal.com's webhooks. A secret is made where none\n"
    "is set (CALCOM_WEBHOOK_SECRET), and stored before Cal.com gets it. Cal.com gets\n"
    "it when a signed test has shown that the receiver accepts it. The payload is of\n"
    "the newest version that bookspool and the instance know. What exists already is\n"
    "left as it is.\n"
    "\n" ACTION_URL_USAGE
    "  --events LIST      triggers, separated by commas; without it those of which\n"
    "                     mails are made\n"
    "  --level LEVEL      user (the default), event-type:ID,\n"
    "                     team-event-type:TEAM/ID or organization:ID\n" ACTION_RECEIVER_USAGE
    "\n" ACTION_STATUS_USAGE;

/* The webhook with this URL at the level of this path; NULL. */
static const struct subscription *find_at(const struct action *action, const char *path)
{
    size_t len = strlen(path);
    for (size_t i = 0; i < action->all.count; i++) {
        const struct subscription *one = &action->all.list[i];
        if (one->url && strcmp(one->url, action->exact.data) == 0 &&
            strncmp(one->path, path, len) == 0 && one->path[len] == '/')
            return one;
    }
    return NULL;
}

static bool has_secret(const struct subscription *one, const struct buf *secret)
{
    char digest[DIGEST_HEX + 1];
    secret_digest(buf_text(secret), digest);
    return *digest && strcmp(digest, one->secret_digest) == 0;
}

static int judge_existing(
    struct action *action, const struct subscription *one, const struct subscription *wanted)
{
    remote_note(&action->remote, "exists", "%s is subscribed already (%s, %s)", one->url,
        one->level, one->id);
    int code = rotation_read_secrets(&action->rotation);
    if (code == EX_OK && *one->secret_digest && !has_secret(one, &action->rotation.primary)) {
        tool_say(action->remote.tool, "it has another secret than CALCOM_WEBHOOK_SECRET: "
                                      "`bookspool calcom rotate-secret` gives both a new one");
        code = EX_UNAVAILABLE;
    }
    if (!one->active) {
        tool_say(action->remote.tool,
            "it is switched off: `bookspool reconcile --resubscribe` switches it on again");
        code = EX_UNAVAILABLE;
    } else if (!action_has_events(one, wanted)) {
        tool_say(action->remote.tool,
            "it lacks some of the events: `bookspool calcom unsubscribe %s`, and subscribe again",
            one->id);
        code = EX_UNAVAILABLE;
    }
    return code;
}

static void warn_of_doubles(const struct action *action, const char *path)
{
    size_t len = strlen(path);
    for (size_t i = 0; i < action->all.count; i++) {
        const struct subscription *one = &action->all.list[i];
        if (one->url && strcmp(one->url, action->exact.data) == 0 &&
            strncmp(one->path, path, len) != 0)
            tool_say(action->remote.tool,
                "%s has this URL, too (%s): events of both levels are delivered twice", one->level,
                one->id);
    }
}

/* What the list says counts when an answer was lost. */
static int post(struct action *action, const char *path, struct subscription *wanted)
{
    struct remote *remote = &action->remote;
    api_answer_free(&remote->answer);
    enum api_result result = calcom_subscribe(
        remote->api, path, wanted, buf_text(&action->rotation.primary), &remote->answer);
    if (result == API_UNREACHABLE) {
        struct api_answer failed = remote->answer;
        remote->answer = (struct api_answer){0};
        int code = action_fetch(action);
        if (code != EX_OK || find_at(action, path))
            return code;
        remote->answer = failed;
    }
    return remote_failed(remote, result, "subscribe");
}

static int subscribe(struct action *action, const char *path, struct subscription *wanted)
{
    struct remote *remote = &action->remote;
    struct buf events = {0};
    int code = action_fetch(action);
    const struct subscription *one = code == EX_OK ? find_at(action, path) : NULL;
    if (one)
        return judge_existing(action, one, wanted);
    wanted->url = action->exact.data;
    if (code == EX_OK) {
        warn_of_doubles(action, path);
        code = action_prepare_secret(action);
    }
    if (code == EX_OK && !remote->dry_run)
        code = post(action, path, wanted);
    action_print_events(wanted, &events);
    if (code == EX_OK)
        remote_step(remote, "subscribed", "subscribe %s, payload version %s: %s", wanted->url,
            wanted->version ? wanted->version : "of the instance", buf_text(&events));
    buf_free(&events);
    return code;
}

static int run_subscribe(struct tool *tool, int argc, char **argv)
{
    static struct action action;
    struct subscription wanted = {0};
    char **operands, path[128];
    const char *const *version = provider_table[PROVIDER_CALCOM]->versions;
    const struct tool_option options[] = {ACTION_OPTIONS(action), ACTION_RECEIVER_OPTIONS(action),
        {"events", NULL, &action.events}, {"level", NULL, &action.level}, {0}};
    if (tool_parse(tool, argc, argv, options, &operands) > 0)
        tool_usage(tool, "no operand is expected: %s", operands[0]);
    action.remote.tool = tool;
    action.remote.provider = PROVIDER_CALCOM;
    if (!calcom_level_path(action.level ? action.level : "user", path, sizeof path))
        tool_usage(tool, "--level is user, event-type:ID, team-event-type:TEAM/ID or "
                         "organization:ID");
    action_read_events(&action, NULL, &wanted);
    for (; *version; version++)
        wanted.version = *version; /* the newest is last */
    int code = action_open(&action, tool, PROVIDER_CALCOM, true);
    if (code == EX_OK)
        code = subscribe(&action, path, &wanted);
    return action_close(&action, code);
}

const struct command action_calcom_subscribe = {"calcom subscribe",
    "subscribe this installation, with a secret that is stored first", subscribe_usage,
    run_subscribe};

/* ---- unsubscribe ---- */

static const char unsubscribe_usage[] =
    "calcom unsubscribe [ID | URL]... [OPTION...]\n"
    "\n"
    "Deletes these webhooks at Cal.com, at every level; without an operand, all that\n"
    "lead to this installation. The secrets here stay as they are.\n"
    "\n" ACTION_URL_USAGE "\n"
    "Exit status: 0, 69 refused, 75 no answer, 77 no right, 78 a setting is missing.\n";

static int run_unsubscribe(struct tool *tool, int argc, char **argv)
{
    static struct action action;
    char **operands;
    const struct tool_option options[] = {ACTION_OPTIONS(action), {0}};
    int count = tool_parse(tool, argc, argv, options, &operands);
    int code = action_open(&action, tool, PROVIDER_CALCOM, count == 0);
    if (code == EX_OK)
        code = action_unsubscribe(&action, operands, count);
    return action_close(&action, code);
}

const struct command action_calcom_unsubscribe = {"calcom unsubscribe",
    "delete webhooks of this installation, or those named", unsubscribe_usage, run_unsubscribe};

/* ---- rotate-secret ---- */

static const char rotate_usage[] =
    "calcom rotate-secret [--url URL] [OPTION...]\n"
    "\n"
    "Changes the secret without losing a booking: makes and stores a new one beside\n"
    "the old, waits until the receiver accepts both, and gives it to each webhook of\n"
    "this installation, at every level. Stopped anywhere, it goes on when it is run\n"
    "again. Run again a day later it removes the old secret.\n"
    "\n" ACTION_URL_USAGE
    "  --again            begin another change though the last is not a day old:\n"
    "                     its old secret is accepted no longer\n" ACTION_RECEIVER_USAGE
    "\n" ACTION_STATUS_USAGE;

static bool is_own(const struct action *action, const struct subscription *one)
{
    return one->url && remote_url_is_own(action->base.data, one->url);
}

/* Where lists show secrets, one that has the new secret is left alone; else it gets it again. */
static int change_webhooks(struct action *action)
{
    struct remote *remote = &action->remote;
    int code = EX_OK;
    for (size_t i = 0; i < action->all.count && code == EX_OK; i++) {
        const struct subscription *one = &action->all.list[i];
        if (!is_own(action, one) || has_secret(one, &action->rotation.primary))
            continue;
        api_answer_free(&remote->answer);
        if (!remote->dry_run)
            code = remote_failed(remote,
                calcom_change_secret(
                    remote->api, one, buf_text(&action->rotation.primary), &remote->answer),
                "change the secret of a webhook");
        if (code == EX_OK)
            remote_step(remote, "changed", "change the secret of %s (%s, %s)", one->url, one->level,
                one->id);
    }
    return code;
}

/* What was changed must show it, where secrets are shown. */
static int verify_webhooks(struct action *action)
{
    int code = action_fetch(action);
    for (size_t i = 0; i < action->all.count && code == EX_OK; i++) {
        const struct subscription *one = &action->all.list[i];
        if (!is_own(action, one) || !*one->secret_digest ||
            has_secret(one, &action->rotation.primary))
            continue;
        tool_say(action->remote.tool,
            "%s (%s) still has another secret: run this again, it goes on", one->url, one->id);
        code = EX_TEMPFAIL;
    }
    return code;
}

static int change(struct action *action)
{
    struct rotation *rotation = &action->rotation;
    struct remote *remote = &action->remote;
    const char *url = action->base.data;
    int code = EX_OK;
    if (!remote->dry_run) {
        code = receiver_learn(remote, &rotation->receiver, url, buf_text(&rotation->primary), 0);
        if (code == EX_OK && rotation->secondary.len)
            code = receiver_learn(remote, &rotation->receiver, url, rotation->secondary.data, 1);
        if (code == EX_OK)
            remote_step(remote, "tested", "test: the receiver accepts both secrets");
    }
    if (code == EX_OK)
        code = change_webhooks(action);
    if (code == EX_OK && !remote->dry_run)
        code = verify_webhooks(action);
    return code == EX_OK ? rotation_mark_changed(rotation) : code;
}

static int rotate(struct action *action)
{
    struct rotation *rotation = &action->rotation;
    int code = action_fetch(action);
    size_t own = 0;
    for (size_t i = 0; i < action->all.count; i++)
        own += is_own(action, &action->all.list[i]);
    if (code == EX_OK && !own) {
        tool_say(action->remote.tool, "nothing is subscribed at %s: `bookspool calcom subscribe`",
            action->base.data);
        return EX_UNAVAILABLE;
    }
    if (code == EX_OK)
        code = rotation_begin(rotation, action->again);
    if (code == EX_OK && !rotation_is_changed(rotation))
        code = change(action);
    action_say_unread(action);
    return code == EX_OK ? rotation_rest(rotation, action->base.data, action->all.unread.len)
                         : code;
}

static int run_rotate(struct tool *tool, int argc, char **argv)
{
    static struct action action;
    char **operands;
    const struct tool_option options[] = {ACTION_OPTIONS(action), ACTION_RECEIVER_OPTIONS(action),
        {"again", &action.again, NULL}, {0}};
    if (tool_parse(tool, argc, argv, options, &operands) > 0)
        tool_usage(tool, "no operand is expected: %s", operands[0]);
    int code = action_open(&action, tool, PROVIDER_CALCOM, true);
    if (code == EX_OK)
        code = rotate(&action);
    return action_close(&action, code);
}

const struct command action_calcom_rotate_secret = {
    "calcom rotate-secret", "change the secret without losing a booking", rotate_usage, run_rotate};
