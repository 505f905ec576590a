/*
 * mailing: the mails of one event, made in out/ and not yet durable.
 *
 * A mail is not made again if it exists: whole in out/, or by name in sent/ or failed/, asked in
 * this order, which is the order in which a mail moves. A torn one in out/ is replaced, a whole one
 * by a synced copy of itself, because a sync may have failed on it.
 */
#ifndef DRAIN_MAILING_H
#define DRAIN_MAILING_H

#include "drain/run.h"
#include "event/event.h"
#include "ledger/decision.h"
#include "spool/record.h"

struct mailing {
    const struct record *record;
    const struct event *event;
    const struct decision *decision;
    const char *name; /* KEY, or KEY.g for a replay: what the mails are named after */
};

enum mailing_result {
    MAILING_MADE,
    MAILING_IMPOSSIBLE, /* this event alone; `why` says why */
    MAILING_IO_FAILED   /* errno and the step of the spool say why */
};

/* Appends the names of the mails it put into out/ to `made`, each with its NUL. */
enum mailing_result mailing_make(
    struct run *run, const struct mailing *mailing, struct buf *made, struct buf *why);

/* Takes those mails back. */
void mailing_unmake(struct run *run, const struct buf *made);

/* Prints the mails that do not exist yet; makes nothing. */
void mailing_preview(struct run *run, const struct mailing *mailing);

#endif
