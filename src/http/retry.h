/*
 * retry: when a request that was refused for a while may be made again. Pure.
 *
 * Retry-After (RFC 9110 section 10.2.3) is seconds or a date. Calendly's X-RateLimit-Reset is
 * seconds to wait, not a clock time; Cal.com's names end in the name of the limit
 * (X-RateLimit-Reset-Default), and of several, those count whose Remaining is 0. A number that can
 * only be a point in time (seconds, or milliseconds, since 1970) is read as one.
 */
#ifndef HTTP_RETRY_H
#define HTTP_RETRY_H

#include <stdbool.h>
#include <stdint.h>

#include "http/http.h"

/* How long to wait, in ms, from `now`; -1: the answer does not say. */
int64_t http_retry_wait(const struct http_answer *answer, int64_t now);

/* Did the server, or a gateway before it, fail so that another attempt may succeed? 408, 425, 429
 * and 5xx, but 501, 505 and 511: those stay so. */
bool http_retry_status(long status);

#endif
