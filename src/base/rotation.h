/*
 * rotation: when a secret or a token is due for a new one. Pure. It is said while there is time: an
 * eighth of BOOKSPOOL_KEY_AGE before its end, a fifth of CALENDLY_MAX_USAGE_PER_KEY before its end,
 * or when that will be reached before the next check at the rate so far.
 */
#ifndef BASE_ROTATION_H
#define BASE_ROTATION_H

#include <stdbool.h>
#include <stdint.h>

/* All in ms. */
bool rotation_by_age(int64_t age, int64_t limit);

/* `limit` 0: none. `age` is how long the uses took, `interval` the time to the next check, in ms.
 * The rate of less than an hour is not gone by. */
bool rotation_by_uses(int64_t uses, int64_t limit, int64_t age, int64_t interval);

#endif
