/*
 * remote: what the subcommands about a provider's account share: settings, the API's client, the
 * steps that they report, and the rights that they need.
 *
 * Run by root, a command works as the owner of the spool, so that the ledger stays that user's, and
 * is root only while it writes a secret or restarts the receiver.
 */
#ifndef TOOL_REMOTE_H
#define TOOL_REMOTE_H

#include <sys/stat.h>

#include "api/api.h"
#include "api/subscription.h"
#include "tool/output.h"
#include "tool/tool.h"

struct ledger;

struct remote {
    struct tool *tool;
    enum provider provider;
    struct api *api;
    struct ledger *ledger;
    struct api_answer answer; /* of the last call */
    bool dry_run;
    cJSON *json; /* --json: the object that is printed at the end; its `steps` */
    bool was_root;
    struct stat owner; /* of the spool; zeros where there is none */
};

/* `alone`: no other run with it for this provider is at work. EX_OK, or the exit status after a
 * message. remote_close either way. */
int remote_open(
    struct remote *remote, struct tool *tool, enum provider provider, bool dry_run, bool alone);
/* No other run that changes subscriptions or secrets of this provider is at work until the program
 * ends. To be called before secrets are used that were read before. EX_OK, or the exit status after
 * a message. */
int remote_lock(const struct tool *tool, enum provider provider);
/* Prints the JSON; returns `code`. */
int remote_close(struct remote *remote, int code);

/* After a call that failed: says what could not be done ("list the subscriptions"), what it means
 * and what to do. The exit status: EX_OK for API_OK. */
int remote_failed(struct remote *remote, enum api_result result, const char *what);

/*
 * Reports one step: "done  TEXT", or "would TEXT" with --dry-run, or an object of `steps`. `code`
 * names the kind of step for programs.
 */
void remote_step(struct remote *remote, const char *code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* The same for what is found, and not done: "" instead of "done". */
void remote_note(struct remote *remote, const char *code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/*
 * The URL of this installation's webhooks, from --url or the setting of the base URL: `base` is the
 * endpoint's, `exact` (may be NULL) the same, or what --url says with one element more. EX_OK, or
 * the exit status after a message.
 */
int remote_url(struct remote *remote, const char *given, struct buf *base, struct buf *exact);
/* Is this the URL, or the URL with one path element more? */
bool remote_url_is_own(const char *base, const char *url);

/* Becomes root again for what only root may do; false where it never was. */
void remote_as_root(struct remote *remote, bool root);

#endif
