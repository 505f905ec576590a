#include "drain/waiting.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "spool/backing.h"
#include "spool/queue.h"

/* In replay/ a file may have any name. */
static bool name_fits(enum spool_dir dir, const char *name)
{
    struct spool_name parsed;
    if (dir == DIR_NEW)
        return id_valid(name);
    return dir != DIR_OUT || (name_parse(name, &parsed) && *parsed.recipient);
}

static int by_event_arrival(const void *a, const void *b)
{
    const struct waiting_item *x = a, *y = b;
    if (x->arrival != y->arrival)
        return x->arrival < y->arrival ? -1 : 1;
    return x->file < y->file ? -1 : x->file > y->file; /* as listed: by mtime, then by name */
}

bool waiting_find(struct run *run, enum spool_dir dir, struct waiting *waiting)
{
    int64_t now = clock_now(), longest = conf_number(run->conf, SET_RETRY_MAX);
    int64_t move_wait = conf_number(run->conf, SET_MOVE_WAIT);
    const char *unknown = NULL;
    size_t unknowns = 0;
    *waiting = (struct waiting){0};
    if (dir == DIR_NEW && move_wait > longest)
        longest = move_wait;
    const struct spool_backing *backing = run->spool.backing;
    if (backing ? !backing->take(&run->spool, dir, now, longest, &waiting->list)
                : !spool_list(&run->spool, dir, &waiting->list))
        return false;
    run->took_all = run->took_all && waiting->list.count < SPOOL_TAKE;
    waiting->due = calloc(waiting->list.count + 1, sizeof *waiting->due);
    if (!waiting->due) {
        waiting_free(waiting);
        return spool_failed(&run->spool, "list", dir, "");
    }
    for (size_t i = 0; i < waiting->list.count; i++) {
        const struct spool_item *file = &waiting->list.item[i];
        if (dir == DIR_OUT && queue_is_why(file->name)) /* moved too, by mv failed/ID* out/ */
            continue;
        if (!name_fits(dir, file->name)) {
            unknown = unknowns++ ? unknown : file->name;
            continue;
        }
        if (queue_due(file->mtime, now, longest))
            waiting->due[waiting->count++].file = file;
        else if (dir != DIR_OUT && file->mode & QUEUE_UNCOMPOSED)
            run->totals->uncomposed++;
    }
    if (unknowns)
        log_warn(NULL, "unknown-name",
            "%s/: %zu names that do not belong there, such as %.80s; left where they are",
            spool_dir_name(dir), unknowns, unknown);
    for (size_t i = 0; waiting->count > 1 && i < waiting->count; i++)
        waiting->due[i].arrival = queue_arrival(&run->spool, dir, waiting->due[i].file);
    qsort(waiting->due, waiting->count, sizeof *waiting->due, by_event_arrival);
    return true;
}

void waiting_free(struct waiting *waiting)
{
    free(waiting->due);
    spool_list_free(&waiting->list);
    *waiting = (struct waiting){0};
}
