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
/* Sets since when each secret has been in use. One that moves from secondary to primary keeps its
 * time. */
void count_secrets(const struct secret_marks *marks, int64_t now);

/* Once for each final judgment, when it is answered. `now` in ms. */
void count_answer(const struct judgment *judgment, int64_t now);

#endif
