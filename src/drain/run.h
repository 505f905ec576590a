/*
 * run: what all steps of one drain share, and how they end it.
 */
#ifndef DRAIN_RUN_H
#define DRAIN_RUN_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/conf.h"
#include "ledger/ledger.h"
#include "mail/compose.h"
#include "mail/recipients.h"
#include "spool/spool.h"

/* What a step tells the run. The numbers are the exit codes of sysexits(3). */
enum run_result {
    RUN_GOES_ON = 0,
    RUN_IO_FAILED = 74, /* EX_IOERR: the spool cannot be settled */
    RUN_BLOCKED = 75,   /* EX_TEMPFAIL: a person, or time, must act first */
    RUN_CONFIG = 78     /* EX_CONFIG */
};

/* Shared by all senders of a run: they are processes. */
struct totals {
    _Atomic unsigned events, made, due, tried, sent, retried, failed, unknown;
    _Atomic unsigned bad;        /* files that are in bad/, without their .why */
    _Atomic unsigned uncomposed; /* events that wait because they could not be composed */
};

struct run {
    const struct conf *conf;
    struct spool spool;
    struct ledger *ledger; /* NULL: not opened yet */
    struct composer composer;
    struct recipients *recipients;
    struct totals *totals;
    int64_t deadline;   /* monotonic; no mail is begun after it */
    int64_t completed;  /* when the last event went to done/ */
    bool progress;      /* draw on the terminal */
    bool clock_trusted; /* a mail may be given up for its age: see spool/prune.h */
    /* Composing ended early. A mail whose event still waits may be of a run that died before its
     * sync, and has not been written anew: it is not sent. */
    bool composing_cut;
};

/* Reads templates and rules too. False, with what is wrong in `why`. */
bool run_init(struct run *run, const struct conf *conf, struct buf *why);
void run_free(struct run *run);

/*
 * Opens the ledger where that was not done: first under the lock, and once a pass, because a
 * rebuild puts another file in its place.
 */
enum run_result run_open_ledger(struct run *run);
void run_close_ledger(struct run *run);

/* The one that ends a run: a failed spool before all else. */
enum run_result run_worse(enum run_result a, enum run_result b);

/* Logs the failed step of the spool with errno, and gives RUN_IO_FAILED. */
enum run_result run_io_failed(struct run *run, const char *id);

/*
 * For a step on one file: `ok`, or a person took the file away meanwhile (logged), and the run goes
 * on; else as run_io_failed.
 */
enum run_result run_unless_gone(
    struct run *run, bool ok, enum spool_dir dir, const char *name, const char *id);

/* SIGTERM and SIGINT: what is begun is finished, nothing more is begun. */
void run_stop_on_signals(void);
bool run_stopping(void);
/* The same, or BOOKSPOOL_RUN_LIMIT is over: no more is begun. */
bool run_over(const struct run *run);
/* While these processes work for this one, the signals are passed on to them; NULL ends it. */
void run_pass_signals_to(const pid_t *pids, unsigned count);
/* Delays the signals, so that a list of processes can be made in peace. */
void run_block_signals(bool block);

#endif
