/* bookspool calendly: Calendly's side of an installation. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "base/counters.h"
#include "ledger/answers.h"
#include "tool/actions.h"
#include "tool/listing.h"

static const char usage[] = "calendly ACTION [ARGUMENT...]\n"; /* actions_run has the list */

enum { AHEAD_DAYS = 30 };

#define PLAIN_USAGE                                                                                \
    "\n"                                                                                           \
    "Exit status: 0, 75 no answer, 77 no right, 78 no token.\n"

/* ---- whoami ---- */

static const char whoami_usage[] =
    "calendly whoami [--json]\n"
    "\n"
    "Prints whose token CALENDLY_API_TOKEN is: name, address, organization.\n" PLAIN_USAGE;

static int run_whoami(struct tool *tool, int argc, char **argv)
{
    static struct remote remote;
    struct calendly_account account = {0};
    char **operands;
    if (tool_parse(tool, argc, argv, NULL, &operands) > 0)
        tool_usage(tool, "no operand is expected: %s", operands[0]);
    int code = remote_open(&remote, tool, PROVIDER_CALENDLY, false, false);
    if (code == EX_OK)
        code = remote_failed(&remote, calendly_whoami(remote.api, &account, &remote.answer),
            "read whose token it is");
    const struct {
        const char *name, *value;
    } facts[] = {{"name", account.name}, {"email", account.email}, {"timezone", account.timezone},
        {"scheduling_url", account.scheduling_url}, {"uri", account.uri},
        {"organization", account.organization}};
    for (size_t i = 0; code == EX_OK && i < sizeof facts / sizeof *facts; i++) {
        if (remote.json)
            json_put_text(remote.json, facts[i].name, facts[i].value);
        else
            printf("%-15s %s\n", facts[i].name, facts[i].value ? facts[i].value : "-");
    }
    arena_free(&account.arena);
    return remote_close(&remote, code);
}

/* ---- subscriptions ---- */

static const char subscriptions_usage[] =
    "calendly subscriptions [--json]\n"
    "\n"
    "Lists the webhook subscriptions of the token's user and organization: id, level\n"
    "(scope), state, URL, events. Of each that is not well it says what to do.\n"
    "\n"
    "  --url URL   the web server of the webhooks, where no setting names it: says\n"
    "              in JSON which subscriptions are `own`\n" PLAIN_USAGE;

static int run_subscriptions(struct tool *tool, int argc, char **argv)
{
    static struct action action;
    char **operands;
    const struct tool_option options[] = {{"url", NULL, &action.url}, {0}};
    if (tool_parse(tool, argc, argv, options, &operands) > 0)
        tool_usage(tool, "no operand is expected: %s", operands[0]);
    int code = action_open(&action, tool, PROVIDER_CALENDLY, false);
    if (code == EX_OK)
        code = action_fetch(&action);
    if (code == EX_OK)
        code = action_list(&action);
    return action_close(&action, code);
}

/* ---- events and event types ---- */

struct query {
    const char *since, *until, *status, *email;
    bool organization;
};

/* "2026-11-29", "2026-11-29T10:00:00Z", or a duration from now; the default in days from now. */
static void put_time(
    const struct tool *tool, struct buf *path, const char *name, const char *given, int days)
{
    char text[TIME_TEXT], day[TIME_TEXT];
    int64_t when = tool->now + days * MS_PER_DAY, ahead;
    snprintf(day, sizeof day, "%sT00:00:00Z", given ? given : "");
    if (given && conf_duration(given, &ahead))
        when = tool->now + ahead;
    else if (given && !time_parse(given, &when) && !time_parse(day, &when))
        tool_usage(tool, "%s is no day (2026-11-29), time (...T10:00:00Z) or duration (7d)", given);
    time_format(when, text);
    buf_printf(path, "&%s=%s", name, text);
}

static void put_encoded(struct buf *path, const char *name, const char *value)
{
    buf_printf(path, "%s=", name);
    subscription_encode(path, value);
}

static int list(struct remote *remote, const char *kind, const struct query *query,
    const struct listing_column *columns)
{
    struct calendly_account account = {0};
    struct buf path = {0};
    bool events = strcmp(kind, "scheduled_events") == 0;
    int code = remote_failed(
        remote, calendly_whoami(remote->api, &account, &remote->answer), "read whose token it is");
    if (code == EX_OK) {
        buf_printf(&path, "/%s?count=100&", kind);
        if (query->organization)
            put_encoded(&path, "organization", account.organization);
        else
            put_encoded(&path, "user", account.uri);
        if (events) {
            put_time(remote->tool, &path, "min_start_time", query->since, 0);
            put_time(remote->tool, &path, "max_start_time", query->until, AHEAD_DAYS);
            buf_puts(&path, "&sort=start_time:asc");
        }
        if (query->status)
            put_encoded(&path, "&status", query->status);
        if (query->email)
            put_encoded(&path, "&invitee_email", query->email);
        code = listing_print(remote, buf_text(&path), events ? "events" : "event_types", columns);
    }
    buf_free(&path);
    arena_free(&account.arena);
    return code;
}

static const char events_usage[] =
    "calendly events [OPTION...]\n"
    "\n"
    "Lists scheduled events by their start: start, status, name, type of the place,\n"
    "URI.\n"
    "\n"
    "  --since TIME     from this start on: a day, a time, or a duration from now (now)\n"
    "  --until TIME     up to this start (30d)\n"
    "  --status STATUS  active or canceled\n"
    "  --email ADDRESS  with this invitee\n"
    "  --organization   of the organization, not of the user alone\n"
    "  --json           one object: events\n" PLAIN_USAGE;

static int run_events(struct tool *tool, int argc, char **argv)
{
    static struct remote remote;
    static const struct listing_column columns[] = {{"start_time", "start", "START"},
        {"end_time", "end", "END"}, {"status", "status", "STATUS"}, {"name", "name", "NAME"},
        {"location.type", "place", "PLACE"}, {"uri", "uri", "URI"}, {0}};
    struct query query = {0};
    char **operands;
    const struct tool_option options[] = {{"since", NULL, &query.since},
        {"until", NULL, &query.until}, {"status", NULL, &query.status},
        {"email", NULL, &query.email}, {"organization", &query.organization, NULL}, {0}};
    if (tool_parse(tool, argc, argv, options, &operands) > 0)
        tool_usage(tool, "no operand is expected: %s", operands[0]);
    if (query.status && strcmp(query.status, "active") != 0 &&
        strcmp(query.status, "canceled") != 0)
        tool_usage(tool, "--status is active or canceled");
    int code = remote_open(&remote, tool, PROVIDER_CALENDLY, false, false);
    if (code == EX_OK)
        code = list(&remote, "scheduled_events", &query, columns);
    return remote_close(&remote, code);
}

static const char event_types_usage[] =
    "calendly event-types [--organization] [--json]\n"
    "\n"
    "Lists the event types of the token's user: name, minutes, whether it can be\n"
    "booked, the page where it is booked, URI.\n"
    "\n"
    "  --organization   of the organization, not of the user alone\n"
    "  --json           one object: event_types\n" PLAIN_USAGE;

static int run_event_types(struct tool *tool, int argc, char **argv)
{
    static struct remote remote;
    static const struct listing_column columns[] = {{"name", "name", "NAME"},
        {"duration", "minutes", "MINUTES"}, {"active", "active", "ACTIVE"},
        {"scheduling_url", "page", "PAGE"}, {"uri", "uri", "URI"}, {0}};
    struct query query = {0};
    char **operands;
    const struct tool_option options[] = {{"organization", &query.organization, NULL}, {0}};
    if (tool_parse(tool, argc, argv, options, &operands) > 0)
        tool_usage(tool, "no operand is expected: %s", operands[0]);
    int code = remote_open(&remote, tool, PROVIDER_CALENDLY, false, false);
    if (code == EX_OK)
        code = list(&remote, "event_types", &query, columns);
    return remote_close(&remote, code);
}

/* ---- the cache ---- */

static const char cache_usage[] =
    "calendly cache [--clear] [--dry-run] [--json]\n"
    "\n"
    "Prints how many answers of Calendly are cached in the ledger, and how often one\n"
    "was found. What this program changes by subscribing is never read from there.\n"
    "\n"
    "  --clear     empty it\n"
    "  --dry-run   with --clear: only say how many would go\n"
    "  --json      one object: answers, hits, misses, or steps with --clear\n"
    "\n"
    "Exit status: 0, 74 the ledger cannot be read or written.\n";

static void print_lookups(struct remote *remote, int64_t answers)
{
    const char *state = conf_text(&remote->tool->conf, SET_STATE);
    bool counted = state && counters_open_readonly(state);
    int64_t lookups[2] = {0};
    for (size_t i = 0; counted && i < 2; i++)
        lookups[i] = (int64_t)counter_get(counter_at(COUNT_API_CACHE, PROVIDER_CALENDLY, i));
    if (remote->json) {
        json_put_number(remote->json, "answers", answers);
        json_put_number(remote->json, "hits", lookups[0]);
        json_put_number(remote->json, "misses", lookups[1]);
    } else
        printf("%-7s %" PRId64 "\n%-7s %" PRId64 "\n%-7s %" PRId64 "\n", "answers", answers, "hits",
            lookups[0], "misses", lookups[1]);
}

static int run_cache(struct tool *tool, int argc, char **argv)
{
    static struct remote remote;
    bool clear = false, dry_run = false;
    char **operands;
    int64_t answers = 0;
    const struct tool_option options[] = {
        {"clear", &clear, NULL}, {"dry-run", &dry_run, NULL}, {0}};
    if (tool_parse(tool, argc, argv, options, &operands) > 0)
        tool_usage(tool, "no operand is expected: %s", operands[0]);
    int code = remote_open(&remote, tool, PROVIDER_CALENDLY, dry_run, false);
    bool ok = remote.ledger && answers_count(remote.ledger, "calendly", &answers);
    if (ok && clear && !dry_run)
        ok = api_cache_clear(remote.ledger, PROVIDER_CALENDLY, &answers);
    if (code == EX_OK && !ok) {
        tool_say(tool, "the ledger cannot be %s now", clear ? "written" : "read");
        code = EX_IOERR;
    }
    if (code == EX_OK && clear)
        remote_step(&remote, "cleared", "remove what is cached: %" PRId64, answers);
    else if (code == EX_OK)
        print_lookups(&remote, answers);
    return remote_close(&remote, code);
}

/* ---- the command ---- */

static const struct command whoami = {
    "calendly whoami", "whose token it is", whoami_usage, run_whoami};
static const struct command subscriptions = {"calendly subscriptions",
    "the webhook subscriptions, and what is wrong with them", subscriptions_usage,
    run_subscriptions};
static const struct command events = {
    "calendly events", "scheduled events", events_usage, run_events};
static const struct command event_types = {
    "calendly event-types", "event types", event_types_usage, run_event_types};

static const struct command cache = {
    "calendly cache", "what is cached of Calendly's answers, and empty it", cache_usage, run_cache};

static int run(struct tool *tool, int argc, char **argv)
{
    static const struct command *const actions[] = {&whoami, &subscriptions,
        &action_calendly_subscribe, &action_calendly_unsubscribe, &action_calendly_rotate_key,
        &events, &event_types, &cache, NULL};
    return actions_run(tool, argc, argv, actions);
}

const struct command command_calendly = {
    "calendly", "Calendly's side: subscribe, rotate the secret, list", usage, run};
