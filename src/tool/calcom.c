/* bookspool calcom: Cal.com's side of an installation. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "base/json.h"
#include "tool/actions.h"
#include "tool/listing.h"

static const char usage[] = "calcom ACTION [ARGUMENT...]\n"; /* actions_run has the list */

#define PLAIN_USAGE                                                                                \
    "\n"                                                                                           \
    "Exit status: 0, 75 no answer, 77 no right, 78 no key.\n"

/* ---- whoami ---- */

static const char whoami_usage[] =
    "calcom whoami [--json]\n"
    "\n"
    "Prints whose key CALCOM_API_KEY is: name, address, organization.\n" PLAIN_USAGE;

static int run_whoami(struct tool *tool, int argc, char **argv)
{
    static struct remote remote;
    static const char *const names[] = {"name", "username", "email", "timeZone"};
    char **operands, id[32] = "-";
    struct calcom_account account = {0};
    if (tool_parse(tool, argc, argv, NULL, &operands) > 0)
        tool_usage(tool, "no operand is expected: %s", operands[0]);
    int code = remote_open(&remote, tool, PROVIDER_CALCOM, false, false);
    if (code == EX_OK)
        code = remote_failed(
            &remote, calcom_whoami(remote.api, &account, &remote.answer), "read whose key it is");
    if (account.organization)
        snprintf(id, sizeof id, "%" PRId64, account.organization);
    const cJSON *me = json_get(remote.answer.json, "data");
    for (size_t i = 0; code == EX_OK && i < sizeof names / sizeof *names; i++) {
        const char *value = json_text(me, names[i]);
        const char *name = strcmp(names[i], "timeZone") == 0 ? "timezone" : names[i];
        if (remote.json)
            json_put_text(remote.json, name, value);
        else
            printf("%-13s %s\n", name, value ? value : "-");
    }
    if (code == EX_OK && remote.json)
        json_put_text(remote.json, "organization", account.organization ? id : NULL);
    else if (code == EX_OK)
        printf("%-13s %s\n", "organization", id);
    return remote_close(&remote, code);
}

/* ---- webhooks ---- */

static const char webhooks_usage[] =
    "calcom webhooks [--json]\n"
    "\n"
    "Lists the webhooks of every level that the key may read (user, event types, event\n"
    "types of teams, organization): id, level, state, URL, triggers. The same URL at\n"
    "two levels delivers twice, which no list of Cal.com shows. Of each that is not\n"
    "well it says what to do.\n"
    "\n"
    "  --url URL   the web server of the webhooks, where no setting names it: says\n"
    "              in JSON which webhooks are `own`\n" PLAIN_USAGE;

static int run_webhooks(struct tool *tool, int argc, char **argv)
{
    static struct action action;
    char **operands;
    const struct tool_option options[] = {{"url", NULL, &action.url}, {0}};
    if (tool_parse(tool, argc, argv, options, &operands) > 0)
        tool_usage(tool, "no operand is expected: %s", operands[0]);
    int code = action_open(&action, tool, PROVIDER_CALCOM, false);
    if (code == EX_OK)
        code = action_fetch(&action);
    if (code == EX_OK)
        code = action_list(&action);
    return action_close(&action, code);
}

/* ---- bookings ---- */

static const char bookings_usage[] =
    "calcom bookings [OPTION...]\n"
    "\n"
    "Lists bookings: start, end, status, title, uid.\n"
    "\n"
    "  --status STATUS  upcoming (the default), recurring, past, cancelled or\n"
    "                   unconfirmed; or several, separated by commas\n"
    "  --since TIME     that start after this time, such as 2026-11-29T00:00:00Z\n"
    "  --email ADDRESS  of this attendee\n"
    "  --json           one object: bookings\n" PLAIN_USAGE;

static int run_bookings(struct tool *tool, int argc, char **argv)
{
    static struct remote remote;
    static const struct listing_column columns[] = {{"start", "start", "START"},
        {"end", "end", "END"}, {"status", "status", "STATUS"}, {"title", "title", "TITLE"},
        {"uid", "uid", "UID"}, {0}};
    const char *status = "upcoming", *since = NULL, *email = NULL;
    struct buf path = {0};
    char **operands;
    int64_t when;
    const struct tool_option options[] = {
        {"status", NULL, &status}, {"since", NULL, &since}, {"email", NULL, &email}, {0}};
    if (tool_parse(tool, argc, argv, options, &operands) > 0)
        tool_usage(tool, "no operand is expected: %s", operands[0]);
    if (since && !time_parse(since, &when))
        tool_usage(tool, "--since must be a time such as 2026-11-29T00:00:00Z");
    int code = remote_open(&remote, tool, PROVIDER_CALCOM, false, false);
    buf_puts(&path, "/v2/bookings?take=100&sortStart=asc&status=");
    subscription_encode(&path, status);
    if (since) {
        char text[TIME_TEXT];
        time_format(when, text);
        buf_printf(&path, "&afterStart=%s", text);
    }
    if (email) {
        buf_puts(&path, "&attendeeEmail=");
        subscription_encode(&path, email);
    }
    if (code == EX_OK)
        code = listing_print(&remote, buf_text(&path), "bookings", columns);
    buf_free(&path);
    return remote_close(&remote, code);
}

/* ---- the command ---- */

static const struct command whoami = {"calcom whoami", "whose key it is", whoami_usage, run_whoami};
static const struct command webhooks = {"calcom webhooks",
    "the webhooks of every level, and what is wrong with them", webhooks_usage, run_webhooks};
static const struct command bookings = {
    "calcom bookings", "bookings", bookings_usage, run_bookings};

static int run(struct tool *tool, int argc, char **argv)
{
    static const struct command *const actions[] = {&whoami, &webhooks, &action_calcom_subscribe,
        &action_calcom_unsubscribe, &action_calcom_rotate_secret, &bookings, NULL};
    return actions_run(tool, argc, argv, actions);
}

const struct command command_calcom = {
    "calcom", "Cal.com's side: subscribe, rotate the secret, list", usage, run};
