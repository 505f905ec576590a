#include "drain/deliver.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/io.h"
#include "base/log.h"
#include "base/notify.h"
#include "deliver/attempts.h"
#include "deliver/transport.h"
#include "drain/outbox.h"
#include "drain/waiting.h"
#include "shared/shared.h"
#include "spool/queue.h"

enum { AHEAD_LIFE = 1000 /* ms */, BAR = 30 /* characters of the progress bar */ };

/* A mail that was read before its turn. */
struct ahead {
    const struct spool_item *item; /* NULL: none */
    struct spool_file file;
    int64_t when; /* monotonic */
};

/* One process that sends: its share of the mails, its transport. */
struct sender {
    struct run *run;
    struct transport *transport;
    struct outbox outbox;
    unsigned index, of;
    const struct waiting *waiting;
    size_t at; /* index of the mail in turn */
    struct ahead ahead;
};

/* ---- which mails ---- */

/*
 * The number of the sender that sends this mail. The second part of its name is a digest of the
 * recipient, so all mails to one recipient have the same sender, and none overtakes another.
 */
static unsigned share_of(const char *name, unsigned of)
{
    return (unsigned)(strtoull(strchr(name, '-') + 1, NULL, 16) % of);
}

/* Index of the first of its mails from `from` on; waiting->count when there is none. */
static size_t next_mail(const struct sender *sender, size_t from)
{
    const struct waiting *waiting = sender->waiting;
    while (from < waiting->count &&
           share_of(waiting->due[from].file->name, sender->of) != sender->index)
        from++;
    return from;
}

/* A mail that cannot be read now is read, and its error logged, in its turn. */
static void read_ahead(struct sender *sender)
{
    struct ahead *ahead = &sender->ahead;
    size_t next = next_mail(sender, sender->at + 1);
    if (ahead->item || next == sender->waiting->count)
        return;
    const struct spool_item *item = sender->waiting->due[next].file;
    if (!spool_read(&sender->run->spool, DIR_OUT, item->name, &ahead->file))
        return;
    ahead->item = item;
    ahead->when = clock_monotonic();
}

/* Reads the mail; again if it was read ahead longer ago than AHEAD_LIFE: it may have changed. */
static bool read_mail(struct sender *sender, const struct spool_item *item, struct spool_file *file)
{
    struct ahead *ahead = &sender->ahead;
    bool had = ahead->item != NULL;
    bool good = ahead->item == item && clock_monotonic() - ahead->when < AHEAD_LIFE;
    ahead->item = NULL;
    if (good)
        *file = ahead->file;
    else if (had)
        spool_file_free(&ahead->file);
    return good || spool_read(&sender->run->spool, DIR_OUT, item->name, file);
}

/* ---- one mail ---- */

/* What happens while a mail is with the transport. */
struct attempt {
    struct sender *sender;
    const char *name;
    bool given; /* all of it was sent: only the answer is missing */
    enum run_result synced;
};

static bool mark_unknown(void *context)
{
    struct attempt *attempt = context;
    attempt->given =
        queue_mark(&attempt->sender->run->spool, DIR_OUT, attempt->name, QUEUE_UNKNOWN);
    return attempt->given;
}

/*
 * Called while the transport waits for the other side. Mails sent before must not wait for this one
 * to become durable; and the next mail can be read, and its digest computed.
 */
static void while_waiting(void *context)
{
    struct attempt *attempt = context;
    notify_alive();
    queue_hold(&attempt->sender->run->spool); /* what was lost fails at the mark, before the end */
    if (attempt->synced == RUN_GOES_ON)
        attempt->synced = outbox_sync_due(&attempt->sender->outbox);
    if (attempt->given)
        read_ahead(attempt->sender);
    attempt->given = false;
}

static enum run_result leave_torn_mail(
    struct run *run, const struct spool_item *item, const char *id, const char *why)
{
    log_warn(id, "torn", "out/%s: %s", item->name, why);
    if (!queue_torn_for_good(item->mtime, clock_now()))
        return RUN_GOES_ON;
    run->totals->bad++;
    return run_unless_gone(run, queue_give_up(&run->spool, DIR_OUT, item->name, DIR_BAD, why),
        DIR_OUT, item->name, id);
}

/* Gives an intact mail of our own to the transport, and applies the outcome. */
static enum run_result send_mail(
    struct sender *sender, const char *name, const struct spool_file *file)
{
    struct run *run = sender->run;
    const char *id = file->record.id;
    struct delivery_result result = {0};
    struct attempt attempt = {.sender = sender, .name = name};
    bool repeat = file->mode & QUEUE_UNKNOWN;
    if (file->mode & QUEUE_SENT)
        return outbox_finish(&sender->outbox, name, id, true);
    if (repeat && conf_number(run->conf, SET_UNKNOWN) == UNKNOWN_PARK) {
        log_warn(id, "parked", "out/%s may have arrived; chmod a-x it to send it again", name);
        return RUN_GOES_ON;
    }
    if (repeat)
        log_warn(id, "may-repeat",
            "mail=%s: an earlier attempt ended without an answer; the same message is sent again",
            name);
    run->totals->tried++;
    transport_send(sender->transport,
        &(struct delivery){.name = name,
            .from = file->record.from,
            .to = file->record.to,
            .data = file->record.body,
            .len = file->record.length,
            .repeat = repeat,
            .before_end = mark_unknown,
            .waiting = while_waiting,
            .context = &attempt},
        &result);
    enum run_result ended = outbox_apply(&sender->outbox, name, file, &result);
    return ended == RUN_GOES_ON ? attempt.synced : ended;
}

static enum run_result handle_mail(struct sender *sender, const struct spool_item *item)
{
    struct run *run = sender->run;
    struct spool_name name;
    struct spool_file file;
    enum run_result result;
    if (!name_parse(item->name, &name))
        return RUN_GOES_ON;
    if (queue_was_sent(&sender->run->spool, item->name))
        return outbox_finish(&sender->outbox, item->name, name.id, false);
    if (!sender->outbox.failed_empty)
        queue_leave_failed(&sender->run->spool, item->name);
    if (!read_mail(sender, item, &file)) {
        if (errno != ENOENT)
            log_warn(
                name.id, "unreadable", "out/%s: %s; left where it is", item->name, strerror(errno));
        return RUN_GOES_ON;
    }
    const char *wrong = queue_objection(&file, RECORD_MAIL, name.id);
    if (wrong)
        result = leave_torn_mail(run, item, name.id, wrong);
    else if (file.owner != geteuid() && !queue_adopt(&run->spool, DIR_OUT, item->name, &file))
        result = run_io_failed(run, name.id);
    else
        result = send_mail(sender, item->name, &file);
    spool_file_free(&file);
    return result;
}

/* ---- progress, on one line of a terminal ---- */

static void progress_draw(const struct run *run)
{
    const struct totals *t = run->totals;
    char line[160], bar[BAR + 1];
    if (!run->progress || !t->due)
        return;
    unsigned tried = t->tried < t->due ? t->tried : t->due;
    for (unsigned i = 0; i < BAR; i++)
        bar[i] = i < tried * BAR / t->due ? '#' : '.';
    bar[BAR] = '\0';
    int len = snprintf(line, sizeof line, "\r[%s] %u of %u mails: %u sent, %u later, %u given up ",
        bar, tried, t->due, t->sent, t->retried + t->unknown, t->failed);
    /* one write: several senders draw on this line */
    if (write(STDERR_FILENO, line, (size_t)len) < 0)
        return;
}

/* Clears the line for other output. */
static void progress_clear(const struct run *run)
{
    if (run->progress && write(STDERR_FILENO, "\r\033[K", 4) < 0)
        return;
}

/* ---- one sender ---- */

static enum run_result send_share(
    struct run *run, const struct waiting *waiting, unsigned index, unsigned of)
{
    struct buf why = {0};
    struct sender sender = {.run = run,
        .outbox = {.run = run,
            .failed_empty = spool_is_empty(&run->spool, DIR_FAILED),
            .shared = of > 1},
        .index = index,
        .of = of,
        .waiting = waiting};
    enum run_result result = RUN_GOES_ON;
    sender.transport = transport_open(run->conf, &why);
    if (!sender.transport) {
        log_lines(LOG_LEVEL_ERROR, "transport", buf_text(&why));
        buf_free(&why);
        return RUN_CONFIG;
    }
    sender.at = next_mail(&sender, 0);
    while (result == RUN_GOES_ON && sender.at < waiting->count && !run_over(run)) {
        notify_alive();
        result =
            queue_hold(&run->spool) ? outbox_sync_due(&sender.outbox) : run_io_failed(run, NULL);
        progress_clear(run);
        if (result == RUN_GOES_ON)
            result = handle_mail(&sender, waiting->due[sender.at].file);
        progress_draw(run);
        sender.at = next_mail(&sender, sender.at + 1);
    }
    for (size_t at = sender.at; sender.outbox.rest_until && at < waiting->count;
         at = next_mail(&sender, at + 1))
        outbox_rest(&sender.outbox, waiting->due[at].file);
    if (result == RUN_GOES_ON && sender.at < waiting->count && !run_stopping())
        log_warn(NULL, "run-limit", "BOOKSPOOL_RUN_LIMIT is over; the rest waits for the next run");
    if (sender.ahead.item)
        spool_file_free(&sender.ahead.file);
    result = outbox_end(&sender.outbox, result);
    transport_close(sender.transport);
    buf_free(&why);
    return result;
}

/* ---- several senders ---- */

/* A sender that dies leaves at most one mail marked as unknown, which the next run sends again. */
static enum run_result wait_for_sender(pid_t pid)
{
    int status, ended = notify_alive() < INT64_MAX ? io_process(pid) : -1;
    struct pollfd end = {.fd = ended, .events = POLLIN};
    int ready = ended < 0;
    while (ready == 0 || (ready < 0 && errno == EINTR))
        ready = poll(&end, 1, (int)notify_alive());
    if (ended >= 0)
        close(ended);
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            return RUN_IO_FAILED;
    if (WIFEXITED(status))
        return (enum run_result)WEXITSTATUS(status);
    log_error(NULL, "sender-died", "by signal %d", WTERMSIG(status));
    return RUN_BLOCKED;
}

static enum run_result fork_senders(struct run *run, const struct waiting *waiting, unsigned count)
{
    enum run_result result = RUN_GOES_ON;
    pid_t *pid = calloc(count, sizeof *pid);
    if (!pid)
        return send_share(run, waiting, 0, 1);
    run_block_signals(true);
    run_pass_signals_to(pid, count);
    for (unsigned i = 0; i < count; i++) {
        const struct sender sender = {.waiting = waiting, .index = i, .of = count};
        if (next_mail(&sender, 0) == waiting->count)
            continue;
        pid[i] = fork();
        if (pid[i] == 0) {
            notify_leave();
            run_pass_signals_to(NULL, 0);
            run_block_signals(false);
            if (run->shared && !shared_fork(&run->spool))
                _exit((int)run_io_failed(run, NULL));
            _exit((int)send_share(run, waiting, i, count));
        }
        if (pid[i] < 0) {
            log_error(NULL, "fork", "%s; its share of the mails waits", strerror(errno));
            result = RUN_BLOCKED;
        }
    }
    run_block_signals(false);
    for (unsigned i = 0; i < count; i++)
        if (pid[i] > 0) {
            result = run_worse(result, wait_for_sender(pid[i]));
            pid[i] = 0; /* the kernel may give the number to another process */
        }
    run_pass_signals_to(NULL, 0);
    free(pid);
    return result;
}

/*
 * Is the event of this mail still in new/, or claimed in replay/? The mail may not be durable. What
 * cannot be found out counts as a yes.
 */
static bool event_waits(struct run *run, const char *mail)
{
    bool there;
    char event[MAIL_NAME_SIZE];
    size_t len = strcspn(mail, "-");
    snprintf(event, sizeof event, "%.*s", (int)len, mail);
    return !spool_look(&run->spool, len == ID_LEN ? DIR_NEW : DIR_REPLAY, event, &there) || there;
}

static void leave_out_uncertain(struct run *run, struct waiting *waiting)
{
    size_t kept = 0;
    for (size_t i = 0; i < waiting->count; i++)
        if (!event_waits(run, waiting->due[i].file->name))
            waiting->due[kept++] = waiting->due[i];
    if (kept < waiting->count)
        log_info(NULL, "mails-wait", "%zu mails wait until their events are composed",
            waiting->count - kept);
    waiting->count = kept;
}

static bool is_in_out(void *context, const char *name)
{
    struct run *run = context;
    return spool_exists(&run->spool, DIR_OUT, name);
}

enum run_result deliver_run(struct run *run)
{
    struct waiting waiting;
    enum run_result result = RUN_GOES_ON;
    if (!waiting_find(run, DIR_OUT, &waiting))
        return run_io_failed(run, NULL);
    if (run->composing_cut)
        leave_out_uncertain(run, &waiting);
    unsigned senders = (unsigned)conf_number(run->conf, SET_CONNECTIONS);
    run->totals->due = (unsigned)waiting.count;
    if (senders > 1 && waiting.count > 1)
        result = fork_senders(run, &waiting, senders);
    else if (waiting.count)
        result = send_share(run, &waiting, 0, 1);
    bool nothing_new = run->totals->tried == 0 && !spool_is_empty(&run->spool, DIR_OUT);
    attempts_keep(
        conf_text(run->conf, SET_STATE), is_in_out, run, result == RUN_BLOCKED || nothing_new);
    if (run->progress && run->totals->tried)
        fputc('\n', stderr);
    waiting_free(&waiting);
    return result;
}
