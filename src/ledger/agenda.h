/*
 * agenda: what the ledger has for one day: its bookings, the requests that wait for an answer, and
 * what changed; and which agendas were made, so that none is made twice.
 *
 * Bookings of one meeting (the invitees of a Calendly event) are one item. Two items overlap by the
 * rules of ledger_conflicts.
 */
#ifndef LEDGER_AGENDA_H
#define LEDGER_AGENDA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "event/id.h"
#include "ledger/ledger.h"

enum agenda_change {
    AGENDA_NEW,
    AGENDA_MOVED,
    AGENDA_CHANGED, /* its place, its host, its participants; or it was confirmed */
    AGENDA_CANCELLED,
    AGENDA_DECLINED,
    AGENDA_CHANGES
};

/* Texts live in the agenda's arena. NULL and TIME_NONE: not known. */
struct agenda_item {
    const char *provider; /* its name */
    const char *uid, *meeting;
    const char *title;
    const char *who;       /* name or address of the first attendee */
    const char *organizer; /* address in lower case */
    const char *hosts;     /* of all hosts, the organizer too, with blanks between the addresses */
    const char *place, *place_word, *link; /* location, location_word, join_url of struct booking */
    const char *calendar_uid;
    int64_t start, end;
    int64_t previous_start;    /* of a change: before it */
    size_t others;             /* persons besides `who` */
    bool request;              /* it waits for a yes or no */
    bool overlaps;             /* another item of the day that has one of the hosts */
    enum agenda_change change; /* of the items of `changes` */
};

/* In order of start. */
struct agenda_list {
    struct agenda_item *item;
    size_t count, room;
};

struct agenda {
    struct agenda_list bookings; /* live ones that take up time of the day, requests too */
    struct agenda_list requests; /* all that end after `now` */
    struct agenda_list changes;  /* of bookings that do not end before the day */
    struct arena arena;
};

/* All times in ms. */
struct agenda_span {
    int64_t start, end; /* of the day; it has 23 or 25 hours when clocks change */
    int64_t now;
    int64_t since; /* changes whose events arrived after it, and not after `now` */
};

/* agenda_free in any case. False: ledger_failure says why. */
bool ledger_agenda(struct ledger *ledger, const struct agenda_span *span, struct agenda *agenda);
void agenda_free(struct agenda *agenda);

/* What concerns this host, with the texts of `all`. Overlaps stay as they are. agenda_free in
 * any case. False: out of memory. */
bool agenda_of_organizer(const struct agenda *all, const char *address, struct agenda *own);

/* The id of an agenda's mail: the first 32 hex digits of SHA-256 over "agenda", a zero byte, the
 * day as 2027-01-18 and the recipient's address in lower case. */
bool agenda_id(const char *day, const char *recipient, char id[ID_SIZE]);

/* Remembers where the event's booking takes place; what an older event says is not taken. */
bool agenda_put_place(struct ledger *ledger, const struct event *event);

/* Was it decided about the agenda of that id? */
bool ledger_agenda_known(struct ledger *ledger, const char *id, bool *known);
/* Inside a transaction. `result` is a word: mailed, empty, late. Marks of a year ago are removed.
 */
bool ledger_agenda_mark(
    struct ledger *ledger, const char *id, const char *day, const char *result, int64_t now);

#endif
