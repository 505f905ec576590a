/*
 * count: what is counted of each request. About a hundred instructions of arithmetic and a few
 * atomic additions: tests/cost.t watches it.
 */
#ifndef RECEIVE_COUNT_H
#define RECEIVE_COUNT_H

#include <stdint.h>

#include "receive/responder.h"

/*
 * Two bytes of the digest of each secret, 0 where none is set: enough to notice a change, and of no
 * use to guess a secret.
 */
struct secret_marks {
    uint64_t mark[PROVIDERS][PROVIDER_SECRETS];
};

/* Before conf_wipe_secrets. */
void count_read_secrets(const struct conf *conf, struct secret_marks *marks);
/*
 * Sets since when each secret has been set. What is counted of a secret that moves between primary
 * and secondary goes with it; a new one begins at 0. A place that becomes empty keeps when its
 * secret was last used, for monitors of the provider.
 */
void count_secrets(const struct secret_marks *marks, int64_t now);

/* Once for each final judgment, when it is answered. A ping is no use of its secret: operators and
 * tests send these, whatever is subscribed. `now` in ms. */
void count_answer(const struct judgment *judgment, int64_t now);

#endif
