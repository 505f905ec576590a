#include "shared/shared.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/hex.h"
#include "ledger/schema_postgres.h"
#include "postgres/postgres.h"
#include "shared/statements.h"
#include "spool/backing.h"
#include "spool/queue.h"

enum { RUN_SIZE = 33, NODE_SIZE = 65, COMMIT_SIZE = 32, NAME_SIZE = 256, WALK_PAGE = 1000 };

#define KEYS_KEPT (30 * MS_PER_DAY) /* a drain that dies forwards the same file within minutes */

struct shared {
    struct postgres *postgres;
    struct postgres_statement *statement[SQL_STATEMENTS]; /* NULL: not used yet */
    char run[RUN_SIZE];                                   /* "": it takes nothing */
    char node[NODE_SIZE];
    char commit[COMMIT_SIZE]; /* what synchronous_commit is where a commit is to be durable */
    int64_t synced;           /* monotonic: when the lease was renewed */
    bool takes;
    bool forked;
};

/* ---- statements ---- */

/* A statement, and how many of its parameters are bound. */
struct call {
    struct postgres_statement *statement; /* NULL: memory ran out */
    int count;
};

static bool hold(struct spool *spool);

static struct call call_begin(struct spool *spool, enum statement which)
{
    struct shared *shared = spool->backed;
    struct postgres_statement **kept = &shared->statement[which];
    if (!*kept)
        *kept = postgres_prepare(shared->postgres, shared_sql[which], POSTGRES_KEPT);
    else
        postgres_reset(*kept);
    return (struct call){.statement = *kept};
}

static void add_text(struct call *call, const char *text)
{
    if (call->statement)
        postgres_bind_text(call->statement, ++call->count, text);
}

static void add_number(struct call *call, int64_t number)
{
    if (call->statement && number == TIME_NONE)
        postgres_bind_no_number(call->statement, ++call->count);
    else if (call->statement)
        postgres_bind_number(call->statement, ++call->count, number);
}

static void add_bytes(struct call *call, const void *data, size_t len)
{
    if (call->statement)
        postgres_bind_bytes(call->statement, ++call->count, data, len);
}

/* Directory, name, and whose call it is: these come first in all changes of a file. */
static struct call call_file(
    struct spool *spool, enum statement which, enum spool_dir dir, const char *name)
{
    const struct shared *shared = spool->backed;
    struct call call = call_begin(spool, which);
    add_text(&call, spool_dir_name(dir));
    add_text(&call, name);
    add_text(&call, shared->run);
    return call;
}

/* The step that failed, with the server's words; false, for a caller to return. */
static bool fail(struct spool *spool, const char *verb, const char *name)
{
    const struct shared *shared = spool->backed;
    enum postgres_fault fault = postgres_fault(shared->postgres);
    struct buf advice = {0};
    schema_advise(shared->postgres, &advice);
    snprintf(spool->step, sizeof spool->step, "%s %s in %s: %s%s", verb, name,
        postgres_name(shared->postgres), postgres_message(shared->postgres), buf_text(&advice));
    buf_free(&advice);
    errno = fault == POSTGRES_LOST        ? ECONNRESET
            : fault == POSTGRES_READ_ONLY ? EROFS
            : fault == POSTGRES_REFUSED   ? EACCES
                                          : EREMOTEIO;
    return false;
}

/* To the next row. *there is false when there is none. False: it failed. */
static bool next_row(
    struct spool *spool, const struct call *call, bool *there, const char *verb, const char *name)
{
    const struct shared *shared = spool->backed;
    if (call->statement != shared->statement[SQL_SYNC] && !hold(spool))
        return false;
    enum postgres_step step = call->statement ? postgres_step(call->statement) : POSTGRES_FAILED;
    *there = step == POSTGRES_ROW;
    return step != POSTGRES_FAILED || fail(spool, verb, name);
}

/* How many rows it changed; -1: it failed. */
static int64_t change(
    struct spool *spool, const struct call *call, const char *verb, const char *name)
{
    const struct shared *shared = spool->backed;
    bool there;
    return next_row(spool, call, &there, verb, name) ? postgres_changed(shared->postgres) : -1;
}

/* Of one file. Where it is not there, or another run holds it: ENOENT. */
static bool change_file(struct spool *spool, const struct call *call, const char *verb,
    enum spool_dir dir, const char *name)
{
    int64_t rows = change(spool, call, verb, name);
    if (rows == 0) {
        spool_failed(spool, verb, dir, name);
        errno = ENOENT;
    }
    return rows > 0;
}

static bool exec(struct spool *spool, const char *text)
{
    const struct shared *shared = spool->backed;
    return postgres_exec(shared->postgres, text) || fail(spool, text, "");
}

static int64_t number_at(const struct call *call, int column)
{
    return postgres_is_null(call->statement, column) ? TIME_NONE
                                                     : postgres_number(call->statement, column);
}

/* ---- files ---- */

static bool look(struct spool *spool, enum spool_dir dir, const char *name, bool *there)
{
    struct call call = call_begin(spool, SQL_LOOK);
    add_text(&call, spool_dir_name(dir));
    add_text(&call, name);
    bool ok = next_row(spool, &call, there, "look for", name);
    if (ok && !*there)
        errno = ENOENT;
    return ok;
}

static bool read_file(
    struct spool *spool, enum spool_dir dir, const char *name, struct spool_file *file)
{
    struct call call = call_begin(spool, SQL_READ);
    bool there;
    add_text(&call, spool_dir_name(dir));
    add_text(&call, name);
    if (!next_row(spool, &call, &there, "read", name))
        return false;
    if (there && postgres_bytes(call.statement, 0, &file->data)) {
        file->mtime = number_at(&call, 1);
        file->mode = SPOOL_FILE_MODE | (mode_t)number_at(&call, 2);
        file->owner = geteuid();
        return true;
    }
    buf_free(&file->data);
    errno = there ? ENOMEM : ENOENT;
    return spool_failed(spool, "open", dir, name);
}

/* The name lives as long as `name`, where it is copied. */
static struct spool_item item_at(const struct call *call, char name[NAME_SIZE])
{
    int64_t queued = number_at(call, 5);
    snprintf(name, NAME_SIZE, "%s", postgres_text(call->statement, 0));
    return (struct spool_item){.name = name,
        .mtime = number_at(call, 1),
        .mode = SPOOL_FILE_MODE | (mode_t)number_at(call, 2),
        .size = number_at(call, 3),
        .owner = geteuid(),
        .arrival = number_at(call, 4),
        .queued = queued == TIME_NONE ? 0 : queued};
}

/* All rows of a statement, into a list: a visitor may use the connection. */
static bool list_rows(
    struct spool *spool, const struct call *call, enum spool_dir dir, struct spool_list *list)
{
    char name[NAME_SIZE];
    bool there = true, ok = true;
    *list = (struct spool_list){0};
    while (ok && there && (ok = next_row(spool, call, &there, "list", spool_dir_name(dir)))) {
        struct spool_item item = there ? item_at(call, name) : (struct spool_item){0};
        if (there && !spool_list_add(list, &item)) {
            errno = ENOMEM;
            ok = spool_failed(spool, "list", dir, "");
        }
    }
    int saved = errno;
    if (!ok)
        spool_list_free(list);
    errno = saved;
    return ok;
}

/* In pages, so that memory does not grow with their number. */
static bool walk(
    struct spool *spool, enum spool_dir dir, const char *start, spool_visit *visit, void *context)
{
    char last[NAME_SIZE] = "";
    bool ok = true, more = true;
    while (ok && more) {
        struct spool_list page;
        struct call call = call_begin(spool, *start ? SQL_WALK_START : SQL_WALK);
        add_text(&call, spool_dir_name(dir));
        add_text(&call, last);
        add_number(&call, WALK_PAGE);
        if (*start)
            add_text(&call, start);
        if (!list_rows(spool, &call, dir, &page))
            return false;
        for (size_t i = 0; ok && i < page.count; i++)
            ok = visit(context, &page.item[i]);
        more = page.count == WALK_PAGE;
        if (more)
            snprintf(last, sizeof last, "%s", page.item[page.count - 1].name);
        int saved = errno;
        spool_list_free(&page);
        errno = saved;
    }
    return ok;
}

/* With what its header says: when its event arrived, since when a mail waits. */
static void add_content(
    struct call *call, const char *name, const void *data, size_t len, int64_t mtime, mode_t marks)
{
    int64_t arrival, queued;
    const char *dash = strchr(name, '-');
    if (!record_arrival(data, len, &arrival))
        arrival = mtime * US_PER_MS;
    if (!record_queued(data, len, &queued))
        queued = TIME_NONE;
    add_bytes(call, data, len);
    add_number(call, mtime);
    add_number(call, marks & ~(mode_t)SPOOL_FILE_MODE & 07777);
    add_number(call, arrival);
    add_number(call, queued);
    add_text(call, dash ? dash + 1 : "");
}

static enum spool_put put(struct spool *spool, const struct spool_content *content,
    enum spool_dir dir, const char *name, bool over)
{
    struct call call = call_file(spool, over ? SQL_PUT_OVER : SQL_PUT, dir, name);
    int64_t mtime = content->mtime == TIME_NONE ? clock_now() : content->mtime;
    add_content(&call, name, content->data, content->len, mtime, content->marks);
    int64_t rows = change(spool, &call, "put", name);
    if (rows == 0) {
        spool_failed(spool, "put, without this run's lease or over", dir, name);
        errno = EEXIST;
    }
    return rows < 0 ? SPOOL_PUT_FAILED : rows == 0 ? SPOOL_PUT_EXISTS : SPOOL_PUT;
}

static bool rename_file(struct spool *spool, enum spool_dir from, const char *name,
    enum spool_dir to, const char *new_name)
{
    struct call call = call_file(spool, SQL_MOVE, from, name);
    add_text(&call, spool_dir_name(to));
    add_text(&call, new_name);
    add_number(&call, clock_now());
    return change_file(spool, &call, "rename", from, name);
}

/* Two statements, because a row may not take the key of another in the one that deletes that. */
static bool rename_over(struct spool *spool, enum spool_dir from, const char *name,
    enum spool_dir to, const char *new_name)
{
    bool ok = hold(spool) && exec(spool, "BEGIN");
    struct call target = call_file(spool, SQL_REMOVE, to, new_name);
    ok = ok && change(spool, &target, "replace", new_name) >= 0 &&
         rename_file(spool, from, name, to, new_name) && shared_commit(spool);
    int saved = errno;
    if (!ok)
        shared_rollback(spool);
    errno = saved;
    return ok;
}

static enum spool_put move(struct spool *spool, enum spool_dir from, const char *name,
    enum spool_dir to, const char *new_name, bool over)
{
    const struct shared *shared = spool->backed;
    if (rename_file(spool, from, name, to, new_name))
        return SPOOL_PUT;
    if (postgres_fault(shared->postgres) != POSTGRES_TAKEN)
        return SPOOL_PUT_FAILED;
    if (over)
        return rename_over(spool, from, name, to, new_name) ? SPOOL_PUT : SPOOL_PUT_FAILED;
    errno = EEXIST;
    return SPOOL_PUT_EXISTS;
}

/* The id of an event is forgotten with done/ID, the last name that recognises a retry. */
static bool remove_file(struct spool *spool, enum spool_dir dir, const char *name)
{
    struct call call = call_file(spool, SQL_REMOVE, dir, name);
    if (!change_file(spool, &call, "remove", dir, name))
        return false;
    if (dir != DIR_DONE)
        return true;
    struct call event = call_begin(spool, SQL_FORGET_EVENT);
    add_text(&event, name);
    return change(spool, &event, "forget", name) >= 0;
}

static bool set_time(struct spool *spool, enum spool_dir dir, const char *name, int64_t when)
{
    struct call call = call_file(spool, SQL_SET_TIME, dir, name);
    add_number(&call, when);
    return change_file(spool, &call, "set the time of", dir, name);
}

static bool mark(struct spool *spool, enum spool_dir dir, const char *name, mode_t marks)
{
    const struct shared *shared = spool->backed;
    struct call call = call_file(spool, SQL_MARK, dir, name);
    add_number(&call, marks);
    /* where a mark that is taken away comes back, a mail is sent again, and said to be */
    add_text(&call, marks || !shared->takes ? shared->commit : "off");
    return change_file(spool, &call, "mark", dir, name);
}

/* ---- who holds what ---- */

/* In these directories, what this run holds and what runs hold whose lease is over. */
static bool release_over(struct spool *spool, enum spool_dir dir, enum spool_dir or)
{
    const struct shared *shared = spool->backed;
    struct call call = call_begin(spool, SQL_RELEASE_OVER);
    add_text(&call, shared->run);
    add_text(&call, spool_dir_name(dir));
    add_text(&call, spool_dir_name(or));
    return change(spool, &call, "release", spool_dir_name(dir)) >= 0;
}

/* Takes turns with other drains: of two that look at the same moment, each would find it free.
 * Deferred events are released before mails are sent, so that they wait for any run. */
static bool take(
    struct spool *spool, enum spool_dir dir, int64_t now, int64_t longest, struct spool_list *list)
{
    const struct shared *shared = spool->backed;
    bool mails = dir == DIR_OUT, there;
    bool ok = dir == DIR_REPLAY || release_over(spool, DIR_NEW, DIR_REPLAY);
    ok = ok && hold(spool) && exec(spool, "BEGIN");
    struct call turn = call_begin(spool, SQL_TURN);
    add_text(&turn, mails ? "out" : "new");
    *list = (struct spool_list){0};
    ok = ok && next_row(spool, &turn, &there, "take", spool_dir_name(dir));
    if (!ok && postgres_fault(shared->postgres) == POSTGRES_BUSY) {
        shared_rollback(spool); /* so many take that nothing is left to do here */
        return true;
    }
    ok = ok && (!mails || release_over(spool, DIR_OUT, DIR_OUT));
    struct call call = call_begin(spool, mails ? SQL_TAKE_MAILS : SQL_TAKE_EVENTS);
    add_text(&call, spool_dir_name(dir));
    add_text(&call, shared->run);
    add_number(&call, now);
    add_number(&call, now + longest);
    add_number(&call, SPOOL_TAKE);
    ok = ok && list_rows(spool, &call, dir, list) && shared_commit(spool);
    int saved = errno;
    if (!ok) {
        spool_list_free(list);
        shared_rollback(spool);
    }
    errno = saved;
    return ok;
}

static bool sync_commits(struct spool *spool)
{
    struct shared *shared = spool->backed;
    if (!*shared->run) /* a tool's commits are durable when they return */
        return true;
    struct call call = call_begin(spool, SQL_SYNC);
    add_text(&call, shared->run);
    add_number(&call, SHARED_LEASE);
    add_text(&call, shared->commit);
    shared->synced = clock_monotonic();
    int64_t rows = change(spool, &call, "sync", "the lease");
    if (rows == 0) {
        shared->synced = INT64_MIN / 2; /* no statement of this run is done any more */
        snprintf(spool->step, sizeof spool->step, "renew the lease: it was over");
        errno = ESTALE;
    }
    return rows > 0;
}

/* Done before each statement: only a long wait without one has to call it. */
static bool hold(struct spool *spool)
{
    const struct shared *shared = spool->backed;
    return !*shared->run || postgres_begun(shared->postgres) ||
           clock_monotonic() - shared->synced < SHARED_LEASE / 4 || sync_commits(spool);
}

/* ---- the stamp of prune ---- */

static bool get_stamp(struct spool *spool, int64_t *when, mode_t *marks)
{
    struct call call = call_begin(spool, SQL_STAMP_GET);
    bool there;
    add_text(&call, "pruned");
    if (!next_row(spool, &call, &there, "read the stamp of", "prune") || !there)
        return false;
    *when = number_at(&call, 0);
    *marks = (mode_t)number_at(&call, 1);
    return true;
}

static bool set_stamp(struct spool *spool, int64_t when, mode_t marks)
{
    struct call call = call_begin(spool, SQL_STAMP_SET);
    add_text(&call, "pruned");
    add_number(&call, when);
    add_number(&call, marks);
    struct call keys = call_begin(spool, SQL_FORGET_KEYS);
    add_number(&keys, when - KEYS_KEPT);
    return change(spool, &call, "stamp", "prune") > 0 &&
           change(spool, &keys, "forget", "keys of replays") >= 0;
}

/* ---- the events of a node ---- */

bool shared_begin(struct spool *spool)
{
    const struct shared *shared = spool->backed;
    char set[64];
    snprintf(set, sizeof set, "SET LOCAL synchronous_commit = %s", shared->commit);
    return hold(spool) && exec(spool, "BEGIN") && exec(spool, set);
}

bool shared_commit(struct spool *spool)
{
    const struct shared *shared = spool->backed;
    return postgres_commit(shared->postgres) || fail(spool, "commit", "");
}

void shared_rollback(struct spool *spool)
{
    const struct shared *shared = spool->backed;
    postgres_rollback(shared->postgres);
}

bool shared_forward(struct spool *spool, const char *key, enum spool_dir dir, const char *name,
    const struct spool_file *file, bool *known)
{
    const struct shared *shared = spool->backed;
    struct call call = call_begin(spool, SQL_FORWARD);
    add_text(&call, spool_dir_name(dir));
    add_text(&call, name);
    add_text(&call, key);
    add_content(&call, name, file->data.data, file->data.len, file->mtime, file->mode);
    add_text(&call, shared->node);
    int64_t rows = change(spool, &call, "forward", name);
    *known = rows == 0;
    return rows >= 0;
}

/* ---- opening ---- */

static void end_run(struct spool *spool)
{
    struct shared *shared = spool->backed;
    shared_rollback(spool);
    shared->synced = clock_monotonic(); /* also when the lease was over */
    struct call release = call_begin(spool, SQL_RELEASE);
    add_text(&release, shared->run);
    change(spool, &release, "release", "files");
    struct call end = call_begin(spool, SQL_RUN_END);
    add_text(&end, shared->run);
    change(spool, &end, "end", "the lease");
}

static void close_shared(struct spool *spool)
{
    struct shared *shared = spool->backed;
    if (*shared->run && !shared->forked)
        end_run(spool);
    for (size_t i = 0; i < SQL_STATEMENTS; i++)
        postgres_end(shared->statement[i]);
    postgres_close(shared->postgres);
    free(shared);
    spool->backing = NULL;
    spool->backed = NULL;
}

static const struct spool_backing backing = {
    .look = look,
    .read = read_file,
    .walk = walk,
    .put = put,
    .move = move,
    .remove = remove_file,
    .set_time = set_time,
    .mark = mark,
    .take = take,
    .sync = sync_commits,
    .hold = hold,
    .get_stamp = get_stamp,
    .set_stamp = set_stamp,
    .close = close_shared,
};

static bool connect_shared(struct spool *spool)
{
    struct shared *shared = spool->backed;
    struct buf commit = {0};
    bool ok = postgres_ready(shared->postgres) &&
              postgres_ask(shared->postgres, "SHOW synchronous_commit", &commit) &&
              (!shared->takes || /* a drain says when; what a tool did is durable when it ends */
                  postgres_exec(shared->postgres, "SET synchronous_commit = off"));
    snprintf(shared->commit, sizeof shared->commit, "%s", buf_text(&commit));
    buf_free(&commit);
    return ok || fail(spool, "reach the spool", "");
}

/* This node's earlier runs are dead: a drain has the lock of the node's own spool. */
static bool begin_run(struct spool *spool)
{
    struct shared *shared = spool->backed;
    unsigned char random[16];
    if (getrandom(random, sizeof random, 0) != sizeof random)
        return false;
    hex_encode(random, sizeof random, shared->run);
    shared->synced = clock_monotonic();
    struct call old = call_begin(spool, SQL_RUNS_FORGET);
    add_number(&old, MS_PER_DAY);
    add_text(&old, shared->node);
    if (change(spool, &old, "forget", "old leases") < 0)
        return false;
    struct call begin = call_begin(spool, SQL_RUN_BEGIN);
    add_text(&begin, shared->run);
    add_text(&begin, shared->node);
    add_number(&begin, SHARED_LEASE);
    return change(spool, &begin, "begin", "a lease") > 0;
}

bool shared_is(const char *ledger)
{
    return postgres_is_uri(ledger);
}

bool shared_open(
    struct spool *spool, const char *ledger, const char *node, bool takes, struct buf *why)
{
    static const struct postgres_options options = {
        .limits = {.connect = 10000, .statement = 20000, .lock = 10000, .idle = 60000},
        .schema = "bookspool"};
    struct shared *shared = calloc(1, sizeof *shared);
    *spool = (struct spool){.root = -1, .lock = -1, .syncfs_reports = true};
    for (int i = 0; i < SPOOL_DIRS; i++)
        spool->dir[i] = -1;
    if (!shared || !(shared->postgres = postgres_open(ledger, &options, why))) {
        if (!shared)
            buf_puts(why, "out of memory");
        free(shared);
        return false;
    }
    spool->backing = &backing;
    spool->backed = shared;
    shared->takes = takes;
    if (node)
        snprintf(shared->node, sizeof shared->node, "%s", node);
    else if (gethostname(shared->node, sizeof shared->node - 1) < 0)
        snprintf(shared->node, sizeof shared->node, "unnamed");
    if (connect_shared(spool) && (!takes || begin_run(spool)))
        return true;
    buf_puts(why, spool->step);
    *shared->run = '\0';
    spool_close(spool);
    return false;
}

const char *shared_node(const struct spool *spool)
{
    const struct shared *shared = spool->backed;
    return shared->node;
}

bool shared_fork(struct spool *spool)
{
    struct shared *shared = spool->backed;
    shared->forked = true;
    postgres_forked(shared->postgres);
    return connect_shared(spool);
}
