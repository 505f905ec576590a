/* What the end of a sendmail program means for a mail. */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sysexits.h>

#include <cmocka.h>

#include "deliver/sendmail.h"

#define EXITED(code) ((code) << 8)

static const struct {
    const char *what;
    struct sendmail_attempt attempt;
    enum outcome outcome;
    const char *reason;
} rows[] = {
    {"accepted", {.status = EXITED(0), .read_all = true}, OUTCOME_SENT, "sendmail-exit-0"},
    {"a yes to what was not read", {.status = EXITED(0)}, OUTCOME_RETRY, "sendmail-unread"},
    {"usage", {.status = EXITED(EX_USAGE)}, OUTCOME_BLOCKED, "sendmail-exit-64"},
    {"data", {.status = EXITED(EX_DATAERR)}, OUTCOME_NEVER, "sendmail-exit-65"},
    {"data, said at the end", {.status = EXITED(EX_DATAERR), .read_all = true}, OUTCOME_NEVER,
        "sendmail-exit-65"},
    {"no input", {.status = EXITED(EX_NOINPUT)}, OUTCOME_RETRY, "sendmail-exit-66"},
    {"no such user", {.status = EXITED(EX_NOUSER)}, OUTCOME_NEVER, "sendmail-exit-67"},
    {"no such host", {.status = EXITED(EX_NOHOST)}, OUTCOME_RETRY, "sendmail-exit-68"},
    {"down, or 4yz", {.status = EXITED(EX_UNAVAILABLE), .read_all = true}, OUTCOME_RETRY,
        "sendmail-exit-69"},
    {"software", {.status = EXITED(EX_SOFTWARE)}, OUTCOME_RETRY, "sendmail-exit-70"},
    {"system", {.status = EXITED(EX_OSERR)}, OUTCOME_RETRY, "sendmail-exit-71"},
    {"system file", {.status = EXITED(EX_OSFILE)}, OUTCOME_BLOCKED, "sendmail-exit-72"},
    {"queue", {.status = EXITED(EX_CANTCREAT)}, OUTCOME_BLOCKED, "sendmail-exit-73"},
    {"input or output", {.status = EXITED(EX_IOERR)}, OUTCOME_RETRY, "sendmail-exit-74"},
    {"connection", {.status = EXITED(EX_IOERR), .read_all = true}, OUTCOME_UNKNOWN,
        "sendmail-exit-74"},
    {"for now", {.status = EXITED(EX_TEMPFAIL), .read_all = true}, OUTCOME_RETRY,
        "sendmail-exit-75"},
    {"protocol", {.status = EXITED(EX_PROTOCOL)}, OUTCOME_RETRY, "sendmail-exit-76"},
    {"protocol at the end", {.status = EXITED(EX_PROTOCOL), .read_all = true}, OUTCOME_UNKNOWN,
        "sendmail-exit-76"},
    {"not allowed", {.status = EXITED(EX_NOPERM)}, OUTCOME_BLOCKED, "sendmail-exit-77"},
    {"configuration", {.status = EXITED(EX_CONFIG)}, OUTCOME_BLOCKED, "sendmail-exit-78"},
    {"none of sysexits", {.status = EXITED(1), .read_all = true}, OUTCOME_RETRY, "sendmail-exit-1"},
    {"a shell without the program", {.status = EXITED(127)}, OUTCOME_BLOCKED, "sendmail-exit-127"},
    {"killed before", {.status = SIGTERM}, OUTCOME_RETRY, "sendmail-signal-15"},
    {"killed after the end", {.status = SIGKILL, .read_all = true}, OUTCOME_UNKNOWN,
        "sendmail-signal-9"},
    {"too slow before", {.status = SIGKILL, .timed_out = true}, OUTCOME_RETRY, "sendmail-timeout"},
    {"too slow after the end", {.status = SIGKILL, .timed_out = true, .read_all = true},
        OUTCOME_UNKNOWN, "sendmail-timeout"},
    {"stopped by ourselves", {.status = SIGKILL, .given_up = true}, OUTCOME_RETRY,
        "sendmail-before-end"},
    {"not there", {.start_errno = ENOENT}, OUTCOME_BLOCKED, "sendmail-start-2"},
    {"not executable", {.start_errno = EACCES}, OUTCOME_BLOCKED, "sendmail-start-13"},
    {"too many processes", {.start_errno = EAGAIN}, OUTCOME_RETRY, "sendmail-start-11"},
    {"no memory", {.start_errno = ENOMEM}, OUTCOME_RETRY, "sendmail-start-12"},
    {"too many files, of all", {.start_errno = ENFILE}, OUTCOME_RETRY, "sendmail-start-23"},
    {"too many files", {.start_errno = EMFILE}, OUTCOME_RETRY, "sendmail-start-24"},
    {"its starter has ended", {.start_errno = EPIPE}, OUTCOME_RETRY, "sendmail-start-32"},
    {"being written", {.start_errno = ETXTBSY}, OUTCOME_RETRY, "sendmail-start-26"},
};

static void each_row(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct delivery_result result = {0};
        sendmail_classify(&rows[i].attempt, &result);
        print_message("# %s\n", rows[i].what);
        assert_string_equal(outcome_name(result.outcome), outcome_name(rows[i].outcome));
        assert_string_equal(result.reason, rows[i].reason);
        assert_false(result.unreachable);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(each_row)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
