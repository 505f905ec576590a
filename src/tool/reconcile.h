/*
 * reconcile: what the files of `bookspool reconcile` share: reconcile.c walks and puts events into
 * the spool, reconcile_subscription.c looks after the subscription, reconcile_print.c prints.
 */
#ifndef TOOL_RECONCILE_H
#define TOOL_RECONCILE_H

#include "api/reconcile.h"
#include "api/subscription.h"
#include "ledger/fact.h"
#include "spool/accept.h"
#include "tool/tool.h"

/* A step that an event in the spool reports, and that the ledger does not know. */
struct arrival {
    struct fact step;
    enum provider provider;
    enum spool_dir dir;
    bool listed; /* found by this run; a provider may list it twice */
};

enum missing_state {
    MISSING,
    MISSING_PUT,   /* put into the spool now */
    MISSING_WAITS, /* in new/: the next drain enters it */
    MISSING_HELD,  /* in held/: it may never be released, so it does not count as arrived */
    MISSING_NOT    /* listed already, or in done/ while the ledger was lost or put back */
};

struct missing {
    enum missing_state state;
    enum event_kind kind;
    char id[ID_SIZE];
    char *event, *uid, *title, *who;
    int64_t start, changed; /* TIME_NONE: not known */
    bool recent;            /* its webhook may be on its way */
};

/* The subscription, as the metric has it (COUNT_SUBSCRIPTION). */
enum subscription_state {
    SUBSCRIPTION_UNKNOWN, /* not looked at, or the API did not let us */
    SUBSCRIPTION_ACTIVE,
    SUBSCRIPTION_RETRYING, /* a delivery has not succeeded yet */
    SUBSCRIPTION_DISABLED,
    SUBSCRIPTION_MISSING
};

struct compared {
    bool asked, resumed;
    enum reconcile_result result;
    enum api_result why;
    char error[256];
    int64_t bookings, recent; /* recent: changes left to the next run */
    struct missing *missing;
    size_t count;
    enum subscription_state subscription;
    char url[256];                        /* of the subscription; "": none */
    int64_t retrying;                     /* since when; TIME_NONE */
    bool resubscribed, would_resubscribe; /* the second with --dry-run */
    struct reconcile_cover *cover;        /* what this receiver's subscriptions bring */
    size_t covers;
    struct subscriptions subscriptions; /* these two own the texts of `cover` */
    struct calendly_account account;
    struct calcom_account calcom;
    struct buf advice; /* empty, or what to do about the subscription */
};

struct reconciling {
    struct tool *tool;
    enum provider only; /* PROVIDERS: each that has a token */
    bool apply, resubscribe, dry_run, progress;
    int64_t since, grace;
    struct ledger *ledger;
    struct accept_batch batch;
    int spool_code;      /* EX_OK, or a step of the spool failed */
    int64_t received_us; /* of the last event that was put */
    int64_t shown;       /* when progress was last shown, monotonic; 0: it was not */
    struct arrival *arrival;
    size_t arrivals;
    bool done_read; /* those of done/ are among them */
    struct reconcile_cursor cursor[PROVIDERS];
    struct compared compared[PROVIDERS];
};

/* Looks at the subscription, and with --resubscribe makes it anew; an exit status. */
int reconcile_subscription(struct reconciling *r, enum provider provider, struct api *api);

void reconcile_print(const struct reconciling *r);

#endif
