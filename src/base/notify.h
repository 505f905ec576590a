/*
 * notify: what a program says to the service manager that started it (sd_notify(3)), without its
 * library: a datagram to the socket that NOTIFY_SOCKET names. Without that variable all of this
 * does nothing.
 */
#ifndef BASE_NOTIFY_H
#define BASE_NOTIFY_H

#include <stdint.h>

/*
 * Connects, and takes the variables out of the environment, so that no program started later speaks
 * for this one. To be called before the program is confined: it can still send then, not connect.
 */
void notify_open(void);

/* "READY=1", "STOPPING=1" */
void notify_say(const char *state);

/*
 * To be called often. Says that the program is alive when a third of WATCHDOG_USEC is over since it
 * last did. Returns the time until it is due again, in ms; INT64_MAX without a watchdog.
 */
int64_t notify_alive(void);

/* In a forked process, which does not speak for the program. */
void notify_leave(void);

#endif
