/*
 * headers: from whom a mail is, where an answer to it goes, and with which mails it belongs
 * together.
 *
 * An answer to the owner's mail goes to the customer it is about, and to nobody where it is about
 * several. An answer to a customer's mail goes to the first of: the address that the booking names
 * for it, BOOKSPOOL_REPLY_TO, the organizer's address unless it is hidden.
 *
 * The mails about one booking name the same mail in References and In-Reply-To, which was never
 * sent; its name is a digest, since a booking's uid is good for changing it at Cal.com.
 */
#ifndef MAIL_HEADERS_H
#define MAIL_HEADERS_H

#include "base/digest.h"
#include "mail/compose.h"
#include "mail/message.h"

struct headers {
    char address[ADDRESS_SIZE]; /* of a form's sender; what the message names may be here */
    char thread[DIGEST_HEX + ADDRESS_SIZE];
};

/* Fills those members of the message; its other members are not touched. False: libcrypto failed.
 */
bool headers_fill(const struct composer *composer, const struct notice *notice,
    struct headers *headers, struct message *message);

#endif
