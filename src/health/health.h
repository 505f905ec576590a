/*
 * health: is everything well? From facts to a list of checks, which `/api/health`, `bookspool
 * status`, the status page, alarms and reports show. Pure: no I/O, no clock; health/facts.h gathers
 * the facts.
 *
 * A check has a limit where that makes sense: half of it warns, all of it fails, so that a person
 * hears of trouble while there is time. What waits for a person (held, failed, set aside) warns and
 * never fails.
 */
#ifndef HEALTH_HEALTH_H
#define HEALTH_HEALTH_H

#include <stdbool.h>
#include <stdint.h>

#include "health/facts.h"
#include "provider/provider.h"

enum health_state { HEALTH_PASS, HEALTH_WARN, HEALTH_FAIL };

enum { HEALTH_TEXT = 200, HEALTH_CHECKS_MAX = 16 + 10 * PROVIDERS };

struct health_check {
    const char *name;       /* what is checked, "COMPONENT:MEASUREMENT" */
    enum provider provider; /* PROVIDERS: of no one provider */
    enum health_state state;
    const char *reason; /* a reason code, while it does not pass; else NULL */
    /* Events cannot be accepted while it fails; all other checks are about what comes after. */
    bool accepting;
    /* Only the provider's own health depends on it: the other provider may be in use alone. */
    bool own;
    const char *unit; /* of `number`: "files", "s", "bytes"; NULL: there is no number */
    int64_t number;
    int64_t since;          /* since when it is so; TIME_NONE: not known */
    char text[HEALTH_TEXT]; /* what is so, in plain English, without a full stop */
    const char *advice;     /* what to do, while it does not pass; else NULL */
};

/* In the order of weight: the first that does not pass is the reason to report. */
struct health {
    struct health_check check[HEALTH_CHECKS_MAX];
    size_t count;
};

void health_check_all(const struct health_facts *facts, struct health *health);

/*
 * The state of all of it, or of one provider. All of it fails when any check does. One provider
 * fails when its events cannot be accepted or do not come any more; any other fault is a warning
 * there, so that a load balancer may ask for it. *reason is that of the first check that gives the
 * state, NULL with HEALTH_PASS.
 */
enum health_state health_state(
    const struct health *health, enum provider provider, const char **reason);

/* Does the check count for this provider, or for all of it (PROVIDERS)? */
bool health_concerns(const struct health_check *check, enum provider provider);

/* "pass", "warn", "fail" */
const char *health_state_name(enum health_state state);

#endif
