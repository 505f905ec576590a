/*
 * refusals: mails refused for good, until it is known that the refusals are about them.
 *
 * A wrong setting (a relay that does not know us, a sender it does not like) makes servers refuse
 * every recipient or message with the same words, and must not cost the mails. So a refusal waits
 * here, its mail untouched in out/, until another mail of the run is accepted or refused for
 * another reason: then each is about its own mail. When REFUSALS_ALIKE recipients were refused
 * alike and nothing else happened, all are put off, and the run stops. The next run begins with
 * other mails, so that a few addresses that really are dead hold nobody up. When a run comes to
 * its end with fewer of them, they are about their mails; when it holds, they stay in out/.
 */
#ifndef DRAIN_REFUSALS_H
#define DRAIN_REFUSALS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/address.h"
#include "deliver/transport.h"
#include "spool/name.h"

enum { REFUSALS_ALIKE = 3 };

struct refusal {
    char name[MAIL_NAME_SIZE], id[ID_SIZE];
    char to[ADDRESS_SIZE];
    int64_t queued;
    mode_t marks; /* that stay on the file */
    struct delivery_result result;
};

struct refusals {
    struct refusal *list;
    size_t count, cap;
    size_t recipients;   /* different ones in the list */
    bool each_by_itself; /* each is about its own mail: none waits any more */
};

/* False when memory ran out, and nothing is added. */
bool refusals_add(struct refusals *refusals, const struct refusal *refusal);

/* Is this the first, or refused with the same reason as those that wait? */
bool refusals_alike(const struct refusals *refusals, const struct refusal *refusal);

void refusals_free(struct refusals *refusals);

#endif
