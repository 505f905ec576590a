#include "deliver/sendmail.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/address.h"
#include "base/clock.h"
#include "base/io.h"
#include "deliver/outcome.h"
#include "deliver/starter.h"

struct sendmail {
    char *path;
    struct starter *starter;
    int64_t limit; /* ms */
};

/* One program at work. Descriptors are -1 when closed. */
struct child {
    struct started started;
    int input; /* a memory file: its standard input */
    int errors;
    char words[DETAIL_SIZE_MAX]; /* the first line of standard error */
    size_t words_len;
    bool words_end;
    struct sendmail_attempt attempt;
};

void *sendmail_open(const struct conf *conf, const struct target *target, struct buf *why)
{
    struct sendmail *sendmail = calloc(1, sizeof *sendmail);
    if (sendmail && (sendmail->path = strdup(target->path)) &&
        (sendmail->starter = starter_of(conf, target->path))) {
        sendmail->limit = conf_number(conf, SET_REPLY_TIMEOUT);
        return sendmail;
    }
    if (sendmail && sendmail->path)
        conf_fault(conf, SET_TRANSPORT, why, "a process that starts %s cannot be made: %s",
            target->path, strerror(errno));
    else
        conf_fault(conf, SET_TRANSPORT, why, "out of memory");
    if (sendmail)
        free(sendmail->path);
    free(sendmail);
    return NULL;
}

void sendmail_check(const struct conf *conf, const struct target *target, struct buf *why)
{
    struct stat st;
    const char *wrong = NULL;
    if (stat(target->path, &st) < 0 || (S_ISREG(st.st_mode) && euidaccess(target->path, X_OK) < 0))
        wrong = strerrordesc_np(errno);
    else if (!S_ISREG(st.st_mode))
        wrong = "is no program";
    if (wrong)
        conf_fault(
            conf, SET_TRANSPORT, why, "sendmail %s cannot be started: %s", target->path, wrong);
}

void sendmail_close(void *state)
{
    struct sendmail *sendmail = state;
    free(sendmail->path);
    free(sendmail);
}

static void close_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

/* ---- starting it ---- */

/* 0, or the errno of what failed. `child` owns the descriptors that are set in it. */
static int start_sendmail(
    struct starter *starter, const struct delivery *delivery, struct child *child)
{
    int err[2], on = 1;
    if (pipe2(err, O_CLOEXEC) < 0)
        return errno;
    child->errors = err[0];
    int failed = ioctl(child->errors, FIONBIO, &on) < 0
                     ? errno
                     : starter_ask(starter, delivery, child->input, err[1], &child->started);
    close(err[1]);
    return failed;
}

/* ---- while it works ---- */

/* The first line that it wrote, for `detail`. */
static void read_errors(struct child *child)
{
    char text[512];
    ssize_t len;
    while ((len = read(child->errors, text, sizeof text)) > 0)
        for (ssize_t i = 0; i < len && !child->words_end; i++) {
            if (text[i] == '\n' && child->words_len)
                child->words_end = true;
            else if (text[i] != '\n' && text[i] != '\r')
                child->words_len = outcome_add_words(
                    child->words, sizeof child->words, child->words_len, &text[i], 1);
        }
    if (len == 0 || (errno != EAGAIN && errno != EINTR))
        close_fd(&child->errors);
}

/* Until it ended, or took too long and was killed. */
static void wait_for_end(struct child *child, const struct delivery *delivery, int64_t limit)
{
    int64_t deadline = clock_monotonic() + limit;
    while (!child->started.ended) {
        int64_t left = deadline - clock_monotonic();
        if (left <= 0 && !child->attempt.timed_out) {
            child->attempt.timed_out = true;
            starter_kill(&child->started);
        }
        struct pollfd fds[] = {{.fd = child->started.answer, .events = POLLIN},
            {.fd = child->errors, .events = POLLIN}};
        bool soon = left > 0 && left < MS_PER_SECOND;
        int ready = poll(fds, 2, soon ? (int)left : MS_PER_SECOND);
        if (ready == 0 && delivery->waiting)
            delivery->waiting(delivery->context);
        if (ready > 0 && fds[1].revents)
            read_errors(child);
        if (ready > 0 && fds[0].revents)
            starter_hear(&child->started);
    }
}

/* ---- what its end means ---- */

/* EX_DATAERR and EX_NOUSER concern this mail alone. What is not here is retried. */
static const struct {
    int status;
    enum outcome outcome;
    const char *words;
} exits[] = {
    {EX_OK, OUTCOME_SENT, NULL},
    {EX_USAGE, OUTCOME_BLOCKED, "it does not take -i -f FROM -- TO: name another program"},
    {EX_DATAERR, OUTCOME_NEVER, "the message or an address is refused"},
    {EX_NOUSER, OUTCOME_NEVER, "it does not know the recipient"},
    {EX_OSFILE, OUTCOME_BLOCKED, "a file of the system is missing: see the log of the mail server"},
    {EX_CANTCREAT, OUTCOME_BLOCKED,
        "it cannot write its queue: where it must gain privileges to do so, "
        "smtp+plain://127.0.0.1 reaches the same server"},
    {EX_IOERR, OUTCOME_UNKNOWN, "it lost its connection"},
    {EX_PROTOCOL, OUTCOME_UNKNOWN, "it did not understand its mail server"},
    {EX_NOPERM, OUTCOME_BLOCKED, "it may not do this: see the log of the mail server"},
    {EX_CONFIG, OUTCOME_BLOCKED, "its configuration is wrong: see the log of the mail server"},
    {126, OUTCOME_BLOCKED, "it cannot be executed"}, /* a shell's */
    {127, OUTCOME_BLOCKED, "a program is missing"},
};

/* Too little memory or too many processes pass, and so does a starter that ended; a program that is
 * not there does not. */
static bool is_passing(int error)
{
    return error == EAGAIN || error == ENOMEM || error == EMFILE || error == ENFILE ||
           error == ETXTBSY || error == EPIPE;
}

void sendmail_classify(const struct sendmail_attempt *attempt, struct delivery_result *result)
{
    int status = attempt->status, code = WEXITSTATUS(status);
    enum outcome outcome = OUTCOME_RETRY;
    enum outcome no_answer = attempt->read_all ? OUTCOME_UNKNOWN : OUTCOME_RETRY;
    const char *path = attempt->path ? attempt->path : "sendmail";
    if (attempt->start_errno) {
        const char *error = strerrordesc_np(attempt->start_errno);
        if (attempt->start_errno == EPIPE)
            error = "the process that starts it has ended";
        outcome_say(result, "%s cannot be started: %s: %s", path, error ? error : "error",
            is_passing(attempt->start_errno)
                ? "it is tried again"
                : "install a mail server, or name its sendmail in BOOKSPOOL_TRANSPORT");
        outcome_set(result, is_passing(attempt->start_errno) ? OUTCOME_RETRY : OUTCOME_BLOCKED,
            "sendmail-start-%d", attempt->start_errno);
    } else if (attempt->given_up) {
        outcome_set(result, OUTCOME_RETRY, "sendmail-before-end");
    } else if (attempt->timed_out) {
        outcome_set(result, no_answer, "sendmail-timeout");
    } else if (!WIFEXITED(status)) {
        outcome_set(result, no_answer, "sendmail-signal-%d", WTERMSIG(status));
    } else if (code == EX_OK && !attempt->read_all) {
        outcome_set(result, OUTCOME_RETRY, "sendmail-unread");
    } else {
        for (size_t i = 0; i < sizeof exits / sizeof exits[0]; i++)
            if (code == exits[i].status) {
                outcome = exits[i].outcome;
                if (exits[i].words)
                    outcome_say(result, "%s: %s", path, exits[i].words);
            }
        outcome_set(
            result, outcome == OUTCOME_UNKNOWN ? no_answer : outcome, "sendmail-exit-%d", code);
    }
}

/* ---- one mail ---- */

void sendmail_send(void *state, const struct delivery *delivery, struct delivery_result *result)
{
    struct sendmail *sendmail = state;
    struct child child = {.started = {.answer = -1}, .input = -1, .errors = -1};
    struct sendmail_attempt *attempt = &child.attempt;
    attempt->path = sendmail->path;
    struct buf message = {0};
    *result = (struct delivery_result){0};
    delivery_add_local(delivery, &message);
    if (!address_valid(delivery->from) || !address_valid(delivery->to)) {
        outcome_set(result, OUTCOME_NEVER, "sendmail-invalid");
        outcome_add_detail(result, "not a bare address");
    } else if (message.failed || (child.input = memfd_create("mail", MFD_CLOEXEC)) < 0 ||
               !io_write_all(child.input, message.data, message.len) ||
               lseek(child.input, 0, SEEK_SET) < 0) {
        outcome_set(result, OUTCOME_RETRY, "sendmail-memory");
        outcome_add_detail(result, "out of memory");
    } else {
        attempt->given_up = !delivery->before_end(delivery->context);
        if (!attempt->given_up)
            attempt->start_errno = start_sendmail(sendmail->starter, delivery, &child);
        if (!attempt->given_up && !attempt->start_errno) {
            wait_for_end(&child, delivery, sendmail->limit);
            if (child.errors >= 0)
                read_errors(&child);
            attempt->start_errno = child.started.error;
            attempt->status = child.started.status;
            /* the offset is shared with its standard input */
            attempt->read_all = lseek(child.input, 0, SEEK_CUR) >= (off_t)message.len;
        }
        sendmail_classify(attempt, result);
        outcome_add_detail(result, child.words_len  ? child.words
                                   : *result->words ? result->words
                                                    : "it said nothing");
    }
    close_fd(&child.input);
    close_fd(&child.errors);
    started_close(&child.started);
    buf_free(&message);
}
