#include "drain/watch.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/notify.h"
#include "deliver/starter.h"
#include "drain/pass.h"
#include "drain/sandbox.h"
#include "shared/shared.h"

static const enum spool_dir watched[] = {DIR_NEW, DIR_REPLAY, DIR_OUT};
enum { SHARED_POLL = 5000 /* ms */ };
enum { WATCHED = sizeof watched / sizeof *watched };

/* IN_CREATE: link(2) of a receiver where RENAME_NOREPLACE is missing. IN_CLOSE_WRITE: cp(1). */
enum { ARRIVALS = IN_MOVED_TO | IN_CREATE | IN_CLOSE_WRITE };

static bool add_watches(int fd, const char *spool)
{
    for (size_t i = 0; i < WATCHED; i++) {
        char path[PATH_MAX];
        snprintf(path, sizeof path, "%s/%s", spool, spool_dir_name(watched[i]));
        if (inotify_add_watch(fd, path, ARRIVALS | IN_ONLYDIR) < 0) {
            log_warn(NULL, "watch", "%s: %s; looking every %d s instead", path, strerror(errno),
                WATCH_POLL / 1000);
            return false;
        }
    }
    return true;
}

/* -1: inotify cannot be used; passes then follow the clock only. */
static int open_watch(const struct run *run)
{
    int fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    if (fd >= 0 && add_watches(fd, conf_text(run->conf, SET_SPOOL)))
        return fd;
    if (fd >= 0)
        close(fd);
    return -1;
}

/* Reads all reports. True if any is not of a pass's own probe, whose name begins with a dot. */
static bool read_arrivals(int fd)
{
    _Alignas(struct inotify_event) char data[4096];
    bool any = false;
    for (ssize_t len; fd >= 0 && (len = read(fd, data, sizeof data)) > 0;)
        for (char *at = data; at < data + len;) {
            const struct inotify_event *event = (const struct inotify_event *)at;
            any |= event->len == 0 || event->name[0] != '.';
            at += sizeof *event + event->len;
        }
    return any;
}

/* The earliest mtime after now, which is the time of the next attempt; WATCH_POLL at most. */
static int64_t next_due(struct run *run, int64_t now)
{
    int64_t next = now + WATCH_POLL;
    struct buf why = {0};
    bool opened = spool_open_readonly(&run->spool, conf_text(run->conf, SET_SPOOL), &why);
    for (size_t d = 0; opened && d < WATCHED; d++) {
        struct spool_list list;
        if (!spool_list(&run->spool, watched[d], &list))
            continue;
        for (size_t i = 0; i < list.count; i++)
            if (list.item[i].mtime > now && list.item[i].mtime < next)
                next = list.item[i].mtime;
        spool_list_free(&list);
    }
    spool_close(&run->spool);
    buf_free(&why);
    if (shared_is(conf_text(run->conf, SET_LEDGER)) && next > now + SHARED_POLL)
        next = now + SHARED_POLL; /* for what other nodes forward, or leave */
    return next;
}

/* Signals are unblocked only while this sleeps, so none is lost between the check and the sleep. */
static void sleep_until(int fd, int64_t when)
{
    sigset_t none;
    sigemptyset(&none);
    struct pollfd arrivals = {.fd = fd, .events = POLLIN};
    run_block_signals(true);
    int64_t left;
    int ready = 0;
    while (ready == 0 && !run_stopping() && (left = when - clock_monotonic()) > 0) {
        int64_t alive = notify_alive();
        struct timespec limit = time_to_timespec(left < alive ? left : alive);
        ready = ppoll(&arrivals, fd >= 0, &limit, &none);
    }
    run_block_signals(false);
}

static void wait_for_work(struct run *run, int fd, int result)
{
    int64_t wall = clock_now(), now = clock_monotonic();
    int64_t pause = result == RUN_GOES_ON ? WATCH_PAUSE : conf_number(run->conf, SET_RETRY_MIN);
    int64_t due = now + next_due(run, wall) - wall;
    sleep_until(-1, now + pause);
    while (!run_stopping() && !read_arrivals(fd) && clock_monotonic() < due)
        sleep_until(fd, due);
}

/* Has it lost what only a new process gets? */
static bool must_restart(void)
{
    const char *place = sandbox_stale(), *program = starter_ended();
    if (place)
        log_warn(NULL, "sandbox-stale",
            "%s was replaced, and is reached after a restart: ends to be started again", place);
    else if (program)
        log_warn(NULL, "starter-ended",
            "the process that starts %s was ended: ends to be started again", program);
    return place || program;
}

int watch(struct run *run)
{
    run->watching = true;
    notify_say("READY=1"); /* before the first pass, which may take long */
    int result = pass_once(run), fd = open_watch(run);
    if (fd >= 0 && result != RUN_CONFIG)
        result = pass_once(run); /* for what came before the watch began */
    log_info(NULL, "watching", "%s", conf_text(run->conf, SET_SPOOL));
    bool ends = false;
    while (!run_stopping() && result != RUN_CONFIG && !ends) {
        wait_for_work(run, fd, result);
        ends = !run_stopping() && must_restart();
        if (!run_stopping() && !ends)
            result = pass_once(run);
    }
    notify_say("STOPPING=1");
    if (fd >= 0)
        close(fd);
    if (ends)
        return RUN_BLOCKED;
    return result == RUN_CONFIG ? result : RUN_GOES_ON;
}
