/*
 * No 200 before a sync that succeeded: the loop, in a process of its own, whose syncs fail or are
 * slow; and what it does when descriptors are short or each turn is full.
 */
#include "calls.h"

#include <signal.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <openssl/crypto.h>

#include "base/clock.h"
#include "receive/conn.h"
#include "receive/fcgi_check.h"
#include "receive/libfcgi.h"
#include "receive/loop.h"

enum { PEERS = 24, BATCH = 3, DESCRIPTORS = 300 /* so few that 16 connections remain */ };

static const char secret[] = "a secret of this test";

static int up(void **state)
{
    if (scratch_up(state) != 0)
        return -1;
    scratch_settings(*state, "BOOKSPOOL_RESERVE=0,0\n");
    setenv("CALCOM_WEBHOOK_SECRET", secret, 1);
    calls_clear();
    return 0;
}

/* ---- the order of events ---- */

/* A batch that is full in the middle of a turn: 2 that wait from the turn before, and 255 more. */
enum { SILENT = 2, GONE = 2, CROWD = ACCEPT_BATCH_MAX - 1, CROWD_PEERS = SILENT + GONE + CROWD };

static struct {
    bool full;   /* there are always as many as the loop can take */
    bool staged; /* else events are reported as they come */
    int stage;
    void *listener;
} events;

/* Reports only events of these; they are level-triggered, so that the others come again. */
static int report(struct epoll_event *out, void *const *pointer, int count)
{
    for (int i = 0; i < count; i++)
        out[i] = (struct epoll_event){.events = EPOLLIN, .data.ptr = pointer[i]};
    return count;
}

/*
 * 1. All peers connect, and nothing is read. 2. Two are answered, by a slow commit, and are then
 * silent, so that the next commit waits for them. 3. Two whose peers have gone make their requests.
 * 4. The rest fills the batch, with the event of one who has gone at the end.
 */
static int stage_events(const struct epoll_event *all, int count, struct epoll_event *out)
{
    void *others[CROWD_PEERS + 1], *gone[GONE];
    int n = 0, hung_up = 0;
    if (!events.listener)
        events.listener = all[0].data.ptr;
    for (int i = 0; i < count; i++) {
        if (all[i].data.ptr == events.listener)
            return report(out, &events.listener, 1);
        if ((all[i].events & EPOLLHUP) && hung_up < GONE)
            gone[hung_up++] = all[i].data.ptr;
        else
            others[n++] = all[i].data.ptr;
    }
    if (events.stage == 0)
        n = report(out, others, SILENT);
    else if (events.stage == 1)
        n = report(out, gone, hung_up);
    else
        n = report(out, others, n) + report(out + n, gone, hung_up > 0);
    events.staged = events.stage++ < 2;
    return n;
}

/* An event of it is nothing to do: its state is CONN_GONE. */
static struct conn silent = {.fd = -1, .state = CONN_GONE};

int epoll_wait(int epoll, struct epoll_event *out, int max, int timeout)
{
    struct epoll_event all[CROWD_PEERS + 2];
    if (events.full) {
        int n = (int)syscall(SYS_epoll_pwait, epoll, out, max, 0, NULL, 0);
        for (; n < max; n++)
            out[n] = (struct epoll_event){.events = EPOLLIN, .data.ptr = &silent};
        return n;
    }
    if (!events.staged)
        return (int)syscall(SYS_epoll_pwait, epoll, out, max, timeout, NULL, 0);
    int count = (int)syscall(SYS_epoll_pwait, epoll, all, CROWD_PEERS + 2, timeout, NULL, 0);
    return count > 0 ? stage_events(all, count, out) : count;
}

/* ---- the receiver ---- */

static int64_t deadline = 10 * MS_PER_SECOND;
static bool few_descriptors;

static _Noreturn void serve(struct scratch *s, int listener, const char *failing)
{
    struct conf conf;
    struct responder responder;
    struct accept_batch batch;
    struct buf why = {0};
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* a test that fails leaves no process */
    alarm(60);                        /* a loop that hangs fails the test */
    calls.failing = failing;
    bool ok = conf_load(&conf, CONF_RECEIVE) && libfcgi_init() &&
              responder_init(&responder, &conf, &s->spool, &batch, &why);
    accept_init(&batch, &s->spool, false, 0, 0);
    batch.fsync_each = false;
    loop_block_signals();
    if (few_descriptors)
        setrlimit(RLIMIT_NOFILE, &(struct rlimit){DESCRIPTORS, DESCRIPTORS});
    ok = ok && !loop_run(&responder, listener, deadline);
    responder_close(&responder);
    conf_free(&conf);
    _exit(ok ? 0 : 1);
}

static int listen_in(struct scratch *s, struct sockaddr_un *address)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    *address = (struct sockaddr_un){.sun_family = AF_UNIX};
    snprintf(address->sun_path, sizeof address->sun_path, "%s/socket", s->path);
    assert_int_equal(bind(fd, (struct sockaddr *)address, sizeof *address), 0);
    assert_int_equal(listen(fd, SOMAXCONN), 0);
    return fd;
}

/* ---- the provider ---- */

static void add_pair(struct buf *out, const char *name, const char *value)
{
    buf_putc(out, (char)strlen(name));
    buf_putc(out, (char)strlen(value));
    buf_puts(out, name);
    buf_puts(out, value);
}

static void add_record(struct buf *out, int type, const void *data, size_t len)
{
    const unsigned char header[FCGI_CHECK_HEADER] = {
        1, (unsigned char)type, 0, 1, (unsigned char)(len >> 8), (unsigned char)len};
    buf_add(out, header, sizeof header);
    buf_add(out, data, len);
}

static void add_params(struct buf *out, const struct buf *body)
{
    struct hmac *hmac = hmac_open(secret);
    struct buf params = {0};
    char signature[128], length[24];
    assert_true(provider_sign(
        PROVIDER_CALCOM, hmac, body->data, body->len, clock_now(), signature, sizeof signature));
    hmac_close(hmac);
    snprintf(length, sizeof length, "%zu", body->len);
    add_pair(&params, "REQUEST_METHOD", "POST");
    add_pair(&params, "SCRIPT_NAME", "/api/calcom-webhook");
    add_pair(&params, "CONTENT_LENGTH", length);
    add_pair(&params, "HTTP_X_CAL_SIGNATURE_256", signature);
    add_record(out, 4, params.data, params.len);
    add_record(out, 4, NULL, 0);
    buf_free(&params);
}

static void send_booking(int fd, int number, bool keep)
{
    struct buf wire = {0}, body = {0};
    char now[TIME_TEXT];
    time_format_ms(clock_now(), now);
    buf_printf(&body,
        "{\"triggerEvent\":\"BOOKING_CREATED\",\"createdAt\":\"%s\","
        "\"payload\":{\"uid\":\"%d\"}}",
        now, number);
    add_record(&wire, 1, keep ? "\0\1\1\0\0\0\0\0" : "\0\1\0\0\0\0\0\0", 8);
    add_params(&wire, &body);
    add_record(&wire, 5, body.data, body.len);
    add_record(&wire, 5, NULL, 0);
    assert_int_equal(send(fd, wire.data, wire.len, 0), wire.len);
    buf_free(&wire);
    buf_free(&body);
}

static int read_status(int fd)
{
    char answer[1024];
    size_t len = 0;
    for (ssize_t n; (n = read(fd, answer + len, sizeof answer - 1 - len)) > 0;)
        len += (size_t)n;
    close(fd);
    for (size_t i = 0; i < len; i++) /* the records' headers */
        answer[i] = answer[i] ? answer[i] : ' ';
    answer[len] = '\0';
    const char *status = strstr(answer, "Status: ");
    return status ? atoi(status + 8) : 0;
}

struct site {
    int listener, peer[PEERS];
    pid_t receiver;
};

/* All bookings are there before the receiver looks, so that they share one turn. */
static struct site start(struct scratch *s, int peers, bool keep, const char *failing)
{
    struct sockaddr_un address;
    struct site site = {.listener = listen_in(s, &address)};
    for (int i = 0; i < peers; i++) {
        site.peer[i] = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        assert_int_equal(connect(site.peer[i], (struct sockaddr *)&address, sizeof address), 0);
        send_booking(site.peer[i], i, keep);
    }
    site.receiver = fork();
    assert_true(site.receiver >= 0);
    if (site.receiver == 0)
        serve(s, site.listener, failing);
    close(site.listener);
    return site;
}

static void stop(const struct site *site)
{
    int ended;
    assert_int_equal(kill(site->receiver, SIGTERM), 0);
    assert_int_equal(waitpid(site->receiver, &ended, 0), site->receiver);
    assert_int_equal(ended, 0);
}

static void post(struct scratch *s, int peers, const char *failing, int status[PEERS])
{
    struct site site = start(s, peers, false, failing);
    for (int i = 0; i < peers; i++)
        status[i] = read_status(site.peer[i]);
    stop(&site);
}

/* Waits until so many answers have come on a kept connection; false after ten seconds. */
static bool answered(int fd, int count)
{
    struct timeval limit = {.tv_sec = 10};
    char answer[4096];
    size_t len = 0;
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    while (count > 0) {
        ssize_t n = read(fd, answer + len, sizeof answer - len);
        if (n <= 0)
            return false;
        len += (size_t)n;
        for (char *at; (at = memmem(answer, len, "Status: 200", 11)); count--)
            *at = ' ';
    }
    return true;
}

/* ---- what must hold ---- */

static void synced_is_accepted(void **state)
{
    int status[PEERS];
    post(*state, BATCH, NULL, status);
    for (int i = 0; i < BATCH; i++)
        assert_int_equal(status[i], 200);
    assert_int_equal(scratch_count(*state, DIR_NEW), BATCH);
}

/* And the names stay: another receiver may have answered 200 for one. */
static void one_that_is_not_synced(void **state)
{
    int status[PEERS];
    post(*state, 1, "sync new/*", status);
    assert_int_equal(status[0], 503);
    assert_int_equal(scratch_count(*state, DIR_NEW), 1);
}

static void a_name_that_is_not_synced(void **state)
{
    int status[PEERS];
    post(*state, 1, "sync new", status);
    assert_int_equal(status[0], 503);
    assert_int_equal(scratch_count(*state, DIR_NEW), 1);
}

static void a_batch_that_is_not_synced(void **state)
{
    int status[PEERS];
    post(*state, BATCH, "sync all", status);
    for (int i = 0; i < BATCH; i++)
        assert_int_equal(status[i], 503);
    assert_int_equal(scratch_count(*state, DIR_NEW), BATCH);
}

/*
 * Two are answered by a slow commit, so the next one waits for both of them. The one that comes
 * back sends once more, or goes, while the other is waited for.
 */
static void a_client_that_sends_again_before_the_commit(void **state)
{
    calls.slow = 30000;
    struct site site = start(*state, 2, true, NULL);
    assert_true(answered(site.peer[0], 1) && answered(site.peer[1], 1));
    send_booking(site.peer[0], 2, true);
    usleep(2000);
    send_booking(site.peer[0], 3, true);
    assert_true(answered(site.peer[0], 2));
    send_booking(site.peer[1], 4, true);
    usleep(2000);
    close(site.peer[1]);
    close(site.peer[0]);
    stop(&site);
    assert_int_equal(scratch_count(*state, DIR_NEW), 5);
}

/* The event of a connection that a commit in the middle of the turn has closed is still to come. */
static void a_client_that_is_gone_in_the_middle_of_a_turn(void **state)
{
    struct sockaddr_un address;
    int peer[CROWD_PEERS], listener = listen_in(*state, &address);
    calls.slow = 100000;
    events.staged = true;
    for (int i = 0; i < CROWD_PEERS; i++) {
        peer[i] = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        assert_int_equal(connect(peer[i], (struct sockaddr *)&address, sizeof address), 0);
        send_booking(peer[i], i, true);
    }
    for (int i = 0; i < GONE; i++)
        close(peer[i]);
    pid_t receiver = fork();
    assert_true(receiver >= 0);
    if (receiver == 0)
        serve(*state, listener, NULL);
    close(listener);
    events.staged = false;
    for (int i = GONE; i < CROWD_PEERS; i++)
        assert_true(answered(peer[i], 1));
    stop(&(struct site){.receiver = receiver});
    for (int i = GONE; i < CROWD_PEERS; i++)
        close(peer[i]);
    assert_int_equal(scratch_count(*state, DIR_NEW), CROWD_PEERS);
}

/* More connections than there is room for, each with a request on its way: none is closed for it.
 */
static void a_request_that_has_arrived_is_not_evicted(void **state)
{
    few_descriptors = true;
    struct site site = start(*state, PEERS, true, NULL);
    few_descriptors = false;
    for (int i = 0; i < PEERS; i++)
        assert_true(answered(site.peer[i], 1));
    stop(&site);
    for (int i = 0; i < PEERS; i++)
        close(site.peer[i]);
    assert_int_equal(scratch_count(*state, DIR_NEW), PEERS);
}

/* Half a request, while each turn has all the events that it can take. */
static void a_deadline_holds_when_each_turn_is_full(void **state)
{
    struct timeval limit = {.tv_sec = 10};
    char byte;
    struct sockaddr_un address;
    int listener = listen_in(*state, &address);
    int peer = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(peer, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(send(peer, "\1\1\0\1", 4, 0), 4);
    setsockopt(peer, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    deadline = 100;
    events.full = true;
    pid_t receiver = fork();
    assert_true(receiver >= 0);
    if (receiver == 0)
        serve(*state, listener, NULL);
    events.full = false;
    deadline = 10 * MS_PER_SECOND;
    close(listener);
    ssize_t n = read(peer, &byte, 1);
    close(peer);
    kill(receiver, SIGKILL);
    waitpid(receiver, NULL, 0);
    assert_int_equal(n, 0);
}

int main(void)
{
#define SYNC_TEST(f) cmocka_unit_test_setup_teardown(f, up, scratch_down)
    const struct CMUnitTest tests[] = {
        SYNC_TEST(synced_is_accepted),
        SYNC_TEST(one_that_is_not_synced),
        SYNC_TEST(a_name_that_is_not_synced),
        SYNC_TEST(a_batch_that_is_not_synced),
        SYNC_TEST(a_client_that_sends_again_before_the_commit),
        SYNC_TEST(a_client_that_is_gone_in_the_middle_of_a_turn),
        SYNC_TEST(a_request_that_has_arrived_is_not_evicted),
        SYNC_TEST(a_deadline_holds_when_each_turn_is_full),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
