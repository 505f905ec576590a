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
#include "receive/conn.h"
#include "receive/gather.h"

enum {
    READ_SIZE = 64 * 1024,
    EVENTS = 256,
    ACCEPTS_A_TURN = 64,
    CONNECTIONS_MAX = 4096,
    CONNECTIONS_MIN = 16,
    OTHER_DESCRIPTORS = ACCEPT_BATCH_MAX + 32,
    IDLE_MS = 75 * 1000,
    LINGER_MS = 2 * 1000,
    PAUSE_MS = 1000, /* without accepting, when descriptors or memory are short */
    TELL_MS = 60 * 1000,
    GRACE_MS = 500 /* for who is silent when we are told to stop */
};

struct loop {
    struct responder *responder;
    int epoll, listener, signals;
    bool accepting, stopping;
    int64_t now, resume_at;
    int64_t tell_at; /* one line for a shortage, however long it lasts */
    size_t connections_max;
    struct gather gather;
    struct conn_table table;
    struct buf body, response;
    char scratch[READ_SIZE];
};

/* ---- the end of a connection ---- */

static void broken(struct loop *l, struct conn *c, const char *reason)
{
    counter_add(COUNT_BROKEN_CONNECTIONS, 1);
    log_debug(NULL, "broken-connection", "%s", reason);
    conn_drop(&l->table, c);
}

static bool begun(const struct conn *c)
{
    return c->state == CONN_READING || c->state == CONN_PENDING;
}

static void hung_up(struct loop *l, struct conn *c)
{
    if (begun(c))
        broken(l, c, "hung-up");
    else
        conn_drop(&l->table, c);
}

/* ---- answering ---- */

static void keep(struct loop *l, struct conn *c)
{
    conn_move(&l->table, c, c->in.len ? CONN_PENDING : CONN_IDLE, l->now);
    c->commit = gather_answered(&l->gather);
    if (c->in.len == 0)
        buf_free(&c->in); /* thousands of idle connections must not hold memory */
}

static void answer(struct loop *l, struct conn *c)
{
    buf_reuse(&l->response);
    reply_write(&c->verdict.reply, &l->response);
    responder_log(l->responder, &c->verdict);
    if (!gateway_answer(&c->exchange, c->fd, &l->response)) {
        c->fd = -1;
        broken(l, c, "answer-not-taken");
    } else if (c->guard.state == GUARD_TOO_LARGE) {
        shutdown(c->fd, SHUT_WR);
        conn_move(&l->table, c, CONN_LINGER, l->now);
    } else if (c->guard.keep && !l->stopping) {
        keep(l, c);
    } else {
        conn_drop(&l->table, c);
    }
}

/* How long this turn's commit can wait for more, in us; 0: it cannot. */
static int64_t patience(const struct loop *l)
{
    bool ready = l->stopping || l->responder->waiting == 0 || accept_full(l->responder->batch);
    return ready ? 0 : gather_left(&l->gather, clock_microseconds());
}

static void commit(struct loop *l)
{
    bool stored = l->responder->waiting > 0;
    int64_t start = clock_microseconds();
    bool committed = responder_commit(l->responder);
    if (stored)
        gather_committed(&l->gather, start, clock_microseconds());
    struct conn *c;
    while ((c = l->table.queue[CONN_WAITING].first)) {
        responder_settle(&c->verdict, committed);
        answer(l, c);
    }
}

/* ---- requests ---- */

static void judge(struct loop *l, struct conn *c, const struct request *request)
{
    buf_reuse(&l->body);
    bool read = gateway_body(&c->exchange, &l->body);
    if (!responder_admit(l->responder, request, &c->verdict))
        return;
    if (!read)
        c->verdict.reply = (struct reply){.status = REPLY_UNAVAILABLE, .reason = "no-memory"};
    else if (c->guard.state == GUARD_TOO_LARGE)
        responder_judge(l->responder, request, NULL, c->guard.stdin_len, &c->verdict);
    else
        responder_judge(l->responder, request, l->body.data, l->body.len, &c->verdict);
}

/* The first `len` bytes at data are one request, but for the tail. False: the connection is gone.
 */
static bool take(
    struct loop *l, struct conn *c, const char *data, size_t len, const unsigned char *tail)
{
    struct request request;
    if (accept_full(l->responder->batch))
        commit(l);
    if (!gateway_open(&c->exchange, data, len, tail)) {
        broken(l, c, "refused-by-libfcgi");
        return false;
    }
    request_fill(&request, gateway_param, &c->exchange);
    judge(l, c, &request);
    if (l->responder->waiting == 1)
        gather_begin(&l->gather, clock_microseconds());
    conn_move(&l->table, c, CONN_WAITING, l->now);
    return true;
}

/* Keeps what follows the request in c->in, where `data` may lie as well. */
static void keep_rest(struct conn *c, const char *data, size_t len)
{
    size_t used = c->guard.at;
    if (!c->guard.keep)
        buf_free(&c->in);
    else if (data == c->in.data)
        buf_consume(&c->in, used);
    else
        buf_add(&c->in, data + used, len - used);
}

static void too_large(struct loop *l, struct conn *c, const char *data)
{
    unsigned char tail[GUARD_HEADER];
    guard_stdin_end(&c->guard, tail);
    if (take(l, c, data, c->guard.params_end, tail))
        buf_free(&c->in);
}

/* `data` is all that has come of the request: c->in, or the scratch buffer when that is empty. */
static void advance(struct loop *l, struct conn *c, const char *data, size_t len)
{
    switch (guard_walk(&c->guard, data, len)) {
    case GUARD_MORE:
        if (data != c->in.data)
            buf_add(&c->in, data, len);
        break;
    case GUARD_COMPLETE:
        if (take(l, c, data, c->guard.end, NULL))
            keep_rest(c, data, len);
        return;
    case GUARD_TOO_LARGE:
        too_large(l, c, data);
        return;
    case GUARD_ABORTED:
        broken(l, c, "aborted");
        return;
    case GUARD_BROKEN:
        broken(l, c, c->guard.reason);
        return;
    }
    if (c->in.failed)
        broken(l, c, "no-memory");
}

static void begin(struct loop *l, struct conn *c)
{
    gather_back(&l->gather, c->commit);
    guard_reset(&c->guard, l->responder->max_body);
    conn_move(&l->table, c, CONN_READING, l->now);
}

static void readable(struct loop *l, struct conn *c)
{
    /* pipelining clients are read no faster than they are answered */
    if (c->state == CONN_PENDING || c->state == CONN_WAITING || c->state == CONN_GONE)
        return;
    ssize_t n = recv(c->fd, l->scratch, sizeof l->scratch, 0);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0) {
        hung_up(l, c);
        return;
    }
    if (c->state == CONN_LINGER)
        return;
    if (c->state != CONN_READING)
        begin(l, c);
    if (c->in.len == 0) {
        advance(l, c, l->scratch, (size_t)n);
        return;
    }
    buf_add(&c->in, l->scratch, (size_t)n);
    if (c->in.failed)
        broken(l, c, "no-memory");
    else
        advance(l, c, c->in.data, c->in.len);
}

/* Each once: one who sends request upon request gets one answered a turn, like all others. */
static void resume_pending(struct loop *l)
{
    struct conn *c, *last = l->table.queue[CONN_PENDING].last;
    bool more = last != NULL;
    while (more && (c = l->table.queue[CONN_PENDING].first)) {
        more = c != last;
        begin(l, c);
        advance(l, c, c->in.data, c->in.len);
    }
}

/* ---- accepting ---- */

static bool watch(struct loop *l, int fd, uint32_t events, void *pointer)
{
    struct epoll_event event = {.events = events, .data.ptr = pointer};
    return epoll_ctl(l->epoll, EPOLL_CTL_ADD, fd, &event) == 0;
}

static void set_accepting(struct loop *l, bool accepting)
{
    if (l->accepting == accepting)
        return;
    /* Several workers may share the socket: one is woken for a connection, not all. */
    if (accepting)
        l->accepting = watch(l, l->listener, EPOLLIN | EPOLLEXCLUSIVE, &l->listener);
    else
        l->accepting = epoll_ctl(l->epoll, EPOLL_CTL_DEL, l->listener, NULL) != 0;
}

static void pause_accepting(struct loop *l, const char *reason)
{
    if (l->now >= l->tell_at)
        log_warn(NULL, "accept-paused", "%s", reason);
    l->tell_at = l->now + TELL_MS;
    set_accepting(l, false);
    l->resume_at = l->now + PAUSE_MS;
}

/* The longest idle one goes first, then who has said nothing for longest. */
static bool evict(struct loop *l)
{
    struct conn *c = l->table.queue[CONN_IDLE].first;
    if (!c)
        c = l->table.queue[CONN_FRESH].first;
    if (c)
        conn_drop(&l->table, c);
    return c != NULL;
}

static bool have_place(struct loop *l)
{
    return l->table.count < l->connections_max || evict(l);
}

static void add(struct loop *l, int fd)
{
    struct conn *c = conn_add(&l->table, fd, l->now);
    if (!c)
        close(fd);
    else if (!watch(l, fd, EPOLLIN, c))
        conn_drop(&l->table, c);
}

static bool passing(int error)
{
    return error == EINTR || error == ECONNABORTED || error == EPROTO;
}

static void accept_some(struct loop *l, int most)
{
    for (int i = 0; i < most; i++) {
        if (!have_place(l)) {
            pause_accepting(l, "too many connections");
            return;
        }
        int fd = accept4(l->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0)
            add(l, fd);
        else if (errno == EAGAIN)
            return;
        else if ((errno == EMFILE || errno == ENFILE) && evict(l))
            continue;
        else if (!passing(errno)) {
            pause_accepting(l, strerror(errno));
            return;
        }
    }
}

/* ---- time and signals ---- */

static void expire(struct loop *l)
{
    struct conn *c;
    while ((c = conn_expired(&l->table, l->now))) {
        if (c->state == CONN_FRESH || c->state == CONN_READING)
            broken(l, c, "deadline");
        else
            conn_drop(&l->table, c);
    }
    if (!l->accepting && !l->stopping && l->now >= l->resume_at)
        set_accepting(l, true);
}

/*
 * nginx may be sending on a kept connection just now. Closed at once, it would meet two dead ones
 * in a row and answer 503; after a moment of silence it has seen that we are leaving.
 */
static void hasten(struct loop *l, enum conn_state state)
{
    struct conn_queue *q = &l->table.queue[state];
    struct conn *c, *last = q->last;
    l->table.life[state] = GRACE_MS;
    for (bool more = last != NULL; more;) {
        c = q->first;
        more = c != last;
        conn_move(&l->table, c, state, l->now);
    }
}

static void stop(struct loop *l)
{
    struct signalfd_siginfo info;
    while (read(l->signals, &info, sizeof info) > 0)
        ;
    if (l->stopping)
        return;
    accept_some(l, INT_MAX);
    set_accepting(l, false);
    l->stopping = true;
    hasten(l, CONN_FRESH);
    hasten(l, CONN_IDLE);
}

static int timeout(const struct loop *l)
{
    int64_t nearest = conn_nearest(&l->table);
    if (l->table.queue[CONN_PENDING].first)
        return 0;
    if (l->responder->waiting > 0)
        return (int)(patience(l) / 1000);
    if (!l->accepting && !l->stopping && l->resume_at < nearest)
        nearest = l->resume_at;
    if (nearest == INT64_MAX)
        return -1;
    int64_t wait = nearest - l->now;
    return wait < 0 ? 0 : wait > INT_MAX ? INT_MAX : (int)wait;
}

/* Connections go first: accepting may evict one whose event is still to be seen. */
static void turn(struct loop *l, const struct epoll_event *event, int count)
{
    bool knocked = false, told = false;
    counters_check();
    for (int i = 0; i < count; i++) {
        if (event[i].data.ptr == &l->listener)
            knocked = true;
        else if (event[i].data.ptr == &l->signals)
            told = true;
        else
            readable(l, event[i].data.ptr);
    }
    resume_pending(l);
    if (told)
        stop(l);
    if (count <= 0 || patience(l) == 0)
        commit(l);
    if (knocked && l->accepting)
        accept_some(l, ACCEPTS_A_TURN);
    if (count < EVENTS) /* else there are some whose bytes wait for us */
        expire(l);
    conn_free_gone(&l->table);
}

/* ---- from start to end ---- */

static size_t connection_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
        return CONNECTIONS_MIN;
    rlim_t wanted = CONNECTIONS_MAX + OTHER_DESCRIPTORS;
    if (limit.rlim_cur < wanted) {
        limit.rlim_cur = limit.rlim_max < wanted ? limit.rlim_max : wanted;
        if (setrlimit(RLIMIT_NOFILE, &limit) < 0 && getrlimit(RLIMIT_NOFILE, &limit) < 0)
            return CONNECTIONS_MIN;
    }
    if (limit.rlim_cur >= wanted)
        return CONNECTIONS_MAX;
    return limit.rlim_cur < OTHER_DESCRIPTORS + CONNECTIONS_MIN
               ? CONNECTIONS_MIN
               : (size_t)limit.rlim_cur - OTHER_DESCRIPTORS;
}

static const int stops[] = {SIGTERM, SIGINT, SIGUSR1};
enum { STOPS = sizeof stops / sizeof *stops };

static sigset_t stop_set(void)
{
    sigset_t set;
    sigemptyset(&set);
    for (size_t i = 0; i < STOPS; i++)
        sigaddset(&set, stops[i]);
    return set;
}

void loop_hold_signals(void)
{
    sigset_t set = stop_set();
    sigprocmask(SIG_BLOCK, &set, NULL);
}

/* libfcgi's own handlers only set a flag of its own. */
static int take_signals(void)
{
    sigset_t set = stop_set();
    for (size_t i = 0; i < STOPS; i++)
        if (signal(stops[i], SIG_DFL) == SIG_ERR)
            return -1;
    if (signal(SIGPIPE, SIG_IGN) == SIG_ERR)
        return -1;
    return signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
}

static const char *prepare(struct loop *l)
{
    int flags = fcntl(l->listener, F_GETFL);
    if (flags < 0 || fcntl(l->listener, F_SETFL, flags | O_NONBLOCK) < 0)
        return "cannot set up the listening socket";
    if ((l->epoll = epoll_create1(EPOLL_CLOEXEC)) < 0)
        return "cannot make an epoll descriptor";
    if ((l->signals = take_signals()) < 0)
        return "cannot make a signal descriptor";
    set_accepting(l, watch(l, l->signals, EPOLLIN, &l->signals));
    return l->accepting ? NULL : "cannot watch descriptors";
}

static const char *serve(struct loop *l)
{
    struct epoll_event event[EVENTS];
    while (!l->stopping || l->table.count > 0) {
        l->now = clock_monotonic();
        int count = epoll_wait(l->epoll, event, EVENTS, timeout(l));
        if (count < 0 && errno != EINTR)
            return "cannot wait for events";
        l->now = clock_monotonic();
        turn(l, event, count);
    }
    return NULL;
}

const char *loop_run(struct responder *responder, int listener, int64_t deadline)
{
    static struct loop l;
    l.responder = responder;
    l.listener = listener;
    l.connections_max = connection_limit();
    l.table.life[CONN_FRESH] = l.table.life[CONN_READING] = deadline;
    l.table.life[CONN_IDLE] = IDLE_MS;
    l.table.life[CONN_LINGER] = LINGER_MS;
    const char *fault = prepare(&l);
    if (!fault)
        fault = serve(&l);
    int saved = errno;
    close(listener);
    buf_free(&l.body);
    buf_free(&l.response);
    errno = saved;
    return fault;
}
