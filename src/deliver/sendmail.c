#include "deliver/sendmail.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/address.h"
#include "base/clock.h"
#include "deliver/outcome.h"
#include "deliver/sendmail_outcome.h"

#define CLEAN_PATH "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

struct sendmail {
    char *path;
    int64_t limit; /* ms */
};

/* One program at work. Descriptors are -1 when closed. */
struct child {
    pid_t pid;
    int exited; /* a pidfd: readable when it ended */
    int input, errors;
    struct buf message;
    size_t written;
    char words[DETAIL_SIZE_MAX]; /* the first line of standard error */
    size_t words_len;
    bool words_end;
    struct sendmail_attempt attempt;
};

void *sendmail_open(const struct conf *conf, const struct target *target, struct buf *why)
{
    struct sendmail *sendmail = calloc(1, sizeof *sendmail);
    if (sendmail && (sendmail->path = strdup(target->path))) {
        sendmail->limit = conf_number(conf, SET_REPLY_TIMEOUT);
        return sendmail;
    }
    free(sendmail);
    conf_fault(conf, SET_TRANSPORT, why, "out of memory");
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

/*
 * The pipes' far ends become its 0 and 2, and no other descriptor of ours is open in it. SIGPIPE is
 * ignored here and would stay so; a process group of its own can be killed with all that it
 * started. 0, or the errno of what failed.
 */
static int prepare(
    posix_spawn_file_actions_t *files, posix_spawnattr_t *attributes, int input, int errors)
{
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    int failed = posix_spawn_file_actions_adddup2(files, input, STDIN_FILENO);
    if (!failed)
        failed = posix_spawn_file_actions_addopen(files, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    if (!failed)
        failed = posix_spawn_file_actions_adddup2(files, errors, STDERR_FILENO);
    if (!failed)
        failed = posix_spawn_file_actions_addclosefrom_np(files, STDERR_FILENO + 1);
    if (!failed)
        failed = posix_spawn_file_actions_addchdir_np(files, "/");
    if (!failed)
        failed = posix_spawnattr_setsigdefault(attributes, &all);
    if (!failed)
        failed = posix_spawnattr_setsigmask(attributes, &none);
    if (!failed)
        failed = posix_spawnattr_setflags(
            attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
    return failed;
}

/* 0, or the errno of what failed, here or in exec. */
static int spawn(
    pid_t *pid, const char *path, const struct delivery *delivery, int input, int errors)
{
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attributes;
    const char *home = getenv("HOME");
    struct buf home_entry = {0};
    buf_printf(&home_entry, "HOME=%s", home ? home : "/");
    char *const argv[] = {
        (char *)path, "-i", "-f", (char *)delivery->from, "--", (char *)delivery->to, NULL};
    char *const envp[] = {CLEAN_PATH, home_entry.data, NULL};
    int failed = home_entry.failed ? ENOMEM : posix_spawn_file_actions_init(&files);
    if (!failed) {
        failed = posix_spawnattr_init(&attributes);
        if (!failed) {
            failed = prepare(&files, &attributes, input, errors);
            if (!failed)
                failed = posix_spawn(pid, path, &files, &attributes, argv, envp);
            posix_spawnattr_destroy(&attributes);
        }
        posix_spawn_file_actions_destroy(&files);
    }
    buf_free(&home_entry);
    return failed;
}

static bool set_nonblocking(int fd)
{
    int flags = fcntl(fd, F_GETFL);
    return flags >= 0 && fcntl(fd, F_SETFL, flags | O_NONBLOCK) == 0;
}

static void kill_group(const struct child *child)
{
    kill(-child->pid, SIGKILL);
}

/* 0, or the errno of what failed. `child` owns the descriptors that are set in it. */
static int start(const char *path, const struct delivery *delivery, struct child *child)
{
    int in[2], err[2], failed;
    if (pipe2(in, O_CLOEXEC) < 0)
        return errno;
    if (pipe2(err, O_CLOEXEC) < 0) {
        failed = errno;
        close(in[0]);
        close(in[1]);
        return failed;
    }
    child->input = in[1];
    child->errors = err[0];
    failed = spawn(&child->pid, path, delivery, in[0], err[1]);
    close(in[0]);
    close(err[1]);
    if (failed)
        return failed;
    child->exited = pidfd_open(child->pid, 0);
    if (child->exited >= 0 && set_nonblocking(child->input) && set_nonblocking(child->errors))
        return 0;
    failed = errno;
    kill_group(child);
    while (waitpid(child->pid, NULL, 0) < 0 && errno == EINTR)
        continue;
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

/* The end of its standard input is what makes the message complete. */
static void write_more(struct child *child, const struct delivery *delivery)
{
    const struct buf *message = &child->message;
    ssize_t len =
        write(child->input, message->data + child->written, message->len - child->written);
    if (len >= 0)
        child->written += (size_t)len;
    else if (errno != EAGAIN && errno != EINTR)
        close_fd(&child->input); /* it reads no more: its exit status says why */
    if (child->input < 0 || child->written < message->len)
        return;
    if (delivery->before_end(delivery->context)) {
        child->attempt.end_given = true;
        close_fd(&child->input);
    } else {
        child->attempt.given_up = true;
        kill_group(child);
    }
}

/* Until it ended, was given up or took too long; killed in the latter cases. */
static void converse(struct child *child, const struct delivery *delivery, int64_t limit)
{
    int64_t deadline = clock_monotonic() + limit;
    while (!child->attempt.given_up) {
        int64_t left = deadline - clock_monotonic();
        if (left <= 0) {
            child->attempt.timed_out = true;
            kill_group(child);
            return;
        }
        struct pollfd fds[] = {{.fd = child->exited, .events = POLLIN},
            {.fd = child->errors, .events = POLLIN}, {.fd = child->input, .events = POLLOUT}};
        int ready = poll(fds, 3, left < MS_PER_SECOND ? (int)left : MS_PER_SECOND);
        if (ready == 0 && delivery->waiting)
            delivery->waiting(delivery->context);
        if (ready > 0 && fds[1].revents)
            read_errors(child);
        if (ready > 0 && fds[2].revents)
            write_more(child, delivery);
        if (ready > 0 && fds[0].revents)
            return;
    }
}

/* ---- one mail ---- */

static void run_program(
    const struct sendmail *sendmail, struct child *child, const struct delivery *delivery)
{
    child->attempt.start_errno = start(sendmail->path, delivery, child);
    if (!child->attempt.start_errno) {
        converse(child, delivery, sendmail->limit);
        if (child->errors >= 0)
            read_errors(child);
        while (waitpid(child->pid, &child->attempt.status, 0) < 0 && errno == EINTR)
            continue;
    }
    /* only now: a process of a killed group must not take the end of its input for the message's */
    close_fd(&child->input);
    close_fd(&child->errors);
    close_fd(&child->exited);
}

void sendmail_send(void *state, const struct delivery *delivery, struct delivery_result *result)
{
    struct sendmail *sendmail = state;
    struct child child = {.exited = -1, .input = -1, .errors = -1};
    *result = (struct delivery_result){0};
    delivery_add_local(delivery, &child.message);
    if (!address_valid(delivery->from) || !address_valid(delivery->to)) {
        outcome_set(result, OUTCOME_NEVER, "sendmail-invalid");
        outcome_add_detail(result, "not a bare address");
    } else if (child.message.failed) {
        outcome_set(result, OUTCOME_RETRY, "sendmail-memory");
        outcome_add_detail(result, "out of memory");
    } else {
        run_program(sendmail, &child, delivery);
        sendmail_classify(&child.attempt, result);
        outcome_add_detail(result, child.words_len ? child.words
                                   : result->words ? result->words
                                                   : "it said nothing");
    }
    buf_free(&child.message);
}
