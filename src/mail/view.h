/*
 * view: the context that templates see: the booking event as DESIGN section 5 and
 * bookspool.conf(5) document it, and beside it what a reader of a mail wants ready-made: times in
 * the owner's zone and the customer's, in the words of the language; what changed; whom it
 * overlaps. bookspool-templates(5) lists all of it.
 *
 * Pure but for the system's time-zone data. The same arguments give the same context.
 */
#ifndef MAIL_VIEW_H
#define MAIL_VIEW_H

#include <cjson/cJSON.h>

#include "event/event.h"
#include "ledger/decision.h"
#include "mail/templates.h"

struct view_options {
    const char *timezone; /* BOOKSPOOL_TIMEZONE; NULL: the organizer's, else UTC */
    enum audience audience;
    const char *recipient; /* the address; a customer's own name and zone are found by it */
};

/* NULL when memory ran out. The caller frees with cJSON_Delete. */
cJSON *view_make(const struct event *event, const struct decision *decision,
    const struct templates *templates, const struct view_options *options);

#endif
