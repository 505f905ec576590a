/*
 * envelope: the few members of a body that the receiver needs, and the replay
 * window. Each provider's `envelope` fills its part from the parsed body.
 */
#ifndef PROVIDER_ENVELOPE_H
#define PROVIDER_ENVELOPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cjson/cJSON.h>

enum replay_clock {
    CLOCK_NONE,     /* no signed time: only the remembered ids protect against replays */
    CLOCK_SENT,     /* `at` is when it was sent: the replay window applies */
    CLOCK_SCHEDULED /* `at` is when the meeting starts or ends: a day's slack applies */
};

enum { ENVELOPE_EVENT_SIZE = 65 };

struct envelope {
    char event[ENVELOPE_EVENT_SIZE]; /* the provider's event name as a token; "-" without one */
    enum replay_clock clock;
    int64_t at;
    bool ping;      /* a test from the provider's settings page: counted only */
    bool anonymous; /* carries neither time nor booking: the id covers the hour too */
};

/* Within the window, in both directions. `window` is in ms and bounds CLOCK_SENT. */
bool envelope_in_window(const struct envelope *envelope, int64_t now, int64_t window);

/* ---- for the providers ---- */

/* Sets `event` from this member of the body. */
void envelope_set_event(struct envelope *envelope, const cJSON *root, const char *member);

/* Sets clock and `at`; TIME_NONE sets CLOCK_NONE. */
void envelope_set_time(struct envelope *envelope, enum replay_clock clock, int64_t at);

/*
 * Sets `anonymous`: the body has no date with a time anywhere, and neither it nor its payload has
 * a member uid, bookingUid, bookingId or id. False: memory ran out.
 */
bool envelope_set_anonymous(struct envelope *envelope, const void *body, size_t len);

#endif
