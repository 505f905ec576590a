/*
 * count: what is counted of each request. About a hundred instructions of arithmetic and a few
 * atomic additions: tests/cost.t watches it.
 */
#ifndef RECEIVE_COUNT_H
#define RECEIVE_COUNT_H

#include <stdint.h>

#include "receive/responder.h"

/* Once for each final judgment, when it is answered. `now` in ms. */
void count_answer(const struct judgment *judgment, int64_t now);

#endif
