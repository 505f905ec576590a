/*
 * reconcile: walks the bookings that a provider's API lists, and finds what the ledger does not
 * know of them: webhooks that never arrived.
 *
 * Cal.com: GET /v2/bookings in order of updatedAt, from `since` on, and once for the event type
 * of each finding. Calendly lists scheduled events
 * by their start time only, whatever changed last. What was booked or cancelled after `since`
 * begins after it, because what is over can be neither. So the walk takes windows of start times
 * from `since` on, each twice as long as the one before, RECONCILE_AHEAD far: first of active
 * events, then of canceled ones, which have to be asked for by themselves. The invitees of an event
 * are one more request; it is left out where the ledger has as many bookings of the event, in the
 * same states, as the event counts.
 *
 * What no subscription covers brings no webhook by the owner's choice, so it is not missing:
 * neither bookings of other hosts or event types, nor events that are not subscribed. Where it
 * cannot be said whether one covers a booking, none does (api/reconcile_cover.h).
 *
 * What was booked, moved or cancelled before `since` is no finding, although a provider lists it
 * because something touched it later: unless the ledger knows the booking, or has the one that it
 * replaced as live. Of Cal.com's cancellations only the time of the booking is known.
 *
 * A booking of Cal.com with seats that its host moved is found by the persons that the ledger knows
 * at another start. One that came back to a start to which it was moved before is not found again.
 *
 * Requests to Calendly: four of five of those that it allows a user in a minute, so that some are
 * left for others: 40 on the Free plan, which allows 50.
 *
 * What changed a short time ago (`grace`) may be on its way as a webhook: it is left to the next
 * walk, and a walk that is stopped is continued from before it.
 *
 * A walk that is stopped, or fails, is continued from its cursor. An event of Calendly whose
 * invitees cannot be asked ends no walk: those after it are seen, then the walk fails, and the next
 * one begins anew.
 */
#ifndef API_RECONCILE_H
#define API_RECONCILE_H

#include <stdbool.h>
#include <stdint.h>

#include "api/api.h"
#include "event/event.h"
#include "ledger/fact.h"
#include "ledger/ledger.h"

enum { RECONCILE_RATE_MAX = 400 };
/* How long a webhook may be on its way. */
#define RECONCILE_GRACE (10 * 60 * MS_PER_SECOND)
#define RECONCILE_AHEAD (5 * 366 * MS_PER_DAY)

/* Where a walk is; all zeros: at its beginning. */
struct reconcile_cursor {
    int64_t since;   /* of the walk; 0: none was begun, or it came to its end */
    int64_t began;   /* the clock then */
    int64_t reached; /* all before it was seen: updatedAt of Cal.com, a start time of Calendly */
    bool canceled;   /* Calendly: the active events were seen */
    bool applied;    /* of the caller: what was found before it was put into the spool */
};

/* A change of a booking that the ledger does not know. */
struct reconcile_found {
    enum provider provider;
    const struct event *event; /* reconciled, with its id; received_at is `now` */
    const struct fact *step;   /* ledger/step.h */
    const char *body;          /* JSON */
    size_t length;
    bool recent; /* changed within RECONCILE_GRACE */
};

/* What one subscription of this receiver brings. */
struct reconcile_cover {
    const char *host;   /* Calendly: a URI; NULL: all of the organization; "": the token's user */
    int64_t event_type; /* Cal.com; 0: all of its level */
    int64_t user;       /* Cal.com, without an event type: whose key it is ... */
    bool organization;  /* ... and whether the level is the organization's, or that user's */
    const char *const *events; /* ended by NULL */
};

struct reconcile_walk {
    struct api *api;
    enum provider provider;
    struct ledger *ledger;
    int64_t since, now;
    int64_t grace; /* ms */
    struct reconcile_cursor *cursor;
    /* Only what one of these brings is looked for; NULL: everything. */
    const struct reconcile_cover *cover;
    size_t covers;
    /* False stops the walk: `cursor` says where. */
    bool (*found)(void *context, const struct reconcile_found *found);
    /* Now and then, with the number of bookings so far; false stops the walk. */
    bool (*progress)(void *context, const struct reconcile_walk *walk);
    void *context;
    /* out */
    int64_t bookings; /* that were compared */
    int64_t newest;   /* when the newest of them changed; TIME_NONE: none did */
    int64_t recent;   /* changes that were left to the next walk */
    char error[256];  /* "", or why it ended early, in words */
    /* of the module */
    bool stopped;
    int64_t made; /* the booking that is compared; TIME_NONE: its changes have times of their own */
    int64_t changed;             /* ... last; TIME_NONE: not said */
    const cJSON *booking;        /* Cal.com's that is compared */
    cJSON *seats;                /* its seats that were moved in place: seatUid */
    cJSON *event_types;          /* api/event_type.h */
    enum api_result type_result; /* of an event type that could not be asked */
    enum api_result skipped;     /* of the first that was left out for that; API_OK: none */
    char type_error[256], skipped_error[256];
    bool holds;
    struct reconcile_cursor held;      /* before the first that was left to the next walk */
    size_t silent;                     /* so many events in succession had no answer */
    int64_t paced[RECONCILE_RATE_MAX]; /* when the latest requests were made, monotonic */
    size_t requests, rate;
};

enum reconcile_result {
    RECONCILE_DONE,
    RECONCILE_STOPPED,   /* by found or progress */
    RECONCILE_FAILED,    /* the ledger, or memory: `error` */
    RECONCILE_API_FAILED /* `api_result` in *why */
};

/* `why` is set with RECONCILE_API_FAILED. */
enum reconcile_result reconcile_walk(struct reconcile_walk *walk, enum api_result *why);

/* As reconcile_walk does with each body; for its parts, and for tests. */
bool reconcile_compare_calcom(struct reconcile_walk *walk, const cJSON *booking);
bool reconcile_compare_calendly(
    struct reconcile_walk *walk, const cJSON *scheduled, const cJSON *invitee);

/* The record of a finding, as a file of the spool. `received_us`: in microseconds. False: memory or
 * libcrypto failed. */
bool reconcile_record(const struct reconcile_found *found, int64_t received_us, struct buf *out);

#endif
