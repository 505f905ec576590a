#include "drain/run.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "drain/report.h"
#include "spool/owner.h"
#include "spool/queue.h"

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

bool run_over(const struct run *run)
{
    return run_stopping() || clock_monotonic() >= run->deadline;
}

bool run_init(struct run *run, const struct conf *conf, struct buf *why)
{
    *run = (struct run){
        .conf = conf,
        .agenda_done = TIME_NONE,
        .totals = MAP_FAILED,
        .progress = isatty(STDERR_FILENO),
    };
    if (!composer_open(&run->composer, conf, why))
        return false;
    run->recipients = recipients_open(conf, LOCAL_ADDRESS, why);
    if (!run->recipients || !schedule_open(&run->schedule, conf, LOCAL_ADDRESS, why))
        return false;
    run->report = report_open(conf, why);
    if (!run->report)
        return false;
    run->totals =
        mmap(NULL, sizeof *run->totals, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (run->totals == MAP_FAILED)
        buf_printf(why, "cannot map shared memory for the totals: %s", strerror(errno));
    return run->totals != MAP_FAILED;
}

void run_free(struct run *run)
{
    run_close_ledger(run);
    report_close(run->report);
    recipients_close(run->recipients);
    schedule_free(&run->schedule);
    composer_close(&run->composer);
    if (run->totals != MAP_FAILED)
        munmap(run->totals, sizeof *run->totals);
}

enum run_result run_open_ledger(struct run *run)
{
    struct buf why = {0};
    if (!run->ledger)
        run->ledger = ledger_open(
            conf_text(run->conf, SET_LEDGER), conf_number(run->conf, SET_RESERVE), &why);
    if (!run->ledger)
        log_error(NULL, "ledger-unusable", "%s", buf_text(&why));
    buf_free(&why);
    return run->ledger ? RUN_GOES_ON : RUN_IO_FAILED;
}

void run_close_ledger(struct run *run)
{
    ledger_close(run->ledger);
    run->ledger = NULL;
}

enum run_result run_worse(enum run_result a, enum run_result b)
{
    if (a == RUN_IO_FAILED || b == RUN_IO_FAILED)
        return RUN_IO_FAILED;
    return a != RUN_GOES_ON ? a : b;
}

enum run_result run_io_failed(struct run *run, const char *id)
{
    log_error(id, "spool-failed", "%s: %s%s", run->spool.step, strerror(errno), owner_hint(errno));
    return RUN_IO_FAILED;
}

enum run_result run_unless_gone(
    struct run *run, bool ok, enum spool_dir dir, const char *name, const char *id)
{
    if (ok)
        return RUN_GOES_ON;
    if (!queue_gone(&run->spool, dir, name))
        return run_io_failed(run, id);
    log_warn(
        id, "moved-meanwhile", "%s/%s was moved away during the run", spool_dir_name(dir), name);
    return RUN_GOES_ON;
}
