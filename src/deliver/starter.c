#include "deliver/starter.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/address.h"
#include "base/io.h"

#define CLEAN_PATH "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

enum { INPUT, ERRORS, ANSWER, DESCRIPTORS };

struct order {
    char from[ADDRESS_SIZE], to[ADDRESS_SIZE];
};

/* What is answered: first whether it was started, then its end. */
enum answer_kind { ANSWER_STARTED, ANSWER_ENDED };

struct answer {
    enum answer_kind what;
    int number; /* errno, or the status */
};

struct starter {
    struct starter *next;
    char *path;
    int orders;
};

static struct starter *starters;

/* ---- the process of one mail ---- */

/*
 * `input` and `errors` become its 0 and 2, and no other descriptor of ours is open in it.
 * SIGPIPE is ignored here and would stay so. A process group of its own can be killed with all that
 * it started. 0, or the errno of what failed, here or in exec.
 */
static int spawn(pid_t *pid, const char *path, const struct order *order, int input, int errors)
{
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attributes;
    sigset_t none, all;
    const char *home = getenv("HOME");
    struct buf home_entry = {0};
    buf_printf(&home_entry, "HOME=%s", home ? home : "/");
    char *const argv[] = {
        (char *)path, "-i", "-f", (char *)order->from, "--", (char *)order->to, NULL};
    char *const envp[] = {CLEAN_PATH, home_entry.data, NULL};
    sigemptyset(&none);
    sigfillset(&all);
    int failed = home_entry.failed ? ENOMEM : posix_spawn_file_actions_init(&files);
    if (!failed && (failed = posix_spawnattr_init(&attributes)) != 0)
        posix_spawn_file_actions_destroy(&files);
    if (failed) {
        buf_free(&home_entry);
        return failed;
    }
    const short flags = POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK;
    if (!(failed = posix_spawn_file_actions_adddup2(&files, input, STDIN_FILENO)) &&
        !(failed = posix_spawn_file_actions_addopen(
              &files, STDOUT_FILENO, "/dev/null", O_WRONLY, 0)) &&
        !(failed = posix_spawn_file_actions_adddup2(&files, errors, STDERR_FILENO)) &&
        !(failed = posix_spawn_file_actions_addclosefrom_np(&files, STDERR_FILENO + 1)) &&
        !(failed = posix_spawn_file_actions_addchdir_np(&files, "/")) &&
        !(failed = posix_spawnattr_setsigdefault(&attributes, &all)) &&
        !(failed = posix_spawnattr_setsigmask(&attributes, &none)) &&
        !(failed = posix_spawnattr_setflags(&attributes, flags)))
        failed = posix_spawn(pid, path, &files, &attributes, argv, envp);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&files);
    buf_free(&home_entry);
    return failed;
}

static void tell(int answer, enum answer_kind what, int number)
{
    const struct answer words = {.what = what, .number = number};
    while (send(answer, &words, sizeof words, MSG_NOSIGNAL) < 0 && errno == EINTR)
        ; /* a drain that has died needs no answer */
}

/* A byte on `answer` says that it takes too long. Its end says that the drain died: then the
 * program goes on, since it has all of its message. */
static int wait_for_end(pid_t pid, int answer)
{
    int status = 0, exited = io_process(pid);
    char byte;
    bool listening = exited >= 0;
    if (exited < 0)
        kill(-pid, SIGKILL); /* it could not be stopped later */
    while (listening) {
        struct pollfd fds[] = {{.fd = exited, .events = POLLIN}, {.fd = answer, .events = POLLIN}};
        if (poll(fds, 2, -1) < 0 && errno != EINTR)
            break;
        if (fds[0].revents)
            break;
        if (fds[1].revents && recv(answer, &byte, 1, 0) == 1)
            kill(-pid, SIGKILL);
        else if (fds[1].revents)
            listening = false;
    }
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    return status;
}

static void serve(const char *path, const struct order *order, const int fd[DESCRIPTORS])
{
    pid_t pid = 0;
    signal(SIGCHLD, SIG_DFL);
    bool valid = address_valid(order->from) && address_valid(order->to);
    int failed = valid ? spawn(&pid, path, order, fd[INPUT], fd[ERRORS]) : EINVAL;
    close(fd[INPUT]);
    close(fd[ERRORS]); /* or its end would not be seen */
    tell(fd[ANSWER], ANSWER_STARTED, failed);
    if (!failed)
        tell(fd[ANSWER], ANSWER_ENDED, wait_for_end(pid, fd[ANSWER]));
}

/* ---- the starter ---- */

union control {
    struct cmsghdr header; /* for its alignment */
    char bytes[CMSG_SPACE(DESCRIPTORS * sizeof(int))];
};

/* -1: no process of the drain is left. 0: no order with its descriptors. */
static int take_order(int orders, struct order *order, int fd[DESCRIPTORS])
{
    union control control;
    struct iovec part = {.iov_base = order, .iov_len = sizeof *order};
    struct msghdr message = {.msg_iov = &part,
        .msg_iovlen = 1,
        .msg_control = control.bytes,
        .msg_controllen = sizeof control.bytes};
    ssize_t len = recvmsg(orders, &message, MSG_CMSG_CLOEXEC);
    if (len == 0 || (len < 0 && errno != EINTR))
        return -1;
    const struct cmsghdr *header = len > 0 ? CMSG_FIRSTHDR(&message) : NULL;
    if (!header || header->cmsg_type != SCM_RIGHTS ||
        header->cmsg_len != CMSG_LEN(DESCRIPTORS * sizeof(int)))
        return 0;
    memcpy(fd, CMSG_DATA(header), DESCRIPTORS * sizeof(int));
    order->from[sizeof order->from - 1] = order->to[sizeof order->to - 1] = '\0';
    return len == (ssize_t)sizeof *order;
}

static void run_starter(const char *path, int orders)
{
    struct order order;
    int fd[DESCRIPTORS], taken;
    signal(SIGTERM, SIG_IGN); /* of the terminal's or the unit's group: the drain ends first */
    signal(SIGINT, SIG_IGN);
    signal(SIGCHLD, SIG_IGN); /* its children need not be waited for */
    while ((taken = take_order(orders, &order, fd)) >= 0) {
        if (!taken)
            continue;
        pid_t child = fork();
        if (child == 0) {
            close(orders);
            serve(path, &order, fd);
            _exit(0);
        }
        if (child < 0)
            tell(fd[ANSWER], ANSWER_STARTED, errno);
        for (int i = 0; i < DESCRIPTORS; i++)
            close(fd[i]);
    }
}

/* NULL: errno. */
static struct starter *begin(const struct conf *conf, const char *path)
{
    int pair[2] = {-1, -1};
    struct starter *starter = calloc(1, sizeof *starter);
    bool ready = starter && (starter->path = strdup(path)) &&
                 socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == 0;
    pid_t pid = ready ? fork() : -1;
    if (pid == 0) {
        conf_wipe_secrets((struct conf *)conf); /* of this process's own copy */
        for (const struct starter *other = starters; other; other = other->next)
            close(other->orders); /* of another path: it must end with the drain */
        close(pair[0]);
        run_starter(starter->path, pair[1]);
        _exit(0);
    }
    int saved = errno;
    if (pair[1] >= 0)
        close(pair[1]);
    if (pid > 0) {
        starter->orders = pair[0];
        return starter;
    }
    if (pair[0] >= 0)
        close(pair[0]);
    if (starter)
        free(starter->path);
    free(starter);
    errno = saved;
    return NULL;
}

struct starter *starter_of(const struct conf *conf, const char *path)
{
    struct starter *starter = starters;
    while (starter && strcmp(starter->path, path) != 0)
        starter = starter->next;
    if (starter || !(starter = begin(conf, path)))
        return starter;
    starter->next = starters;
    starters = starter;
    return starter;
}

/* ---- the drain's side ---- */

const char *starter_ended(void)
{
    for (const struct starter *starter = starters; starter; starter = starter->next) {
        struct pollfd end = {.fd = starter->orders};
        if (poll(&end, 1, 0) > 0)
            return starter->path;
    }
    return NULL;
}

int starter_ask(struct starter *starter, const struct delivery *delivery, int input, int errors,
    struct started *started)
{
    int pair[2];
    struct order order = {{0}, {0}};
    union control control = {.bytes = {0}};
    struct iovec part = {.iov_base = &order, .iov_len = sizeof order};
    struct msghdr message = {.msg_iov = &part,
        .msg_iovlen = 1,
        .msg_control = control.bytes,
        .msg_controllen = sizeof control.bytes};
    *started = (struct started){.answer = -1};
    snprintf(order.from, sizeof order.from, "%s", delivery->from);
    snprintf(order.to, sizeof order.to, "%s", delivery->to);
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
        return errno;
    const int fd[DESCRIPTORS] = {[INPUT] = input, [ERRORS] = errors, [ANSWER] = pair[1]};
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    *header = (struct cmsghdr){
        .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof fd)};
    memcpy(CMSG_DATA(header), fd, sizeof fd);
    ssize_t sent;
    while ((sent = sendmsg(starter->orders, &message, MSG_NOSIGNAL)) < 0 && errno == EINTR)
        ;
    int failed = sent < 0 ? errno : 0;
    close(pair[1]);
    started->answer = pair[0];
    return failed;
}

void starter_hear(struct started *started)
{
    struct answer answer = {.what = ANSWER_ENDED, .number = SIGKILL};
    ssize_t len = recv(started->answer, &answer, sizeof answer, 0);
    if (len < 0 && (errno == EINTR || errno == EAGAIN))
        return;
    if (len != (ssize_t)sizeof answer)
        answer = (struct answer){.what = ANSWER_ENDED, .number = SIGKILL};
    if (answer.what == ANSWER_STARTED) {
        started->error = answer.number;
        started->ended = answer.number != 0;
    } else {
        started->status = answer.number;
        started->ended = true;
    }
}

void starter_kill(const struct started *started)
{
    while (send(started->answer, "", 1, MSG_NOSIGNAL) < 0 && errno == EINTR)
        ;
}

void started_close(struct started *started)
{
    if (started->answer >= 0)
        close(started->answer);
    started->answer = -1;
}
