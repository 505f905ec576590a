/*
 * actions: the second word of `bookspool calendly` and `bookspool calcom`. Each action is a command
 * of its own, with its usage and its exit status.
 */
#ifndef TOOL_ACTIONS_H
#define TOOL_ACTIONS_H

#include "tool/rotation.h"

/* Runs the action that the first operand names; `actions` is ended by NULL. */
int actions_run(struct tool *tool, int argc, char **argv, const struct command *const *actions);

extern const struct command action_calendly_subscribe, action_calendly_unsubscribe,
    action_calendly_rotate_key;
extern const struct command action_calcom_subscribe, action_calcom_unsubscribe,
    action_calcom_rotate_secret;

/* What the options of subscribe, unsubscribe and rotate-… fill. */
struct action {
    struct rotation rotation; /* with the receiver's options */
    struct remote remote;
    const char *url, *events, *level;
    bool dry_run, again;
    struct buf base, exact; /* remote_url */
    struct subscriptions all;
    struct arena arena; /* of the events that are named */
};

/* Options that several actions have; to be followed by those of their own and by {0}. */
#define ACTION_OPTIONS(action)                                                                     \
    {"url", NULL, &(action).url},                                                                  \
    {                                                                                              \
        "dry-run", &(action).dry_run, NULL                                                         \
    }
#define ACTION_RECEIVER_OPTIONS(action)                                                            \
    {"restart", NULL, &(action).rotation.receiver.restart},                                        \
        {"wait", NULL, &(action).rotation.receiver.wait},                                          \
        {"no-test", &(action).rotation.receiver.untested, NULL},                                   \
    {                                                                                              \
        "cacert", NULL, &(action).rotation.receiver.cacert                                         \
    }

#define ACTION_URL_USAGE                                                                           \
    "  --url URL          the web server of the webhooks, such as\n"                               \
    "                     https://hooks.example.org, where no setting names it\n"                  \
    "  --dry-run          say what would be done, and change nothing\n"                            \
    "  --json             one object: steps (step, text, done), ok\n"
#define ACTION_RECEIVER_USAGE                                                                      \
    "  --restart COMMAND  restarts the receiver, so that it reads the secret; without\n"           \
    "                     it systemd is asked to, where it has the unit\n"                         \
    "  --wait DURATION    for how long to wait for the receiver (60s)\n"                           \
    "  --no-test          the web server cannot be reached from here: go by the\n"                 \
    "                     receiver's counters instead of a signed test\n"                          \
    "  --cacert FILE      certificates to trust for the test\n"
#define ACTION_STATUS_USAGE                                                                        \
    "Exit status: 0, 69 refused, 73 the secret cannot be stored, 75 not yet: run it\n"             \
    "again and it goes on, 76 a strange answer, 77 no right, 78 a setting is missing.\n"

/* Opens the account. `needs_url`: it is an error when no URL is known, and, as the installation's
 * own subscriptions and secrets change, only one such run is at work, besides dry ones. EX_OK, or
 * the exit status after a message. */
int action_open(struct action *action, struct tool *tool, enum provider provider, bool needs_url);
int action_close(struct action *action, int code);

/* Says which levels could not be read. */
void action_say_unread(struct action *action);

/*
 * The events of --events, or the usual ones, into `wanted`. Ends the program for one that does not
 * exist, or not at this level (Calendly's scope; NULL: any).
 */
void action_read_events(struct action *action, const char *level, struct subscription *wanted);
/* Are all events of the one in the other? */
bool action_has_events(const struct subscription *has, const struct subscription *wanted);
/* "invitee.created, invitee.canceled" */
void action_print_events(const struct subscription *subscription, struct buf *out);

/* Makes a secret where none is stored, and waits until the receiver accepts it. */
int action_prepare_secret(struct action *action);

/* One line for each subscription, and for a URL that is at two levels; the exit status. */
int action_list(struct action *action);

/* DELETEs those that the operands name by id or URL; all of this installation where there are
 * none. */
int action_unsubscribe(struct action *action, char *const *operands, int count);

/* Fills action->all, fresh. */
int action_fetch(struct action *action);

#endif
