/*
 * queue URI MAILS WORKERS: the shared spool alone, without mail. Puts so many mails, each to
 * another reader, into out/; then that many processes, each with a lease of its own, take them,
 * read each, mark it durably as a drain does before the last byte, and move it to sent/. Prints
 * mails a second. A worker takes SPOOL_TAKE at once, as a drain does.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "shared/shared.h"
#include "spool/backing.h"
#include "spool/queue.h"

static void fail(const struct spool *spool, const char *what)
{
    fprintf(stderr, "queue: %s: %s\n", what, spool->step);
    _exit(1);
}

static void open_spool(struct spool *spool, const char *uri, bool takes)
{
    struct buf why = {0};
    if (!shared_open(spool, uri, "bench", takes, &why)) {
        fprintf(stderr, "queue: %s\n", buf_text(&why));
        _exit(1);
    }
}

static void fill(const char *uri, long mails)
{
    static char text[2048];
    struct spool spool;
    open_spool(&spool, uri, false);
    if (!shared_begin(&spool))
        fail(&spool, "begin");
    for (long i = 0; i < mails; i++) {
        char name[64];
        snprintf(name, sizeof name, "%032lx-%012lx", i, i);
        if (spool_put(&spool, DIR_OUT, name, text, sizeof text, true) != SPOOL_PUT)
            fail(&spool, "put");
    }
    if (!shared_commit(&spool))
        fail(&spool, "commit");
    spool_close(&spool);
}

/* Says on `ready` that it is connected, and begins when `go` is closed. */
static long work(const char *uri, int ready, int go)
{
    struct spool spool;
    struct spool_list list;
    long done = 0;
    char byte = 0;
    open_spool(&spool, uri, true);
    if (write(ready, &byte, 1) != 1 || read(go, &byte, 1) != 0)
        fail(&spool, "begin");
    for (;;) {
        if (!spool.backing->take(&spool, DIR_OUT, clock_now(), MS_PER_DAY, &list))
            fail(&spool, "take");
        for (size_t i = 0; i < list.count; i++) {
            const char *name = list.item[i].name;
            struct spool_file file = {0};
            if (!spool.backing->read(&spool, DIR_OUT, name, &file) ||
                !queue_mark(&spool, DIR_OUT, name, QUEUE_UNKNOWN) ||
                !spool_move(&spool, DIR_OUT, name, DIR_SENT, name))
                fail(&spool, "send");
            spool_file_free(&file);
        }
        done += (long)list.count;
        bool more = list.count > 0;
        spool_list_free(&list);
        if (!spool_sync_all(&spool))
            fail(&spool, "sync");
        if (!more)
            break;
    }
    spool_close(&spool);
    return done;
}

int main(int argc, char **argv)
{
    if (argc != 4) {
        fprintf(stderr, "usage: queue URI MAILS WORKERS\n");
        return 64;
    }
    long mails = strtol(argv[2], NULL, 10), workers = strtol(argv[3], NULL, 10);
    fill(argv[1], mails);
    int ready[2], go[2], status, bad = 0;
    char byte;
    if (pipe(ready) < 0 || pipe(go) < 0)
        return 1;
    for (long i = 0; i < workers; i++)
        if (fork() == 0) {
            close(go[1]);
            _exit(work(argv[1], ready[1], go[0]) < 0);
        }
    close(ready[1]);
    for (long i = 0; i < workers; i++)
        if (read(ready[0], &byte, 1) != 1)
            return 1;
    int64_t began = clock_monotonic();
    close(go[1]);
    while (wait(&status) > 0)
        bad |= status;
    int64_t took = clock_monotonic() - began;
    printf("%.0f\n", (double)mails * MS_PER_SECOND / (double)(took ? took : 1));
    return bad != 0;
}
