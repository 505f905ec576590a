/*
 * agenda: the mail about one day, from what the ledger has of it.
 *
 * Its templates are agenda.subject, agenda.txt and agenda.html; bookspool-templates(5) lists what
 * they see. Pure but for the system's time-zone data.
 */
#ifndef MAIL_AGENDA_H
#define MAIL_AGENDA_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "ledger/agenda.h"
#include "mail/compose.h"
#include "mail/day.h"

struct agenda_mail {
    const struct agenda *agenda;
    const struct zone *zone; /* its reader's */
    day_number day;
    int64_t since; /* of the changes */
    int64_t date;  /* of the message */
    const char *name, *id, *recipient;
};

/* Appends the RFC 5322 message, of at most 1 MB: of long lists the end is left out, and counted. If
 * the templates cannot be used, it has the bare facts, and `why` says what was wrong. False: out of
 * memory. */
bool agenda_compose(const struct composer *composer, const struct agenda_mail *mail,
    struct buf *out, struct buf *why);

#endif
