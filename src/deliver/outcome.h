/*
 * outcome: words and codes that transports share. Pure.
 */
#ifndef DELIVER_OUTCOME_H
#define DELIVER_OUTCOME_H

#include <stdbool.h>

#include "deliver/transport.h"

/* Sets outcome and reason; true, so that a row of a table can end a function with it. */
bool outcome_set(struct delivery_result *result, enum outcome outcome, const char *reason, ...)
    __attribute__((format(printf, 3, 4)));

/*
 * What libcurl's code means when no reply decides and the message is not complete at the other
 * side: PREFIX-dns-N, -connect-N, -proxy-N, -memory-N retry; -auth-N, -tls-N, -ehlo-N, -setup-N
 * hold. False: the code does not decide.
 */
bool outcome_by_curl(struct delivery_result *result, const char *prefix, int code);

#endif
