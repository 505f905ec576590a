#include "tool/receiver.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "base/counters.h"
#include "report/site.h"
#include "tool/ping.h"

enum { POLL_MS = 100, UNTOLD_TEST_MS = 4000, FIRST_PAUSE_MS = 1000 };
static const char default_wait[] = "60s";
static const char unit[] = "bookspool-fcgi.service";

void receiver_init(struct remote *remote, struct receiver *receiver)
{
    const char *wait = receiver->wait ? receiver->wait : default_wait;
    if (!conf_duration(wait, &receiver->wait_ms))
        tool_usage(remote->tool, "--wait must be a duration such as 90s or 10m");
}

/* ---- a test ---- */

enum test { TEST_ACCEPTED, TEST_REFUSED, TEST_OBSTACLE };

/* `why` says what is wrong, a line each. */
static enum test post_test(struct remote *remote, const struct receiver *receiver, const char *url,
    const char *secret, struct buf *why)
{
    struct buf body = {0};
    struct ping ping;
    char signature[SIGNATURE_LINE_SIZE];
    ping_body(remote->provider, &body);
    int code = tool_sign_by(remote->tool, remote->provider, secret, &body, clock_now(), signature);
    buf_free(&body);
    if (code != EX_OK)
        return TEST_OBSTACLE;
    ping_post(remote->provider, url, signature, receiver->cacert, &ping);
    enum test test = TEST_REFUSED;
    buf_clear(why);
    if (ping.answer.status == 200 && ping.status)
        test = TEST_ACCEPTED;
    else if (ping_obstacle(url, &ping, why, why)) {
        bool no_secret = ping.reason && strcmp(ping.reason, "no-secret") == 0;
        test = no_secret ? TEST_REFUSED : TEST_OBSTACLE;
    } else
        buf_printf(why, "%s: a test signed with the stored secret is answered %ld %s", url,
            ping.answer.status, ping.reason ? ping.reason : ping.status);
    ping_free(&ping);
    return test;
}

/* Has a receiver started with this secret? TEST_OBSTACLE: it has counted nothing here. */
static enum test look_at_counters(struct remote *remote, const char *secret, int slot)
{
    const char *state = conf_text(&remote->tool->conf, SET_STATE);
    if (!state || !counters_open_readonly(state))
        return TEST_OBSTACLE;
    uint64_t mark = counter_get(counter_at(COUNT_SECRET_MARK, remote->provider, (size_t)slot));
    return mark == secret_mark(secret) ? TEST_ACCEPTED : TEST_REFUSED;
}

/* When the next test may be posted, on the monotonic clock. */
struct pace {
    int64_t next, pause;
    enum test started;
};

/*
 * Each test that is refused counts as a wrong signature, of which ten are a warning. So tests are
 * rare, and made at once only when the counters say that a receiver has started with the secret.
 */
static enum test learn_once(struct remote *remote, const struct receiver *receiver, const char *url,
    const char *secret, int slot, struct pace *pace, struct buf *why)
{
    enum test started = look_at_counters(remote, secret, slot);
    int64_t now = clock_monotonic();
    if (started != TEST_REFUSED && pace->started == TEST_REFUSED)
        pace->next = now;
    pace->started = started;
    if (receiver->untested && started == TEST_ACCEPTED)
        return TEST_ACCEPTED;
    if (!receiver->untested && now >= pace->next) {
        pace->next = now + pace->pause;
        pace->pause *= 2;
        return post_test(remote, receiver, url, secret, why);
    }
    if (started != TEST_ACCEPTED) {
        buf_clear(why);
        buf_puts(why, started == TEST_REFUSED ? "the receiver was last started with another secret"
                                              : "no receiver has counted anything here yet");
    }
    return TEST_REFUSED;
}

/* ---- a restart ---- */

static bool run_command(struct remote *remote, char *const *command)
{
    int status = 0;
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        remote_as_root(remote, true);
        if (remote->was_root && (setgid(0) < 0 || setuid(0) < 0))
            _exit(EX_OSERR);
        dup2(STDERR_FILENO, STDOUT_FILENO); /* standard output is for facts */
        execvp(command[0], command);
        _exit(EX_UNAVAILABLE);
    }
    if (child < 0)
        return false;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR)
        ;
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static bool has_systemd_unit(const struct remote *remote)
{
    char start[SITE_TEXT];
    return remote->was_root && access("/run/systemd/system", F_OK) == 0 &&
           site_unit_value(unit, "ExecStart", start);
}

/* True when it was restarted; else the user is asked to. */
static bool restart(struct remote *remote, const struct receiver *receiver)
{
    char *const by_shell[] = {"/bin/sh", "-c", (char *)(uintptr_t)receiver->restart, NULL};
    char *const by_systemd[] = {"systemctl", "restart", (char *)(uintptr_t)unit, NULL};
    bool own = receiver->restart != NULL;
    if (!own && !has_systemd_unit(remote)) {
        tool_say(remote->tool, "restart the receiver now: it reads receive.env at its start "
                               "(--restart COMMAND does it for you)");
        return false;
    }
    if (!run_command(remote, own ? by_shell : by_systemd)) {
        tool_say(remote->tool, "%s failed: restart the receiver now",
            own ? receiver->restart : "systemctl restart bookspool-fcgi.service");
        return false;
    }
    remote_step(remote, "restarted", "restart the receiver, which reads its secrets then");
    return true;
}

static void pause_for(int64_t milliseconds)
{
    struct timespec pause = time_to_timespec(milliseconds);
    nanosleep(&pause, NULL);
}

int receiver_learn(struct remote *remote, const struct receiver *receiver, const char *url,
    const char *secret, int slot)
{
    struct buf why = {0};
    struct pace pace = {.next = clock_monotonic() + UNTOLD_TEST_MS,
        .pause = FIRST_PAUSE_MS,
        .started = TEST_REFUSED};
    int64_t end = clock_monotonic() + receiver->wait_ms;
    bool restarted = false;
    enum test test;
    while ((test = learn_once(remote, receiver, url, secret, slot, &pace, &why)) != TEST_ACCEPTED) {
        if (test == TEST_REFUSED && !restarted) {
            restarted = true;
            restart(remote, receiver);
            end = clock_monotonic() + receiver->wait_ms;
        } else if (clock_monotonic() >= end)
            break;
        pause_for(POLL_MS);
    }
    if (test != TEST_ACCEPTED) {
        tool_say_lines(remote->tool, "", &why);
        tool_say(remote->tool,
            "the receiver does not accept the stored secret yet, so nothing was changed at %s. "
            "Where its unit names another place of the secret (Environment=, LoadCredential=), "
            "name that one in %s_FILE. Then run this again: it goes on from here",
            provider_table[remote->provider]->title,
            settings[provider_table[remote->provider]->secret[0]].name);
    }
    buf_free(&why);
    return test == TEST_ACCEPTED ? EX_OK : EX_TEMPFAIL;
}

void receiver_forget(
    struct remote *remote, const struct receiver *receiver, const char *url, const char *secret)
{
    struct buf why = {0};
    if (!restart(remote, receiver) || receiver->untested)
        return;
    int64_t end = clock_monotonic() + receiver->wait_ms;
    while (
        post_test(remote, receiver, url, secret, &why) != TEST_REFUSED && clock_monotonic() < end)
        pause_for(POLL_MS);
    buf_free(&why);
}
