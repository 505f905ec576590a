#include "deliver/sendmail_outcome.h"

#include <errno.h>
#include <string.h>
#include <sys/wait.h>
#include <sysexits.h>

#include "deliver/outcome.h"

/* EX_DATAERR and EX_NOUSER concern this mail alone. What is not here is retried. */
static const struct {
    int status;
    enum outcome outcome;
    const char *words;
} exits[] = {
    {EX_OK, OUTCOME_SENT, NULL},
    {EX_USAGE, OUTCOME_BLOCKED, "it does not take -i -f FROM -- TO"},
    {EX_DATAERR, OUTCOME_NEVER, "the message or an address is refused"},
    {EX_NOUSER, OUTCOME_NEVER, "there is no such recipient"},
    {EX_OSFILE, OUTCOME_BLOCKED, "a file of the system is missing"},
    {EX_CANTCREAT, OUTCOME_BLOCKED, "it cannot write its queue"},
    {EX_IOERR, OUTCOME_UNKNOWN, "it lost its connection"},
    {EX_PROTOCOL, OUTCOME_UNKNOWN, "it did not understand its mail server"},
    {EX_NOPERM, OUTCOME_BLOCKED, "it may not do this"},
    {EX_CONFIG, OUTCOME_BLOCKED, "its configuration is wrong"},
    {126, OUTCOME_BLOCKED, "it cannot be executed"}, /* a shell's */
    {127, OUTCOME_BLOCKED, "a program is missing"},
};

static void classify_status(int status, bool end_given, struct delivery_result *result)
{
    enum outcome outcome = OUTCOME_RETRY;
    for (size_t i = 0; i < sizeof exits / sizeof exits[0]; i++)
        if (status == exits[i].status) {
            outcome = exits[i].outcome;
            result->words = exits[i].words;
        }
    if (outcome == OUTCOME_UNKNOWN && !end_given)
        outcome = OUTCOME_RETRY;
    outcome_set(result, outcome, "sendmail-exit-%d", status);
}

/* Too little memory or too many processes pass; a program that is not there does not. */
static bool is_passing(int error)
{
    return error == EAGAIN || error == ENOMEM || error == EMFILE || error == ENFILE ||
           error == ETXTBSY;
}

void sendmail_classify(const struct sendmail_attempt *attempt, struct delivery_result *result)
{
    int status = attempt->status;
    enum outcome no_answer = attempt->end_given ? OUTCOME_UNKNOWN : OUTCOME_RETRY;
    if (attempt->start_errno)
        outcome_set(result, is_passing(attempt->start_errno) ? OUTCOME_RETRY : OUTCOME_BLOCKED,
            "sendmail-start-%d", attempt->start_errno);
    else if (attempt->given_up)
        outcome_set(result, OUTCOME_RETRY, "sendmail-before-end");
    else if (attempt->timed_out)
        outcome_set(result, no_answer, "sendmail-timeout");
    else if (!WIFEXITED(status))
        outcome_set(result, no_answer, "sendmail-signal-%d", WTERMSIG(status));
    else if (WEXITSTATUS(status) == EX_OK && !attempt->end_given)
        outcome_set(result, OUTCOME_RETRY, "sendmail-unread");
    else
        classify_status(WEXITSTATUS(status), attempt->end_given, result);
    if (attempt->start_errno)
        result->words = strerrordesc_np(attempt->start_errno);
}
