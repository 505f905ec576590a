/*
 * check: how the files of this room make a check. Internal to the room.
 */
#ifndef HEALTH_CHECK_H
#define HEALTH_CHECK_H

#include <stdarg.h>
#include <stdio.h>

#include "base/clock.h"
#include "health/health.h"

/* A check that passes; what is found later may change it. */
static inline struct health_check *add(struct health *health, const char *name)
{
    struct health_check *check = &health->check[health->count++];
    *check = (struct health_check){.name = name, .provider = PROVIDERS, .since = TIME_NONE};
    return check;
}

__attribute__((format(printf, 2, 3))) static inline void say(
    struct health_check *check, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(check->text, sizeof check->text, format, args);
    va_end(args);
}

static inline void set(
    struct health_check *check, enum health_state state, const char *reason, const char *advice)
{
    check->state = state;
    check->reason = state == HEALTH_PASS ? NULL : reason;
    check->advice = state == HEALTH_PASS ? NULL : advice;
}

static inline void count(struct health_check *check, int64_t number, const char *unit)
{
    check->number = number;
    check->unit = unit;
}

/* Half of the limit warns, all of it fails. */
static inline enum health_state by_limit(int64_t value, int64_t limit)
{
    return value > limit ? HEALTH_FAIL : value > limit / 2 ? HEALTH_WARN : HEALTH_PASS;
}

/* health/tokens.c: the state of a provider's API tokens, where one has been used. */
void health_check_tokens(
    const struct health_facts *facts, enum provider provider, struct health *health);

#endif
