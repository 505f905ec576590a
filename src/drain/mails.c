#include "drain/mails.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "drain/progress.h"
#include "drain/settle.h"
#include "drain/transport.h"
#include "spool/queue.h"

/* One process that sends: its share of the mails, its transport. */
struct sender {
    struct run *run;
    struct transport *transport;
    struct settle settle;
    unsigned index, of;
};

/* ---- one mail ---- */

/* What happens while a mail is with the transport. */
struct attempt {
    struct sender *sender;
    const char *name;
    enum run_result synced;
};

static bool mark_unknown(void *context)
{
    struct attempt *attempt = context;
    return queue_mark(&attempt->sender->run->spool, DIR_OUT, attempt->name, QUEUE_UNKNOWN);
}

/* Mails sent before must not wait for this one to become durable. */
static void sync_meanwhile(void *context)
{
    struct attempt *attempt = context;
    if (attempt->synced == RUN_GOES_ON)
        attempt->synced = settle_sync_due(&attempt->sender->settle);
}

static enum run_result deliver(
    struct sender *sender, const char *name, const struct spool_file *file)
{
    struct run *run = sender->run;
    struct delivery_result result = {0};
    struct attempt attempt = {.sender = sender, .name = name};
    bool repeat = file->mode & QUEUE_UNKNOWN;
    if (repeat)
        log_warn(file->record.key, "may-repeat",
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
            .waiting = sync_meanwhile,
            .context = &attempt},
        &result);
    enum run_result ended = settle_mail(&sender->settle, name, file, &result);
    return ended == RUN_GOES_ON ? attempt.synced : ended;
}

static enum run_result not_whole(
    struct run *run, const struct spool_item *item, const char *key, const char *why)
{
    log_warn(key, "not-whole", "out/%s: %s", item->name, why);
    if (!queue_torn_for_good(item->mtime, clock_now()))
        return RUN_GOES_ON;
    return run_unless_gone(run, queue_give_up(&run->spool, DIR_OUT, item->name, DIR_BAD, why),
        DIR_OUT, item->name, key);
}

static enum run_result send_file(struct sender *sender, const struct spool_item *item,
    const char *key, const struct spool_file *file)
{
    struct run *run = sender->run;
    const char *wrong = queue_objection(file, RECORD_MAIL, key);
    if (wrong)
        return not_whole(run, item, key, wrong);
    if (file->owner != geteuid() && !queue_adopt(&run->spool, DIR_OUT, item->name, file))
        return run_io_failed(run, key);
    if (file->mode & QUEUE_SENT)
        return settle_marked_sent(&sender->settle, item->name, key);
    if (file->mode & QUEUE_UNKNOWN && conf_number(run->conf, SET_UNKNOWN) == UNKNOWN_PARK) {
        log_warn(
            key, "parked", "out/%s may have arrived; chmod a-x it to send it again", item->name);
        return RUN_GOES_ON;
    }
    return deliver(sender, item->name, file);
}

static bool is_why(const char *name)
{
    size_t len = strlen(name);
    return len > 4 && strcmp(name + len - 4, ".why") == 0;
}

static enum run_result send_item(struct sender *sender, const struct spool_item *item)
{
    struct spool_name name;
    struct spool_file file;
    if (is_why(item->name)) /* came along with mv failed/KEY* out/ */
        return RUN_GOES_ON;
    if (!name_parse(item->name, &name) || !*name.recipient) {
        log_warn(
            NULL, "unknown-name", "out/%.80s is not named as a mail; left where it is", item->name);
        return RUN_GOES_ON;
    }
    if (!spool_read(&sender->run->spool, DIR_OUT, item->name, &file)) {
        if (errno != ENOENT)
            log_warn(name.key, "unreadable", "out/%s: %s; left where it is", item->name,
                strerror(errno));
        return RUN_GOES_ON;
    }
    enum run_result result = send_file(sender, item, name.key, &file);
    spool_file_free(&file);
    return result;
}

/* ---- one sender ---- */

/* FNV-1a: which sender a mail belongs to must only depend on its name. */
static unsigned share_of(const char *name, unsigned of)
{
    unsigned hash = 2166136261u;
    for (; *name; name++)
        hash = (hash ^ (unsigned char)*name) * 16777619u;
    return hash % of;
}

static enum run_result send_share(struct sender *sender, const struct spool_list *list)
{
    struct run *run = sender->run;
    enum run_result result = RUN_GOES_ON;
    int64_t now = clock_now(), longest = conf_number(run->conf, SET_RETRY_MAX);
    for (size_t i = 0; result == RUN_GOES_ON && i < list->count; i++) {
        const struct spool_item *item = &list->item[i];
        if (run_stopping())
            break;
        if (clock_monotonic() >= run->deadline) {
            log_warn(
                NULL, "run-limit", "BOOKSPOOL_RUN_LIMIT is over; the rest waits for the next run");
            break;
        }
        if (!queue_due(item->mtime, now, longest) ||
            share_of(item->name, sender->of) != sender->index)
            continue;
        result = settle_sync_due(&sender->settle);
        progress_clear(run);
        if (result == RUN_GOES_ON)
            result = send_item(sender, item);
        progress_draw(run);
    }
    return settle_end(&sender->settle, result);
}

static enum run_result send_as(
    struct run *run, const struct spool_list *list, unsigned index, unsigned of)
{
    struct buf why = {0};
    struct sender sender = {.run = run, .settle = {.run = run}, .index = index, .of = of};
    enum run_result result = RUN_CONFIG;
    sender.transport = transport_open(run->conf, &why);
    if (sender.transport)
        result = send_share(&sender, list);
    else
        log_error(NULL, "transport", "%s", buf_text(&why));
    transport_close(sender.transport);
    buf_free(&why);
    return result;
}

/* ---- several senders ---- */

static enum run_result worse(enum run_result a, enum run_result b)
{
    if (a == RUN_IO_FAILED || b == RUN_IO_FAILED)
        return RUN_IO_FAILED;
    return a != RUN_GOES_ON ? a : b;
}

/* A sender that died left at most one mail marked as unknown; the next run repeats that one. */
static enum run_result collect(pid_t pid)
{
    int status;
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            return RUN_IO_FAILED;
    if (WIFEXITED(status))
        return (enum run_result)WEXITSTATUS(status);
    log_error(NULL, "sender-died", "by signal %d", WTERMSIG(status));
    return RUN_HOLDS;
}

static enum run_result start_senders(
    struct run *run, const struct spool_list *list, pid_t *pid, unsigned count)
{
    enum run_result result = RUN_GOES_ON;
    run_block_signals(true);
    run_pass_signals_to(pid, count);
    for (unsigned i = 0; i < count; i++) {
        pid[i] = fork();
        if (pid[i] == 0) {
            run_pass_signals_to(NULL, 0);
            run_block_signals(false);
            _exit((int)send_as(run, list, i, count));
        }
        if (pid[i] < 0) {
            log_error(NULL, "fork", "%s; its share of the mails waits", strerror(errno));
            result = RUN_HOLDS;
        }
    }
    run_block_signals(false);
    return result;
}

static enum run_result fork_senders(struct run *run, const struct spool_list *list, unsigned count)
{
    pid_t *pid = calloc(count, sizeof *pid);
    if (!pid)
        return send_as(run, list, 0, 1);
    enum run_result result = start_senders(run, list, pid, count);
    for (unsigned i = 0; i < count; i++)
        if (pid[i] > 0) {
            result = worse(result, collect(pid[i]));
            pid[i] = 0; /* the number may be another process's soon */
        }
    run_pass_signals_to(NULL, 0);
    free(pid);
    return result;
}

static unsigned count_due(const struct run *run, const struct spool_list *list)
{
    unsigned due = 0;
    int64_t now = clock_now(), longest = conf_number(run->conf, SET_RETRY_MAX);
    for (size_t i = 0; i < list->count; i++)
        due += queue_due(list->item[i].mtime, now, longest);
    return due;
}

enum run_result mails_run(struct run *run)
{
    struct spool_list list;
    enum run_result result = RUN_GOES_ON;
    if (!spool_list(&run->spool, DIR_OUT, &list))
        return run_io_failed(run, NULL);
    unsigned senders = (unsigned)conf_number(run->conf, SET_CONNECTIONS);
    run->totals->due = count_due(run, &list);
    if (senders > run->totals->due)
        senders = run->totals->due;
    if (senders > 1)
        result = fork_senders(run, &list, senders);
    else if (senders == 1)
        result = send_as(run, &list, 0, 1);
    progress_end(run);
    spool_list_free(&list);
    return result;
}
