/*
 * loopback: is a host this machine? Connections to it need no TLS.
 */
#ifndef BASE_LOOPBACK_H
#define BASE_LOOPBACK_H

#include <stdbool.h>

/*
 * 127.0.0.0/8, [::1] or localhost, in the normal form that libcurl gives to the host of a URL:
 * "127.1" is "127.0.0.1" there.
 */
bool host_is_loopback(const char *host);

#endif
