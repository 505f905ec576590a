/*
 * recipients: the addresses that mails go to, from BOOKSPOOL_MAIL_TO.
 *
 * Bare addresses, each once (compared without regard to case, as mail names are). Owned
 * by the list.
 */
#ifndef DRAIN_RECIPIENTS_H
#define DRAIN_RECIPIENTS_H

#include <stdbool.h>
#include <stddef.h>

struct recipients {
    char **address;
    size_t count;
};

/* `list` is checked text of a SETTING_ADDRESSES. False when memory ran out. */
bool recipients_parse(struct recipients *recipients, const char *list);
void recipients_free(struct recipients *recipients);

#endif
