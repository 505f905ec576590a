#include "drain/pass.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "api/api.h"
#include "base/clock.h"
#include "base/counters.h"
#include "base/log.h"
#include "drain/agenda.h"
#include "drain/compose.h"
#include "drain/deliver.h"
#include "drain/forward.h"
#include "drain/keep.h"
#include "drain/report.h"
#include "shared/shared.h"
#include "spool/prune.h"
#include "spool/queue.h"
#include "spool/survey.h"

/* ---- bad/ and held/ ---- */

/*
 * A torn file in new/ must not keep out an intact one, nor replace it in bad/ when its hour is
 * over. The copy is durable before it takes the name.
 */
static bool move_to_new(struct run *run, const char *id, const struct spool_file *file)
{
    struct spool_file met;
    enum spool_put put = spool_move_new(&run->spool, DIR_BAD, id, DIR_NEW, id);
    if (put != SPOOL_PUT_EXISTS || !spool_read(&run->spool, DIR_NEW, id, &met))
        return put == SPOOL_PUT;
    bool torn = queue_objection(&met, RECORD_EVENT, id) != NULL;
    spool_file_free(&met);
    return torn && queue_adopt(&run->spool, DIR_NEW, id, file) &&
           spool_remove(&run->spool, DIR_BAD, id);
}

/*
 * An event in bad/ may have become intact: a slow copy has ended, or it was repaired. A claimed
 * replay, ID.n, keeps its claim, and is restored although its event is in done/.
 */
static void restore(struct run *run, const char *name)
{
    struct spool_file file;
    struct spool_name parsed;
    if (spool_same_file(&run->spool, DIR_BAD, name, DIR_DONE, name)) {
        /* restored before a power cut */
        if (spool_remove(&run->spool, DIR_BAD, name))
            queue_remove_why(&run->spool, DIR_BAD, name);
        return;
    }
    if (!name_parse(name, &parsed) || *parsed.recipient ||
        (!parsed.replay_number && spool_exists(&run->spool, DIR_DONE, name)) ||
        !spool_read(&run->spool, DIR_BAD, name, &file))
        return;
    enum spool_dir to = parsed.replay_number ? DIR_REPLAY : DIR_NEW;
    if (!queue_objection(&file, RECORD_EVENT, parsed.id) &&
        (to == DIR_NEW ? move_to_new(run, name, &file)
                       : spool_move_new(&run->spool, DIR_BAD, name, to, name) == SPOOL_PUT)) {
        queue_remove_why(&run->spool, DIR_BAD, name);
        log_info(parsed.id, "restored", "bad/ to %s/: the event is intact", spool_dir_name(to));
    }
    spool_file_free(&file);
}

static enum run_result restore_bad(struct run *run)
{
    struct spool_list list;
    if (!spool_list(&run->spool, DIR_BAD, &list))
        return run_io_failed(run, NULL);
    enum run_result result = RUN_GOES_ON;
    for (size_t i = 0; result == RUN_GOES_ON && i < list.count; i++) {
        restore(run, list.item[i].name);
        if (run->spool.sync_failed)
            result = run_io_failed(run, NULL);
        run->totals->bad += !queue_is_why(list.item[i].name) &&
                            spool_exists(&run->spool, DIR_BAD, list.item[i].name);
    }
    spool_list_free(&list);
    return result;
}

/* Drops held events of which a retry within the window is done. */
static enum run_result drop_held(struct run *run)
{
    struct spool_list list;
    enum run_result result = RUN_GOES_ON;
    bool synced = false;
    if (!spool_list(&run->spool, DIR_HELD, &list))
        return run_io_failed(run, NULL);
    for (size_t i = 0; result == RUN_GOES_ON && i < list.count; i++) {
        const char *name = list.item[i].name;
        if (!id_valid(name) || !spool_exists(&run->spool, DIR_DONE, name))
            continue;
        if (!synced && !spool_sync_dir(&run->spool, DIR_DONE))
            result = run_io_failed(run, name);
        synced = true;
        if (result == RUN_GOES_ON && spool_remove(&run->spool, DIR_HELD, name))
            log_info(name, "held-dropped", "its retry came within the window and is done");
    }
    spool_list_free(&list);
    return result;
}

/* ---- the order of a run ---- */

#define WINDOW (INT64_C(3600) * MS_PER_SECOND)

#define LEDGER_REMEMBERS (400 * MS_PER_DAY) /* a booking may be made a year ahead */

/* Once a day, as prune decides. *visited: it was now. */
static enum run_result prune_spool(struct run *run, bool *visited)
{
    struct prune_result result;
    struct prune_options options = {.now = clock_now(),
        .retention = conf_number(run->conf, SET_RETENTION),
        .retention_sent = conf_number(run->conf, SET_RETENTION_SENT)};
    if (!prune(&run->spool, &options, &result))
        return run_io_failed(run, NULL);
    *visited = result.visited;
    if (result.done + result.sent + result.temp)
        log_info(
            NULL, "pruned", "done=%zu sent=%zu tmp=%zu", result.done, result.sent, result.temp);
    return RUN_GOES_ON;
}

/* A failure of the ledger is tried again the next day. */
static enum run_result forget_old(struct run *run)
{
    int64_t retention = conf_number(run->conf, SET_RETENTION), now = clock_now();
    int64_t kept = retention < LEDGER_REMEMBERS ? LEDGER_REMEMBERS : retention;
    bool visited = false;
    enum run_result result = prune_spool(run, &visited);
    bool opened = visited && run_open_ledger(run) == RUN_GOES_ON;
    if (opened)
        ledger_drop_copies(run->ledger, now - retention);
    if (opened && (!ledger_begin(run->ledger) || !ledger_forget(run->ledger, now - kept) ||
                      !ledger_commit(run->ledger)))
        log_warn(NULL, "ledger-failed", "%s", ledger_failure(run->ledger));
    return result;
}

/*
 * Mails that are ready need renames only, so a fault while events are composed (a locked ledger, a
 * full disk) does not delay them; it is still the result of the run.
 */
static enum run_result mail_events(struct run *run, enum run_result result)
{
    if (!run->spool.sync_failed)
        result = run_worse(result, compose_run(run));
    if (!run->spool.sync_failed)
        result = run_worse(result, agenda_run(run));
    if (!run->spool.sync_failed)
        result = run_worse(result, drop_held(run));
    if (run->spool.sync_failed)
        return result;
    enum run_result delivered = deliver_run(run);
    result = run_worse(result, delivered);
    return delivered == RUN_IO_FAILED ? result : run_worse(result, forget_old(run));
}

static void count_waiting(struct run *run)
{
    if (!survey_take(&run->spool, clock_now()))
        log_warn(NULL, "not-counted", "%s: %s", run->spool.step, strerror(errno));
}

/*
 * The same over the spool that several nodes share, after this node's events are in it. It is taken
 * in portions, so that other nodes get theirs.
 */
static enum run_result mail_shared_events(struct run *run)
{
    struct buf why = {0};
    bool visited;
    enum run_result result = prune_spool(run, &visited);
    run->local = run->spool;
    if (result == RUN_GOES_ON)
        result =
            run_open_ledger(run); /* it is in the same database, and says what is wrong there */
    if (result == RUN_GOES_ON && !shared_open(&run->spool, conf_text(run->conf, SET_LEDGER),
                                     conf_text(run->conf, SET_NODE), true, &why)) {
        log_error(NULL, "shared-unusable", "%s; events wait in %s until it can be reached",
            buf_text(&why), conf_text(run->conf, SET_SPOOL));
        result = RUN_IO_FAILED;
    } else if (result == RUN_GOES_ON) {
        run->shared = true;
        run->clock_trusted = prune_trusts_clock(&run->spool, clock_now());
        result = forward_run(run);
        unsigned before, after = 0;
        do { /* also for what other nodes forwarded meanwhile, and could not take */
            before = after;
            run->took_all = true;
            result = mail_events(run, result);
            after = run->totals->events + run->totals->tried;
        } while ((!run->took_all || after != before) && result == RUN_GOES_ON && !run_over(run));
        count_waiting(run);
        run->shared = false;
        spool_close(&run->spool);
    }
    run->spool = run->local;
    buf_free(&why);
    return result;
}

static enum run_result run_steps(struct run *run)
{
    if (!queue_probe(&run->spool))
        return run_io_failed(run, NULL);
    enum run_result result = restore_bad(run);
    if (shared_is(conf_text(run->conf, SET_LEDGER)))
        return run->spool.sync_failed ? result : run_worse(result, mail_shared_events(run));
    result = mail_events(run, result);
    count_waiting(run);
    return result;
}

/* Signature failures are judged over one to two hours, in two windows. */
static void turn_window(int64_t now)
{
    static const char *const reasons[] = {
        "signature-absent", "signature-malformed", "signature-wrong", "signature-not-signed"};
    bool first = counter_get_signed(COUNT_WINDOW_AT) == 0;
    if (!first && llabs(now - counter_get_signed(COUNT_WINDOW_AT)) < WINDOW)
        return;
    for (size_t p = 0; p < PROVIDERS; p++) {
        int64_t failures = 0;
        for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++)
            failures += counter_get_signed(
                counter_at(COUNT_REQUESTS, p, counter_label_value(LABEL_REASON, reasons[i])));
        enum counter begun = counter_at(COUNT_WINDOW_FAILURES, p, 0),
                     last = counter_at(COUNT_LAST_WINDOW_FAILURES, p, 0);
        counter_set(last, first ? failures : counter_get_signed(begun));
        counter_set(begun, failures);
    }
    counter_set(COUNT_WINDOW_AT, now);
}

static void count_run(struct run *run, enum run_result result)
{
    struct totals *t = run->totals;
    int64_t now = clock_now();
    bool well = result == RUN_GOES_ON, blocked = result == RUN_BLOCKED;
    counters_check();
    if (!run->composing_cut)
        counter_set(COUNT_UNCOMPOSED_NOW, t->uncomposed);
    counter_add(counter_at(COUNT_DRAIN_RUNS,
                    well      ? RESULT_DONE
                    : blocked ? RESULT_BLOCKED
                              : RESULT_FAILED,
                    0),
        1);
    counter_observe(COUNT_DRAIN_TIME, clock_monotonic() - run->began);
    counter_set(well ? COUNT_DRAIN_LAST_AT : COUNT_DRAIN_FAILED_AT, now);
    if (blocked)
        counter_set(COUNT_DRAIN_BLOCKED_AT, now);
    counter_set(COUNT_DRAIN_ACTIVE_AT, now);
    turn_window(now);
    bool active = t->events || t->tried || result != RUN_GOES_ON;
    log_line(active ? LOG_LEVEL_INFO : LOG_LEVEL_DEBUG, NULL, "drained",
        "events=%u mails=%u sent=%u retry=%u failed=%u unknown=%u bad=%u uncomposed=%u", t->events,
        t->made, t->sent, t->retried, t->failed, t->unknown, t->bad, t->uncomposed);
}

/* After the mails: it may wait for a provider. Without a token the ledger is not needed. */
static void check_api_tokens(struct run *run)
{
    bool any = false;
    for (enum provider p = 0; p < PROVIDERS; p++)
        any = any || api_has_token(run->conf, p);
    if (any)
        run_open_ledger(run);
    api_check_tokens(run->conf, run->ledger, run_stopping);
}

int pass_once(struct run *run)
{
    struct buf why = {0};
    enum run_result result = RUN_GOES_ON;
    if (!spool_open(&run->spool, conf_text(run->conf, SET_SPOOL), &why)) {
        log_error(NULL, "spool-unusable", "%s", buf_text(&why));
        result = RUN_CONFIG;
    } else
        switch (queue_lock(&run->spool)) {
        case QUEUE_BUSY:
            log_debug(NULL, "busy", "another drain holds the lock");
            break;
        case QUEUE_LOCK_FAILED:
            result = run_io_failed(run, NULL);
            break;
        case QUEUE_LOCKED:
            counter_set(COUNT_DRAIN_ACTIVE_AT, clock_now());
            run->began = clock_monotonic();
            run->deadline = run->began + conf_number(run->conf, SET_RUN_LIMIT);
            *run->totals = (struct totals){0};
            run->composing_cut = false;
            run->clock_trusted = prune_trusts_clock(&run->spool, clock_now());
            report_begin(run->report);
            result = run_steps(run);
            check_api_tokens(run);
            run_close_ledger(run);
            count_run(run, result);
            report_end(run->report, run, result);
            keep_overview(run);
            queue_unlock(&run->spool);
        }
    spool_close(&run->spool);
    buf_free(&why);
    return (int)result;
}
