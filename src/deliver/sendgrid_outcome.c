#include "deliver/sendgrid_outcome.h"

#include <limits.h>
#include <string.h>

#include <curl/curl.h>

#include "base/clock.h"
#include "deliver/outcome.h"

enum { FIELD_MAX = 20 };

/* Where a 429 does not tell when it is over. */
#define RATE_LIMIT_WAIT (60 * INT64_C(1000))

/* The first row that fits decides. */
static const struct {
    long low, high;
    enum outcome outcome;
    const char *words;
} answers[] = {
    {202, 202, OUTCOME_SENT, NULL},
    {200, 200, OUTCOME_BLOCKED, "sandbox mode: nothing is delivered"},
    {200, 299, OUTCOME_UNKNOWN, "a yes that the interface does not document"},
    {300, 399, OUTCOME_BLOCKED, "a redirect: SENDGRID_API_BASE is not SendGrid's interface"},
    {400, 400, OUTCOME_NEVER, "the request was refused"},
    {401, 401, OUTCOME_BLOCKED, "the key is refused, or the credits are used up"},
    {403, 403, OUTCOME_BLOCKED,
        "the sender is not verified, or the account is blocked for a while"},
    {404, 405, OUTCOME_BLOCKED, "SENDGRID_API_BASE is not SendGrid's interface"},
    {408, 408, OUTCOME_RETRY, NULL},
    {413, 413, OUTCOME_NEVER, "the message is too large"},
    {429, 429, OUTCOME_RETRY, "too many requests"},
    {451, 451, OUTCOME_BLOCKED, "the account belongs to another region: SENDGRID_API_BASE"},
    {400, 499, OUTCOME_BLOCKED, NULL},
    {502, 502, OUTCOME_UNKNOWN, "a gateway lost the answer"},
    {504, 504, OUTCOME_UNKNOWN, "a gateway lost the answer"},
    {500, 599, OUTCOME_RETRY, NULL},
    {0, LONG_MAX, OUTCOME_UNKNOWN, NULL},
};

/* "personalizations.0.to" is about personalizations. Others' words: letters only go into a log. */
static int part_len(const char *field)
{
    size_t len = field ? strspn(field, "abcdefghijklmnopqrstuvwxyz_") : 0;
    return len > FIELD_MAX ? FIELD_MAX : (int)len;
}

/* The same for every mail of this installation. */
static bool is_about_settings(const char *field)
{
    return field && (strncmp(field, "from", 4) == 0 || strncmp(field, "reply_to", 8) == 0);
}

static int64_t wait_until(int64_t reset, int64_t now)
{
    if (reset <= 0 || reset > INT64_MAX / MS_PER_SECOND)
        return RATE_LIMIT_WAIT;
    int64_t wait = reset * MS_PER_SECOND - now;
    return wait > MS_PER_SECOND ? wait : MS_PER_SECOND;
}

static void by_answer(
    const struct sendgrid_attempt *attempt, int64_t now, struct delivery_result *result)
{
    size_t i = 0;
    while (attempt->status < answers[i].low || attempt->status > answers[i].high)
        i++;
    result->words = answers[i].words;
    outcome_set(result, answers[i].outcome, "sendgrid-%ld", attempt->status);
    if (attempt->status == 429)
        result->wait_ms = wait_until(attempt->reset, now);
    if (attempt->status != 400)
        return;
    int len = part_len(attempt->field);
    if (len)
        outcome_set(result, is_about_settings(attempt->field) ? OUTCOME_BLOCKED : OUTCOME_NEVER,
            "sendgrid-400-%.*s", len, attempt->field);
}

void sendgrid_classify(
    const struct sendgrid_attempt *attempt, int64_t now, struct delivery_result *result)
{
    const char *trouble = attempt->curl == CURLE_OPERATION_TIMEDOUT ? "timeout" : "lost";
    if (attempt->given_up)
        outcome_set(result, OUTCOME_RETRY, "sendgrid-before-end");
    else if (attempt->status)
        by_answer(attempt, now, result);
    else if (attempt->end_given)
        outcome_set(result, OUTCOME_UNKNOWN, "sendgrid-%s", trouble);
    else if (!outcome_by_curl(result, "sendgrid", attempt->curl))
        outcome_set(result, OUTCOME_RETRY, "sendgrid-%s", trouble);
    result->unreachable = result->outcome == OUTCOME_RETRY && !attempt->status &&
                          !attempt->connected && !attempt->given_up;
}
