/*
 * id: the name of an event for its whole life, everywhere.
 *
 * The first 32 hex digits of SHA-256 over the provider's name, a zero byte, and the body's SHA-256
 * in hex. Only signed material goes in, so a client without the secret cannot choose an id, and a
 * provider's byte-identical retry gets the same id again. The body's digest is in the event's file
 * too, so that the body is read once for both.
 *
 * A body that carries neither time nor booking (a template that Cal.com could not fill is just
 * `false`) would make all later ones duplicates of the first. Its id also covers a zero byte and
 * the hour of arrival (decimal, hours since 1970).
 */
#ifndef EVENT_ID_H
#define EVENT_ID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/digest.h"

enum { ID_LEN = 32, ID_SIZE = ID_LEN + 1 };

/*
 * `sha256` is the body's digest in hex. `arrival` is in ms, TIME_NONE for a body that has a time
 * or a booking. False only when libcrypto fails.
 */
bool id_make(
    const char *provider, const char sha256[DIGEST_HEX + 1], int64_t arrival, char id[ID_SIZE]);

/*
 * The id of an alarm, which is a mail about no event: eight zeros, and 24 digits of SHA-256 over
 * the words, with a zero byte after each. The zeros keep alarms out of the counts that alarms are
 * made from; the mails of one event in four thousand million have them too.
 */
bool id_make_alarm(const char *const *words, size_t count, char id[ID_SIZE]);
/* Does the name of a file begin with the id of an alarm? */
bool id_is_alarm(const char *name);

bool id_valid(const char *text);

#endif
