/*
 * event: the booking event, the one shape that everything after the receiver reads. Nothing in it
 * is specific to a provider but its name.
 *
 * Ownership: every string and list is in the event's arena, or static; event_free frees the arena.
 * NULL means absent (never an empty string), TIME_NONE an absent time, a list ends at its count.
 *
 * Text: what a provider module puts here has gone through event/clean.h, so it is valid UTF-8
 * without control characters (line breaks only in descriptions, notes, reasons and answers), and
 * e-mail fields are bare ASCII addresses, but `written_email`, which is any one line. No header,
 * SMTP command, calendar line, page or log line can be injected into later.
 *
 * Words: where a provider has a fixed set of its own keys (places, labels of default fields,
 * statuses), the event holds our word for it, as a name without prefix in the language files:
 * `location_word` "in_person" is shown as place_in_person there. The text beside it is English, for
 * readers without language files.
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
    KIND_LOCATION_CHANGED,
    KIND_REASSIGNED,   /* another host took the booking over */
    KIND_NO_SHOW,      /* a customer did not come; status no_show_cleared: came after all */
    KIND_HOST_NO_SHOW, /* a host did not come; no customer is at fault */
    KIND_INSTANT,      /* a customer waits in a meeting now */
    KIND_MEETING_STARTED,
    KIND_MEETING_ENDED,
    KIND_RECORDING,
    KIND_FORM,
    KIND_OUT_OF_OFFICE,
    KIND_REPORT, /* the provider reports on its own work; `status` has which report */
    KIND_PING,
    KIND_OTHER, /* signed, so real, but not understood: mailed as what it is */
    KINDS
};

/* How a person reads the time of day. */
enum clock_form { CLOCK_FORM_UNKNOWN, CLOCK_FORM_12, CLOCK_FORM_24 };

struct person {
    const char *name;
    const char *email; /* can be mailed: ASCII, an internationalized domain as xn-- */
    const char
        *written_email; /* as it came, where that differs from `email`, or cannot be mailed */
    const char *phone;
    const char *timezone; /* an IANA name such as Europe/Berlin, as the provider wrote it */
    const char *language; /* a BCP 47 tag such as de or pt-BR */
    enum clock_form clock_form;
};

struct answer {
    const char *question; /* NULL: a question without a text */
    const char *word; /* of a default field of the provider, question_WORD; NULL: a custom one */
    const char *answer;
    const char *answer_word; /* "yes" or "no" of a box to tick, answer_WORD; NULL: a text */
};

/* A fact that only some reports have: detail_WORD in the language files is its label. */
struct detail {
    const char *word; /* domain, error, expires, reported_by, assigned_to, correct_assignee, ... */
    const char *text; /* NULL: the time */
    int64_t when;
};

struct booking {
    const char *uid;          /* Calendly: the URI of the invitee */
    const char *previous_uid; /* of the booking that this one replaces */
    const char *group_uid;    /* shared by the bookings of one group event */
    const char *ical_uid;
    int64_t sequence;
    const char *status; /* the provider's word in lower case: accepted, pending, cancelled, ... */
    const char *seat;   /* which seat of a shared booking this is about */
    int64_t places, places_taken; /* of a group event or a seated booking; 0: not known */
    bool in_series;               /* one occurrence of a recurring booking */
    int64_t series_count;         /* occurrences of all of it; 0: not known */
    const char
        *series_frequency; /* yearly, monthly, weekly, daily; every `series_interval` of it */
    int64_t series_interval;
    bool whole_series;     /* this one event is about all occurrences that are still to come */
    bool calendar_written; /* the body shows that the provider wrote the host's calendar itself */
    const char *title, *event_type;
    const char *description; /* of the event type, by the host, for customers */
    const char *notes;       /* the customer's own words */
    const char *host_notes;  /* never shown to a customer */
    const char *link; /* a recording, a form's target page, the link to join an instant one */
    int64_t start, end;
    const char *timezone; /* of the first attendee */
    int64_t previous_start, previous_end;
    const char *location;      /* a typed place or number, else the English text of its word */
    const char *location_word; /* place_WORD (provider/place.h); NULL: the place is only what was
                                  typed. With a typed number: what kind of call it is for */
    const char *previous_location, *previous_location_word;
    const char *join_url;
    const char *reschedule_url, *cancel_url; /* for the customer */
    const char *manage_url;    /* for the host: the provider's page where a request is answered */
    const char *reason, *by;   /* why it was cancelled, rejected or moved, and who did it */
    bool asked_to_rebook;      /* cancelled so that the customer picks another time */
    const char *payment;       /* "49.00 EUR, paid" */
    bool hide_organizer_email; /* the organizer's address never reaches a customer ... */
    bool hide_notes;           /* ... notes and description are in no calendar entry ... */
    bool hide_details;         /* ... and the entry is CLASS:PRIVATE */
    const char *reply_to;      /* where a customer's answer goes instead of the organizer */
    const char *team;
    struct person organizer;
    struct person *hosts; /* the organizer first, then the others of a collective event */
    size_t host_count;
    struct person previous_organizer; /* of a reassigned booking, where it is known */
    struct person stand_in;           /* for an absent host */
    struct person *attendees;
    size_t attendee_count;
    const char **guests; /* addresses */
    size_t guest_count;
    struct answer *answers;
    size_t answer_count;
    struct detail *details;
    size_t detail_count;
};

struct event {
    char id[ID_SIZE];
    const char *provider; /* its name: "calcom" */
    const char *name;     /* the provider's: BOOKING_CREATED, invitee.canceled; NULL when absent */
    bool known; /* the provider's name of the event is one that this program has words for */
    enum event_kind kind;
    bool reconciled; /* made from what the provider's API says: no webhook had come */
    int64_t received_at;
    int64_t sent_at; /* when the provider says it made the event */
    struct booking booking;
    /* Of an event that was completed by what the provider's API says: the event as it was sent, and
     * what was added, as ledger/known.h has it. NULL: it is as it was sent. */
    const struct event *as_sent;
    const char *learned;
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
