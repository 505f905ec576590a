/*
 * signature: the fields of Calendly's header `t=<digits>,v1=<64 hex>`.
 *
 * Only that one form is documented. Blanks around commas and equals signs, any
 * order, several v1, empty elements (RFC 9110 5.6.1.2) and unknown fields are
 * accepted, since the digest decides. What could set the age apart from the
 * signed text is not: two t that differ, signs, more digits than a time has.
 */
#ifndef PROVIDER_SIGNATURE_H
#define PROVIDER_SIGNATURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Points into the header. */
struct span {
    const char *at;
    size_t len;
};

/* One field after the other; false at the end, and for a field without '=', which sets *broken. */
bool calendly_field(const char **header, struct span *name, struct span *value, bool *broken);

/* The one t of the header, as it stands: 1 to 15 digits, so its milliseconds fit an int64_t. */
bool calendly_time(const char *header, struct span *t, int64_t *seconds);

bool span_is(struct span span, const char *text);

#endif
