#include "deliver/smtp_outcome.h"

#include <stddef.h>

#include <curl/curl.h>

#include "deliver/outcome.h"

/*
 * The first row that fits decides. Refusals that concern the installation and not the message are
 * blocked: the greeting, EHLO, STARTTLS, the login, and the sender's address. A message that is too
 * big is refused at MAIL already (RFC 1870 section 6.1); 552 at RCPT once meant "too
 * many recipients" and is to be taken as 452 (RFC 5321 section 4.5.3.1.10); 530 asks for a login
 * or for TLS wherever it comes.
 */
static const struct {
    enum smtp_step first, last;
    int low, high;
    enum outcome outcome;
} replies[] = {
    {STEP_DOT, STEP_DOT, 200, 299, OUTCOME_SENT},
    {STEP_GREETING, STEP_DOT, 400, 499, OUTCOME_RETRY},
    {STEP_GREETING, STEP_RCPT, 530, 530, OUTCOME_BLOCKED},
    {STEP_MAIL, STEP_MAIL, 552, 552, OUTCOME_NEVER},
    {STEP_GREETING, STEP_MAIL, 500, 599, OUTCOME_BLOCKED},
    {STEP_RCPT, STEP_RCPT, 552, 552, OUTCOME_RETRY},
    {STEP_RCPT, STEP_DOT, 500, 599, OUTCOME_NEVER},
};

static const char *step_name(enum smtp_step step)
{
    static const char *const names[] = {
        "greeting", "ehlo", "auth", "mail", "rcpt", "data", "dot", "end"};
    return names[step];
}

static bool classify_reply(const struct smtp_attempt *attempt, struct delivery_result *result)
{
    enum smtp_step step = attempt->curl == CURLE_LOGIN_DENIED ? STEP_AUTH : attempt->replied;
    int code = attempt->code;
    for (size_t i = 0; i < sizeof replies / sizeof replies[0]; i++)
        if (step >= replies[i].first && step <= replies[i].last && code >= replies[i].low &&
            code <= replies[i].high)
            return outcome_set(result, replies[i].outcome, "smtp-%s-%d", step_name(step), code);
    return false;
}

void smtp_classify(const struct smtp_attempt *attempt, struct delivery_result *result)
{
    const char *failure = attempt->curl == CURLE_OPERATION_TIMEDOUT   ? "timeout"
                          : attempt->curl == CURLE_WEIRD_SERVER_REPLY ? "garbled"
                                                                      : "lost";
    if (attempt->not_authenticated)
        outcome_set(result, OUTCOME_BLOCKED, "smtp-no-auth");
    else if (attempt->given_up)
        outcome_set(result, OUTCOME_RETRY, "smtp-before-end");
    else if (attempt->curl == CURLE_OK)
        outcome_set(result, OUTCOME_SENT, "smtp-dot-%d", attempt->code);
    else if (!classify_reply(attempt, result) &&
             (attempt->end_given || !outcome_by_curl(result, "smtp", attempt->curl)))
        outcome_set(result, attempt->end_given ? OUTCOME_UNKNOWN : OUTCOME_RETRY, "smtp-%s-%s",
            step_name(attempt->waiting), failure);
    result->unreachable =
        result->outcome == OUTCOME_RETRY && attempt->code == 0 && attempt->waiting == STEP_GREETING;
}
