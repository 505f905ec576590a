/*
 * bare: who booked what and when, written without templates, for the mail that no template could be
 * made for. Internal to compose. In English.
 */
#ifndef MAIL_BARE_H
#define MAIL_BARE_H

#include "base/buf.h"
#include "mail/compose.h"

/* Appends a subject and a text of a few KB at most. The owner reads `why`, a customer does not. */
void bare_facts(
    const struct notice *notice, const char *why, struct buf *subject, struct buf *text);

#endif
