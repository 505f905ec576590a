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
#include "mail/schedule.h"
#include "spool/spool.h"

/* The result of a step. The numbers are the exit codes of sysexits(3). */
enum run_result {
    RUN_GOES_ON = 0,
    RUN_IO_FAILED = 74, /* EX_IOERR: a step in the spool or the ledger failed */
    RUN_BLOCKED = 75,   /* EX_TEMPFAIL: nothing can be sent for now */
    RUN_CONFIG = 78     /* EX_CONFIG */
};

/* Shared by all senders of a run: they are processes. */
struct totals {
    _Atomic unsigned events, made, due, tried, sent, retried, failed, unknown;
    _Atomic unsigned bad;        /* files that are in bad/, without their .why */
    _Atomic unsigned uncomposed; /* events that wait because they could not be composed */
};

struct report;

struct run {
    const struct conf *conf;
    struct spool spool;    /* whose files are composed and delivered */
    struct spool local;    /* this node's, where `spool` is shared by several */
    bool shared;           /* it is */
    bool took_all;         /* nothing more of `spool` is due */
    struct ledger *ledger; /* NULL: not opened yet */
    struct composer composer;
    struct recipients *recipients;
    struct schedule schedule;
    struct report *report;
    struct totals *totals;
    int64_t began;       /* monotonic */
    int64_t deadline;    /* monotonic; no mail is begun after it */
    int64_t agenda_done; /* when the last agenda was due that is dealt with */
    int64_t completed;   /* when the last event went to done/ */
    bool progress;       /* draw on the terminal */
    bool watching;       /* passes follow arrivals at once */
    bool clock_trusted;  /* a mail may be given up for its age: see spool/prune.h */
    /* Composing ended early. A mail whose event still waits is not sent: it may be left from a run
     * that died before its sync, and was not written again. */
    bool composing_cut;
};

/* Reads templates and rules too. False, with what is wrong in `why`. */
bool run_init(struct run *run, const struct conf *conf, struct buf *why);
void run_free(struct run *run);

/*
 * Opens the ledger if it is not open. It is opened under the lock, anew for each pass, because
 * `bookspool rebuild` replaces its file.
 */
enum run_result run_open_ledger(struct run *run);
void run_close_ledger(struct run *run);

/* The result that counts: RUN_IO_FAILED before any other, else the first that failed. */
enum run_result run_worse(enum run_result a, enum run_result b);

/* Logs the failed step of the spool with errno; returns RUN_IO_FAILED. */
enum run_result run_io_failed(struct run *run, const char *id);

/*
 * After a step on one file: the run goes on when it succeeded (`ok`), or when an operator moved the
 * file away meanwhile (logged); else as run_io_failed.
 */
enum run_result run_unless_gone(
    struct run *run, bool ok, enum spool_dir dir, const char *name, const char *id);

/* SIGTERM and SIGINT: the mail in hand is finished, no other is begun. */
void run_stop_on_signals(void);
bool run_stopping(void);
/* Stopping, or BOOKSPOOL_RUN_LIMIT is over. */
bool run_over(const struct run *run);
/* Passes the signals on to these child processes; NULL ends it. */
void run_pass_signals_to(const pid_t *pids, unsigned count);
/* Delays the signals, while a list of processes is filled. */
void run_block_signals(bool block);

#endif
