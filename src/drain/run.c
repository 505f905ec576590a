#include "drain/run.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "spool/queue.h"

/* Where nobody is named, as with a Maildir on a machine that has nothing set up. */
#define LOCAL_ADDRESS "bookspool@localhost"

static volatile sig_atomic_t stopping;

static const pid_t *volatile senders;
static volatile unsigned sender_count;

static void on_signal(int number)
{
    stopping = 1;
    for (unsigned i = 0; senders && i < sender_count; i++)
        if (senders[i] > 0)
            kill(senders[i], number);
}

void run_pass_signals_to(const pid_t *pids, unsigned count)
{
    sender_count = count;
    senders = pids;
}

void run_block_signals(bool block)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigprocmask(block ? SIG_BLOCK : SIG_UNBLOCK, &set, NULL);
}

void run_stop_on_signals(void)
{
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
    signal(SIGPIPE, SIG_IGN);
}

bool run_stopping(void)
{
    return stopping;
}

static const char *text_or(const struct conf *conf, enum setting which, const char *otherwise)
{
    const char *text = conf_text(conf, which);
    return text ? text : otherwise;
}

bool run_init(struct run *run, const struct conf *conf)
{
    *run = (struct run){
        .conf = conf,
        .from = text_or(conf, SET_MAIL_FROM, LOCAL_ADDRESS),
        .reply_to = conf_text(conf, SET_REPLY_TO),
        .render = {.timezone = conf_text(conf, SET_TIMEZONE)},
        .deadline = clock_monotonic() + conf_number(conf, SET_RUN_LIMIT),
        .progress = isatty(STDERR_FILENO),
    };
    run->totals =
        mmap(NULL, sizeof *run->totals, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (run->totals == MAP_FAILED)
        return false;
    return recipients_parse(&run->recipients, text_or(conf, SET_MAIL_TO, LOCAL_ADDRESS));
}

void run_free(struct run *run)
{
    recipients_free(&run->recipients);
    if (run->totals != MAP_FAILED)
        munmap(run->totals, sizeof *run->totals);
}

enum run_result run_io_failed(struct run *run, const char *key)
{
    log_error(key, "spool-failed", "%s: %s", run->spool.step, strerror(errno));
    return RUN_IO_FAILED;
}

enum run_result run_unless_gone(
    struct run *run, bool ok, enum spool_dir dir, const char *name, const char *key)
{
    if (ok)
        return RUN_GOES_ON;
    if (!queue_gone(&run->spool, dir, name))
        return run_io_failed(run, key);
    log_warn(key, "moved-meanwhile", "%s/%s was taken away by somebody", spool_dir_name(dir), name);
    return RUN_GOES_ON;
}
