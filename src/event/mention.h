/*
 * mention: is this address in that text?
 *
 * As one would look for a person: letters of either case are the same, an internationalized domain
 * is found in both its forms (RFC 5890), and so is an address in a link (ann%40example.org). The
 * text may be anything, such as an answer that a customer typed. A longer address that ends or
 * begins alike is another one: joann@example.org, ann@example.org.uk, x+ann@example.org.
 *
 * Pure. Where memory runs out, `failed` is set, and the answer is "no".
 */
#ifndef EVENT_MENTION_H
#define EVENT_MENTION_H

#include <stdbool.h>
#include <stddef.h>

#include "base/address.h"

struct mention {
    char local[ADDRESS_SIZE], domain[ADDRESS_SIZE]; /* in lower case; the domain in ASCII */
    bool failed;
};

/* False: that is no address that mail can go to (clean_address of event/clean.h). */
bool mention_of(const char *address, struct mention *mention);

bool mention_in(struct mention *mention, const char *text, size_t len);

/* The same in a body: of JSON, in each of its texts and names as they mean; else in its bytes. */
bool mention_in_body(struct mention *mention, const char *body, size_t len);

#endif
