/*
 * event: the booking event, the one shape that everything after the receiver reads. Nothing in it
 * is specific to a provider but its name.
 *
 * Ownership: every string and list is in the event's arena, or static; event_free frees the arena.
 * NULL means absent (never an empty string), TIME_NONE an absent time, a list ends at its count.
 *
 * Text: what a provider module puts here has gone through event/clean.h, so it is valid UTF-8
 * without control characters (line breaks only in descriptions and answers), and e-mail fields are
 * bare ASCII addresses. No header, SMTP command, calendar line, page or log line can be injected
 * into later.
 */
#ifndef EVENT_EVENT_H
#define EVENT_EVENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cjson/cJSON.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/value.h"
#include "event/id.h"

enum event_kind {
    KIND_CREATED,
    KIND_RESCHEDULED,
    KIND_CANCELLED,
    KIND_REQUESTED,
    KIND_REJECTED,
    KIND_PAID,
    KIND_NO_SHOW,
    KIND_MEETING_STARTED,
    KIND_MEETING_ENDED,
    KIND_RECORDING,
    KIND_FORM,
    KIND_OUT_OF_OFFICE,
    KIND_PING,
    KIND_OTHER, /* signed, so real, but not understood: mailed as what it is */
    KINDS
};

struct person {
    const char *name;
    const char *email;
    const char *timezone; /* an IANA name such as Europe/Berlin, as the provider wrote it */
};

struct answer {
    const char *question;
    const char *answer;
};

struct booking {
    const char *uid;          /* Calendly: the URI of the invitee */
    const char *previous_uid; /* of the booking that this one replaces */
    const char *ical_uid;
    int64_t sequence;
    const char *status; /* the provider's word in lower case: accepted, pending, cancelled, ... */
    const char *seat;   /* which seat of a shared booking this is about */
    const char *title, *event_type, *description;
    const char *link; /* a recording, a form's target page */
    int64_t start, end;
    const char *timezone; /* of the first attendee */
    int64_t previous_start, previous_end;
    const char *location, *join_url;
    const char *reason, *by; /* why it was cancelled, rejected or moved, and who did it */
    bool asked_to_rebook;    /* cancelled so that the customer picks another time */
    const char *payment;     /* "49.00 EUR, paid" */
    struct person organizer;
    struct person *attendees;
    size_t attendee_count;
    const char **guests; /* addresses */
    size_t guest_count;
    struct answer *answers;
    size_t answer_count;
};

struct event {
    char id[ID_SIZE];
    const char *provider; /* its name: "calcom" */
    const char *name;     /* the provider's: BOOKING_CREATED, invitee.canceled; NULL when absent */
    enum event_kind kind;
    int64_t received_at;
    int64_t sent_at; /* when the provider says it made the event */
    struct booking booking;
    struct arena arena;
};

/* "created", "rescheduled", ...: as in JSON and in BOOKSPOOL_NOTIFY. */
const char *event_kind_name(enum event_kind kind);
bool event_kind_parse(const char *name, enum event_kind *kind);

/* As event_to_json, in the arena. Texts that the event points to are not copied. */
struct value *event_to_value(const struct event *event, struct arena *arena);

/* The documented JSON object; NULL when memory ran out. The caller frees with cJSON_Delete. */
cJSON *event_to_json(const struct event *event);

void event_free(struct event *event);

#endif
