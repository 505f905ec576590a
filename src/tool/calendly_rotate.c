/*
 * bookspool calendly rotate-key: another secret, without a gap.
 *
 * Calendly cannot change a subscription, nor have two with one URL. So the new one gets the URL
 * with one element more: the name of its secret, which makes the list at Calendly say what is done
 * already. Each run reads that list and does what is missing, in this order:
 *
 *   1. both secrets are stored, and the receiver accepts both (tool/rotation.h)
 *   2. each old subscription has an active successor: same events and scope, the new secret
 *   3. a signed test, or a delivery, proves the successor's URL
 *   4. what was on its way when the successor was made has ended, and no delivery of the old one
 *      waits to be repeated: with it, it would be lost
 *   5. the old one is deleted, if its successor is still active
 *
 * A run that ends anywhere leaves one active subscription or two, whose events are recognised as
 * the same; the next run goes on.
 */
#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <time.h>

#include "base/counters.h"
#include "base/hex.h"
#include "tool/actions.h"

static const char usage[] =
    "calendly rotate-key [--url URL] [OPTION...]\n"
    "\n"
    "Changes the secret (signing key) without losing a booking: makes and stores a\n"
    "new one beside the old, subscribes the second path with it, tests that, and then\n"
    "deletes the old subscription. Stopped anywhere, it goes on when it is run again.\n"
    "Run again a day later it removes the old secret.\n"
    "\n" ACTION_URL_USAGE
    "  --again            begin another change though the last is not a day old:\n"
    "                     its old secret is accepted no longer\n"
    "  --settle DURATION  for how long both subscriptions deliver side by side "
    "(30s)\n" ACTION_RECEIVER_USAGE "\n" ACTION_STATUS_USAGE;

enum { SUCCESSORS_MAX = 9, ELEMENT_SIZE = 256, POLL_MS = 500 };

/* A delivery has 10 s to connect and 15 s for its answer (developer.calendly.com, webhook
 * timeouts). */
static const char default_settle[] = "30s";

struct swap {
    struct action action;
    const char *settle;
    int64_t settle_ms;
    char name[ROTATION_NAME_SIZE]; /* of the new secret */
    bool doubtful; /* a POST was not answered: the list was, or will be, read for it */
};

/* ---- which is which ---- */

/* What follows the base's slash; "": it is the base itself. */
static const char *element_of(const struct swap *swap, const char *url)
{
    const char *after = url + swap->action.base.len;
    return *after == '/' ? after + 1 : after;
}

static bool is_own(const struct swap *swap, const struct subscription *one)
{
    return one->url && remote_url_is_own(swap->action.base.data, one->url);
}

static bool is_new(const struct swap *swap, const struct subscription *one)
{
    const char *element = element_of(swap, one->url);
    size_t len = strlen(swap->name);
    return len && strncmp(element, swap->name, len) == 0 &&
           (element[len] == '\0' || element[len] == '-');
}

static bool is_old(const struct swap *swap, const struct subscription *one)
{
    return is_own(swap, one) && !is_new(swap, one);
}

static bool same(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

/* The URL of an old one's successor: the new name, then what the old element had besides a name of
 * a secret; `number` above 1 where that is taken by a successor of another one. */
static void successor_url(
    const struct swap *swap, const struct subscription *old, int number, struct buf *out)
{
    const char *tag = element_of(swap, old->url);
    size_t digits = ROTATION_NAME_SIZE - 1;
    if (strlen(tag) >= digits && hex_only(tag, digits) && (!tag[digits] || tag[digits] == '-'))
        tag += digits + (tag[digits] == '-');
    buf_clear(out);
    buf_printf(out, "%s/%s%s%s", swap->action.base.data, *swap->name ? swap->name : "NEW",
        *tag ? "-" : "", tag);
    if (number > 1)
        buf_printf(out, "-%d", number);
    if (out->failed)
        tool_no_memory();
}

/* The successor in the list, active or not; NULL: there is none, and `url` is free for it. */
static const struct subscription *find_successor(
    const struct swap *swap, const struct subscription *old, struct buf *url)
{
    for (int number = 1; number <= SUCCESSORS_MAX; number++) {
        const struct subscription *found = NULL;
        successor_url(swap, old, number, url);
        for (size_t i = 0; i < swap->action.all.count && !found; i++)
            if (same(swap->action.all.list[i].url, url->data))
                found = &swap->action.all.list[i];
        if (!found)
            return NULL;
        if (same(found->level, old->level) && same(found->user, old->user) &&
            same(found->group, old->group) && action_has_events(found, old))
            return found;
    }
    return NULL;
}

static size_t count(
    const struct swap *swap, bool (*is)(const struct swap *, const struct subscription *))
{
    size_t found = 0;
    for (size_t i = 0; i < swap->action.all.count; i++)
        found += is(swap, &swap->action.all.list[i]);
    return found;
}

/* ---- the steps ---- */

/* Where the answer of a POST was lost, the next list says what became of it: once. */
static int create(struct swap *swap, const struct subscription *old, const char *url)
{
    struct remote *remote = &swap->action.remote;
    struct subscription wanted = *old;
    wanted.url = url;
    if (remote->dry_run) {
        remote_step(remote, "subscribed", "subscribe %s with the new secret", url);
        return EX_OK;
    }
    api_answer_free(&remote->answer);
    enum api_result result = calendly_subscribe(
        remote->api, &wanted, buf_text(&swap->action.rotation.primary), &remote->answer);
    if (result == API_UNREACHABLE && !swap->doubtful) {
        swap->doubtful = true;
        return EX_OK;
    }
    int code = remote_failed(remote, result, "subscribe the second path");
    if (code == EX_OK)
        remote_step(remote, "subscribed", "subscribe %s with the new secret", url);
    return code;
}

static int delete (struct swap *swap, const struct subscription *one, const char *which)
{
    struct remote *remote = &swap->action.remote;
    int code = EX_OK;
    api_answer_free(&remote->answer);
    if (!remote->dry_run)
        code = remote_failed(remote, subscription_delete(remote->api, one, &remote->answer),
            "delete a subscription");
    if (code == EX_OK)
        remote_step(remote, "deleted", "delete %s, %s", one->url, which);
    return code;
}

/* One change each time, after which the list is read anew; *more: there was one. */
static int complete_successors(struct swap *swap, bool *more)
{
    struct buf url = {0};
    int code = EX_OK;
    *more = false;
    for (size_t i = 0; i < swap->action.all.count && !*more && code == EX_OK; i++) {
        const struct subscription *old = &swap->action.all.list[i];
        if (!is_old(swap, old))
            continue;
        const struct subscription *successor = find_successor(swap, old, &url);
        if (!successor)
            code = create(swap, old, url.data);
        else if (!successor->active)
            code = delete (swap, successor, "which Calendly had disabled");
        else
            continue;
        *more = !swap->action.dry_run;
    }
    buf_free(&url);
    return code;
}

/* Did a delivery with the new secret come since? */
static bool delivery_came(struct swap *swap, int64_t since)
{
    const char *state = conf_text(&swap->action.remote.tool->conf, SET_STATE);
    return state && counters_open_readonly(state) &&
           counter_get_signed(counter_at(COUNT_SECRET_USED_AT, PROVIDER_CALENDLY, 0)) > since;
}

static int await_delivery(struct swap *swap, int64_t since)
{
    const struct receiver *receiver = &swap->action.rotation.receiver;
    int64_t end = clock_monotonic() + receiver->wait_ms;
    while (!delivery_came(swap, since)) {
        if (clock_monotonic() >= end) {
            tool_say(swap->action.remote.tool,
                "no delivery with the new secret has come yet, so the old subscription stays. Make "
                "a test booking, or wait for the next; then run this again");
            return EX_TEMPFAIL;
        }
        struct timespec pause = time_to_timespec(POLL_MS);
        nanosleep(&pause, NULL);
    }
    return EX_OK;
}

static int prove(struct swap *swap)
{
    struct action *action = &swap->action;
    int code = EX_OK;
    for (size_t i = 0; i < action->all.count && code == EX_OK; i++) {
        const struct subscription *one = &action->all.list[i];
        if (!is_own(swap, one) || !is_new(swap, one))
            continue;
        code = action->rotation.receiver.untested
                   ? await_delivery(swap, one->created)
                   : receiver_learn(&action->remote, &action->rotation.receiver, one->url,
                         buf_text(&action->rotation.primary), 0);
        if (code == EX_OK)
            remote_step(&action->remote, "proven", "%s: %s", one->url,
                action->rotation.receiver.untested ? "a delivery came with the new secret"
                                                   : "a test with the new secret is accepted");
    }
    return code;
}

/* Waits until every successor is so old, by its time at Calendly; then reads the list anew. */
static int settle(struct swap *swap)
{
    int64_t youngest = TIME_NONE, left;
    for (size_t i = 0; i < swap->action.all.count; i++) {
        const struct subscription *one = &swap->action.all.list[i];
        if (is_own(swap, one) && is_new(swap, one) && one->created > youngest)
            youngest = one->created;
    }
    left = youngest == TIME_NONE ? 0 : youngest + swap->settle_ms - clock_now();
    left = left > swap->settle_ms ? swap->settle_ms : left; /* its clock is ahead */
    if (left > 0) {
        struct timespec pause = time_to_timespec(left);
        remote_note(&swap->action.remote, "settling",
            "both subscriptions deliver side by side for %lld s",
            (long long)((left + MS_PER_SECOND - 1) / MS_PER_SECOND));
        nanosleep(&pause, NULL);
    }
    return action_fetch(&swap->action);
}

/* A delivery that waits for its next attempt goes with its subscription. */
static int refuse_waiting(struct swap *swap)
{
    for (size_t i = 0; i < swap->action.all.count; i++) {
        const struct subscription *one = &swap->action.all.list[i];
        char since[TIME_TEXT];
        if (!is_old(swap, one) || !one->active || one->retrying == TIME_NONE)
            continue;
        time_format(one->retrying, since);
        tool_say(swap->action.remote.tool,
            "%s: deliveries have failed since %s, and Calendly still repeats them; deleting it now "
            "would lose them. The new subscription is active beside it. Run this again when they "
            "are through, after a day at the latest",
            one->url, since);
        return EX_TEMPFAIL;
    }
    return EX_OK;
}

/* The list is newer than the successors: one may have been deleted or disabled since. */
static int delete_old(struct swap *swap)
{
    struct buf url = {0};
    int code = EX_OK;
    for (size_t i = 0; i < swap->action.all.count && code == EX_OK; i++) {
        const struct subscription *old = &swap->action.all.list[i];
        if (!is_old(swap, old))
            continue;
        const struct subscription *successor = find_successor(swap, old, &url);
        if (swap->action.dry_run || (successor && successor->active))
            code = delete (swap, old, "which has the old secret");
        else {
            tool_say(swap->action.remote.tool,
                "%s is gone or disabled by now, so %s stays: run this again, it goes on", url.data,
                old->url);
            code = EX_TEMPFAIL;
        }
    }
    buf_free(&url);
    return code;
}

/* Both secrets, since the old subscription delivers on. */
static int teach_receiver(struct swap *swap)
{
    struct rotation *rotation = &swap->action.rotation;
    struct remote *remote = &swap->action.remote;
    const char *url = swap->action.base.data;
    if (remote->dry_run)
        return EX_OK;
    int code = receiver_learn(remote, &rotation->receiver, url, buf_text(&rotation->primary), 0);
    if (code == EX_OK && rotation->secondary.len)
        code = receiver_learn(remote, &rotation->receiver, url, rotation->secondary.data, 1);
    if (code == EX_OK)
        remote_step(remote, "tested", "test: the receiver accepts both secrets");
    return code;
}

static int change_provider(struct swap *swap)
{
    struct action *action = &swap->action;
    bool more = true;
    int code = teach_receiver(swap);
    while (code == EX_OK && more) {
        code = complete_successors(swap, &more);
        if (code == EX_OK && more)
            code = action_fetch(action);
    }
    if (code == EX_OK && !action->dry_run)
        code = prove(swap);
    if (code == EX_OK && !action->dry_run)
        code = settle(swap);
    if (code == EX_OK)
        code = refuse_waiting(swap);
    if (code == EX_OK)
        code = delete_old(swap);
    return code == EX_OK ? rotation_mark_changed(&action->rotation) : code;
}

static int rotate(struct swap *swap)
{
    struct action *action = &swap->action;
    struct rotation *rotation = &action->rotation;
    int code = action_fetch(action);
    if (code == EX_OK && !count(swap, is_own)) {
        tool_say(action->remote.tool, "nothing is subscribed at %s: `bookspool calendly subscribe`",
            action->base.data);
        return EX_UNAVAILABLE;
    }
    if (code == EX_OK)
        code = rotation_begin(rotation, action->again);
    if (code != EX_OK)
        return code;
    if (*rotation->fresh)
        rotation_name(buf_text(&rotation->primary), swap->name);
    if (!rotation_is_changed(rotation) || count(swap, is_old))
        code = change_provider(swap);
    action_say_unread(action);
    return code == EX_OK ? rotation_rest(rotation, action->base.data, action->all.unread.len)
                         : code;
}

static int run(struct tool *tool, int argc, char **argv)
{
    static struct swap swap;
    struct action *action = &swap.action;
    char **operands;
    const struct tool_option options[] = {ACTION_OPTIONS(*action), ACTION_RECEIVER_OPTIONS(*action),
        {"again", &action->again, NULL}, {"settle", NULL, &swap.settle}, {0}};
    if (tool_parse(tool, argc, argv, options, &operands) > 0)
        tool_usage(tool, "no operand is expected: %s", operands[0]);
    if (!conf_duration(swap.settle ? swap.settle : default_settle, &swap.settle_ms))
        tool_usage(tool, "--settle must be a duration such as 30s");
    int code = action_open(action, tool, PROVIDER_CALENDLY, true);
    if (code == EX_OK)
        code = rotate(&swap);
    return action_close(action, code);
}

const struct command action_calendly_rotate_key = {
    "calendly rotate-key", "change the secret without losing a booking", usage, run};
