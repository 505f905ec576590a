/*
 * subscription: the webhook subscriptions that the providers hold: listing, making, changing and
 * deleting them. Nothing here knows of settings' files or of the receiver; the caller puts the
 * order of the steps right.
 *
 * Lists are never read from the cache: what is decided by them deletes and creates.
 *
 * Rules of the providers that callers meet (developer.calendly.com/docs/webhooks/overview and
 * cal.com/docs/api-reference/v2):
 *   - Calendly never returns the secret (signing_key), neither on creation nor later, and has no
 *     call that changes a subscription: another secret is another subscription. One user cannot
 *     have two with the same URL in one organization: 409.
 *   - Cal.com changes the secret in place. It has lists of webhooks at four levels, which know
 *     nothing of each other: the same URL at two of them is delivered twice.
 */
#ifndef API_SUBSCRIPTION_H
#define API_SUBSCRIPTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "api/api.h"
#include "base/arena.h"
#include "base/digest.h"
#include "provider/provider.h"

enum { SUBSCRIPTION_EVENTS_MAX = 48 };

/* All texts are in the arena of the list, and NULL where the provider says nothing. */
struct subscription {
    const char *id;    /* Calendly: its URI; Cal.com: its number or UUID */
    const char *path;  /* of the API, for GET, PATCH and DELETE */
    const char *url;   /* where webhooks go */
    const char *level; /* Calendly's scope ("user"), or "user", "event type 7", "organization 3" */
    const char *events[SUBSCRIPTION_EVENTS_MAX + 1]; /* ended by NULL */
    bool active;
    int64_t created;                         /* TIME_NONE: not said */
    int64_t retrying;                        /* since when deliveries fail; TIME_NONE */
    const char *version;                     /* of the payload: Cal.com */
    bool templated;                          /* has a payload template: Cal.com */
    char secret_digest[DIGEST_HEX + 1];      /* of the secret, where it is shown; else "" */
    const char *organization, *user, *group; /* URIs: Calendly */
};

struct subscriptions {
    struct arena arena;
    struct subscription *list;
    size_t count, room;
    struct buf unread;  /* a line for each level that could not be read, and why */
    bool groups_unread; /* Calendly: nor could those of groups, which few accounts have */
};

void subscriptions_free(struct subscriptions *all);

/* ---- events ---- */

/* A name that a subscription may list. */
struct webhook_event {
    const char *name;
    const char *scopes; /* Calendly: the scopes that may have it, in words; NULL: any */
    const char *needs;  /* Calendly: the token's read scope for it */
    bool usual;         /* subscribed unless other events are named: what mails are made of */
    bool recent;        /* Cal.com: instances of before 2026 refuse it */
};

/* The table, ended by a row without a name. */
const struct webhook_event *webhook_events(enum provider provider);
/* NULL: there is no such event. */
const struct webhook_event *webhook_event_find(enum provider provider, const char *name);
/* A line that says why a name is none, and what is right. */
void webhook_event_explain(enum provider provider, const char *name, struct buf *out);

/* ---- Calendly ---- */

struct calendly_account {
    struct arena arena;
    const char *uri, *organization, *name, *email, *timezone, *scheduling_url;
};

/* GET /users/me: whose token it is. */
enum api_result calendly_whoami(
    struct api *api, struct calendly_account *account, struct api_answer *answer);

/* Those of the user and, where the token may list them, of the organization and of its groups. */
enum api_result calendly_subscriptions(struct api *api, const struct calendly_account *account,
    struct subscriptions *all, struct api_answer *answer);

/* POST: the URL, events, level, organization, user and group of `wanted`, with this secret. */
enum api_result calendly_subscribe(struct api *api, const struct subscription *wanted,
    const char *secret, struct api_answer *answer);

/* ---- Cal.com ---- */

struct calcom_account {
    int64_t id, organization; /* 0: none */
};

/* Whose key it is. */
enum api_result calcom_whoami(
    struct api *api, struct calcom_account *account, struct api_answer *answer);

/* Those of all levels that the key may read. */
enum api_result calcom_subscriptions(struct api *api, const struct calcom_account *account,
    struct subscriptions *all, struct api_answer *answer);

/* The path of a level's webhooks: "user", "event-type:7", "team-event-type:3/7",
 * "organization:9". False: the text is no level. */
bool calcom_level_path(const char *level, char *path, size_t size);

/*
 * POST to a level's path: URL, events and version of `wanted`, with this secret. Where the instance
 * is older than `wanted` (400 that names version or triggers), it is asked again without what it
 * does not know; `wanted` is then what it took.
 */
enum api_result calcom_subscribe(struct api *api, const char *path, struct subscription *wanted,
    const char *secret, struct api_answer *answer);

/* PATCH: the secret only. Doing it twice does the same. */
enum api_result calcom_change_secret(struct api *api, const struct subscription *subscription,
    const char *secret, struct api_answer *answer);

/* ---- both ---- */

/* DELETE; one that is gone already is deleted. */
enum api_result subscription_delete(
    struct api *api, const struct subscription *subscription, struct api_answer *answer);

/* Adds lines to `out` after a call that failed: what it means, and what to do. */
void subscription_explain(enum provider provider, enum api_result result,
    const struct api_answer *answer, struct buf *out);

/* A value for a query: percent-encodes all but the unreserved characters of RFC 3986. */
void subscription_encode(struct buf *out, const char *text);

/* SHA-256 of a secret in hex; "" when libcrypto fails. The first 8 digits name it for people. */
void secret_digest(const char *secret, char out[DIGEST_HEX + 1]);

#endif
