/*
 * render: what a booking event says in words: a subject and a text.
 *
 * Pure but for the system's time-zone data. The subject is one line of UTF-8 of
 * at most about 200 characters, the text has LF line ends, both are already free
 * of controls because the event is. The same event gives the same words.
 */
#ifndef MAIL_RENDER_H
#define MAIL_RENDER_H

#include <stdbool.h>

#include "base/buf.h"
#include "event/event.h"

struct render_options {
    const char *timezone; /* BOOKSPOOL_TIMEZONE; NULL: the organizer's, else UTC */
};

/* False when memory ran out. */
bool render_mail(const struct event *event, const struct render_options *options,
    struct buf *subject, struct buf *text);

#endif
