/*
 * calendar: one booking as an iCalendar object (RFC 5545) with an iTIP method (RFC 5546), written
 * by libical. Pure.
 *
 * Values must be clean (event/clean.h), as those of an event and of the settings are: libical lets
 * CR LF in an address through. Times are UTC, so no VTIMEZONE is needed. There are no alarms: they
 * are up to the reader. Lines end with CR LF and are folded at 75 octets. In names, which are
 * parameters, ^ and " are replaced with U+02C6 and ', because readers disagree on what they mean
 * (RFC 6868).
 *
 * PUBLISH and CANCEL without attendees are for the owner (RFC 5546 3.2.1 and 4.1.3), with the
 * sending address as organizer: Outlook discards a mail whose organizer is its recipient. REQUEST
 * and CANCEL with the attendee are for the customer, who accepted by booking: RSVP would make the
 * client send a REPLY to the organizer (RFC 5546 3.2.3) that no booking platform reads. A REQUEST
 * needs an attendee; PUBLISH leaves it out.
 */
#ifndef MAIL_CALENDAR_H
#define MAIL_CALENDAR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "event/event.h"

enum calendar_method { METHOD_PUBLISH, METHOD_REQUEST, METHOD_CANCEL };

/* "PUBLISH", ...: also the method= of the MIME type (RFC 6047 2.4). */
const char *calendar_method_name(enum calendar_method method);

struct calendar {
    enum calendar_method method;
    const char *uid;
    int64_t sequence;
    bool tentative;
    bool is_private; /* CLASS:PRIVATE: who shares the calendar sees only that the time is taken */
    int64_t stamp;   /* DTSTAMP: when the event arrived, so that a repeat is byte-identical */
    int64_t start, end; /* end is left out when TIME_NONE or not later than start */
    /* Each may be NULL. */
    const char *summary, *description, *location, *url;
    struct person organizer;       /* email is needed */
    const struct person *attendee; /* NULL: none */
};

/*
 * Appends one object with the entries, which have the same method. Only PUBLISH may have several:
 * the entries of a REQUEST or a CANCEL must have one UID (RFC 5546 3.2.2 and 3.2.5). Left out is an
 * entry whose start, uid, organizer or needed attendee's address is missing, or whose start is
 * beyond the year 9999, which iCalendar cannot write; without any there is no object. False: out of
 * memory.
 */
bool calendar_write(const struct calendar *entries, size_t count, struct buf *out);

#endif
