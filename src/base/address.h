/*
 * address: is this a mail address, bare or with a name? Is this host this machine?
 *
 * local@domain: a dot-atom of ASCII (RFC 5322 3.2.3) and host labels (RFC 1123 2.1), at most 254
 * bytes (RFC 5321 4.5.3.1.3 less the angle brackets). Quoted local parts and address literals are
 * refused: no booking platform makes them, and what passes here needs no quoting in a header, an
 * SMTP command or a log. A domain of one label (root@localhost) is an address.
 */
#ifndef BASE_ADDRESS_H
#define BASE_ADDRESS_H

#include <stdbool.h>

enum { ADDRESS_MAX = 254, ADDRESS_SIZE = ADDRESS_MAX + 1 };

bool address_valid(const char *text);

enum { MAILBOX_NAME_SIZE = 129 };

/* "Bookings <bookings@example.org>" or the bare address. `name` is empty where there is none. */
struct mailbox {
    char name[MAILBOX_NAME_SIZE], address[ADDRESS_SIZE];
};

/* A name is one line of UTF-8 of at most 128 bytes, perhaps in double quotes. */
bool mailbox_parse(const char *text, struct mailbox *out);

/*
 * 127.0.0.0/8, [::1] or localhost: connections to it need no TLS. `host` is in the normal form that
 * libcurl gives to the host of a URL: "127.1" is "127.0.0.1" there.
 */
bool address_is_loopback(const char *host);

#endif
