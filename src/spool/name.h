/*
 * name: the names of files in the spool.
 *
 *     ID         an event
 *     ID.n       a replayed event; n is its replay number, made from UTC seconds
 *     ID-r       a mail: r is the first 12 hex digits of SHA-256 over the
 *                recipient's address in lower case, so that after a change of the
 *                recipients none is skipped and none gets a mail twice
 *     ID.n-r     a mail of a replayed event
 *
 * ID is made by event/id.h.
 */
#ifndef SPOOL_NAME_H
#define SPOOL_NAME_H

#include <stdbool.h>
#include <stdint.h>

#include "event/id.h"

enum {
    RECIPIENT_LEN = 12,
    REPLAY_NUMBER_LEN = 20,
    /* ID.n-r and its NUL */
    MAIL_NAME_SIZE = ID_LEN + 1 + REPLAY_NUMBER_LEN + 1 + RECIPIENT_LEN + 1
};

/* event_name is ID or ID.n. False: the recipient is too long, or libcrypto failed. */
bool name_of_mail(const char *event_name, const char *recipient, char name[MAIL_NAME_SIZE]);

/* The parts of a file name; replay_number is 0 if there is none, recipient "" for an event. */
struct spool_name {
    char id[ID_SIZE];
    int64_t replay_number;
    char recipient[RECIPIENT_LEN + 1];
};

/* False when the text is not exactly ID, ID.n, ID-r or ID.n-r. */
bool name_parse(const char *text, struct spool_name *name);

#endif
