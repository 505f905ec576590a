/*
 * outcome: words and codes that the transports share. Pure.
 */
#ifndef DELIVER_OUTCOME_H
#define DELIVER_OUTCOME_H

#include <stdbool.h>
#include <stddef.h>

#include "deliver/transport.h"

/* Sets outcome and reason; true, so that a row of a table can end a function with it. */
bool outcome_set(struct delivery_result *result, enum outcome outcome, const char *reason, ...)
    __attribute__((format(printf, 3, 4)));

/*
 * What libcurl's code means when no reply decides and the message is not complete at the other
 * side: PREFIX-dns-N, -connect-N, -proxy-N, -memory-N retry; -auth-N, -tls-N, -ehlo-N, -setup-N
 * are blocked. False: the code does not decide.
 */
bool outcome_by_curl(struct delivery_result *result, const char *prefix, int code);

/*
 * Appends what a server or a program said to `text`, which holds `at` bytes of `size`, up to `len`
 * bytes; the new length. Such words are kept in .why files and shown on terminals, so all but
 * printable ASCII becomes '?'.
 */
size_t outcome_add_words(char *text, size_t size, size_t at, const char *words, size_t len);

/* The same, to the end of result->detail. */
void outcome_add_detail(struct delivery_result *result, const char *words);

#endif
