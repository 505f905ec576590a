#include "receive/loop.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/counters.h"
#include "base/log.h"
#include "base/notify.h"
#include "receive/commit_wait.h"
#include "receive/conn.h"

enum {
    READ_SIZE = 64 * 1024,
    EVENTS = 256,
    ACCEPTS_A_TURN = 64,
    CONNECTIONS_MAX = 4096,
    CONNECTIONS_MIN = 16,
    /*
     * When a turn got EVENTS events, other connections may have bytes to read, and are not overdue
     * yet. epoll returns each of them within this number of turns.
     */
    FULL_TURNS_MAX = CONNECTIONS_MAX / EVENTS + 1,
    OTHER_DESCRIPTORS = ACCEPT_BATCH_MAX + 32,
    IDLE_MS = 75 * 1000,
    LINGER_MS = 2 * 1000,
    FORWARD_MS = 5 * 1000, /* Calendly waits 15 s for an answer */
    FORWARD_POLL_MS = 5,
    PAUSE_MS = 1000, /* without accepting, while descriptors or memory are short */
    SHORTAGE_LOG_MS = 60 * 1000,
    GRACE_MS = 500 /* for silent connections once the program is to stop */
};

struct loop {
    struct responder *responder;
    int epoll, listener, signals;
    bool accepting, stopping;
    int64_t now, resume_at;
    int64_t log_at; /* when a shortage that lasts may be logged again */
    int full_turns; /* since a turn that got less than EVENTS events */
    size_t connections_max;
    struct commit_wait wait;
    struct conn_table table;
    struct buf body, response;
    char scratch[READ_SIZE];
};

/* ---- the end of a connection ---- */

static void drop_broken(struct loop *l, struct conn *c, const char *reason)
{
    counter_add(COUNT_BROKEN_CONNECTIONS, 1);
    log_debug(NULL, "broken-connection", "%s", reason);
    conn_drop(&l->table, c);
}

static void drop_idle(struct loop *l, struct conn *c)
{
    if (c->state == CONN_IDLE)
        commit_wait_back(&l->wait, c->commit); /* no request of it is to be waited for */
    conn_drop(&l->table, c);
}

/* ---- answering ---- */

static void send_answer(struct loop *l, struct conn *c)
{
    buf_reuse(&l->response);
    responder_write(l->responder, &c->judgment, &l->response);
    responder_log(l->responder, &c->judgment);
    if (!libfcgi_answer(&c->exchange, c->fd, &l->response)) {
        c->fd = -1;
        drop_broken(l, c, "answer-not-taken");
    } else if (c->check.state == FCGI_CHECK_TOO_LARGE) {
        shutdown(c->fd, SHUT_WR);
        conn_move(&l->table, c, CONN_LINGER, l->now);
    } else if (c->check.keep && !l->stopping) {
        conn_move(&l->table, c, c->in.len ? CONN_PENDING : CONN_IDLE, l->now);
        c->commit = commit_wait_answered(&l->wait);
        if (c->in.len == 0)
            buf_free(&c->in); /* thousands of idle connections must not hold memory */
    } else {
        conn_drop(&l->table, c);
    }
}

/* How long this turn's commit can wait for more requests, in us; 0: commit now. */
static int64_t commit_delay(const struct loop *l)
{
    bool ready = l->stopping || l->responder->waiting == 0 || accept_full(l->responder->batch);
    return ready ? 0 : commit_wait_left(&l->wait, clock_microseconds());
}

static void commit_and_answer(struct loop *l)
{
    bool stored = l->responder->waiting > 0;
    int64_t start = clock_microseconds();
    bool committed = responder_commit(l->responder);
    if (stored)
        commit_wait_committed(&l->wait, start, clock_microseconds());
    struct conn *c;
    while ((c = l->table.queue[CONN_WAITING].first)) {
        responder_finish(&c->judgment, committed);
        if (responder_awaits_forward(l->responder, &c->judgment))
            conn_move(&l->table, c, CONN_FORWARDING, l->now);
        else
            send_answer(l, c);
    }
}

static void answer_forwarded(struct loop *l)
{
    for (struct conn *c = l->table.queue[CONN_FORWARDING].first, *next; c; c = next) {
        bool forwarded = responder_forwarded(l->responder, &c->judgment);
        next = c->next;
        if (!forwarded && c->deadline > l->now)
            continue;
        if (!forwarded)
            responder_not_forwarded(&c->judgment);
        send_answer(l, c);
    }
}

/* ---- requests ---- */

/*
 * The first `len` bytes at data, and `tail` after them, are one request. It is judged, and waits
 * for the commit of this turn. False: the connection has been dropped.
 */
static bool process_request(
    struct loop *l, struct conn *c, const char *data, size_t len, const unsigned char *tail)
{
    struct request request;
    if (accept_full(l->responder->batch))
        commit_and_answer(l);
    if (!libfcgi_open(&c->exchange, data, len, tail)) {
        drop_broken(l, c, "refused-by-libfcgi");
        return false;
    }
    request_fill(&request, c->check.length_kind, c->check.length, libfcgi_param, &c->exchange);
    buf_reuse(&l->body);
    bool complete = libfcgi_body(&c->exchange, &l->body);
    if (responder_admit(l->responder, &request, &c->judgment)) {
        if (!complete)
            c->judgment.reply = (struct reply){.status = REPLY_UNAVAILABLE, .reason = "no-memory"};
        else if (c->check.state == FCGI_CHECK_TOO_LARGE)
            responder_judge(l->responder, &request, NULL, c->check.stdin_len, &c->judgment);
        else
            responder_judge(l->responder, &request, l->body.data, l->body.len, &c->judgment);
    }
    if (l->responder->waiting == 1)
        commit_wait_begin(&l->wait, clock_microseconds());
    conn_move(&l->table, c, CONN_WAITING, l->now);
    return true;
}

/* `data` is all that has come of the request: c->in, or the scratch buffer when that is empty. */
static void process_input(struct loop *l, struct conn *c, const char *data, size_t len)
{
    unsigned char tail[FCGI_CHECK_HEADER];
    switch (fcgi_check_walk(&c->check, data, len)) {
    case FCGI_CHECK_MORE:
        if (data != c->in.data)
            buf_add(&c->in, data, len);
        if (c->in.failed)
            drop_broken(l, c, "no-memory");
        break;
    case FCGI_CHECK_COMPLETE:
        if (!process_request(l, c, data, c->check.end, NULL))
            break;
        if (data == c->in.data)
            buf_consume(&c->in, c->check.at);
        else
            buf_add(&c->in, data + c->check.at, len - c->check.at);
        if (c->in.failed)
            c->check.keep = false; /* bytes of the next request are lost */
        break;
    case FCGI_CHECK_TOO_LARGE:
        fcgi_check_stdin_end(&c->check, tail);
        if (process_request(l, c, data, c->check.params_end, tail))
            buf_free(&c->in);
        break;
    case FCGI_CHECK_ABORTED:
        drop_broken(l, c, "aborted");
        break;
    case FCGI_CHECK_BROKEN:
        drop_broken(l, c, c->check.reason);
        break;
    }
}

static void begin_request(struct loop *l, struct conn *c)
{
    commit_wait_back(&l->wait, c->commit);
    fcgi_check_reset(&c->check, l->responder->max_body);
    conn_move(&l->table, c, CONN_READING, l->now);
}

static void read_connection(struct loop *l, struct conn *c)
{
    /* pipelining clients are read no faster than they are answered */
    if (c->state == CONN_PENDING || c->state == CONN_WAITING || c->state == CONN_GONE)
        return;
    if (c->state == CONN_FORWARDING) {
        if (recv(c->fd, l->scratch, 1, MSG_PEEK) == 0)
            drop_broken(l, c, "hung-up");
        return;
    }
    ssize_t n = recv(c->fd, l->scratch, sizeof l->scratch, 0);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0) {
        (c->state == CONN_READING) ? drop_broken(l, c, "hung-up") : drop_idle(l, c);
        return;
    }
    if (c->state == CONN_LINGER)
        return;
    if (c->state != CONN_READING)
        begin_request(l, c);
    if (c->in.len == 0) {
        process_input(l, c, l->scratch, (size_t)n);
        return;
    }
    buf_add(&c->in, l->scratch, (size_t)n);
    if (c->in.failed)
        drop_broken(l, c, "no-memory");
    else
        process_input(l, c, c->in.data, c->in.len);
}

/* Each once: a pipelining client gets one answer a turn, like all others. */
static void resume_pending(struct loop *l)
{
    struct conn *c, *last = l->table.queue[CONN_PENDING].last;
    bool more = last != NULL;
    while (more && (c = l->table.queue[CONN_PENDING].first)) {
        more = c != last;
        begin_request(l, c);
        process_input(l, c, c->in.data, c->in.len);
    }
}

/* ---- accepting ---- */

/* Between two requests, or before the first. */
static const enum conn_state silent_states[] = {CONN_IDLE, CONN_NEW};

static bool epoll_add(struct loop *l, int fd, uint32_t events, void *pointer)
{
    struct epoll_event event = {.events = events, .data.ptr = pointer};
    return epoll_ctl(l->epoll, EPOLL_CTL_ADD, fd, &event) == 0;
}

static void set_accepting(struct loop *l, bool accepting)
{
    if (l->accepting == accepting)
        return;
    /* Workers may share the socket: EPOLLEXCLUSIVE wakes one for a connection, not all. */
    if (accepting)
        l->accepting = epoll_add(l, l->listener, EPOLLIN | EPOLLEXCLUSIVE, &l->listener);
    else
        l->accepting = epoll_ctl(l->epoll, EPOLL_CTL_DEL, l->listener, NULL) != 0;
}

static void pause_accepting(struct loop *l, const char *reason)
{
    if (l->now >= l->log_at) {
        log_warn(NULL, "accept-paused", "%s", reason);
        l->log_at = l->now + SHORTAGE_LOG_MS;
    }
    set_accepting(l, false);
    l->resume_at = l->now + PAUSE_MS;
}

/*
 * Closes the connection that has been idle longest, else the oldest that has sent nothing; not one
 * whose request has arrived and is not read yet.
 */
static bool evict_idle(struct loop *l)
{
    for (size_t i = 0; i < sizeof silent_states / sizeof *silent_states; i++)
        for (struct conn *c = l->table.queue[silent_states[i]].first; c; c = c->next) {
            char byte;
            if (recv(c->fd, &byte, 1, MSG_PEEK) <= 0) {
                drop_idle(l, c);
                return true;
            }
        }
    return false;
}

static void accept_some(struct loop *l, int most)
{
    for (int i = 0; i < most; i++) {
        if (l->table.count >= l->connections_max && !evict_idle(l)) {
            pause_accepting(l, "too many connections");
            return;
        }
        int fd = accept4(l->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) {
            struct conn *c = conn_add(&l->table, fd, l->now);
            if (c && epoll_add(l, fd, EPOLLIN, c))
                continue;
            pause_accepting(l, strerror(errno));
            if (c)
                conn_drop(&l->table, c);
            else
                close(fd);
            return;
        }
        if (errno == EAGAIN)
            return;
        if ((errno == EMFILE || errno == ENFILE) && evict_idle(l))
            continue;
        if (errno != EINTR && errno != ECONNABORTED && errno != EPROTO) {
            pause_accepting(l, strerror(errno));
            return;
        }
    }
}

/* ---- time and signals ---- */

static void begin_stop(struct loop *l)
{
    struct signalfd_siginfo info;
    while (read(l->signals, &info, sizeof info) > 0)
        ;
    if (l->stopping)
        return;
    notify_say("STOPPING=1");
    accept_some(l, CONNECTIONS_MAX);
    set_accepting(l, false);
    l->stopping = true;
    /*
     * nginx may be sending on a kept connection at this moment. If these were closed at once, it
     * could find two closed ones in a row and answer 503; after GRACE_MS it has seen that the
     * others closed.
     */
    for (size_t i = 0; i < sizeof silent_states / sizeof *silent_states; i++) {
        struct conn_queue *q = &l->table.queue[silent_states[i]];
        struct conn *c, *last = q->last;
        l->table.life[silent_states[i]] = GRACE_MS;
        for (bool more = last != NULL; more; conn_move(&l->table, c, silent_states[i], l->now)) {
            c = q->first;
            more = c != last;
        }
    }
}

static int wait_time(const struct loop *l)
{
    const struct conn *due = conn_next_due(&l->table);
    int64_t nearest = due ? due->deadline : INT64_MAX, alive = notify_alive();
    if (l->table.queue[CONN_PENDING].first)
        return 0;
    if (l->responder->waiting > 0)
        return (int)(commit_delay(l) / 1000);
    if (!l->accepting && !l->stopping && l->resume_at < nearest)
        nearest = l->resume_at;
    if (alive < INT64_MAX && l->now + alive < nearest)
        nearest = l->now + alive;
    if (l->table.queue[CONN_FORWARDING].first && l->now + FORWARD_POLL_MS < nearest)
        nearest = l->now + FORWARD_POLL_MS;
    if (nearest == INT64_MAX)
        return -1;
    int64_t wait = nearest - l->now;
    return wait < 0 ? 0 : wait > INT_MAX ? INT_MAX : (int)wait;
}

/* Reading comes first: it shows which connections are idle, so that accepting may evict them. */
static void run_turn(struct loop *l, const struct epoll_event *event, int count)
{
    bool connecting = false, signalled = false;
    counters_check();
    for (int i = 0; i < count; i++) {
        if (event[i].data.ptr == &l->listener)
            connecting = true;
        else if (event[i].data.ptr == &l->signals)
            signalled = true;
        else
            read_connection(l, event[i].data.ptr);
    }
    resume_pending(l);
    if (signalled)
        begin_stop(l);
    if (count <= 0 || commit_delay(l) == 0)
        commit_and_answer(l);
    answer_forwarded(l);
    if (connecting && l->accepting)
        accept_some(l, ACCEPTS_A_TURN);
    l->full_turns = count < EVENTS ? 0 : l->full_turns + 1;
    struct conn *due;
    while (l->full_turns % FULL_TURNS_MAX == 0 && (due = conn_next_due(&l->table)) &&
           due->deadline <= l->now) {
        if (due->state == CONN_NEW || due->state == CONN_READING)
            drop_broken(l, due, "deadline");
        else
            conn_drop(&l->table, due);
    }
    if (!l->accepting && !l->stopping && l->now >= l->resume_at) {
        l->resume_at = l->now + PAUSE_MS; /* the next attempt, if this one fails */
        set_accepting(l, true);
    }
    conn_free_gone(&l->table);
}

/* ---- from start to end ---- */

static size_t raise_connection_limit(void)
{
    const rlim_t wanted = CONNECTIONS_MAX + OTHER_DESCRIPTORS;
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
        return CONNECTIONS_MIN;
    if (limit.rlim_cur < wanted) {
        limit.rlim_cur = limit.rlim_max < wanted ? limit.rlim_max : wanted;
        if (setrlimit(RLIMIT_NOFILE, &limit) < 0 && getrlimit(RLIMIT_NOFILE, &limit) < 0)
            return CONNECTIONS_MIN;
    }
    if (limit.rlim_cur < CONNECTIONS_MIN + OTHER_DESCRIPTORS)
        return CONNECTIONS_MIN;
    return (size_t)(limit.rlim_cur < wanted ? limit.rlim_cur : wanted) - OTHER_DESCRIPTORS;
}

static sigset_t stop_signals(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGUSR1);
    return set;
}

void loop_block_signals(void)
{
    sigset_t set = stop_signals();
    sigprocmask(SIG_BLOCK, &set, NULL);
}

static const char *set_up_loop(struct loop *l)
{
    sigset_t set = stop_signals();
    int flags = fcntl(l->listener, F_GETFL);
    if (flags < 0 || fcntl(l->listener, F_SETFL, flags | O_NONBLOCK) < 0)
        return "cannot set up the listening socket";
    if ((l->epoll = epoll_create1(EPOLL_CLOEXEC)) < 0)
        return "cannot make an epoll descriptor";
    /* libfcgi's handlers only set its own flag */
    if (signal(SIGTERM, SIG_DFL) == SIG_ERR || signal(SIGINT, SIG_DFL) == SIG_ERR ||
        signal(SIGUSR1, SIG_DFL) == SIG_ERR || signal(SIGPIPE, SIG_IGN) == SIG_ERR ||
        (l->signals = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC)) < 0)
        return "cannot make a signal descriptor";
    set_accepting(l, epoll_add(l, l->signals, EPOLLIN, &l->signals));
    return l->accepting ? NULL : "cannot watch descriptors";
}

const char *loop_run(struct responder *responder, int listener, int64_t deadline)
{
    static struct loop l;
    struct epoll_event event[EVENTS];
    l.responder = responder;
    l.listener = listener;
    l.connections_max = raise_connection_limit();
    l.table.life[CONN_NEW] = l.table.life[CONN_READING] = deadline;
    l.table.life[CONN_IDLE] = IDLE_MS;
    l.table.life[CONN_LINGER] = LINGER_MS;
    l.table.life[CONN_FORWARDING] = FORWARD_MS;
    const char *fault = set_up_loop(&l);
    if (!fault)
        notify_say("READY=1");
    while (!fault && (!l.stopping || l.table.count > 0)) {
        l.now = clock_monotonic();
        int count = epoll_wait(l.epoll, event, EVENTS, wait_time(&l));
        if (count < 0 && errno != EINTR) {
            fault = "cannot wait for events";
            break;
        }
        l.now = clock_monotonic();
        run_turn(&l, event, count);
    }
    int saved = errno;
    close(listener);
    buf_free(&l.body);
    buf_free(&l.response);
    errno = saved;
    return fault;
}
