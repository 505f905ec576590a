#include "deliver/sendgrid_outcome.h"

#include <limits.h>
#include <string.h>

#include <curl/curl.h>

#include "base/clock.h"
#include "deliver/outcome.h"

enum { FIELD_MAX = 20 };

/* Where a 429 does not say when it is over. */
#define RATE_LIMIT_WAIT (60 * INT64_C(1000))

/* The first row that fits decides. */
static const struct {
    long low, high;
    const char *field; /* NULL: whatever the error is about */
    enum outcome outcome;
    const char *words;
} answers[] = {
    {202, 202, NULL, OUTCOME_SENT, NULL},
    {200, 200, NULL, OUTCOME_BLOCKED, "sandbox mode: nothing is delivered"},
    {200, 299, NULL, OUTCOME_UNKNOWN, "an acceptance that the interface does not document"},
    {300, 399, NULL, OUTCOME_BLOCKED, "a redirect: SENDGRID_API_BASE is not SendGrid's interface"},
    {400, 400, "from", OUTCOME_BLOCKED, "the sender was refused: BOOKSPOOL_MAIL_FROM"},
    {400, 400, "reply_to", OUTCOME_BLOCKED, "the address for replies was refused"},
    {400, 400, NULL, OUTCOME_NEVER, "the request was refused"},
    {401, 401, NULL, OUTCOME_BLOCKED, "the key is refused, or the credits are used up"},
    {403, 403, NULL, OUTCOME_BLOCKED,
        "the sender is not verified, or the account is blocked for a while"},
    {404, 405, NULL, OUTCOME_BLOCKED, "SENDGRID_API_BASE is not SendGrid's interface"},
    {408, 408, NULL, OUTCOME_RETRY, NULL},
    {413, 413, NULL, OUTCOME_NEVER, "the message is too large"},
    {429, 429, NULL, OUTCOME_RETRY, "too many requests"},
    {451, 451, NULL, OUTCOME_BLOCKED, "the account belongs to another region: SENDGRID_API_BASE"},
    {400, 499, NULL, OUTCOME_BLOCKED, NULL},
    {502, 502, NULL, OUTCOME_UNKNOWN, "a gateway lost the answer"},
    {504, 504, NULL, OUTCOME_UNKNOWN, "a gateway lost the answer"},
    {500, 599, NULL, OUTCOME_RETRY, NULL},
    {0, LONG_MAX, NULL, OUTCOME_UNKNOWN, NULL},
};

/*
 * The length of "personalizations" in "personalizations.0.to": the part of the message that an
 * error is about. Only letters, because these words of others go into a log.
 */
static int field_len(const char *field)
{
    size_t len = field ? strspn(field, "abcdefghijklmnopqrstuvwxyz_") : 0;
    return len > FIELD_MAX ? FIELD_MAX : (int)len;
}

static int64_t wait_until(int64_t reset, int64_t now)
{
    if (reset <= 0 || reset > INT64_MAX / MS_PER_SECOND)
        return RATE_LIMIT_WAIT;
    int64_t wait = reset * MS_PER_SECOND - now;
    return wait > MS_PER_SECOND ? wait : MS_PER_SECOND;
}

static void classify_answer(
    const struct sendgrid_attempt *attempt, int64_t now, struct delivery_result *result)
{
    size_t i = 0;
    int len = field_len(attempt->field);
    while (attempt->status < answers[i].low || attempt->status > answers[i].high ||
           (answers[i].field && strncmp(answers[i].field, attempt->field ? attempt->field : "",
                                    strlen(answers[i].field)) != 0))
        i++;
    result->words = answers[i].words;
    if (attempt->status == 400 && len)
        outcome_set(result, answers[i].outcome, "sendgrid-400-%.*s", len, attempt->field);
    else
        outcome_set(result, answers[i].outcome, "sendgrid-%ld", attempt->status);
    if (attempt->status == 429)
        result->wait_ms = wait_until(attempt->reset, now);
}

void sendgrid_classify(
    const struct sendgrid_attempt *attempt, int64_t now, struct delivery_result *result)
{
    const char *failure = attempt->curl == CURLE_OPERATION_TIMEDOUT ? "timeout" : "lost";
    if (attempt->given_up)
        outcome_set(result, OUTCOME_RETRY, "sendgrid-before-end");
    else if (attempt->status)
        classify_answer(attempt, now, result);
    else if (attempt->end_given)
        outcome_set(result, OUTCOME_UNKNOWN, "sendgrid-%s", failure);
    else if (!outcome_by_curl(result, "sendgrid", attempt->curl))
        outcome_set(result, OUTCOME_RETRY, "sendgrid-%s", failure);
    result->unreachable = result->outcome == OUTCOME_RETRY && !attempt->status &&
                          !attempt->connected && !attempt->given_up;
}
