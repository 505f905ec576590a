/*
 * hex: bytes as lower-case hexadecimal digits, and strictly back.
 *
 * Capitals are refused: both providers write lower case only (Cal.com's
 * createWebhookSignature, Calendly's v1), and one form is easier to compare.
 */
#ifndef BASE_HEX_H
#define BASE_HEX_H

#include <stdbool.h>
#include <stddef.h>

/* Writes 2 * len digits and a NUL into out. */
void hex_encode(const unsigned char *data, size_t len, char *out);
/* True when text is exactly 2 * len lower-case digits; text need not end in NUL. */
bool hex_decode(const char *text, size_t text_len, unsigned char *out, size_t len);
/* True when the len characters at text are all lower-case hex digits. */
bool hex_only(const char *text, size_t len);

#endif
