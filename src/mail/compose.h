/*
 * compose: from a stored event and a recipient to the bytes of one mail.
 *
 * The only place that knows how event, words and message fit together; stage 1
 * and --dry-run both use it.
 */
#ifndef MAIL_COMPOSE_H
#define MAIL_COMPOSE_H

#include <stdbool.h>

#include "base/buf.h"
#include "drain/run.h"
#include "event/event.h"
#include "event/record.h"

/* Is anybody told of this kind of event? */
bool compose_wanted(enum event_kind kind);

/* Appends the RFC 5322 message called `name` (KEY-r or KEY.g-r). False: it cannot be made. */
bool compose_message(const struct run *run, const struct event *event, const struct record *record,
    const char *name, const char *recipient, struct buf *out);

#endif
